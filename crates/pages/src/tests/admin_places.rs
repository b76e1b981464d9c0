//! Samples of the pages of groups, tenants, the audit and the system: empty, full, in error, and with the longest words.

use super::admin::{frame, longest};
use super::samples::{MINUTE, NOW, PLANTED, Sample, email, groups, request_id};
use crate::admin::*;
use crate::frame::Frame;
use crate::{Activity, DayNumbers};
use gatepost_core::access::Role;
use gatepost_core::administration::{Scope, Version};
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupId, TenantId, UserId};
use gatepost_core::tenant::TenantState;
use std::time::Duration;

const VERSION: Version = Version::from_number(7);
const GROUP: GroupId = GroupId::from_number(7);

fn tenant(id: &str) -> TenantId {
    id.parse().expect("a tenant")
}

fn text<'a>(words: &'a str, error: Option<&'a str>) -> EnteredText<'a> {
    EnteredText { value: words, error }
}

/// An ordinary address where the page is to be looked at, else the longest.
fn address_of(case: &str) -> EmailAddress {
    if case.starts_with("full") { email("alexandra.lindqvist@example.com") } else { longest() }
}

/// The numbers of items that a page has, and what is wrong with its forms.
#[derive(Clone, Copy)]
struct Case<'a> {
    name: &'a str,
    words: &'a str,
    count: usize,
    error: Option<&'a str>,
}

fn group_list(case: Case<'_>) -> Sample {
    let Case { name, words, count, error } = case;
    let (names, github) = (groups(&[words, "MCP-GitHub"]), tenant("github"));
    let entry = |number: usize| GroupEntry {
        id: GROUP,
        name: &names[number % 2],
        providers: vec![words].into_iter().take(number % 2).collect(),
        unlinked: (number.is_multiple_of(3)).then_some(Some(words).filter(|_| number.is_multiple_of(2))),
        members: "1000+".to_owned(),
        tenants: vec![(&github, Role::Member); number % 3],
    };
    let page = Groups {
        frame: frame(words, Some(words).filter(|_| count > 3)),
        q: if count > 3 { words } else { "" },
        state: if count == 1 {
            "empty"
        } else if error.is_some() {
            Groups::ALL
        } else {
            "named"
        },
        states: &[("named", Groups::NAMED), ("empty", "Empty")],
        groups: &(0..count).map(entry).collect::<Vec<_>>(),
        next: Some(words).filter(|_| count > 3),
        new: text(words, error),
    };
    Sample { name: format!("admin-groups-{name}"), page: page.page() }
}

fn group(case: Case<'_>) -> Sample {
    let Case { name, words, count, error } = case;
    let (names, github, address) = (groups(&[words]), tenant("github"), address_of(name));
    let member = |number: usize| MemberEntry {
        id: UserId::generate(),
        email: Some(&address).filter(|_| number.is_multiple_of(2)),
        name: Some(words),
        by: vec![ClaimedBy::Administrator, ClaimedBy::Provider(words, Some(words))],
        until: Some(NOW.plus(MINUTE)).filter(|_| number.is_multiple_of(2)),
        given_until: number.is_multiple_of(3).then_some(NOW),
        version: Some(VERSION).filter(|_| number.is_multiple_of(2)),
    };
    let link = |standing| LinkEntry {
        external: format!("entra:{words}"),
        provider: words,
        external_id: words,
        is_role: true,
        name: Some(words),
        people: "12".to_owned(),
        standing,
    };
    let links = match count {
        0 => Vec::new(),
        1 => vec![link(LinkStanding::Unlinked)],
        _ => [LinkStanding::Linked, LinkStanding::Configured, LinkStanding::Trusted].map(link).into(),
    };
    let end = EnteredEnd { choice: EndChoice::Other, at: words.to_owned() };
    let no_end = EnteredEnd::default();
    let is_wrong = error.is_some();
    let mapped = MappedTenant { id: &github, name: Some(words), role: Role::Viewer, version: VERSION };
    let page = GroupDetails {
        frame: frame(words, None),
        id: GROUP,
        name: &names[0],
        version: VERSION,
        count: "12",
        q: if count == 3 { words } else { "" },
        members: &(0..count).map(member).collect::<Vec<_>>(),
        next: Some(words).filter(|_| count > 3),
        links: &links,
        tenants: &[mapped][..count.min(1)],
        known_tenants: &[words],
        entered: GroupEntered {
            user: text(words, error),
            end: if is_wrong { &end } else { &no_end },
            end_error: error,
            name: text(words, error),
            tenant: text(words, error),
            role: Role::Admin,
            link: text(words, error),
        },
        now: NOW,
    };
    Sample { name: format!("admin-group-{name}"), page: page.page() }
}

