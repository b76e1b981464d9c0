//! Who may open something: what the gate's decision depends on, read for many people at once, and each person's ways.
//!
//! Nothing is decided here. A [`Candidate`] holds the [`Standing`] that the decision takes, as far as the question needs
//! it: of the groups and tenants only those on which the answer depends.

use super::records::{GroupLink, MembershipSource, UserSummary};
use gatepost_core::access::{Role, Standing};
use gatepost_core::clock::Timestamp;
use gatepost_core::host::HostName;
use gatepost_core::ids::{GroupName, TenantId, UserId};
use gatepost_core::requirement::Requirement;
use std::collections::{BTreeMap, BTreeSet};

/// The groups and tenants that requirements name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    pub groups: BTreeSet<GroupName>,
    pub tenants: BTreeSet<TenantId>,
    /// Administrators are required, or may enter because they may enter every tenant.
    pub admins: bool,
}

impl Named {
    /// What any of these requirements names.
    pub fn by<'a>(requirements: impl IntoIterator<Item = &'a Requirement>) -> Self {
        let mut named = Self::default();
        for requirement in requirements {
            named.groups.extend(requirement.groups.iter().cloned());
            named.tenants.extend(requirement.all_tenants().cloned());
            named.admins |= requirement.admin || requirement.all_tenants().next().is_some();
        }
        named
    }
}

/// What the answers for everybody depend on: the groups, the providers' groups behind them, and the tenants. Read once
/// for a question.
#[derive(Clone, Debug, Default)]
pub struct Relevant {
    /// By the group's number.
    pub(super) groups: BTreeMap<i64, RelevantGroup>,
    /// By the number of the provider's group.
    pub(super) links: BTreeMap<i64, RelevantLink>,
    /// The tenants that exist, sorted.
    pub(super) tenants: Vec<TenantId>,
    pub(super) with_admins: bool,
    /// Names of groups whose members the configuration makes administrators. There may be no such groups yet.
    pub(super) admin_groups: BTreeSet<GroupName>,
}

#[derive(Clone, Debug)]
pub(super) struct RelevantGroup {
    pub(super) name: GroupName,
    pub(super) opens: Vec<(TenantId, Role)>,
}

#[derive(Clone, Debug)]
pub(super) struct RelevantLink {
    pub(super) group: i64,
    pub(super) link: GroupLink,
    /// It is a role, and the configuration makes whoever has it an administrator.
    pub(super) makes_admins: bool,
}

impl Relevant {
    /// Whether a group of this name exists.
    pub fn has_group(&self, name: &GroupName) -> bool {
        self.groups.values().any(|group| group.name == *name)
    }

    /// Whether the configuration makes the members of a group of this name administrators, as far as that was asked.
    pub fn makes_admins(&self, name: &GroupName) -> bool {
        self.admin_groups.contains(name)
    }

    /// Whether this tenant exists.
    pub fn has_tenant(&self, id: &TenantId) -> bool {
        self.tenants.binary_search(id).is_ok()
    }

    /// The tenants that a group opens, of those that matter.
    pub fn tenants_of(&self, name: &GroupName) -> &[(TenantId, Role)] {
        self.groups.values().find(|group| group.name == *name).map_or(&[], |group| &group.opens)
    }
}

/// A person about whom the gate can decide.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub user: UserSummary,
    pub standing: Standing,
    pub ways: Vec<Way>,
    /// What an administrator decided about whether the person is an administrator.
    pub decision: Option<bool>,
}

/// A reason for what a standing says.
#[derive(Clone, Debug)]
pub enum Way {
    /// A membership of a group, from one source.
    Group { group: GroupName, source: MembershipSource, until: Option<Timestamp> },
    /// A membership that the tenant has by itself. `source` is `manual`, `invitation` or `scim`.
    Tenant { tenant: TenantId, role: Role, source: String, until: Option<Timestamp> },
    /// An administrator decided that the person is one.
    Decision { until: Option<Timestamp> },
    /// A group or a role makes the person an administrator: `group NAME`, `role PROVIDER:ROLE`.
    Reason(String),
}

/// A requirement that a request for a host showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRequirement {
    pub host: HostName,
    /// The query of the middleware's address.
    pub query: String,
    /// The last time, exact to about a day.
    pub seen_at: Timestamp,
}

/// Who made a decision about a person that still counts, by the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setter {
    pub user: UserId,
    pub what: SetWhat,
    /// A person's id, or `cli:NAME`, `db:ROLE`, ...
    pub actor: String,
    pub actor_email: Option<String>,
    pub at: Timestamp,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetWhat {
    /// The person is in a group.
    Group(String),
    /// The person is in a tenant.
    Tenant(String),
    /// The person is an administrator.
    Admin,
}
