//! Rules of tool servers: what files declare, and the difference.

use super::held::{Held, HeldRule};
use super::plan::{Action, Step, Thing};
use gatepost_core::ids::{ToolRuleId, ToolServerId};
use gatepost_core::mcp::pattern::Kind;
use gatepost_core::mcp::rules::Holder;
use gatepost_core::tool_pattern::ToolPattern;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A rule: whoever it is for may use what it names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeclaredRule {
    pub server: ToolServerId,
    pub kind: Kind,
    /// Never [`Holder::Nobody`] in a file.
    pub holder: Holder,
    pub pattern: ToolPattern,
}

impl fmt::Display for DeclaredRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, kind, holder, pattern } = self;
        write!(f, "tool server {server}: {kind} {pattern} for ")?;
        match holder {
            Holder::Everyone => f.write_str("everyone"),
            Holder::Group(name) => write!(f, "group {name}"),
            Holder::Role(role) => write!(f, "role {role}"),
            Holder::Key(id) => write!(f, "key {id}"),
            Holder::Nobody => f.write_str("a group that was deleted"),
        }
    }
}

fn thing(rule: &DeclaredRule, id: Option<ToolRuleId>) -> Thing {
    Thing::Rule { rule: rule.clone(), id }
}

/// A deleted rule may be the last of its kind: the kind is open then, and the step says so.
pub(super) fn rules(declared: &BTreeSet<DeclaredRule>, held: &Held, steps: &mut Vec<Step>) {
    let found: BTreeMap<&DeclaredRule, &HeldRule> = held.rules.iter().map(|one| (&one.rule, one)).collect();
    for rule in declared {
        match found.get(rule) {
            None => steps.push(Step::new(Action::Create, thing(rule, None), None)),
            Some(one) if !one.is_managed => {
                steps.push(Step::new(Action::TakeOver, thing(rule, Some(one.id)), None));
            }
            Some(_) => {}
        }
    }
    let goes = |one: &&HeldRule| one.is_managed && !declared.contains(&one.rule);
    let stays = held.rules.iter().filter(|one| !goes(one)).map(|one| &one.rule).chain(declared);
    let closed: BTreeSet<(&ToolServerId, Kind)> = stays.map(|rule| (&rule.server, rule.kind)).collect();
    for one in held.rules.iter().filter(goes) {
        let opens = !closed.contains(&(&one.rule.server, one.rule.kind));
        steps.push(Step { opens, ..Step::new(Action::Delete, thing(&one.rule, Some(one.id)), None) });
    }
}