fn linking(case: Case<'_>) -> Sample {
    let Case { name, words, count, error } = case;
    let names = groups(&[words]);
    let seen = |number: usize| SeenGroup {
        external: format!("entra:{words}"),
        provider: words,
        external_id: words,
        is_role: number.is_multiple_of(2),
        name: Some(words).filter(|_| number.is_multiple_of(2)),
        people: "3".to_owned(),
    };
    let page = GroupLinking {
        frame: frame(words, None),
        id: GROUP,
        name: &names[0],
        version: VERSION,
        q: words,
        seen: &(0..count).map(seen).collect::<Vec<_>>(),
        link: text(words, error),
        example: words,
    };
    Sample { name: format!("admin-group-link-{name}"), page: page.page() }
}

fn removals(case: Case<'_>) -> [Sample; 6] {
    let Case { name, words, count, error } = case;
    let (names, github) = (groups(&[words]), tenant("github"));
    let frame = frame(words, None);
    let group = GroupDeletion {
        frame,
        id: GROUP,
        name: &names[0],
        version: VERSION,
        count: "12",
        links: count,
        tenants: &[&github][..count.min(1)],
        typed: text(words, error),
    };
    let link = LinkRemoval {
        frame,
        id: GROUP,
        name: &names[0],
        version: VERSION,
        external: words,
        shown: words,
        people: "12",
    };
    let tenant = TenantDeletion {
        frame,
        id: &github,
        name: Some(words),
        version: VERSION,
        count: "12",
        groups: count,
        typed: text(words, error),
    };
    let suspension = TenantSuspension {
        frame,
        id: &github,
        name: Some(words),
        version: VERSION,
        count: "12",
        keys: if count == 1 { "1" } else { "12" },
        reason: text(words, error),
    };
    let deleted = DeletedTenant {
        frame,
        id: &github,
        name: Some(words).filter(|_| count > 0),
        version: VERSION,
        count: "12",
        is_suspended: count > 1,
        deleted_at: NOW,
        erased_at: NOW.plus(MINUTE),
    };
    let person = PersonErasure {
        frame,
        id: UserId::generate(),
        name: words,
        version: VERSION,
        sessions: Some(count).filter(|_| count > 0),
        keys: "12",
        typed: text(words, error),
    };
    let sample = |what: &str, page| Sample { name: format!("admin-{what}-{name}"), page };
    [
        sample("group-delete", group.page()),
        sample("group-unlink", link.page()),
        sample("tenant-delete", tenant.page()),
        sample("tenant-suspend", suspension.page()),
        sample("tenant-deleted", deleted.page()),
        sample("person-erase", person.page()),
    ]
}

fn tenant_list(case: Case<'_>, scope: &Scope) -> Sample {
    let Case { name, words, count, error } = case;
    let github = tenant("github");
    let is_system = *scope == Scope::System;
    let entry = |number: usize| TenantSummary {
        id: &github,
        name: Some(words).filter(|_| number.is_multiple_of(2)),
        state: TenantState::ALL[number % 3],
        people: "12".to_owned(),
        groups: is_system.then_some(number),
    };
    let page = Tenants {
        frame: Frame { reader: words, scope, notice: None, request_id: request_id() },
        q: if count > 3 { words } else { "" },
        state: Some(TenantState::Suspended).filter(|_| count == 1),
        tenants: &(0..count).map(entry).collect::<Vec<_>>(),
        next: Some(words).filter(|_| count > 3),
        new_id: text(words, error),
        new_name: text(words, error),
        new_admin: text(words, error),
    };
    Sample { name: format!("admin-tenants-{name}"), page: page.page() }
}

