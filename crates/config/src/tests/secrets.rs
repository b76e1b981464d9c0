//! Secrets show nowhere, whatever they are and whatever is wrong with them; key rings.

use super::*;
use crate::raw::variable_of;
use proptest::prelude::*;

const SECRETS: [&str; 10] = [
    "database_url",
    "database_password",
    "redis_url",
    "secret_keys",
    "providers.corp.client_secret",
    "providers.corp.client_certificate",
    "providers.entra.client_secret",
    "speakers.chat.secret",
    "webhook.url",
    "webhook.secret",
];

/// Values that look like what a person might have put there, each with `hunter2` in it.
const VALUES: [&str; 7] = [
    "hunter2",
    " hunter2",
    "postgres:hunter2",
    "mysql://hunter2@db",
    "redis-cluster://:hunter2@cache",
    "sqlite://?hunter2",
    "aHVudGVyMg==,hunter2",
];

#[test]
fn no_error_and_no_debug_output_shows_a_secret() {
    for key in SECRETS {
        for value in VALUES {
            for read in [
                shortest_and(&[(&variable_of(key), value)]),
                with(&format!("\"{key}\" = \"{value}\""), &SHORTEST),
                with(&format!("\"{key}\" = [\"{value}\", 1]"), &SHORTEST),
                with(&format!("\"{key}\" = \"{value}"), &SHORTEST),
                with(&format!("\"{key}\" = {value}"), &SHORTEST),
                with(&format!("\"{key}x\" = \"{value}\""), &SHORTEST),
                with("", &[("MICROSOFT_CLIENT_SECRET", value), ("REDIS_URL", value)]),
            ] {
                let text = match read {
                    Ok(config) => format!("{config:?}"),
                    Err(errors) => format!("{errors} {errors:?} {:?}", errors.list()),
                };
                assert!(!text.contains("hunter2") && !text.contains("aHVudGVyMg"), "{key} {value}: {text}");
            }
        }
    }
}

#[test]
fn an_accepted_configuration_shows_no_secret() {
    let config = accepted(shortest_and(&[
        ("DATABASE_URL", "postgres://u:hunter2@db/gatepost"),
        ("REDIS_URL", "redis://:hunter2@cache"),
        ("GATEPOST_SECRET_KEYS", KEY),
    ]));
    let text = format!("{config:?} {config:#?}");
    assert!(!text.contains("hunter2") && !text.contains("AAECAwQF") && !text.contains("[0, 1, 2"), "{text}");
}

#[test]
fn a_password_within_an_address_is_blanked() {
    refused(
        shortest_and(&[("GATEPOST_PUBLIC_URL", "https://u:hunter2@auth.example.com")]),
        &["\"https://..@auth.example.com\""],
    );
}

#[test]
fn a_syntax_error_names_line_and_column_without_the_line() {
    refused(
        with("\nhosts = [\"a\"]\nredis_url = \"hunter2", &SHORTEST),
        &["gatepost.toml: found invalid TOML in line 3, column "],
    );
}

#[test]
fn a_key_ring_has_32_bytes_a_key_and_none_twice() {
    let ring = |text: &str| shortest_and(&[("GATEPOST_SECRET_KEYS", text)]);
    let other = "_-7dzLuqmYh3ZlVEMyIRAP_-7dzLuqmYh3ZlVEMyIRA";
    let config = accepted(ring(&format!("{other}, {KEY}")));
    assert_eq!(config.secret_keys.len(), 2);
    assert_eq!(config.secret_keys[1].expose()[..4], [0, 1, 2, 3], "the order is kept: the first writes");
    let from_file = accepted(with(&format!("secret_keys = [\"{KEY}\", \"{other}\"]"), &SHORTEST));
    assert_eq!(from_file.secret_keys.len(), 2);
    refused(ring("aHVudGVyMg=="), &["GATEPOST_SECRET_KEYS: key 1 has 7 bytes"]);
    refused(ring(&format!("{KEY},not base64!")), &["key 2 is not base64 (3 characters"]);
    refused(ring(&format!("{KEY},{other},{}", KEY.trim_end_matches('='))), &["keys 1 and 3 are the same"]);
}

proptest! {
    #[test]
    fn no_environment_and_no_file_panics(
        toml in "(\\[[a-z_.]{0,12}\\]\n)?([a-z_.]{1,14} = (\"[^\"\n]{0,12}\"|[0-9]{1,4}|true|\\[\\])\n){0,4}|\\PC{0,60}",
        environment in prop::collection::vec((
            prop_oneof!["GATEPOST_[A-Z_]{0,24}", Just("GATEPOST_GROUPS".to_owned()), Just("DATABASE_URL".to_owned()), Just("REDIS_URL".to_owned()),
                Just("GATEPOST_PROVIDERS__A__SCOPES".to_owned()), Just("GATEPOST_PROVIDERS__A__ISSUER".to_owned()), Just("MICROSOFT_CLIENT_ID".to_owned()),
                Just("GATEPOST_SECRET_KEYS".to_owned()), Just("GATEPOST_HOSTS".to_owned()), "\\PC{0,12}"],
            prop_oneof!["\\PC{0,24}", "[a-z]{1,6}://[ -~]{0,16}", "[0-9]{1,22}[smhd]"]), 0..6),
    ) {
        let read = Config::parse(&toml, environment.into_iter());
        let text = read.map_or_else(|errors| errors.to_string(), |config| format!("{config:?}"));
        prop_assert!(!text.is_empty());
    }

    #[test]
    fn no_secret_shows_whatever_it_is(secret in "[!-~]{12,40}", key in prop::sample::select(SECRETS.to_vec())) {
        let read = shortest_and(&[(&variable_of(key), &secret)]);
        let text = read.map_or_else(|errors| format!("{errors} {errors:?}"), |config| format!("{config:?}"));
        prop_assert!(!text.contains(&secret), "{}", text);
    }
}
