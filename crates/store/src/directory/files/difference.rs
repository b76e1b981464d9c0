//! What has to be done so that the directory holds what files declare.
//!
//! Guarantee: only what is managed is deleted. What the configuration or a provider made is neither deleted nor taken
//! over. A group or a tenant stays if links or mappings belong to it that are not managed.

use super::declared::{Declared, DeclaredGroup, DeclaredTenant};
use super::held::{Held, HeldTenant, UsedBy};
use super::people;
use super::plan::{Action, Plan, Step, Thing};
use super::{key_difference, rule_difference, tiers};
use gatepost_core::access::Role;
use gatepost_core::ids::{GroupName, TenantId};
use std::collections::{BTreeMap, BTreeSet};

/// The plan that makes `held` what is `declared`.
pub fn difference(declared: &Declared, held: &Held) -> Plan {
    let mut steps = Vec::new();
    if let Some(groups) = &declared.groups {
        for (name, group) in groups {
            declare_group(name, group, held, &mut steps);
        }
        leave_groups(groups, held, &mut steps);
        people::members(groups, held, &mut steps);
    }
    if let Some(tenants) = &declared.tenants {
        for (id, tenant) in tenants {
            declare_tenant(id, tenant, held, &mut steps);
        }
        leave_tenants(tenants, declared, held, &mut steps);
    }
    if let Some(admins) = &declared.admins {
        people::admins(admins, held, &mut steps);
    }
    if let Some(declared) = &declared.tiers {
        tiers::tiers(declared, held, &mut steps);
    }
    if let Some(declared) = &declared.rules {
        rule_difference::rules(declared, held, &mut steps);
    }
    if let Some(declared) = &declared.keys {
        key_difference::keys(declared, held, &mut steps);
    }
    // What is there first is needed by what comes later. Links come late, because a link may move members and mappings.
    steps.sort_by_key(|step| match (&step.thing, step.action) {
        (Thing::Tier { .. } | Thing::Group(_), Action::Create | Action::Change | Action::TakeOver) => 0,
        (Thing::Tenant { .. }, Action::Create | Action::Change | Action::TakeOver) => 1,
        (Thing::Mapping { .. }, Action::Delete) => 2,
        (Thing::Mapping { .. }, _) => 3,
        (Thing::Member { .. }, Action::Delete) => 4,
        (Thing::Member { .. }, _) => 5,
        (Thing::Admin { .. }, _) => 6,
        // Keys that go make room for others of their tenant.
        (Thing::Key { .. }, Action::Delete) => 7,
        (Thing::Key { .. }, _) => 8,
        // A rule that is no longer there may open what another closes: that one comes first.
        (Thing::Rule { .. }, Action::Delete) => 10,
        (Thing::Rule { .. }, _) => 9,
        (Thing::Link { .. }, Action::Delete) => 11,
        (Thing::Link { .. }, _) => 12,
        (Thing::Tenant { .. }, _) => 13,
        (Thing::Group(_), _) => 14,
        (Thing::Tier { .. }, _) => 15,
    });
    Plan { steps }
}

fn declare_group(name: &GroupName, declared: &DeclaredGroup, held: &Held, steps: &mut Vec<Step>) {
    let found = held.groups.get(name);
    let thing = Thing::Group(name.clone());
    match found {
        None => steps.push(Step::new(Action::Create, thing, None)),
        // The provider's group leaves the name, as it does for the command line.
        Some(group) if group.used_by == UsedBy::Unlinked && !group.is_managed => {
            steps.push(Step::new(Action::Create, thing, Some(group.version)));
        }
        Some(group) => {
            let is_of_others = match group.used_by {
                UsedBy::Nobody => false,
                UsedBy::Configuration => true,
                // A link makes it the administrators'.
                UsedBy::Provider | UsedBy::Unlinked => declared.links.is_empty(),
            };
            if !group.is_managed && !is_of_others {
                steps.push(Step::new(Action::TakeOver, thing, Some(group.version)));
            }
        }
    }
    for external in &declared.links {
        let thing = Thing::Link { group: name.clone(), external: external.clone() };
        match held.links.get(external) {
            None => steps.push(Step::new(Action::Create, thing, None)),
            Some(link) if link.group != *name => {
                let was = Thing::Link { group: link.group.clone(), external: external.clone() };
                steps.push(Step { was: Some(was), ..Step::new(Action::Change, thing, None) });
            }
            Some(link) if !link.is_managed => steps.push(Step::new(Action::TakeOver, thing, None)),
            Some(_) => {}
        }
    }
}

