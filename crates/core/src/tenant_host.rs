//! Hosts that belong to a tenant, and how it proves that they do.

use super::host::HostName;
use super::secret::fill_random;
use std::fmt::{self, Write};
use std::str::FromStr;

/// Whether a host counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostState {
    /// Somebody says that it is the tenant's.
    Proposed,
    /// That is proved.
    Active,
    /// A system administrator said no.
    Refused,
}

impl HostState {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Proposed, Self::Active, Self::Refused];

    /// The word that tables and JSON have.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Active => "active",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for HostState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not the state of a host.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a state of a host: expected proposed, active or refused")]
pub struct HostStateError(String);

impl FromStr for HostState {
    type Err = HostStateError;

    fn from_str(text: &str) -> Result<Self, HostStateError> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| HostStateError(text.to_owned()))
    }
}

/// 32 hexadecimal digits that whoever runs the host's zone puts into a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostProof(String);

impl HostProof {
    /// Makes a new one, of 128 random bits.
    pub fn generate() -> Self {
        let mut bytes = [0; 16];
        fill_random(&mut bytes);
        let mut text = String::new();
        for byte in bytes {
            write!(text, "{byte:02x}").unwrap_or_default();
        }
        Self(text)
    }

    /// The 32 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the record.
    pub fn record_name(host: &HostName) -> String {
        format!("_gatepost.{host}")
    }

    /// What the record must say.
    pub fn record_text(&self) -> String {
        format!("gatepost={}", self.0)
    }
}

/// A text that is not a proof.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a proof has 32 hexadecimal digits")]
pub struct HostProofError;

impl FromStr for HostProof {
    type Err = HostProofError;

    fn from_str(text: &str) -> Result<Self, HostProofError> {
        let is_proof = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_proof { Ok(Self(text.to_owned())) } else { Err(HostProofError) }
    }
}

/// Whether a tenant may have a host of this name: at least two labels, none that begins or ends with `-` or holds `_`, and
/// no address of a network.
pub fn is_fit(host: &HostName) -> bool {
    let labels: Vec<&str> = host.as_str().split('.').collect();
    let is_label = |label: &&str| !label.contains('_') && !label.starts_with('-') && !label.ends_with('-');
    let is_number = |label: &&str| label.bytes().all(|byte| byte.is_ascii_digit());
    labels.len() >= 2 && labels.iter().all(is_label) && !labels.last().is_some_and(is_number)
}

/// Whether a host lies below a domain.
pub fn is_below(host: &HostName, domain: &HostName) -> bool {
    host.as_str().strip_suffix(domain.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> HostName {
        text.parse().expect("a host")
    }

    #[test]
    fn a_host_of_a_tenant_is_a_name_in_the_dns() {
        for fit in ["blog.acme.com", "a.b", "xn--bcher-kva.example", "1.example"] {
            assert!(is_fit(&host(fit)), "{fit}");
        }
        for unfit in ["localhost", "127.0.0.1", "a.1", "_x.example.com", "-a.example.com", "a-.example.com"] {
            assert!(!is_fit(&host(unfit)), "{unfit}");
        }
    }

    #[test]
    fn a_domain_is_not_below_itself_nor_what_only_ends_alike() {
        let domain = host("apps.example.com");
        assert!(is_below(&host("a.apps.example.com"), &domain));
        for other in ["apps.example.com", "xapps.example.com", "example.com"] {
            assert!(!is_below(&host(other), &domain), "{other}");
        }
    }

    #[test]
    fn each_proof_is_another_and_is_read_as_it_is_written() {
        let (one, other) = (HostProof::generate(), HostProof::generate());
        assert_ne!(one, other);
        assert_eq!(one.as_str().parse(), Ok(one.clone()));
        assert_eq!(one.record_text().strip_prefix("gatepost="), Some(one.as_str()));
        for text in ["", "0123456789ABCDEF0123456789ABCDEF", "0123456789abcdef0123456789abcde"] {
            assert_eq!(text.parse::<HostProof>(), Err(HostProofError), "{text}");
        }
    }
}
