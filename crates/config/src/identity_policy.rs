//! The rules for taking over what a provider asserts about a person: the names of groups, the domains of addresses, and
//! whether a person's address changes with the provider's.

use super::reader::{Read, Reader};
use super::{
    AddressChanges, AssertableDomains, Config, EntraTenant, GroupNames, ProviderConfig, ProviderKind,
};
use gatepost_core::identity::SubjectKey;
use gatepost_core::secret::Hash;

/// The rules by which the directory takes over what one provider asserts about one person.
#[derive(Clone, Debug)]
pub struct IdentityPolicy {
    /// How the provider's groups are named.
    pub group_names: GroupNames,
    /// Whether the person's address changes with the provider's.
    pub address_changes: AddressChanges,
    /// The domains whose addresses the provider may assert.
    pub domains: AssertableDomains,
    /// For a provider of a tenant: the state of its row by which it was asked. The directory takes over nothing if the row has
    /// changed since.
    pub revision: Option<Hash>,
}

pub(super) fn read(reader: &mut Reader) -> Read<AddressChanges> {
    let words = [("follow", AddressChanges::Follow), ("keep", AddressChanges::Keep)];
    Ok(reader.word("address_changes", &words, "follow or keep")?.unwrap_or(AddressChanges::Follow))
}

impl Config {
    /// The rules for a person of this provider.
    pub fn identity_policy_for(&self, provider: &ProviderConfig, subject: &SubjectKey) -> IdentityPolicy {
        IdentityPolicy {
            group_names: provider.group_names,
            address_changes: self.address_changes,
            domains: provider
                .assertable_domains(self.providers.len() == 1, tid_of(provider, &subject.issuer)),
            revision: provider.revision,
        }
    }
}

/// The Entra tenant in a verified `iss`, which has the form `<authority>/<tid>/v2.0`.
fn tid_of<'a>(provider: &'a ProviderConfig, issuer: &str) -> Option<&'a str> {
    let tids = match &provider.kind {
        ProviderKind::Entra { tenant: EntraTenant::Pinned(tid), .. } => std::slice::from_ref(tid),
        ProviderKind::Entra { tenant: EntraTenant::Several { allowed, .. }, .. } => allowed,
        ProviderKind::Google | ProviderKind::Oidc { .. } => &[],
    };
    tids.iter().map(String::as_str).find(|tid| issuer.ends_with(&format!("/{tid}/v2.0")))
}
