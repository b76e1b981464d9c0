//! Reads what was entered into the form of a key. Everything that is wrong is noted beside its field.

use gatepost_core::api_key::{ActAs, KeyExpiry, KeyName, KeyNetwork, KeyScope};
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::sentence;
use gatepost_core::host::HostName;
use gatepost_core::ids::{GroupName, SpeakerId};
use gatepost_core::tool_pattern::ToolPattern;
use gatepost_pages::admin::{FormErrors, KeyEntered};
use std::str::FromStr;

/// What could be read.
pub(super) struct Read {
    pub(super) name: Option<KeyName>,
    pub(super) scopes: Vec<KeyScope>,
    pub(super) hosts: Vec<HostName>,
    pub(super) networks: Vec<KeyNetwork>,
    pub(super) tools: Vec<ToolPattern>,
    pub(super) groups: Vec<GroupName>,
    pub(super) per_minute: Option<u32>,
    /// `None`: it stays as it is.
    pub(super) expiry: Option<KeyExpiry>,
}

/// Reads the form.
pub(super) fn read(entered: &KeyEntered, errors: &mut FormErrors, now: Timestamp) -> Read {
    let name = entered.name.parse();
    if entered.name.is_empty() {
        errors.add("name", "Say what the key is for.");
    } else if let Err(error) = &name {
        errors.add("name", &sentence(&format!("{error}")));
    }
    let words = |text: &str| -> Vec<String> {
        text.split(|letter: char| letter.is_whitespace() || letter == ',').map(str::to_owned).collect()
    };
    let lines = |text: &str| -> Vec<String> { text.lines().map(|line| line.trim().to_owned()).collect() };
    let expiry = entered.end.expiry(&entered.reason, now);
    if let Err(error) = expiry {
        errors.add("expires_at", error);
    }
    Read {
        name: name.ok(),
        scopes: scopes(entered, errors),
        hosts: hosts(&words(&entered.hosts), errors),
        networks: networks(&words(&entered.networks), errors),
        tools: items("tools", &lines(&entered.tools), errors),
        groups: items("groups", &lines(&entered.groups), errors),
        per_minute: per_minute(&entered.per_minute, errors),
        expiry: expiry.ok().flatten(),
    }
}

/// A host, or an address at it: keys are for hosts alone.
fn hosts(texts: &[String], errors: &mut FormErrors) -> Vec<HostName> {
    let host = |text: &String| -> String {
        let address = text.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next());
        address.flatten().filter(|host| !host.is_empty()).unwrap_or(text).to_owned()
    };
    let (many, single): (Vec<_>, Vec<_>) = texts.iter().map(host).partition(|host| host.contains('*'));
    for host in many {
        errors.add("hosts", &format!("{host} stands for several hosts. Enter each host in full."));
    }
    items("hosts", &single, errors)
}

/// Each item that can be read, once.
fn items<T: FromStr<Err: ToString> + PartialEq>(
    field: &'static str,
    texts: &[String],
    errors: &mut FormErrors,
) -> Vec<T> {
    let mut found: Vec<T> = Vec::new();
    for text in texts.iter().filter(|text| !text.is_empty()) {
        match text.parse() {
            Ok(item) if found.contains(&item) => {}
            Ok(item) => found.push(item),
            Err(error) => errors.add(field, &sentence(&error.to_string())),
        }
    }
    found
}

/// A single address is a network too.
fn networks(texts: &[String], errors: &mut FormErrors) -> Vec<KeyNetwork> {
    let mut found = Vec::new();
    for text in texts.iter().filter(|text| !text.is_empty()) {
        let network = text.parse().or_else(|_| text.parse::<std::net::IpAddr>().map(KeyNetwork::from));
        match network {
            Ok(network) if found.contains(&network) => {}
            Ok(network) => found.push(network),
            Err(_) => {
                errors.add("networks", &format!("{text:?} is no network: expected one as in 192.0.2.0/24."));
            }
        }
    }
    found
}

fn per_minute(text: &str, errors: &mut FormErrors) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    let number = text.parse().ok();
    if number.is_none() {
        errors.add("requests_per_minute", "Enter a whole number, or nothing.");
    }
    number
}

fn scopes(entered: &KeyEntered, errors: &mut FormErrors) -> Vec<KeyScope> {
    let mut scopes: Vec<KeyScope> = entered.scopes.iter().filter_map(|scope| scope.parse().ok()).collect();
    let speakers: Vec<&str> = entered
        .speakers
        .split(|letter: char| letter.is_whitespace() || letter == ',')
        .filter(|id| !id.is_empty())
        .collect();
    if speakers.is_empty() {
        return scopes;
    }
    let every = KeyScope::ActAs(ActAs::EverySpeaker);
    if !scopes.contains(&every) {
        errors.add("speakers", "Choose act-as too, or leave this empty.");
    }
    scopes.retain(|scope| *scope != every);
    for id in speakers {
        match id.parse::<SpeakerId>() {
            Ok(id) => scopes.push(KeyScope::ActAs(ActAs::Speaker(id))),
            Err(error) => errors.add("speakers", &sentence(&error.to_string())),
        }
    }
    scopes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_from_an_address_too() {
        let mut errors = FormErrors::default();
        let texts = [
            "wiki.example.com",
            "http://github.localhost:8000",
            "https://App.example.com/page?x#y",
            "https://wiki.example.com",
        ];
        let found = hosts(&texts.map(str::to_owned), &mut errors);
        let found: Vec<&str> = found.iter().map(HostName::as_str).collect();
        assert_eq!(found, ["wiki.example.com", "github.localhost", "app.example.com"]);
        assert!(errors.is_empty());
        for wrong in [
            "https://",
            "https://user@wiki.example.com",
            "https:///x",
            "wiki.example.com/page",
            "*.example.com",
        ] {
            let mut errors = FormErrors::default();
            assert!(hosts(&[wrong.to_owned()], &mut errors).is_empty(), "{wrong}");
            assert!(errors.of("hosts").is_some(), "{wrong}");
        }
    }
}
