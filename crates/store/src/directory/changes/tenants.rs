//! Changes of tenants, of the groups that open them, and of their own members.

use super::{Change, platform_change};
use crate::directory::records::{GroupKey, UserKey};
use gatepost_core::access::Role;
use gatepost_core::administration::Matter;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{TenantId, UserId};
use gatepost_core::tenant::SuspensionReason;
use std::time::Duration;

/// Creates a tenant. Unchanged: it already exists.
///
/// Errors: `TenantDeleted`.
#[derive(Clone, Debug)]
pub struct CreateTenant {
    pub id: TenantId,
    /// The name that people see.
    pub name: Option<String>,
}
platform_change!(CreateTenant => ());

/// Changes the name that people see.
///
/// Errors: `UnknownTenant`, `TenantDeleted`.
#[derive(Clone, Debug)]
pub struct RenameTenant {
    pub id: TenantId,
    pub name: Option<String>,
}
platform_change!(RenameTenant => ());

/// Has nobody enter a tenant, by session, key or token, until it is resumed. Its data stays, and its administrators may read
/// it. A tenant that is suspended already gets the new reason.
///
/// Errors: `UnknownTenant`, `TenantDeleted`.
#[derive(Clone, Debug)]
pub struct SuspendTenant {
    pub id: TenantId,
    /// Why, for administrators. Members are not told.
    pub reason: SuspensionReason,
}
platform_change!(SuspendTenant => ());

/// Ends the suspension of a tenant.
///
/// Errors: `UnknownTenant`, `TenantDeleted`.
#[derive(Clone, Debug)]
pub struct ResumeTenant {
    pub id: TenantId,
}
platform_change!(ResumeTenant => ());

/// Deletes a tenant: from now on it is as if it were not there. Its rows stay for [`KEPT_DELETED`], and
/// [`RestoreTenant`] brings everything back until then.
///
/// Errors: `UnknownTenant`.
#[derive(Clone, Debug)]
pub struct DeleteTenant {
    pub id: TenantId,
}
platform_change!(DeleteTenant => ());

/// Brings a deleted tenant back, with its members, hosts and keys. If it was suspended, it is suspended again.
///
/// Errors: `UnknownTenant`.
#[derive(Clone, Debug)]
pub struct RestoreTenant {
    pub id: TenantId,
}
platform_change!(RestoreTenant => ());

/// How long the rows of a deleted tenant are kept.
pub const KEPT_DELETED: Duration = Duration::from_hours(30 * 24);

/// Gives the members of a group this role in a tenant. The outcome is the role before.
///
/// Errors: `UnknownGroup`, `UnknownTenant`.
#[derive(Clone, Debug)]
pub struct MapGroup {
    pub group: GroupKey,
    pub tenant: TenantId,
    pub role: Role,
}
platform_change!(MapGroup => Option<Role>);

/// Takes the members of a group their role in a tenant. The outcome is that role.
///
/// Errors: `UnknownGroup`, `NotMapped`.
#[derive(Clone, Debug)]
pub struct UnmapGroup {
    pub group: GroupKey,
    pub tenant: TenantId,
}
platform_change!(UnmapGroup => Role);

/// Gives a person a role in a tenant, beside what groups give. An address that nobody holds gets a placeholder. A person
/// who is a member already has from now on this role and this end.
///
/// Errors: `UnknownTenant`.
#[derive(Clone, Debug)]
pub struct AddTenantMember {
    pub tenant: TenantId,
    pub user: UserKey,
    pub role: Role,
    /// The membership counts until this second. `None`: for good.
    pub until: Option<Timestamp>,
}

impl Change for AddTenantMember {
    type Outcome = UserId;
    const NAME: &'static str = "AddTenantMember";

    fn matter(&self) -> Matter {
        Matter::Tenant(self.tenant.clone())
    }
}

/// Takes a person the role that [`AddTenantMember`] gave. What groups give stays. The outcome is the role.
///
/// Errors: `UnknownTenant`, `NotTenantMember`.
#[derive(Clone, Debug)]
pub struct RemoveTenantMember {
    pub tenant: TenantId,
    pub user: UserKey,
}

impl Change for RemoveTenantMember {
    type Outcome = Role;
    const NAME: &'static str = "RemoveTenantMember";

    fn matter(&self) -> Matter {
        Matter::Tenant(self.tenant.clone())
    }
}