/// Removes managed links and groups that no file declares.
fn leave_groups(groups: &BTreeMap<GroupName, DeclaredGroup>, held: &Held, steps: &mut Vec<Step>) {
    let declared: BTreeSet<_> = groups.values().flat_map(|group| &group.links).collect();
    for (external, link) in held.links.iter().filter(|(_, link)| link.is_managed) {
        if !declared.contains(external) {
            let thing = Thing::Link { group: link.group.clone(), external: external.clone() };
            steps.push(Step::new(Action::Delete, thing, None));
        }
    }
    let of_others = held.groups_of_others();
    for (name, group) in
        held.groups.iter().filter(|(name, one)| one.is_managed && !groups.contains_key(*name))
    {
        let action = if of_others.contains(name) { Action::Release } else { Action::Delete };
        let step = Step::new(action, Thing::Group(name.clone()), Some(group.version));
        steps.push(Step { people: group.people, ..step });
    }
}

fn declare_tenant(id: &TenantId, declared: &DeclaredTenant, held: &Held, steps: &mut Vec<Step>) {
    let found = held.tenants.get(id);
    let thing = |name: &Option<String>| Thing::Tenant { id: id.clone(), name: name.clone() };
    match found {
        None => steps.push(Step::new(Action::Create, thing(&declared.name), None)),
        Some(tenant) if tenant.name != declared.name => {
            let step = Step::new(Action::Change, thing(&declared.name), Some(tenant.version));
            steps.push(Step { was: Some(thing(&tenant.name)), ..step });
        }
        Some(tenant) if !tenant.is_managed => {
            steps.push(Step::new(Action::TakeOver, thing(&declared.name), Some(tenant.version)));
        }
        Some(_) => {}
    }
    for (group, role) in &declared.groups {
        let mapping = |role: Role| Thing::Mapping { tenant: id.clone(), group: group.clone(), role };
        match found.and_then(|tenant| tenant.groups.get(group)) {
            None => steps.push(Step::new(Action::Create, mapping(*role), None)),
            Some(one) if one.role != *role => {
                let step = Step::new(Action::Change, mapping(*role), Some(one.version));
                steps.push(Step { was: Some(mapping(one.role)), ..step });
            }
            Some(one) if !one.is_managed => {
                steps.push(Step::new(Action::TakeOver, mapping(*role), Some(one.version)));
            }
            Some(_) => {}
        }
    }
}

/// Removes managed tenants and mappings that no file declares.
fn leave_tenants(
    tenants: &BTreeMap<TenantId, DeclaredTenant>,
    declared: &Declared,
    held: &Held,
    steps: &mut Vec<Step>,
) {
    let of_others = held.groups_of_others();
    let goes = |group: &GroupName| {
        let is_undeclared = declared.groups.as_ref().is_some_and(|groups| !groups.contains_key(group));
        let is_managed = held.groups.get(group).is_some_and(|found| found.is_managed);
        is_undeclared && is_managed && !of_others.contains(group)
    };
    for (id, tenant) in &held.tenants {
        let declared = tenants.get(id);
        if declared.is_none() && tenant.is_managed {
            steps.push(leave_tenant(id, tenant));
            if !tenant.is_opened_by_others() {
                continue;
            }
        }
        for (group, mapping) in tenant.groups.iter().filter(|(group, one)| one.is_managed && !goes(group)) {
            if !declared.is_some_and(|declared| declared.groups.contains_key(group)) {
                let thing = Thing::Mapping { tenant: id.clone(), group: group.clone(), role: mapping.role };
                steps.push(Step::new(Action::Delete, thing, Some(mapping.version)));
            }
        }
    }
}

fn leave_tenant(id: &TenantId, tenant: &HeldTenant) -> Step {
    let thing = Thing::Tenant { id: id.clone(), name: tenant.name.clone() };
    let action = if tenant.is_opened_by_others() { Action::Release } else { Action::Delete };
    Step { people: tenant.people, ..Step::new(action, thing, Some(tenant.version)) }
}
