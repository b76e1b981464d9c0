//! Samples of the pages for administrators: empty, full, and with the longest words.

use super::samples::{MINUTE, NOW, PLANTED, Sample, email, groups, request_id};
use crate::admin::*;
use crate::frame::Frame;
use gatepost_core::administration::{Scope, Version};
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupId, TenantId, UserId};

pub fn longest() -> EmailAddress {
    let label = "a".repeat(63);
    email(&format!("{}@{label}.{label}.example", "b".repeat(64)))
}

/// The frame of a page, for an administrator of the system.
pub fn frame<'a>(reader: &'a str, notice: Option<&'a str>) -> Frame<'a> {
    Frame { reader, scope: &Scope::System, notice, request_id: request_id() }
}

fn people(name: &str, words: &str, count: usize) -> Sample {
    let addresses = [email("alice@example.com"), longest()];
    let states = [PersonState::Active, PersonState::Awaited, PersonState::Disabled(NOW.minus(MINUTE))];
    let people: Vec<_> = (0..count)
        .map(|number| PersonEntry {
            id: UserId::generate(),
            email: addresses.get(number % 3),
            name: Some(words).filter(|_| number % 2 == 0),
            state: states[number % 3],
            last_sign_in_at: (number % 3 != 1).then(|| NOW.minus(MINUTE * 90)),
        })
        .collect();
    let list = People {
        q: words,
        state: Some("disabled").filter(|_| count > 0),
        states: &[("active", "Active"), ("disabled", "Disabled")],
        people: &people,
        next: Some(words).filter(|_| count > 3),
        now: NOW,
        members_of: None,
        frame: frame(words, Some(words).filter(|_| count > 3)),
    };
    Sample { name: name.to_owned(), page: list.page() }
}

fn person(name: &str, words: &str, is_full: bool, is_system: bool) -> Sample {
    let (address, names) = (longest(), groups(&[words, "MCP-GitHub"]));
    let tenants: [TenantId; 1] = ["github".parse().expect("a tenant")];
    let until = Some(NOW.plus(MINUTE));
    let version = Some(Version::from_number(7));
    let held = |by, until, version| MembershipEntry {
        id: GroupId::from_number(7),
        name: &names[0],
        by,
        until,
        version,
    };
    let memberships = [
        held(ClaimedBy::Administrator, until, version),
        held(ClaimedBy::Scim, None, version),
        held(ClaimedBy::Provider(words, Some(words)), None, None),
        held(ClaimedBy::Provider("Contoso", None), None, None),
    ];
    let way = |group, is_direct| TenantEntry { id: &tenants[0], role: "member", group, is_direct, until };
    let ways = [way(Some(&names[0]), false), way(None, false), way(None, true)];
    let reasons = [format!("group {words}")];
    let audit = [AuditEntry { at: NOW, actor: words, action: "user.enable" }];
    let some = |count: usize| if is_full { count } else { 0 };
    let details = PersonDetails {
        id: UserId::generate(),
        email: Some(&address).filter(|_| is_full),
        name: Some(words).filter(|_| is_full),
        state: if is_full { PersonState::Disabled(NOW) } else { PersonState::Awaited },
        created_at: NOW,
        last_sign_in_at: Some(NOW).filter(|_| is_full),
        version: Version::from_number(7),
        identities: &[IdentityEntry { provider: words, email: Some(&address) }][..some(1)],
        groups: is_system.then(|| &memberships[..some(4)]),
        tenants: &ways[..some(3)],
        admin: is_system.then_some(AdminEntry {
            is_admin: is_full,
            explicit: is_full.then_some(true),
            until: until.filter(|_| is_full),
            reasons: &reasons[..some(1)],
        }),
        audit: &audit[..some(1)],
        frame: frame(words, Some(words).filter(|_| is_full)),
    };
    Sample { name: name.to_owned(), page: details.page() }
}

pub fn admin_samples() -> Vec<Sample> {
    let long = "W".repeat(120);
    vec![
        people("admin-people-empty", "nobody", 0),
        people("admin-people-full", "Zo\u{eb} \u{141}ukasz", 50),
        people("admin-people-long", &long, 9),
        people("admin-people-hostile", PLANTED, 9),
        person("admin-person-empty", "nobody", false, true),
        person("admin-person-full", "Zo\u{eb} \u{141}ukasz", true, true),
        person("admin-person-of-a-tenant", "Ann Other", true, false),
        person("admin-person-long", &long, true, true),
        person("admin-person-hostile", PLANTED, true, true),
    ]
}
