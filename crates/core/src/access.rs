//! What a person is allowed to do, as the directory reported it at one moment.

use super::clock::{BootTime, Timestamp};
use super::email::EmailAddress;
use super::ids::{GroupName, ProviderId, TenantId, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What the directory knows about one session and its person. One read of the directory returns all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The person whose session it is.
    pub person: Person,
    /// An administrator disabled the person, who may then pass nowhere.
    pub is_disabled: bool,
    /// Sessions that started before this second are over.
    pub sessions_not_before: Option<Timestamp>,
    /// This session was ended, by sign-out, by an administrator or by the provider.
    pub is_session_ended: bool,
    /// Groups, tenants and admin rights. People with equal access share one value, which saves memory.
    pub access: Arc<Access>,
    /// When the first of the memberships and decisions ends that `access` rests on. From then on `access` says nothing,
    /// and the directory must be queried again. It is a time of this process's monotonic clock, because the clocks of this
    /// machine and the database may differ.
    pub counts_until: BootTime,
}

impl Standing {
    /// What a machine may do: an API key, or an application with an access token. It has no sessions.
    pub const fn of_machine(person: Person, access: Arc<Access>, counts_until: BootTime) -> Self {
        Self {
            person,
            is_disabled: false,
            sessions_not_before: None,
            is_session_ended: false,
            access,
            counts_until,
        }
    }
}

/// The person behind a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The id, which never changes.
    pub id: UserId,
    /// The person's only address; `None` after an administrator released it.
    pub email: Option<EmailAddress>,
    /// The display name, which may hold any Unicode.
    pub name: Option<Box<str>>,
}

/// The groups and tenants of a person, and whether the person is an administrator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Access {
    /// The names of the person's groups, sorted by bytes, without duplicates.
    pub groups: Vec<GroupName>,
    /// The tenants that the groups and the tenants themselves give access to, each with the highest role.
    pub tenants: Tenants,
    /// The same for tenants that are suspended: nobody may enter them. An administrator has all of them.
    pub suspended: Tenants,
    /// Those of `tenants` that have a host or members of their own, sorted.
    pub own_tenants: Vec<TenantId>,
    /// The person is an administrator. Administrators may enter every tenant.
    pub is_admin: bool,
    /// All active tenants, sorted; filled only for an administrator.
    pub every_tenant: Vec<TenantId>,
    /// The person's identity is one of this tenant's own provider, so nothing outside of the tenant is open to them
    /// ([`Access::confined_to`]).
    pub confined_to: Option<TenantId>,
}

impl Access {
    /// The part of this access with which a program may act for the person: no admin rights, and of the tenants only
    /// `within`, if that is given.
    #[must_use]
    pub fn for_speaker(&self, within: Option<&[TenantId]>) -> Self {
        let may_enter = |id: &TenantId| within.is_none_or(|within| within.contains(id));
        let tenants = self.tenants.iter().filter(|(id, _)| may_enter(id));
        let tenants: BTreeMap<TenantId, Role> = tenants.map(|(id, role)| (id.clone(), role)).collect();
        Self {
            groups: self.groups.clone(),
            tenants: tenants.into(),
            suspended: Tenants::default(),
            own_tenants: self.own_tenants.iter().filter(|id| may_enter(id)).cloned().collect(),
            is_admin: false,
            every_tenant: Vec::new(),
            confined_to: self.confined_to.clone(),
        }
    }

    /// The part of this access that counts for a person whom the provider of this tenant identifies: roles in the tenant, and
    /// the groups that the provider itself asserts. Whoever runs that provider can sign in there as anybody. So whatever else
    /// the directory has for the person, such as a right that was given to the address before they came, does not count.
    #[must_use]
    pub fn confined_to(self, tenant: TenantId) -> Self {
        let own_groups = format!("{}:", ProviderId::of_tenant(&tenant));
        let only = |roles: &Tenants| -> Tenants {
            let role = roles.find(&tenant).map(|role| (tenant.clone(), role));
            role.into_iter().collect::<BTreeMap<_, _>>().into()
        };
        Self {
            groups: self.groups.into_iter().filter(|name| name.as_str().starts_with(&own_groups)).collect(),
            tenants: only(&self.tenants),
            // An administrator has all suspended tenants, not as their member.
            suspended: if self.is_admin { Tenants::default() } else { only(&self.suspended) },
            own_tenants: self.own_tenants.into_iter().filter(|id| *id == tenant).collect(),
            is_admin: false,
            every_tenant: Vec::new(),
            confined_to: Some(tenant),
        }
    }

