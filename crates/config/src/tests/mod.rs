//! What the configuration accepts and refuses, rule by rule; secrets never show.

mod document;
mod files;
mod providers;
mod secrets;
mod settings;
mod speakers;
mod store_urls;

use super::{Config, ConfigErrors};

/// The five variables of the shortest start.
const SHORTEST: [(&str, &str); 5] = [
    ("GATEPOST_PUBLIC_URL", "https://auth.example.com"),
    ("GATEPOST_HOSTS", "app.example.com"),
    ("MICROSOFT_CLIENT_ID", "5b1fbe4e-1f0c-4f4b-9c8e-0a6f1b7d2c11"),
    ("MICROSOFT_CLIENT_SECRET", "hunter2-hunter2"),
    ("MICROSOFT_CLIENT_TENANT_ID", "6C2E1F40-93F0-4A39-8B54-2B9D1C7E5A10"),
];

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn with(toml: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    Config::parse(toml, environment.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())))
}

/// The shortest start and these variables, which replace those of the same name.
fn shortest_and(more: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let kept = SHORTEST.iter().filter(|(name, _)| more.iter().all(|(other, _)| other != name));
    let all: Vec<(&str, &str)> = kept.chain(more).copied().collect();
    with("", &all)
}

/// The public address and host, without any provider.
fn providers(toml: &str) -> Result<Config, ConfigErrors> {
    with(toml, &SHORTEST[..2])
}

fn lines(read: Result<Config, ConfigErrors>) -> Vec<String> {
    read.expect_err("a configuration that is refused").list().iter().map(ToString::to_string).collect()
}

#[track_caller]
fn refused(read: Result<Config, ConfigErrors>, parts: &[&str]) {
    let lines = lines(read);
    assert_eq!(lines.len(), 1, "one fault was expected: {lines:#?}");
    for part in parts {
        assert!(lines[0].contains(part), "{part:?} is not in {:?}", lines[0]);
    }
}

#[track_caller]
fn accepted(read: Result<Config, ConfigErrors>) -> Config {
    read.unwrap_or_else(|errors| panic!("{errors}"))
}
