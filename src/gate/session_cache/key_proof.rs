//! The proof of an API key: what the key allows.

use super::cached_caller::{CachedCaller, Proof};
use gatepost_core::access::Person;
use gatepost_core::api_key::{KeyId, KeyLimits};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{TenantId, UserId};
use std::sync::Arc;

/// A key that the directory knows.
#[derive(Clone, Debug)]
pub struct KeyProof {
    /// The key.
    pub id: KeyId,
    /// The name that people gave it.
    pub name: Box<str>,
    /// What it allows. Shared with copies of the entry, which assertions cause.
    pub limits: Arc<KeyLimits>,
    /// The tenant whose key it is.
    pub tenant: Option<TenantId>,
    /// The person with whom the key dies.
    owner: Option<UserId>,
}

impl KeyProof {
    pub(super) fn new(
        id: KeyId,
        name: Box<str>,
        tenant: Option<TenantId>,
        owner: Option<UserId>,
        limits: KeyLimits,
    ) -> Self {
        Self { id, name, limits: limits.into(), tenant, owner }
    }
}

/// Whose changes concern a key: its owner's, or its own. A change of a key is reported for its owner too.
pub(super) fn holder(id: KeyId, owner: Option<UserId>) -> u64 {
    owner.unwrap_or_else(|| id.machine()).random_bits()
}

impl Proof for KeyProof {
    fn holder(&self, _: &Person) -> u64 {
        holder(self.id, self.owner)
    }

    fn copy(&self, _now: Timestamp) -> Self {
        self.clone()
    }

    fn size(&self) -> usize {
        let KeyLimits { scopes, hosts, networks, tools, .. } = &*self.limits;
        let texts = hosts.iter().map(|host| host.as_str().len()).sum::<usize>()
            + tools.iter().map(|tool| tool.as_str().len()).sum::<usize>();
        self.name.len()
            + size_of::<KeyLimits>()
            + size_of_val(&**scopes)
            + size_of_val(&**hosts)
            + size_of_val(&**networks)
            + size_of_val(&**tools)
            + texts
    }
}

impl CachedCaller<KeyProof> {
    /// Whose changes concern the key.
    pub(super) fn holder(&self) -> u64 {
        holder(self.proof.id, self.proof.owner)
    }
}
