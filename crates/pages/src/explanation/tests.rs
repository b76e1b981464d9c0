//! Tests of the texts and marks, without stores.

use super::*;
use gatepost_core::access::Role;
use gatepost_core::ids::{GroupName, TenantId};
use gatepost_telemetry::Reason;
use std::collections::BTreeMap;

fn requirement() -> RequirementFacts {
    RequirementFacts {
        query: String::new(),
        problem: None,
        groups: Vec::new(),
        tenants: Vec::new(),
        admin: false,
        max_age: None,
        api: false,
        assertion: false,
    }
}

#[test]
fn a_requirement_is_described_in_one_sentence() {
    let names =
        |list: &[&str]| list.iter().map(|name| name.parse().expect("a name")).collect::<Vec<GroupName>>();
    let tenant: TenantId = "github".parse().expect("an id");
    for (facts, said) in [
        (requirement(), "signed in, nothing else"),
        (RequirementFacts { groups: names(&["A"]), ..requirement() }, "in the group A"),
        (
            RequirementFacts {
                groups: names(&["A", "B"]),
                tenants: vec![tenant],
                admin: true,
                ..requirement()
            },
            "in any of the groups A, B; has access to the tenant github; an admin",
        ),
        (
            RequirementFacts { max_age: Some(900), api: true, ..requirement() },
            "signed in at most 15m ago (api: never redirected)",
        ),
    ] {
        let step = Step::Requirement(facts);
        assert_eq!((step.text().as_str(), step.mark()), (said, Mark::Ok));
    }
    let wrong = Step::Requirement(RequirementFacts { problem: Some("x".to_owned()), ..requirement() });
    assert_eq!(wrong.mark(), Mark::No);
}

fn tenant(facts: TenantFacts) -> String {
    let facts = TenantsFacts { required: vec![facts], is_met: false, opened: BTreeMap::new() };
    Step::Tenants(facts).details().concat()
}

#[test]
fn a_tenant_is_described_with_the_groups_that_give_access_or_how_to_map_one() {
    let group = || BTreeMap::from([("A".parse::<GroupName>().expect("a name"), Role::Viewer)]);
    let closed = || TenantFacts {
        id: "t".parse().expect("an id"),
        exists: true,
        role: None,
        through: BTreeMap::new(),
        opened_by: BTreeMap::new(),
    };
    let open = TenantFacts { role: Some(Role::Viewer), through: group(), opened_by: group(), ..closed() };
    assert_eq!(tenant(open), "t: as viewer, through group A (as viewer)");
    let admin = TenantFacts { role: Some(Role::Admin), ..closed() };
    assert_eq!(tenant(admin), "t: as admin, because an admin has access to every tenant");
    let of_others = TenantFacts { opened_by: group(), ..closed() };
    assert_eq!(tenant(of_others), "t: the person is in none of the groups with access: A");
    assert_eq!(tenant(closed()), "t: no group has access to it. To fix this: gatepost tenant map GROUP t");
    let nowhere = TenantFacts { exists: false, ..closed() };
    assert_eq!(tenant(nowhere), "t: there is no such tenant here. To create it: gatepost tenant create t");
}

#[test]
fn the_reason_of_an_admin_is_explicit_a_group_or_a_role_and_a_revocation_names_what_it_overrides() {
    let said = |is_admin, explicit, reasons: &[&str]| {
        let reasons = reasons.iter().map(ToString::to_string).collect();
        let step = Step::Admin(AdminFacts { is_admin, is_required: true, explicit, reasons });
        (step.text(), step.mark())
    };
    assert_eq!(said(true, None, &["group A"]), ("an admin, through group A".to_owned(), Mark::Ok));
    assert!(said(true, Some(true), &[]).0.contains("set explicitly"));
    let (veto, mark) = said(false, Some(false), &["group A", "role e:B"]);
    assert!(veto.ends_with("which overrides group A, role e:B") && mark == Mark::No, "{veto}");
    assert_eq!(said(false, None, &[]).1, Mark::No);
}

#[test]
fn unrequired_facts_are_notes_and_failed_steps_are_marked() {
    let groups = |is_met, required: Vec<GroupFacts>| {
        Step::Groups(GroupsFacts { required, is_met, others: Vec::new() }).mark()
    };
    let group = GroupFacts {
        name: "A".parse().expect("a name"),
        is_member: false,
        sources: Vec::new(),
        exists: true,
        links: Vec::new(),
        namesakes: Vec::new(),
    };
    assert_eq!(groups(true, Vec::new()), Mark::Note);
    assert_eq!(groups(false, vec![group.clone()]), Mark::No);
    assert_eq!(groups(true, vec![group]), Mark::Ok);
    let decision = |reason| {
        let missing = gatepost_core::decision::Missing::default();
        Step::Decision(DecisionFacts::of(reason, missing)).mark()
    };
    assert_eq!(decision(Reason::Met), Mark::Ok);
    assert_eq!(decision(Reason::Asked), Mark::Note);
    assert_eq!(decision(Reason::Expired), Mark::No);
}
