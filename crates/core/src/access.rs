//! What a person may, as the directory knows it at one moment.

use super::clock::Timestamp;
use super::email::EmailAddress;
use super::ids::{GroupName, TenantId, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A person's standing: one read of the directory answers it, for one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Who.
    pub person: Person,
    /// Disabled people pass nowhere.
    pub is_disabled: bool,
    /// Sessions begun before this second are over.
    pub sessions_not_before: Option<Timestamp>,
    /// This very session was ended.
    pub is_session_ended: bool,
    /// What the person may. In memory, one for all who may the same.
    pub access: Arc<Access>,
}

/// The person behind a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Stable id.
    pub id: UserId,
    /// The person's one address; `None` after an admin released it.
    pub email: Option<EmailAddress>,
    /// Display name, any Unicode.
    pub name: Option<Box<str>>,
}

/// Groups, tenants, admin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Access {
    /// Sorted by bytes, unique.
    pub groups: Vec<GroupName>,
    /// Tenants that the groups open, each with the highest role.
    pub tenants: Tenants,
    /// Admins may enter every tenant.
    pub is_admin: bool,
    /// Every tenant that there is, for an admin; sorted.
    pub every_tenant: Vec<TenantId>,
}

impl Access {
    /// The role in a tenant; `None`: may not enter it, or there is none.
    pub fn role_in(&self, tenant: &TenantId) -> Option<Role> {
        if self.is_admin {
            self.every_tenant.binary_search(tenant).is_ok().then_some(Role::Admin)
        } else {
            self.tenants.find(tenant)
        }
    }
}

/// Tenants, each once, by their ids; no larger than they are, for memory holds those of everybody who is signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tenants(Box<[(TenantId, Role)]>);

impl Tenants {
    /// The role in a tenant, if it is among them.
    pub fn find(&self, tenant: &TenantId) -> Option<Role> {
        self.0.binary_search_by(|(id, _)| id.cmp(tenant)).ok().map(|at| self.0[at].1)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&TenantId, Role)> {
        self.0.iter().map(|(id, role)| (id, *role))
    }

    /// Their ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = &TenantId> {
        self.0.iter().map(|(id, _)| id)
    }

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

/// A role within a tenant; the order is the rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Uses.
    #[default]
    Member,
    /// Manages.
    Admin,
}

impl Role {
    /// The role's name in headers, tables and on the command line.
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

/// The text is no role.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no role: expected admin, member or viewer")]
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
