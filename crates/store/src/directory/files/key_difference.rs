//! The difference of what files declare about API keys.

use super::held::{Held, HeldKey};
use super::keys::{DeclaredKey, KeyEnd, KeyPlace};
use super::plan::{Action, Step, Thing};
use gatepost_core::api_key::KeyId;
use std::collections::BTreeMap;

impl Held {
    /// The keys of each place. Several may bear one name.
    pub fn keys_by_place(&self) -> BTreeMap<&KeyPlace, Vec<&HeldKey>> {
        let mut places: BTreeMap<&KeyPlace, Vec<&HeldKey>> = BTreeMap::new();
        for key in &self.keys {
            places.entry(&key.place).or_default().push(key);
        }
        places
    }
}

/// A key whose end has come is as if it were not declared.
pub(super) fn keys(declared: &BTreeMap<KeyPlace, DeclaredKey>, held: &Held, steps: &mut Vec<Step>) {
    let counts = |key: &DeclaredKey| !matches!(key.end, KeyEnd::At(at) if at <= held.now);
    let declared: BTreeMap<_, _> = declared.iter().filter(|(_, key)| counts(key)).collect();
    let places = held.keys_by_place();
    for (place, key) in &declared {
        let found = places.get(place).and_then(|keys| keys.first());
        steps.extend(declare(place, key, found.copied()));
    }
    for key in held.keys.iter().filter(|key| key.is_managed && !declared.contains_key(&key.place)) {
        let thing = thing(&key.place, &key.key, Some(key.id));
        steps.push(Step::new(Action::Delete, thing, Some(key.version)));
    }
}

fn thing(place: &KeyPlace, key: &DeclaredKey, id: Option<KeyId>) -> Thing {
    Thing::Key { place: place.clone(), key: key.clone(), id }
}

fn declare(place: &KeyPlace, key: &DeclaredKey, found: Option<&HeldKey>) -> Option<Step> {
    let Some(held) = found else { return Some(Step::new(Action::Create, thing(place, key, None), None)) };
    let wanted = thing(place, key, Some(held.id));
    if held.key != *key {
        let was = Some(thing(place, &held.key, Some(held.id)));
        Some(Step { was, ..Step::new(Action::Change, wanted, Some(held.version)) })
    } else if held.is_managed {
        None
    } else {
        Some(Step::new(Action::TakeOver, wanted, Some(held.version)))
    }
}
