//! The difference of what files declare about tiers.

use super::held::{Held, HeldTier};
use super::plan::{Action, Step, Thing};
use gatepost_core::ids::TierId;
use gatepost_core::tier::{TierTerms, built_in};
use std::collections::BTreeMap;

/// A tier that a tenant has stays, unless it comes with Gatepost: that one is then as it comes.
pub(super) fn tiers(declared: &BTreeMap<TierId, TierTerms>, held: &Held, steps: &mut Vec<Step>) {
    for (id, terms) in declared {
        steps.extend(declare(id, terms, held.tiers.get(id)));
    }
    for (id, tier) in held.tiers.iter().filter(|(id, tier)| tier.is_managed && !declared.contains_key(*id)) {
        let is_needed = tier.is_used && built_in(id.as_str()).is_none();
        let action = if is_needed { Action::Release } else { Action::Delete };
        steps.push(Step::new(action, thing(id, &tier.terms), Some(tier.version)));
    }
}

fn thing(id: &TierId, terms: &TierTerms) -> Thing {
    Thing::Tier { id: id.clone(), terms: terms.clone() }
}

fn declare(id: &TierId, terms: &TierTerms, found: Option<&HeldTier>) -> Option<Step> {
    let wanted = thing(id, terms);
    match found {
        // It is as it comes with Gatepost: there is no row that files could manage.
        None if built_in(id.as_str()).map(TierTerms::from).as_ref() == Some(terms) => None,
        None => Some(Step::new(Action::Create, wanted, None)),
        Some(tier) if tier.terms != *terms => {
            let step = Step::new(Action::Change, wanted, Some(tier.version));
            Some(Step { was: Some(thing(id, &tier.terms)), ..step })
        }
        Some(tier) if !tier.is_managed => Some(Step::new(Action::TakeOver, wanted, Some(tier.version))),
        Some(_) => None,
    }
}
