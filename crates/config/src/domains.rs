//! `..__ALLOWED_DOMAINS`: the domains whose addresses a provider may assert (DESIGN.md section 7).

use super::{AssertableDomains, Config, EntraTenant, ProviderConfig, ProviderKind};
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

impl ProviderConfig {
    /// Whether the domain is listed with this Entra tenant. Then no claim must prove that the tenant owns it.
    pub fn vouches(&self, tid: &str, email: &EmailAddress) -> bool {
        self.domains_of(email).any(|entry| entry.tid.as_deref() == Some(tid))
    }

    fn domains_of(&self, email: &EmailAddress) -> impl Iterator<Item = &AllowedDomain> {
        self.allowed_domains.iter().flatten().filter(|entry| entry.domain == email.domain())
    }
}

impl Config {
    /// Whether the provider may assert this address. `tid` is the Entra tenant of the person.
    pub fn may_assert(&self, provider: &ProviderConfig, tid: Option<&str>, email: &EmailAddress) -> bool {
        self.assertable_domains(provider, tid).contain(email)
    }

    /// The domains whose addresses the provider may assert. `tid` is the Entra tenant of the person.
    pub(super) fn assertable_domains(
        &self,
        provider: &ProviderConfig,
        tid: Option<&str>,
    ) -> AssertableDomains {
        let is_sole = self.providers.len() == 1
            || matches!(&provider.kind, ProviderKind::Entra { tenant: EntraTenant::Pinned(_), .. });
        match &provider.allowed_domains {
            None if is_sole => AssertableDomains::Any,
            listed => {
                let counts = |entry: &&AllowedDomain| entry.tid.is_none() || entry.tid.as_deref() == tid;
                let entries = listed.iter().flatten().filter(counts);
                AssertableDomains::Only(entries.map(|entry| entry.domain.clone()).collect())
            }
        }
    }

    /// Whether the address is reserved for machines (`<name>@machine.<public host>`, or a subdomain of that). No
    /// provider
    /// may assert such an address.
    pub fn is_of_machines(&self, email: &EmailAddress) -> bool {
        let above = email.domain().strip_suffix(self.public_url.host().as_str());
        above.is_some_and(|above| above == "machine." || above.ends_with(".machine."))
    }
}
