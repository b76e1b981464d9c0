//! `..__ALLOWED_DOMAINS`: the domains whose addresses a provider may assert.

use super::{Config, EntraTenant, ProviderConfig, ProviderKind};
use gatepost_core::email::EmailAddress;
use gatepost_core::identity::is_guid;
use std::str::FromStr;

/// An entry of the setting: `DOMAIN`, or `TENANT-ID/DOMAIN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedDomain {
    /// The id of an Entra tenant, in lower case. For addresses of its people no claim must prove that it owns the
    /// domain.
    pub tid: Option<String>,
    /// The domain in lower case.
    pub domain: String,
}

/// A text that is not an entry.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a domain: expected example.com, or TENANT-ID/example.com")]
pub struct AllowedDomainError(String);

impl FromStr for AllowedDomain {
    type Err = AllowedDomainError;

    fn from_str(text: &str) -> Result<Self, AllowedDomainError> {
        let error = || AllowedDomainError(text.to_owned());
        let (tid, domain) = text.split_once('/').map_or((None, text), |(tid, domain)| (Some(tid), domain));
        if tid.is_some_and(|tid| !is_guid(tid)) {
            return Err(error());
        }
        let address: EmailAddress = format!("a@{domain}").parse().map_err(|_| error())?;
        Ok(Self { tid: tid.map(str::to_ascii_lowercase), domain: address.domain().to_owned() })
    }
}

/// The domains whose addresses a provider may assert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssertableDomains {
    /// Every domain.
    Any,
    /// Only these domains, in lower case.
    Only(Vec<String>),
}

impl AssertableDomains {
    /// Whether the address belongs to one of the domains.
    pub fn contains(&self, email: &EmailAddress) -> bool {
        match self {
            Self::Any => true,
            Self::Only(domains) => domains.iter().any(|domain| domain == email.domain()),
        }
    }
}

impl Config {
    /// Whether a configured provider lists the domain. A provider that may assert every domain lists none.
    pub fn assigns_domain(&self, domain: &str) -> bool {
        self.providers.iter().any(|provider| provider.domains_of(domain).next().is_some())
    }
}

impl ProviderConfig {
    /// Whether the domain is listed with this Entra tenant. Then no claim must prove that the tenant owns it.
    pub fn lists_domain_for_tenant(&self, tid: &str, email: &EmailAddress) -> bool {
        self.domains_of(email.domain()).any(|entry| entry.tid.as_deref() == Some(tid))
    }

    /// The domains whose addresses this provider, and for Entra this tenant of it, may assert. `is_sole`: no other provider
    /// is configured, so a missing list limits nothing.
    pub fn assertable_domains(&self, is_sole: bool, tid: Option<&str>) -> AssertableDomains {
        let is_pinned = matches!(&self.kind, ProviderKind::Entra { tenant: EntraTenant::Pinned(_), .. });
        match &self.allowed_domains {
            None if is_sole || is_pinned => AssertableDomains::Any,
            listed => {
                let counts = |entry: &&AllowedDomain| entry.tid.is_none() || entry.tid.as_deref() == tid;
                let entries = listed.iter().flatten().filter(counts);
                AssertableDomains::Only(entries.map(|entry| entry.domain.clone()).collect())
            }
        }
    }

    fn domains_of(&self, domain: &str) -> impl Iterator<Item = &AllowedDomain> {
        self.allowed_domains.iter().flatten().filter(move |entry| entry.domain == domain)
    }
}
