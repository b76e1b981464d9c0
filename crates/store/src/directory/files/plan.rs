//! The steps that make the directory hold what files declare, and how people read them.

use super::keys::{DeclaredKey, KeyPlace};
use super::rules::DeclaredRule;
use crate::directory::records::UserKey;
use gatepost_core::access::Role;
use gatepost_core::administration::Version;
use gatepost_core::api_key::KeyId;
use gatepost_core::calendar::rfc3339;
use gatepost_core::clock::Timestamp;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{GroupName, TenantId, TierId, ToolRuleId};
use gatepost_core::mcp::pattern::Kind;
use gatepost_core::tier::{Allowances, TierTerms};
use gatepost_core::usage::Prices;
use std::fmt;

/// The maximum number of steps, and of things that files declare: a plan is one transaction.
pub const MOST_STEPS: usize = 10_000;

/// What is to be done, in the order in which it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub steps: Vec<Step>,
}

/// One change.
#[derive(Clone, Debug)]
pub struct Step {
    pub action: Action,
    /// What the files declare, or what is deleted or released.
    pub thing: Thing,
    /// The same thing as it is now, if it changes.
    pub was: Option<Thing>,
    /// The version that the plan was made for. `None`: there is none yet, or the thing has none.
    pub seen: Option<Version>,
    /// How many people lose the thing, if it is deleted. Sign-ins change it, and it is no part of what is compared.
    pub people: u64,
    /// It deletes the last rule of its kind: whoever may enter may then use all of that kind.
    pub opens: bool,
}

impl Step {
    pub(super) const fn new(action: Action, thing: Thing, seen: Option<Version>) -> Self {
        Self { action, thing, was: None, seen, people: 0, opens: false }
    }
}

impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        let parts = |step: &Self| (step.action, step.thing.clone(), step.was.clone(), step.seen, step.opens);
        parts(self) == parts(other)
    }
}
impl Eq for Step {}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    Create,
    Change,
    /// It is there as declared, and belongs to the files from now on.
    TakeOver,
    Delete,
    /// It is no longer declared, but something hangs on it that the files do not manage. It stays, and belongs to nobody.
    Release,
}

impl Action {
    /// The word in `--json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Change => "change",
            Self::TakeOver => "take_over",
            Self::Delete => "delete",
            Self::Release => "release",
        }
    }
}

/// What files can declare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thing {
    Group(GroupName),
    Link {
        group: GroupName,
        external: ExternalGroup,
    },
    Tenant {
        id: TenantId,
        name: Option<String>,
    },
    Mapping {
        tenant: TenantId,
        group: GroupName,
        role: Role,
    },
    Member {
        group: GroupName,
        user: UserKey,
        until: Option<Timestamp>,
    },
    Admin {
        user: UserKey,
        is_admin: bool,
        until: Option<Timestamp>,
    },
    Tier {
        id: TierId,
        terms: TierTerms,
    },
    /// The id, if the rule is there.
    Rule {
        rule: DeclaredRule,
        id: Option<ToolRuleId>,
    },
    /// The id, if the key is there.
    Key {
        place: KeyPlace,
        key: DeclaredKey,
        id: Option<KeyId>,
    },
}

impl Thing {
    /// The word in `--json` and in the audit.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Group(_) => "group",
            Self::Link { .. } => "link",
            Self::Tenant { .. } => "tenant",
            Self::Mapping { .. } => "mapping",
            Self::Member { .. } => "member",
            Self::Admin { .. } => "admin",
            Self::Tier { .. } => "tier",
            Self::Rule { .. } => "rule",
            Self::Key { .. } => "key",
        }
    }
}

fn end(until: Option<Timestamp>) -> String {
    until.map(|until| format!(" until {}", rfc3339(until))).unwrap_or_default()
}

fn decision(is_admin: bool) -> &'static str {
    if is_admin { "is an administrator" } else { "is no administrator" }
}

/// The thing as one reads it after `+`, `-` or `=`.
impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(name) => write!(f, "group {name}"),
            Self::Link { group, external } => write!(f, "group {group}: link to {external}"),
            Self::Tenant { id, name: None } => write!(f, "tenant {id}"),
            Self::Tenant { id, name: Some(name) } => write!(f, "tenant {id} ({name:?})"),
            Self::Mapping { tenant, group, role } => write!(f, "tenant {tenant}: group {group} as {role}"),
            Self::Member { group, user, until } => write!(f, "group {group}: member {user}{}", end(*until)),
            Self::Admin { user, is_admin, until } => {
                write!(f, "admin {user}: {}{}", decision(*is_admin), end(*until))
            }
            Self::Tier { id, terms: TierTerms { allowances: Allowances { features, limits }, prices } } => {
                write!(f, "tier {id}: features {features}, limits {limits}")?;
                prices.as_ref().map_or(Ok(()), |prices| write!(f, ", prices {prices}"))
            }
            Self::Rule { rule, .. } => rule.fmt(f),
            Self::Key { place, key, .. } => write!(f, "{place}: {key}"),
        }
    }
}

