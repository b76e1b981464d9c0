//! What the platform says about a tenant, and tiers.

use super::invitations::NewInvitation;
use super::{Change, platform_change};
use crate::directory::records::{Excess, TenantRecord, TierRecord};
use gatepost_core::administration::Matter;
use gatepost_core::email::EmailAddress;
use gatepost_core::host::HostName;
use gatepost_core::ids::{ServiceName, TenantId, TierId};
use gatepost_core::tier::{JsonObject, TierTerms};

/// Creates a tenant, or changes what it is.
///
/// Errors: `TenantExists`, `UnknownTenant`, `TenantDeleted`, `UnknownTier`, `LimitReached`, `TooManyInvitations`, and those of
/// [`AddTenantHost`].
///
/// [`AddTenantHost`]: super::AddTenantHost
#[derive(Clone, Debug)]
pub struct WriteTenant {
    pub id: TenantId,
    pub mode: WriteMode,
    pub edit: TenantEdit,
}

impl Change for WriteTenant {
    type Outcome = WrittenTenant;
    const NAME: &'static str = "WriteTenant";

    fn matter(&self) -> Matter {
        Matter::Platform
    }
}

/// Whether the tenant must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMode {
    /// It must not be.
    Create,
    /// It may be. What the edit does not name is as if it were new, but for its hosts.
    Put,
    /// It must be. What the edit does not name stays.
    Patch,
}

/// What to change of a tenant. `None`: nothing.
#[derive(Clone, Debug, Default)]
pub struct TenantEdit {
    /// The name that people see.
    pub name: Option<Option<String>>,
    pub tier: Option<Option<TierId>>,
    pub features: Option<ObjectEdit>,
    pub limits: Option<ObjectEdit>,
    /// Kept for other programs.
    pub settings: Option<ObjectEdit>,
    /// The upstream to which its hosts lead: a name that `GATEPOST_SERVICES` has.
    pub service: Option<Option<ServiceName>>,
    /// All of its hosts. Others are removed.
    pub hosts: Option<Vec<TenantHostName>>,
    /// Who is to administer it: whoever signs in with this address is invited to, unless they do or are invited already.
    pub admin: Option<EmailAddress>,
}

/// How to change an object.
#[derive(Clone, Debug)]
pub enum ObjectEdit {
    Replace(JsonObject),
    /// As RFC 7396 says.
    Merge(JsonObject),
}

impl ObjectEdit {
    /// The object with this change.
    pub fn of(&self, before: &JsonObject) -> JsonObject {
        match self {
            Self::Replace(object) => object.clone(),
            Self::Merge(patch) => before.merged(patch),
        }
    }
}

/// A tenant after a change.
#[derive(Clone, Debug)]
pub struct WrittenTenant {
    pub tenant: TenantRecord,
    /// What there is more of than its limits allow.
    pub excess: Vec<Excess>,
    /// Of the administrator whom the edit names.
    pub invitation: Option<NewInvitation>,
}

/// A host that the configuration leaves to tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantHostName {
    pub host: HostName,
    /// It lies below `GATEPOST_TENANTS__DOMAIN`.
    pub is_below_domain: bool,
}

/// Says what a tier allows. Of a tier that comes with Gatepost it replaces what comes with it.
///
/// Errors: none of its own.
#[derive(Clone, Debug)]
pub struct SetTier {
    pub id: TierId,
    pub terms: TierTerms,
}
platform_change!(SetTier => TierRecord);

/// Deletes a tier. One that comes with Gatepost is then as it comes.
///
/// Errors: `UnknownTier`, `TierInUse`.
#[derive(Clone, Debug)]
pub struct DeleteTier {
    pub id: TierId,
}
platform_change!(DeleteTier => ());
