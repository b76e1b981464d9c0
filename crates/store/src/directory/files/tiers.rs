//! The difference of what files declare about tiers.

use super::held::{Held, HeldTier};
use super::plan::{Action, Step, Thing};
use gatepost_core::ids::TierId;
use gatepost_core::tier::{Allowances, built_in};
use std::collections::BTreeMap;

/// A tier that a tenant has stays, unless it comes with Gatepost: that one is then as it comes.
pub(super) fn tiers(declared: &BTreeMap<TierId, Allowances>, held: &Held, steps: &mut Vec<Step>) {
    for (id, allowances) in declared {
        steps.extend(declare(id, allowances, held.tiers.get(id)));
    }
    for (id, tier) in held.tiers.iter().filter(|(id, tier)| tier.is_managed && !declared.contains_key(*id)) {
        let is_needed = tier.is_used && built_in(id.as_str()).is_none();
        let action = if is_needed { Action::Release } else { Action::Delete };
        steps.push(Step::new(action, thing(id, &tier.allowances), Some(tier.version)));
    }
}

fn thing(id: &TierId, allowances: &Allowances) -> Thing {
    Thing::Tier { id: id.clone(), allowances: allowances.clone() }
}

fn declare(id: &TierId, allowances: &Allowances, found: Option<&HeldTier>) -> Option<Step> {
    let wanted = thing(id, allowances);
    match found {
        // It is as it comes with Gatepost: there is no row that files could manage.
        None if built_in(id.as_str()).as_ref() == Some(allowances) => None,
        None => Some(Step::new(Action::Create, wanted, None)),
        Some(tier) if tier.allowances != *allowances => {
            let step = Step::new(Action::Change, wanted, Some(tier.version));
            Some(Step { was: Some(thing(id, &tier.allowances)), ..step })
        }
        Some(tier) if !tier.is_managed => Some(Step::new(Action::TakeOver, wanted, Some(tier.version))),
        Some(_) => None,
    }
}
