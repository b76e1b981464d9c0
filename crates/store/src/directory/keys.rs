//! API keys, as the gate finds them and as administrators list them.

use gatepost_core::access::Access;
use gatepost_core::api_key::{KeyId, KeyLimits};
use gatepost_core::clock::BootTime;
use gatepost_core::ids::{TenantId, UserId};
use std::sync::Arc;

/// What the directory knows about the key of a request. One read returns all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundKey {
    /// The id, which never changes.
    pub id: KeyId,
    /// What people call it.
    pub name: Box<str>,
    /// The local part of the machine's address. No other key ever has it.
    pub machine_name: Box<str>,
    /// The person whose key it is. They are not disabled.
    pub owner: Option<UserId>,
    /// The tenant whose key it is.
    pub tenant: Option<TenantId>,
    /// The groups of the key, and its tenant, as long as its owner may enter that tenant. Never an administrator.
    pub access: Arc<Access>,
    /// From this point on `access` says nothing, as in [`gatepost_core::access::Standing`].
    pub counts_until: BootTime,
    /// What the key allows.
    pub limits: KeyLimits,
}