fn one_tenant(case: Case<'_>, scope: &Scope) -> Sample {
    let Case { name, words, count, error } = case;
    let (github, names, address) = (tenant("github"), groups(&[words]), address_of(name));
    let is_system = *scope == Scope::System;
    let way = |role, group, is_direct| TenantEntry {
        id: &github,
        role,
        group,
        is_direct,
        until: Some(NOW.plus(MINUTE)).filter(|_| is_direct),
    };
    let person = |number: usize| TenantPersonEntry {
        id: UserId::generate(),
        email: Some(&address).filter(|_| number.is_multiple_of(2)),
        name: Some(words),
        is_disabled: number == 1,
        ways: vec![way("viewer", None, true), way("member", Some(&names[0]).filter(|_| is_system), false)],
        version: Some(VERSION).filter(|_| number.is_multiple_of(2)),
    };
    let mapped = MappedGroup {
        id: GROUP,
        name: &names[0],
        role: Role::Admin,
        version: VERSION,
        members: "12".to_owned(),
    };
    let mapped = [mapped];
    let end = EnteredEnd::default();
    let meters = [
        MonthMeter { name: "api_requests", used: 1_234, included: Some(1_000) },
        MonthMeter { name: words, used: u64::MAX, included: None },
    ];
    let days: Vec<_> =
        (0..24_u32).map(|day| (NOW.minus(MINUTE * (1_440 * (23 - day))), u64::from(day) * 7)).collect();
    let page = TenantDetails {
        frame: Frame { reader: words, scope, notice: None, request_id: request_id() },
        id: &github,
        name: Some(words),
        version: VERSION,
        created_at: NOW,
        suspended: Some(Suspended { at: NOW, reason: words }).filter(|_| count == 1),
        count: "12",
        q: if count == 3 { words } else { "" },
        people: &(0..count).map(person).collect::<Vec<_>>(),
        next: Some(words).filter(|_| count > 3),
        groups: is_system.then_some(&mapped[..count.min(1)]),
        usage: MonthOfTenant { month: "2026-11", meters: &meters[..count.min(2)], requests: &days },
        entered: TenantEntered {
            user: text(words, error),
            role: Role::Member,
            end: &end,
            end_error: error,
            group: text(words, error),
            group_role: Role::Viewer,
            name: text(words, error),
        },
        is_new: count == 0,
        now: NOW,
    };
    Sample { name: format!("admin-tenant-{name}"), page: page.page() }
}

fn audit(case: Case<'_>, is_of_tenant: bool) -> Sample {
    let Case { name, words, count, .. } = case;
    let github = tenant("github");
    let states =
        serde_json::json!({ words: words, "until": NOW.unix(), "tenants": [words, 3], "is_admin": true });
    let states = states.to_string();
    let other = serde_json::json!({ words: null, "role": "member", "until": NOW.unix() }).to_string();
    let id = UserId::generate();
    let (user, group) = (format!("user:{id}"), format!("group:{words}"));
    let targets = [user.as_str(), &group, "tenant:github", words];
    let row = |number: usize| AuditRow {
        at: NOW.minus(MINUTE * 90),
        actor: id.to_string(),
        actor_shown: words,
        actor_id: Some(id),
        action: "membership.create",
        target: targets[number % 4],
        target_email: Some(words),
        before: Some(&*other).filter(|_| number.is_multiple_of(2)),
        after: Some(&*states).filter(|_| number.is_multiple_of(3)),
        address: Some(words),
        request_id: Some(words),
        via: "portal",
        key: None,
        tenant: Some("github").filter(|_| number.is_multiple_of(2)),
    };
    let id = id.to_string();
    let chosen = Some(words).filter(|_| count > 3);
    let page = Audit {
        frame: frame(words, None),
        of_tenant: is_of_tenant.then_some((&github, words)),
        filter: AuditFilterWords {
            user: Some(&*id).filter(|_| count > 3),
            actor: chosen,
            action: chosen,
            tenant: chosen,
            via: Some("portal").filter(|_| count > 3),
            request: chosen,
            days: Some("7").filter(|_| count > 3),
        },
        q: if count > 3 { words } else { "" },
        is_unknown: count == 0,
        entries: &(0..count).map(row).collect::<Vec<_>>(),
        next: chosen,
        now: NOW,
    };
    Sample { name: format!("admin-audit-{name}"), page: page.page() }
}

