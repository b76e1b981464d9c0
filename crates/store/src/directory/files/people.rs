//! The difference of what files declare about people: manual members and system administrators.

use super::declared::{DeclaredAdmin, DeclaredGroup, DeclaredMember};
use super::held::{Held, HeldAdmin, HeldMember, Holder};
use super::plan::{Action, Step, Thing};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupName, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// Members of the groups that declare them. Managed members of a group that is no longer declared, but stays, go too.
pub(super) fn members(groups: &BTreeMap<GroupName, DeclaredGroup>, held: &Held, steps: &mut Vec<Step>) {
    for (name, group) in groups {
        let Some(declared) = &group.members else { continue };
        let found = held.groups.get(name).map_or(&[][..], |group| &group.members);
        let index = index(found.iter().map(|holder| (holder, holder)));
        let mut kept = BTreeSet::new();
        for one in declared.iter().filter(|one| counts(one.until, held)) {
            let holder = index.get(&one.user.to_string()).copied();
            kept.extend(holder.map(|holder| holder.user_id));
            steps.extend(declare_member(name, one, holder));
        }
        leave_members(name, found, &kept, steps);
    }
    let of_others = held.groups_of_others();
    for (name, group) in held.groups.iter().filter(|(name, _)| !groups.contains_key(*name)) {
        if of_others.contains(name) {
            leave_members(name, &group.members, &BTreeSet::new(), steps);
        }
    }
}

/// What has ended is as if it were not declared.
fn counts(until: Option<Timestamp>, held: &Held) -> bool {
    until.is_none_or(|until| until > held.now)
}

/// What people hold, by each text with which a file may name them.
fn index<'a, T: Copy>(holders: impl Iterator<Item = (&'a Holder, T)>) -> BTreeMap<String, T> {
    holders.flat_map(|(holder, one)| holder.names().into_iter().map(move |name| (name, one))).collect()
}

fn declare_member(name: &GroupName, one: &DeclaredMember, holder: Option<&HeldMember>) -> Option<Step> {
    let thing = |until| Thing::Member { group: name.clone(), user: one.user.clone(), until };
    match holder {
        None => Some(Step::new(Action::Create, thing(one.until), None)),
        Some(holder) if holder.until != one.until => {
            let step = Step::new(Action::Change, thing(one.until), Some(holder.version));
            Some(Step { was: Some(thing(holder.until)), ..step })
        }
        Some(holder) if !holder.is_managed => {
            Some(Step::new(Action::TakeOver, thing(one.until), Some(holder.version)))
        }
        Some(_) => None,
    }
}

fn leave_members(name: &GroupName, found: &[HeldMember], kept: &BTreeSet<UserId>, steps: &mut Vec<Step>) {
    for holder in found.iter().filter(|holder| holder.is_managed && !kept.contains(&holder.user_id)) {
        let thing = Thing::Member { group: name.clone(), user: holder.key(), until: holder.until };
        steps.push(Step::new(Action::Delete, thing, Some(holder.version)));
    }
}

/// Explicit decisions about administrators.
pub(super) fn admins(declared: &[DeclaredAdmin], held: &Held, steps: &mut Vec<Step>) {
    let index = index(held.admins.iter().map(|admin| (&admin.holder, admin)));
    let mut kept = BTreeSet::new();
    for one in declared.iter().filter(|one| counts(one.until, held)) {
        let found = index.get(&one.user.to_string()).copied();
        kept.extend(found.map(|admin| admin.holder.user_id));
        steps.extend(declare_admin(one, found));
    }
    for HeldAdmin { holder, is_admin } in &held.admins {
        if holder.is_managed && !kept.contains(&holder.user_id) {
            let thing = Thing::Admin { user: holder.key(), is_admin: *is_admin, until: holder.until };
            steps.push(Step::new(Action::Delete, thing, Some(holder.version)));
        }
    }
}

fn declare_admin(one: &DeclaredAdmin, found: Option<&HeldAdmin>) -> Option<Step> {
    let thing = |is_admin, until| Thing::Admin { user: one.user.clone(), is_admin, until };
    let wanted = thing(one.is_admin, one.until);
    let Some(HeldAdmin { holder, is_admin }) = found else {
        return Some(Step::new(Action::Create, wanted, None));
    };
    let was = thing(*is_admin, holder.until);
    if was != wanted {
        Some(Step { was: Some(was), ..Step::new(Action::Change, wanted, Some(holder.version)) })
    } else if holder.is_managed {
        None
    } else {
        Some(Step::new(Action::TakeOver, wanted, Some(holder.version)))
    }
}