/// What is different between two states of a thing.
fn changed(was: &Thing, is: &Thing) -> String {
    let ending = |until: Option<Timestamp>| until.map_or_else(|| "never".to_owned(), rfc3339);
    match (was, is) {
        (Thing::Tenant { name: was, .. }, Thing::Tenant { id, name }) => {
            let said = |name: &Option<String>| {
                name.as_ref().map_or_else(|| "none".to_owned(), |name| format!("{name:?}"))
            };
            format!("tenant {id}: name {} -> {}", said(was), said(name))
        }
        (Thing::Mapping { role: was, .. }, Thing::Mapping { tenant, group, role }) => {
            format!("tenant {tenant}: role of {group} {was} -> {role}")
        }
        (Thing::Link { group: was, .. }, Thing::Link { group, external }) => {
            format!("link of {external}: group {was} -> {group}")
        }
        (Thing::Member { until: was, .. }, Thing::Member { group, user, until }) => {
            format!("group {group}: end of member {user} {} -> {}", ending(*was), ending(*until))
        }
        (Thing::Admin { is_admin: was, until: ended, .. }, Thing::Admin { user, is_admin, until }) => {
            format!(
                "admin {user}: {}{} -> {}{}",
                decision(*was),
                end(*ended),
                decision(*is_admin),
                end(*until)
            )
        }
        (Thing::Tier { terms: was, .. }, Thing::Tier { id, terms }) => {
            let prices = |terms: &TierTerms| {
                terms.prices.as_ref().map_or_else(|| "none".to_owned(), Prices::to_string)
            };
            let said = |TierTerms { allowances, .. }: &TierTerms| {
                [allowances.features.to_string(), allowances.limits.to_string()]
            };
            let ([features_were, limits_were], [features, limits]) = (said(was), said(terms));
            let parts = [
                ("features", features_were, features),
                ("limits", limits_were, limits),
                ("prices", prices(was), prices(terms)),
            ];
            let changed = parts.iter().filter(|(_, was, is)| was != is);
            let said: Vec<String> = changed.map(|(part, was, is)| format!("{part} {was} -> {is}")).collect();
            format!("tier {id}: {}", said.join(", "))
        }
        (Thing::Key { key: was, .. }, Thing::Key { place, key, .. }) => {
            format!("{place}: {}", was.changed_to(key))
        }
        (_, is) => is.to_string(),
    }
}

const fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Tool => "tools",
        Kind::Prompt => "prompts",
        Kind::Resource => "resources",
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, thing, was, people, opens, .. } = self;
        match (action, was) {
            (Action::Change, Some(was)) => write!(f, "~ {}", changed(was, thing)),
            (Action::Create | Action::Change, _) => write!(f, "+ {thing}"),
            (Action::TakeOver, _) => {
                write!(f, "= {thing} (exists; managed by apply from now on)")
            }
            (Action::Delete, _) if *people > 0 => {
                let verb = if *people == 1 { "member loses" } else { "members lose" };
                write!(f, "- {thing} (managed by apply; {people} {verb} it)")
            }
            (Action::Delete, _) => match thing {
                Thing::Rule { rule, .. } if *opens => write!(
                    f,
                    "- {thing} (managed by apply; no rule about {} is left: whoever may enter may use all)",
                    plural(rule.kind)
                ),
                Thing::Key { place, .. } => write!(f, "- {place} (managed by apply; it is revoked)"),
                _ => write!(f, "- {thing} (managed by apply)"),
            },
            (Action::Release, _) if matches!(thing, Thing::Tier { .. }) => {
                write!(f, "! {thing} stays and is no longer managed by apply: a tenant has it")
            }
            (Action::Release, _) => write!(
                f,
                "! {thing} stays and is no longer managed by apply: the configuration, a provider or an administrator uses it"
            ),
        }
    }
}

/// How many steps there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub create: usize,
    pub change: usize,
    pub take_over: usize,
    pub delete: usize,
    pub release: usize,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Counts the steps.
    pub fn counts(&self) -> Counts {
        let of = |action| self.steps.iter().filter(|step| step.action == action).count();
        Counts {
            create: of(Action::Create),
            change: of(Action::Change),
            take_over: of(Action::TakeOver),
            delete: of(Action::Delete),
            release: of(Action::Release),
        }
    }

    /// The first step that only one of two plans has.
    pub fn first_difference<'a>(&'a self, other: &'a Self) -> Option<&'a Step> {
        let only_in =
            |one: &'a Self, other: &'a Self| one.steps.iter().find(|step| !other.steps.contains(step));
        if self == other { None } else { only_in(self, other).or_else(|| only_in(other, self)) }
    }
}
