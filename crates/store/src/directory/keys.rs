//! API keys, as the gate finds them and as administrators list them.

use super::lists::{Page, Place};
use super::{Directory, Result};
use gatepost_core::access::Access;
use gatepost_core::administration::{Matter, Scope, Version};
use gatepost_core::api_key::{ApiKey, KeyId, KeyLimits};
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupName, TenantId, UserId};
use gatepost_core::secret::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What the directory knows about the key of a request. One read returns all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundKey {
    /// The id, which never changes.
    pub id: KeyId,
    /// What people call it.
    pub name: Box<str>,
    /// The local part of the machine's address. No other key ever has it.
    pub machine_name: Box<str>,
    /// The person whose key it is. They are not disabled, unless the key has ended.
    pub owner: Option<UserId>,
    /// The tenant whose key it is.
    pub tenant: Option<TenantId>,
    /// The groups of the key, and its tenant, as long as its owner may enter that tenant. Never an administrator.
    pub access: Arc<Access>,
    /// From this point on `access` says nothing, as in [`gatepost_core::access::Standing`].
    pub counts_until: BootTime,
    /// What the key allows: nothing if it has ended.
    pub limits: KeyLimits,
}

/// Whose a key is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyHolder {
    /// The tenant that the key opens.
    pub tenant: Option<TenantId>,
    /// The person with whom the key ends.
    pub owner: Option<UserId>,
}

impl KeyHolder {
    /// What a change of the key concerns: its owner; without one its tenant; without both the platform.
    pub fn matter(&self) -> Matter {
        match (&self.owner, &self.tenant) {
            (Some(owner), _) => Matter::Person(*owner),
            (None, Some(tenant)) => Matter::Tenant(tenant.clone()),
            (None, None) => Matter::Platform,
        }
    }
}

row! {
    /// A key as lists show it. Its secret is not known.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct KeyRecord {
        pub id: KeyId,
        /// The first characters of the secret.
        pub hint: String,
        pub name: String,
        /// The local part of the machine's address.
        pub machine_name: String,
        pub tenant_id: Option<TenantId>,
        pub owner_id: Option<UserId>,
        /// The owner is disabled, so that the key does not count at the gate.
        pub is_stopped: bool,
        /// The owner's address.
        pub owner_email: Option<EmailAddress>,
        /// Who made it, as the audit names them.
        pub created_by: String,
        pub limits: KeyLimits,
        pub groups: Vec<GroupName>,
        /// Why it never expires.
        pub endless_reason: Option<String>,
        /// Until then the secret from before the last rotation counts too.
        pub previous_until: Option<Timestamp>,
        pub last_used_at: Option<Timestamp>,
        pub last_used_from: Option<String>,
        pub revoked_at: Option<Timestamp>,
        pub created_at: Timestamp,
        /// Counts the changes. Use is none.
        pub version: Version,
    }
}

impl KeyRecord {
    /// Whose it is.
    pub fn holder(&self) -> KeyHolder {
        KeyHolder { tenant: self.tenant_id.clone(), owner: self.owner_id }
    }

    /// Whether this is the present secret, of the present one and the one from before the last rotation. They never
    /// begin alike.
    pub fn is_present_secret(&self, secret: &ApiKey<'_>) -> bool {
        self.hint == secret.hint()
    }
}

/// Which keys to list; all by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFilter {
    pub tenant: Option<TenantId>,
    pub owner: Option<UserId>,
    /// A part of the name or of the machine's name, or the hint.
    pub q: Option<String>,
    pub standing: Option<KeyStanding>,
}

/// Whether keys count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStanding {
    /// Neither revoked nor ended at this time, nor is their owner disabled.
    Valid(Timestamp),
    /// They count, and their end lies between these times.
    EndsBetween(Timestamp, Timestamp),
    /// Not revoked, and ended by this time.
    Ended(Timestamp),
    Revoked,
    /// Not revoked, and their owner is disabled.
    Stopped,
    /// Not revoked, made before this time, and not used since.
    UnusedSince(Timestamp),
}

/// A use of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsed {
    pub id: KeyId,
    pub at: Timestamp,
    /// The client's address, if the proxy named one.
    pub from: Option<IpAddr>,
}

row! {
    /// A key that ends soon, for the metrics.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct EndingKey {
        pub id: KeyId,
        pub tenant_id: Option<TenantId>,
        pub expires_at: Timestamp,
    }
}

// API keys, as far as they exist for the reader. The administrators of a tenant see those of the tenant.
impl Directory {
    /// Lists keys by id, revoked ones too.
    pub async fn search_keys(
        &self,
        scope: &Scope,
        filter: &KeyFilter,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<KeyRecord>> {
        on_store!(self, search_keys(scope, filter, after, limit))
    }

    /// Lists keys that end after one second and until another, the soonest first. Keys that count no more for another
    /// reason are left out: they were revoked, or their owner is disabled.
    pub async fn list_ending_keys(
        &self,
        scope: &Scope,
        (from, until): (Timestamp, Timestamp),
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<KeyRecord>> {
        on_store!(self, list_ending_keys(scope, (from, until), after, limit))
    }

    /// The keys that end first after one second and until another and that were made to last longer than this.
    pub async fn find_ending_keys(
        &self,
        (from, until): (Timestamp, Timestamp),
        longer_than: Duration,
        limit: u32,
    ) -> Result<Vec<EndingKey>> {
        on_store!(self, find_ending_keys((from, until), longer_than, limit))
    }

    /// Writes last uses of keys, to the minute, in one transaction. Of several uses of one key the latest one stays.
    pub async fn write_key_uses(&self, uses: &[KeyUsed]) -> Result<()> {
        on_store!(self, write_key_uses(uses))
    }

    /// Finds a key by its id.
    pub async fn find_key_record(&self, scope: &Scope, id: KeyId) -> Result<Option<KeyRecord>> {
        on_store!(self, find_key_record(scope, id))
    }

    /// Finds whose secret this is, by its hash, also if the key was revoked. The secret from before a rotation counts,
    /// whether it is still valid or not.
    pub async fn look_up_key(&self, scope: &Scope, digest: &Hash) -> Result<Option<KeyRecord>> {
        on_store!(self, look_up_key(scope, digest))
    }
}
