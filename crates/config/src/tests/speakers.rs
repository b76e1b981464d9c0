//! Speakers: what each kind needs, and that a header on a host has one meaning.

use super::*;
use crate::{SpeakerConfig, SpeakerKey, SpeakerKind};
use std::time::Duration;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn speaker(settings: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let named: Vec<(String, &str)> = settings
        .iter()
        .map(|(setting, text)| (format!("GATEPOST_SPEAKERS__OPEN_WEBUI__{setting}"), *text))
        .collect();
    let variables: Vec<(&str, &str)> = named.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    shortest_and(&variables)
}

fn only(read: Result<Config, ConfigErrors>) -> SpeakerConfig {
    let mut speakers = accepted(read).speakers;
    assert_eq!(speakers.len(), 1, "{speakers:?}");
    speakers.remove(0)
}

#[test]
fn open_webui_needs_a_secret_and_hosts_and_has_defaults_for_the_rest() {
    let found = only(speaker(&[("KIND", "open-webui"), ("SECRET", SECRET), ("HOSTS", "mcp.example.com")]));
    assert_eq!(
        (found.id.as_str(), found.kind, found.issuer.as_str(), found.audience, found.header.as_str()),
        ("open-webui", SpeakerKind::OpenWebUi, "open-webui", None, "x-openwebui-user-jwt")
    );
    assert_eq!((found.require_session, found.max_age), (true, Duration::from_hours(1)));
    assert!(matches!(found.key, SpeakerKey::Secret(_)));
    let lines = lines(speaker(&[("KIND", "open-webui"), ("MAX_AGE", "25h"), ("HEADER", "X-User-Email")]));
    for part in ["__SECRET: missing", "__HOSTS: missing", "__MAX_AGE: found 25h", "__HEADER: found"] {
        assert!(lines.iter().any(|line| line.contains(part)), "{part}: {lines:#?}");
    }
    assert!(accepted(shortest_and(&[])).speakers.is_empty());
}

#[test]
fn a_short_secret_is_refused_and_never_shown() {
    for secret in [&SECRET[1..], " 0123456789abcdef0123456789abcdef", "0123456789abcdef\t0123456789abcdef"] {
        let read = speaker(&[("KIND", "open-webui"), ("HOSTS", "a.example.com"), ("SECRET", secret)]);
        let lines = lines(read);
        assert!(lines[0].contains("a secret of") && !lines[0].contains("cdef"), "{lines:?}");
    }
}

#[test]
fn a_jwt_has_a_secret_or_published_keys_which_need_an_audience() {
    let jwt =
        |more: &[(&str, &str)]| speaker(&[&[("KIND", "jwt"), ("HOSTS", "a.example.com")], more].concat());
    let keys = ("JWKS_URL", "https://speaker.example.com/keys");
    let found = only(jwt(&[("SECRET", SECRET), ("ISSUER", "chat")]));
    assert_eq!((found.issuer.as_str(), found.audience), ("chat", None));
    let found = only(jwt(&[keys, ("ISSUER", "chat"), ("AUDIENCE", "tools")]));
    assert!(matches!(found.key, SpeakerKey::Jwks(_)));
    refused(jwt(&[keys, ("ISSUER", "chat")]), &["__AUDIENCE: missing"]);
    refused(jwt(&[keys, ("AUDIENCE", "tools")]), &["__ISSUER: missing"]);
    refused(jwt(&[("ISSUER", "chat")]), &["__SECRET: missing"]);
    refused(jwt(&[("ISSUER", "chat"), ("SECRET", SECRET), keys]), &["__JWKS_URL", "only one"]);
    let plain = ("JWKS_URL", "http://speaker.example.com/keys");
    refused(jwt(&[plain, ("ISSUER", "chat"), ("AUDIENCE", "tools")]), &["__JWKS_URL: found"]);
    let open_webui = [("KIND", "open-webui"), ("SECRET", SECRET), ("HOSTS", "a.example.com")];
    refused(speaker(&[&open_webui[..], &[("ISSUER", "x")]].concat()), &["__ISSUER", "does not apply"]);
    refused(speaker(&[("KIND", "oidc"), ("SECRET", SECRET), ("HOSTS", "a.example.com")]), &["__KIND: found"]);
}

#[test]
fn a_header_on_a_host_is_the_word_of_one_speaker() {
    let two = |header: &str, hosts: &str| {
        let file = format!(
            "[speakers.a]\nkind = \"open-webui\"\nsecret = \"{SECRET}\"\nhosts = [\"*.example.com\"]\n\
             [speakers.b]\nkind = \"open-webui\"\nsecret = \"{SECRET}\"\nhosts = [\"{hosts}\"]\n\
             header = \"{header}\"\n"
        );
        with(&file, &SHORTEST)
    };
    refused(two("X-OpenWebUI-User-JWT", "mcp.example.com"), &["a and b have the header", "same host"]);
    accepted(two("X-OpenWebUI-User-Jwt", "mcp.tools.example.com"));
    accepted(two("X-Other", "mcp.example.com"));
    for header in ["Cookie", "X-Forwarded-For", "X-Gatepost-Key", "X User", "x_user", "Content-Type"] {
        refused(two(header, "mcp.tools.example.com"), &["the name of a header"]);
    }
}