    /// The tenant that a request means where neither its router nor its host names one: the only one of the caller, which for a
    /// key is its own. `None` for a tenant that has neither a host nor members of its own: until then it is what it was before
    /// tenants had any, and answers name it only where a router does.
    pub fn only_tenant(&self) -> Option<&TenantId> {
        let [(only, _)] = &*self.tenants.0 else { return None };
        self.own_tenants.binary_search(only).ok().map(|_| only)
    }

    /// The memory of the lists in bytes, without the texts of the names in them.
    pub fn size_of_lists(&self) -> usize {
        let Self { groups, tenants, suspended, own_tenants, every_tenant, .. } = self;
        size_of_val(&**groups)
            + size_of_val(&*tenants.0)
            + size_of_val(&*suspended.0)
            + size_of_val(&**own_tenants)
            + size_of_val(&**every_tenant)
    }

    /// The texts of all names in bytes. People share them, so this is what the last one of these people has.
    pub fn size_of_names(&self) -> usize {
        let Self { groups, tenants, suspended, own_tenants, every_tenant, .. } = self;
        let tenants = tenants.ids().chain(suspended.ids()).chain(own_tenants).chain(every_tenant);
        groups.iter().map(|name| name.as_str().len()).sum::<usize>()
            + tenants.map(|id| id.as_str().len()).sum::<usize>()
    }

    /// The person's role in a tenant; `None` if the person may not enter it or it does not exist.
    pub fn role_in(&self, tenant: &TenantId) -> Option<Role> {
        if self.is_admin {
            self.every_tenant.binary_search(tenant).is_ok().then_some(Role::Admin)
        } else {
            self.tenants.find(tenant)
        }
    }
}

/// Tenants with the person's role in each, sorted by id, without duplicates. A boxed slice has no spare capacity:
/// memory holds one of these for every signed-in person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tenants(Box<[(TenantId, Role)]>);

impl Tenants {
    /// The role in a tenant, if it is in the list.
    pub fn find(&self, tenant: &TenantId) -> Option<Role> {
        self.0.binary_search_by(|(id, _)| id.cmp(tenant)).ok().map(|at| self.0[at].1)
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tenants and roles, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (&TenantId, Role)> {
        self.0.iter().map(|(id, role)| (id, *role))
    }

    /// The tenants' ids, sorted.
    pub fn ids(&self) -> impl Iterator<Item = &TenantId> {
        self.0.iter().map(|(id, _)| id)
    }

    /// The ids for replacement by equal ids that share their text; a different id would break the order.
    pub fn ids_mut(&mut self) -> impl Iterator<Item = &mut TenantId> {
        self.0.iter_mut().map(|(id, _)| id)
    }
}

impl From<BTreeMap<TenantId, Role>> for Tenants {
    fn from(tenants: BTreeMap<TenantId, Role>) -> Self {
        Self(tenants.into_iter().collect())
    }
}

impl<const N: usize> From<[(TenantId, Role); N]> for Tenants {
    fn from(tenants: [(TenantId, Role); N]) -> Self {
        BTreeMap::from(tenants).into()
    }
}

/// A role within a tenant. Roles are ordered by rank: the lowest comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May only read.
    Viewer,
    /// May use the tenant.
    #[default]
    Member,
    /// May manage the tenant.
    Admin,
}

impl Role {
    /// The role's name, as headers, tables and the command line write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not the name of a role.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a role: expected admin, member or viewer")]
pub struct RoleError(String);

impl FromStr for Role {
    type Err = RoleError;
    fn from_str(text: &str) -> Result<Self, RoleError> {
        match text {
            "viewer" => Ok(Self::Viewer),
            "member" => Ok(Self::Member),
            "admin" => Ok(Self::Admin),
            _ => Err(RoleError(text.to_owned())),
        }
    }
}
