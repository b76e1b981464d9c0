//! The difference of what files declare about rules of tool servers.

use super::held::{Held, HeldRule};
use super::plan::{Action, Step, Thing};
use super::rules::DeclaredRule;
use gatepost_core::ids::{ToolRuleId, ToolServerId};
use gatepost_core::mcp::pattern::Kind;
use std::collections::{BTreeMap, BTreeSet};

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
