//! The proof of an API key: what the key allows.

use super::atomic_timestamp::AtomicTimestamp;
use super::cached_caller::{CachedCaller, Proof};
use gatepost_core::access::Person;
use gatepost_core::api_key::{KeyId, KeyLimits, NamedKey};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{TenantId, UserId};
use std::sync::Arc;
use std::time::Duration;

/// A key that the directory knows.
#[derive(Debug)]
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
    /// The minute whose use was passed on to be written. Other entries of the same key have their own.
    noted: AtomicTimestamp,
}

impl KeyProof {
    pub(super) fn new(
        id: KeyId,
        name: Box<str>,
        tenant: Option<TenantId>,
        owner: Option<UserId>,
        limits: KeyLimits,
    ) -> Self {
        Self {
            id,
            name,
            limits: limits.into(),
            tenant,
            owner,
            noted: AtomicTimestamp::new(Timestamp::from_unix(0)),
        }
    }

    /// The key as refusals and the log name it.
    pub fn named(&self) -> NamedKey {
        NamedKey { id: self.id, name: self.name.clone() }
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
        Self {
            id: self.id,
            name: self.name.clone(),
            limits: Arc::clone(&self.limits),
            tenant: self.tenant.clone(),
            owner: self.owner,
            noted: AtomicTimestamp::new(self.noted.get()),
        }
    }

    fn size(&self) -> usize {
        self.name.len() + self.limits.size()
    }

    fn counts(&self) -> bool {
        !self.limits.is_ended && self.limits.expires_at.is_none_or(|end| Timestamp::now() < end)
    }
}

impl CachedCaller<KeyProof> {
    /// Notes a use. Returns `true` if it has to be passed on to be written, to one caller a minute.
    pub fn note_use(&self, now: Timestamp) -> bool {
        let minute = Timestamp::from_unix(now.unix().div_euclid(60) * 60);
        self.proof.noted.take_turn(minute, Duration::from_mins(1))
    }

    /// Whose changes concern the key.
    pub(super) fn holder(&self) -> u64 {
        holder(self.proof.id, self.proof.owner)
    }
}
