//! E-mail addresses, restricted to what `X-User-Email` can carry safely.

use super::host::HostName;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An e-mail address in lower-case ASCII with exactly one `@`, at most 254 bytes (RFC 5321 section 4.5.3.1), without
/// characters that need quoting.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmailAddress(Box<str>);

/// A text that is not an [`EmailAddress`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not an e-mail address: expected ASCII as in name@example.com")]
pub struct EmailError(String);

impl EmailAddress {
    /// The address in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit('@').next().unwrap_or_default()
    }

    /// The address of a machine. `None`: the name cannot be a part of an address.
    pub fn of_machine(name: &str, public_host: &HostName) -> Option<Self> {
        format!("{name}@machine.{public_host}").parse().ok()
    }

    /// Whether this is the address of a machine (`<name>@machine.<public host>`), or of a domain below that one. No provider
    /// may assert such an address.
    pub fn is_machine_address(&self, public_host: &HostName) -> bool {
        let above = self.domain().strip_suffix(public_host.as_str());
        above.is_some_and(|above| above == "machine." || above.ends_with(".machine."))
    }
}

impl FromStr for EmailAddress {
    type Err = EmailError;

    /// Refuses an address with several `@`: programs disagree about its domain (GHSA-c5c4-8r6x-56w3).
    fn from_str(text: &str) -> Result<Self, EmailError> {
        let lower = text.to_ascii_lowercase();
        match lower.split_once('@') {
            Some((local, domain)) if lower.len() <= 254 && is_local(local) && is_domain(domain) => {
                Ok(Self(lower.into()))
            }
            _ => Err(EmailError(text.chars().take(260).collect())),
        }
    }
}

/// Whether the text is a `dot-atom` of RFC 5322. That includes `#`, which Entra's guest accounts have
/// (`user_domain#EXT#@tenant.onmicrosoft.com`).
fn is_local(local: &str) -> bool {
    let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
    (1..=64).contains(&local.len())
        && local.bytes().all(atom)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    !domain.is_empty() && domain.split('.').all(label)
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_lower_cased() {
        assert_eq!(
            "Alice.B@Example.COM".parse::<EmailAddress>().map(|e| e.to_string()),
            Ok("alice.b@example.com".into())
        );
    }

    #[test]
    fn what_could_be_two_people_or_break_a_header_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        for text in [
            "",
            "a",
            "@b",
            "a@",
            "a@b@c",
            "a b@c.d",
            "a\r\n@c.d",
            "zoë@c.d",
            "a@c..d",
            "\"a\"@c.d",
            "a,b@c.d",
            &long,
        ] {
            assert!(text.parse::<EmailAddress>().is_err(), "{text:?}");
        }
    }
}
