//! A name in the server's certificate.

use rustls::pki_types::DnsName;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A DNS name in lower case without wildcards, or an IP address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// As in `gatepost` or `gate.example.com`.
    Dns(String),
    /// IPv4 or IPv6.
    Ip(IpAddr),
}

/// The text is neither a DNS name nor an IP address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a server: expected a DNS name such as gatepost, or an IP address")]
pub struct NameError;

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        let name = text.to_ascii_lowercase();
        let is_name = DnsName::try_from(name.as_str()).is_ok() && !name.ends_with('.');
        if is_name { Ok(Self::Dns(name)) } else { Err(NameError) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}
