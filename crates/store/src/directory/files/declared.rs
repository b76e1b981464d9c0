//! What files declare. A section that no file has is `None`, and the directory's part of it stays as it is.

use super::keys::{DeclaredKey, KeyPlace};
use super::rules::DeclaredRule;
use crate::directory::records::UserKey;
use gatepost_core::access::Role;
use gatepost_core::clock::Timestamp;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{GroupName, TenantId, TierId};
use gatepost_core::tier::TierTerms;
use std::collections::{BTreeMap, BTreeSet};

/// What all files of a folder declare together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// `groups`.
    pub groups: Option<BTreeMap<GroupName, DeclaredGroup>>,
    /// `tenants`.
    pub tenants: Option<BTreeMap<TenantId, DeclaredTenant>>,
    /// `admins`.
    pub admins: Option<Vec<DeclaredAdmin>>,
    /// `tiers`.
    pub tiers: Option<BTreeMap<TierId, TierTerms>>,
    /// `rules`: who may use which tools of tool servers.
    pub rules: Option<BTreeSet<DeclaredRule>>,
    /// `keys`: those that have no owner.
    pub keys: Option<BTreeMap<KeyPlace, DeclaredKey>>,
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeclaredGroup {
    /// The providers' groups that it stands for.
    pub links: BTreeSet<ExternalGroup>,
    /// Its manual members. `None`: they are not declared.
    pub members: Option<Vec<DeclaredMember>>,
}

/// A manual member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredMember {
    pub user: UserKey,
    /// `None`: for good.
    pub until: Option<Timestamp>,
}

/// A tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeclaredTenant {
    /// The name that people see.
    pub name: Option<String>,
    /// The groups that open it.
    pub groups: BTreeMap<GroupName, Role>,
}

/// An explicit decision about a system administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredAdmin {
    pub user: UserKey,
    pub is_admin: bool,
    /// `None`: for good.
    pub until: Option<Timestamp>,
}

impl Declared {
    /// How many things it declares.
    pub fn len(&self) -> usize {
        let groups = self.groups.iter().flatten();
        let of_groups =
            groups.map(|(_, group)| 1 + group.links.len() + group.members.iter().flatten().count());
        let of_tenants = self.tenants.iter().flatten().map(|(_, tenant)| 1 + tenant.groups.len());
        let others = self.admins.iter().flatten().count()
            + self.tiers.iter().flatten().count()
            + self.rules.iter().flatten().count()
            + self.keys.iter().flatten().count();
        of_groups.sum::<usize>() + of_tenants.sum::<usize>() + others
    }

    /// Whether it declares nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it declares members of groups.
    pub fn has_members(&self) -> bool {
        self.groups.iter().flatten().any(|(_, group)| group.members.is_some())
    }
}
