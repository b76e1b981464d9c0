//! Words of speakers by `PyJWT`, with which `Open WebUI` signs: the good ones count, each forged one is refused for its own
//! reason. `script/pyjwt` installs `PyJWT`.

use gatepost_config::Config;
use gatepost_core::clock::Timestamp;
use gatepost_oidc::{Calls, OidcError, Settings, Speaker, Speakers, Word};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const EMAIL: &str = "alice@example.com";
const NOW: i64 = 1_800_000_000;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn output(command: &mut Command) -> String {
    let output = command.output().expect("a program that runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn words() -> Value {
    let python = output(&mut Command::new(repository("script/pyjwt")));
    let script = repository("tests/pyjwt/words.py");
    let words = output(Command::new(python.trim()).arg(script).args([SECRET, &NOW.to_string(), EMAIL]));
    serde_json::from_str(&words).expect("JSON")
}

fn speaker() -> Arc<Speaker> {
    let settings = [
        ("GATEPOST_PUBLIC_URL", "https://auth.example.com"),
        ("GATEPOST_HOSTS", "mcp.example.com"),
        ("MICROSOFT_CLIENT_ID", "id"),
        ("MICROSOFT_CLIENT_SECRET", "secret"),
        ("MICROSOFT_CLIENT_TENANT_ID", "6c2e1f40-93f0-4a39-8b54-2b9d1c7e5a10"),
        ("GATEPOST_SPEAKERS__CHAT__KIND", "open-webui"),
        ("GATEPOST_SPEAKERS__CHAT__SECRET", SECRET),
        ("GATEPOST_SPEAKERS__CHAT__HOSTS", "mcp.example.com"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::parse("", settings.into_iter()).expect("a configuration");
    let speakers = Speakers::new(&Settings::of(&config), &Calls::new(|_| {})).expect("speakers");
    Arc::clone(speakers.iter().next().expect("a speaker"))
}

async fn verify(speaker: &Speaker, word: &Value) -> Result<Word, OidcError> {
    speaker.verify(word.as_str().expect("text"), Timestamp::from_unix(NOW)).await
}

#[tokio::test]
async fn a_word_counts_for_its_address_alone() {
    let (speaker, words) = (speaker(), words());
    let good = words["good"].as_object().expect("an object");
    assert!(good.len() >= 8);
    for (name, word) in good {
        let found = verify(&speaker, word).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(found.email.as_str(), EMAIL, "{name}");
        assert!(found.expires_at > Timestamp::from_unix(NOW), "{name}");
    }
}

#[tokio::test]
async fn every_forged_word_is_refused_for_its_own_reason() {
    let (speaker, words) = (speaker(), words());
    let forged = words["forged"].as_array().expect("a list");
    assert!(forged.len() >= 60, "{}", forged.len());
    for entry in forged {
        let outcome = verify(&speaker, &entry["word"]).await;
        let reason = match &outcome {
            Err(OidcError::Token(error)) => error.reason(),
            other => panic!("{}: {other:?}", entry["name"]),
        };
        assert_eq!(reason, entry["reason"], "{}", entry["name"]);
    }
}
