//! The ways by which somebody can open something: which membership or decision lets them in, who says so, until when.

use super::tool::AskedTool;
use gatepost_core::access::Role;
use gatepost_core::administration::{Matter, Scope};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupName, TenantId, UserId};
use gatepost_core::requirement::Requirement;
use gatepost_store::directory::MembershipSource;
use gatepost_store::directory::access::{Relevant, SetWhat, Setter, Way as Found};
use std::collections::HashMap;

/// A way.
#[derive(Clone, Debug)]
pub struct Way {
    pub by: By,
    /// When it ends. `None`: never.
    pub until: Option<Timestamp>,
    /// Who decided it, if it was decided here and the audit knows.
    pub set_by: Option<SetBy>,
}

/// What lets somebody in.
#[derive(Clone, Debug)]
pub enum By {
    /// Nothing is required but a session.
    SignIn,
    /// A membership of a group, which may open tenants that are required. Group and source are `None` for readers who
    /// may not know of groups.
    Group {
        group: Option<GroupName>,
        source: Option<MembershipSource>,
        opens: Vec<(TenantId, Role)>,
        /// A rule gives the members the tool that is asked for.
        has_tool: bool,
    },
    /// A membership that the tenant has by itself: `manual`, `invitation` or `scim`.
    Tenant { tenant: TenantId, role: Role, source: String },
    /// An administrator decided that the person is an administrator.
    Decision,
    /// A group or role makes the person an administrator: `group NAME`, `role PROVIDER:ROLE`.
    Reason(String),
}

/// Who decided it, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetBy {
    /// The address of a person, else as the audit names the actor: `cli:NAME`, `db:ROLE`, ...
    pub actor: String,
    pub at: Timestamp,
}

impl Way {
    pub(super) const fn was_decided_here(&self) -> bool {
        matches!(
            self.by,
            By::Group { source: Some(MembershipSource::Manual), .. } | By::Tenant { .. } | By::Decision
        )
    }
}

/// The ways that count for requirements which the person meets.
pub(super) fn of<'a>(
    scope: &Scope,
    relevant: &Relevant,
    found: &[Found],
    met: &(impl Iterator<Item = &'a Requirement> + Clone),
    tool: Option<&AskedTool>,
) -> Vec<Way> {
    let asks_groups = |name: &GroupName| met.clone().any(|requirement| requirement.groups.contains(name));
    let asks_tenant =
        |id: &TenantId| met.clone().any(|requirement| requirement.all_tenants().any(|asked| asked == id));
    let asks_admin =
        met.clone().any(|requirement| requirement.admin || requirement.all_tenants().next().is_some());
    let is_free = |requirement: &Requirement| {
        requirement.groups.is_empty() && requirement.all_tenants().next().is_none() && !requirement.admin
    };
    let knows_all = scope.allows(&Matter::Platform).is_ok();
    let mut ways = Vec::new();
    if met.clone().any(is_free) {
        ways.push(Way { by: By::SignIn, until: None, set_by: None });
    }
    for way in found {
        let (by, until) = match way {
            Found::Group { group, source, until } => {
                let opened = relevant.tenants_of(group).iter().filter(|(id, _)| asks_tenant(id));
                let opens: Vec<_> = opened.cloned().collect();
                let has_tool = tool.is_some_and(|tool| tool.groups().contains(group));
                if opens.is_empty() && !has_tool && !asks_groups(group) {
                    continue;
                }
                let (group, source) =
                    if knows_all { (Some(group.clone()), Some(source.clone())) } else { (None, None) };
                (By::Group { group, source, opens, has_tool }, *until)
            }
            Found::Tenant { tenant, role, source, until } if asks_tenant(tenant) => {
                (By::Tenant { tenant: tenant.clone(), role: *role, source: source.clone() }, *until)
            }
            Found::Decision { until } if asks_admin && knows_all => (By::Decision, *until),
            Found::Reason(reason) if asks_admin && knows_all => (By::Reason(reason.clone()), None),
            Found::Tenant { .. } | Found::Decision { .. } | Found::Reason(_) => continue,
        };
        ways.push(Way { by, until, set_by: None });
    }
    ways
}

/// Who decided what, of some people.
pub(super) struct Setters(HashMap<(UserId, SetWhat), SetBy>);

impl Setters {
    /// Of several decisions about the same thing the last one counts.
    pub(super) fn of(setters: Vec<Setter>) -> Self {
        let entry = |Setter { user, what, actor, actor_email, at }| {
            ((user, what), SetBy { actor: actor_email.unwrap_or(actor), at })
        };
        Self(setters.into_iter().map(entry).collect())
    }

    pub(super) fn add_to(&self, user: UserId, ways: &mut [Way]) {
        for way in ways.iter_mut().filter(|way| way.was_decided_here()) {
            let what = match &way.by {
                By::Group { group: Some(group), .. } => SetWhat::Group(group.to_string()),
                By::Tenant { tenant, .. } => SetWhat::Tenant(tenant.to_string()),
                By::Decision => SetWhat::Admin,
                By::Group { group: None, .. } | By::SignIn | By::Reason(_) => continue,
            };
            way.set_by = self.0.get(&(user, what)).cloned();
        }
    }
}
