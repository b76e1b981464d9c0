//! How a provider's word about a person is taken: what its groups are called, which addresses it may assert, and
//! whether a person's address follows it.

use super::reader::{Read, Reader};
use super::{AddressChanges, Config, EntraTenant, GroupNames, ProviderConfig, ProviderKind};
use gatepost_core::email::EmailAddress;
use gatepost_core::identity::SubjectKey;

/// The terms on which the directory takes one provider's word about one person.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What the provider's groups are called here.
    pub group_names: GroupNames,
    /// Whether the person's address follows the provider.
    pub address_changes: AddressChanges,
    /// Of which domains the provider may assert addresses.
    pub domains: AssertableDomains,
}

/// The domains whose addresses a provider may assert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssertableDomains {
    /// Every domain.
    Any,
    /// These, lower case.
    Only(Vec<String>),
}

impl AssertableDomains {
    /// Whether the address is of one of them.
    pub fn contain(&self, email: &EmailAddress) -> bool {
        match self {
            Self::Any => true,
            Self::Only(domains) => domains.iter().any(|domain| domain == email.domain()),
        }
    }
}

pub(super) fn read(reader: &mut Reader) -> Read<AddressChanges> {
    let words = [("follow", AddressChanges::Follow), ("keep", AddressChanges::Keep)];
    Ok(reader.word("address_changes", &words, "follow or keep")?.unwrap_or(AddressChanges::Follow))
}

impl Config {
    /// The terms for a person of this provider.
    pub fn terms_of(&self, provider: &ProviderConfig, subject: &SubjectKey) -> Terms {
        Terms {
            group_names: provider.group_names,
            address_changes: self.address_changes,
            domains: provider
                .assertable_domains(self.providers.len() == 1, tid_of(provider, &subject.issuer)),
        }
    }
}

/// The tenant of Entra in an `iss` that was verified: `<authority>/<tid>/v2.0`.
fn tid_of<'a>(provider: &'a ProviderConfig, issuer: &str) -> Option<&'a str> {
    let tids = match &provider.kind {
        ProviderKind::Entra { tenant: EntraTenant::Pinned(tid), .. } => std::slice::from_ref(tid),
        ProviderKind::Entra { tenant: EntraTenant::Several { allowed, .. }, .. } => allowed,
        ProviderKind::Google | ProviderKind::Oidc { .. } => &[],
    };
    tids.iter().map(String::as_str).find(|tid| issuer.ends_with(&format!("/{tid}/v2.0")))
}