fn system(name: &str, words: &str, is_well: bool) -> Sample {
    let day = |number: u32| DayNumbers {
        day: NOW.minus(Duration::from_hours(24) * number),
        sign_ins: u64::from(number * 37 % 29) * 11,
        refusals: u64::from(number % 5) * u64::from(number < 7),
    };
    let days: Vec<_> = (0..30).map(day).collect();
    let replica = |is_leader| ReplicaEntry {
        id: words,
        version: "1.2.3",
        started_at: NOW.minus(Duration::from_hours(3)),
        seen_at: NOW,
        is_leader,
    };
    let provider = |is_known| ProviderEntry { id: "entra", label: words, is_known };
    let page = SystemState {
        frame: frame(words, None),
        version: "1.2.3",
        obstacle: Some(words).filter(|_| !is_well),
        directory: if is_well { StoreState::Answers } else { StoreState::ReadOnly },
        sessions: if is_well { StoreState::Answers } else { StoreState::Silent },
        facts: &[("Version", words.to_owned()), ("Sessions at", words.to_owned())],
        rows: &[("users".to_owned(), 7), ("audit_entries".to_owned(), 1_000)],
        replicas: &[replica(true), replica(false)],
        providers: &[provider(true), provider(is_well)],
        activity: (is_well || words == PLANTED).then_some(Activity { days: &days, now: NOW }),
    };
    Sample { name: format!("admin-system-{name}"), page: page.page() }
}

#[test]
fn the_main_tables_are_named_in_words_and_all_are_folded() {
    let page = system("x", "words", true).page.body;
    let (named, folded) = page.split_once("All tables of the database").expect("the folded table");
    assert!(named.contains("<th scope=\"row\">People</th><td data-label=\"Number\">7</td>"), "{named}");
    assert!(named.contains("1,000 or more") && !named.contains("audit_entries"), "{named}");
    assert!(folded.contains("<code>audit_entries</code>"), "{folded}");
}

#[test]
fn the_tenants_of_a_group_are_a_list() {
    let case = Case { name: "x", words: "MCP-Search", count: 3, error: None };
    let page = group_list(case).page.body;
    assert!(page.contains("<ul class=\"ways\"><li><a href=") && !page.contains("</small>, "), "{page}");
}

pub fn place_samples() -> Vec<Sample> {
    let long = "W".repeat(120);
    let tenants = Scope::Tenants([tenant("github")].into());
    let wrong = Some("This is wrong. Enter something else.");
    let cases = [
        Case { name: "empty", words: "nobody", count: 0, error: None },
        Case { name: "one", words: "Zo\u{eb} \u{141}ukasz", count: 1, error: None },
        Case { name: "full", words: "MCP-Search", count: 50, error: None },
        Case { name: "wrong", words: "nonsense", count: 3, error: wrong },
        Case { name: "long", words: &long, count: 5, error: Some(&long) },
        Case { name: "hostile", words: PLANTED, count: 5, error: Some(PLANTED) },
    ];
    let mut samples = Vec::new();
    for case in cases {
        samples.extend([group_list(case), group(case), linking(case)]);
        samples.extend(removals(case));
        samples.extend([tenant_list(case, &Scope::System), one_tenant(case, &Scope::System)]);
        samples.extend([audit(case, false)]);
        if case.error.is_none() {
            let name = format!("{}-of-a-tenant", case.name);
            let own = Case { name: &name, ..case };
            samples.extend([tenant_list(own, &tenants), one_tenant(own, &tenants), audit(own, true)]);
        }
    }
    samples.extend([
        system("well", "Contoso", true),
        system("ill", "Contoso", false),
        system("long", &long, false),
        system("hostile", PLANTED, false),
    ]);
    samples
}
