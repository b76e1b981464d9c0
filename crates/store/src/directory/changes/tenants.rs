//! Changes of tenants, of the groups that open them, and of their own members.

use super::{Change, platform_change};
use crate::directory::records::{GroupKey, UserKey};
use gatepost_core::access::Role;
use gatepost_core::administration::Matter;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{TenantId, UserId};

/// Creates a tenant. Unchanged: it already exists.
#[derive(Clone, Debug)]
pub struct CreateTenant {
    pub id: TenantId,
    /// The name that people see.
    pub name: Option<String>,
}
platform_change!(CreateTenant => ());

/// Changes the name that people see.
///
/// Errors: `UnknownTenant`.
#[derive(Clone, Debug)]
pub struct RenameTenant {
    pub id: TenantId,
    pub name: Option<String>,
}
platform_change!(RenameTenant => ());

/// Deletes a tenant, its members and its groups' access to it. The groups stay.
///
/// Errors: `UnknownTenant`.
#[derive(Clone, Debug)]
pub struct DeleteTenant {
    pub id: TenantId,
}
platform_change!(DeleteTenant => ());

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
