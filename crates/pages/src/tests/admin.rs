//! Samples of the pages for administrators: empty, full, and with the longest words.

use super::samples::{FIREFOX, MINUTE, NOW, PLANTED, Sample, email, groups, request_id};
use crate::admin::*;
use crate::chart::{Activity, DayNumbers};
use crate::frame::{Frame, Section};
use gatepost_core::administration::{Scope, Version};
use gatepost_core::api_key::KeyId;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupId, TenantId, ToolServerId, UserId};
use gatepost_core::secret::Hash;

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
    let error = Some(words.to_owned()).filter(|_| count > 0);
    let creating = CreatingForm { email: words.to_owned(), error };
    let list = People {
        q: words,
        state: Some("disabled").filter(|_| count > 0),
        states: &[("active", "Active"), ("disabled", "Disabled")],
        people: &people,
        next: Some(words).filter(|_| count > 3),
        now: NOW,
        members_of: None,
        creating: Some(&creating).filter(|_| count != 50),
        frame: frame(words, Some(words).filter(|_| count > 3)),
    };
    Sample { name: name.to_owned(), page: list.page() }
}

fn person(name: &str, words: &str, is_full: bool, is_system: bool) -> Sample {
    let (address, names) = (longest(), groups(&[words, "MCP-GitHub"]));
    let tenants: [TenantId; 1] = ["github".parse().expect("a tenant")];
    let (until, version) = (Some(NOW.plus(MINUTE)), Some(Version::from_number(7)));
    let held = |by, until, version: Option<Version>| MembershipEntry {
        id: GroupId::from_number(7),
        name: &names[0],
        by,
        is_unlinked: version.is_none(),
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
    let audit = [AuditEntry { at: NOW, actor: words, action: "user.enable" }];
    let session = AdminSession {
        handle: Hash::of(&[b"x"]),
        user_agent: Some(FIREFOX),
        address: "192.0.2.1".parse().ok(),
        began_at: NOW,
        last_used_at: NOW,
    };
    let refusal = RefusalEntry {
        request_id: request_id(),
        at: NOW,
        user: UserId::generate(),
        email: Some(&address),
        host: "wiki.example.com",
        path: words,
        reason: words,
        reason_key: words,
        key: Some(KeyId::generate()),
        via: Some(words),
    };
    let some = |count: usize| if is_full { count } else { 0 };
    let reasons = [format!("group {words}")];
    let (joining, deciding) = forms(words, is_full);
    let system = SystemDetails {
        groups: &memberships[..some(4)],
        admin: AdminEntry {
            is_admin: is_full,
            explicit: is_full.then_some(true),
            until: until.filter(|_| is_full),
            reasons: &reasons[..some(1)],
            version,
        },
        more_groups: some(250),
        refusals: &[refusal; 2][..some(2)],
        refused_sign_ins: &["disabled", "address_held", "kept_address_refused", words]
            .map(|reason| RefusedSignIn { at: NOW, provider: words, reason })[..some(4)],
        group_names: &[words, "MCP-GitHub"],
        joining: &joining,
        deciding: &deciding,
    };
    let details = PersonDetails {
        frame: frame(words, Some(words).filter(|_| is_full)),
        person: PersonSummary {
            id: UserId::generate(),
            email: Some(&address).filter(|_| is_full),
            name: Some(words).filter(|_| is_full),
            state: if is_full { PersonState::Disabled(NOW) } else { PersonState::Awaited },
            created_at: NOW,
            last_sign_in_at: Some(NOW).filter(|_| is_full),
            version: Version::from_number(7),
        },
        identities: &[IdentityEntry { provider: words, email: Some(&address) }][..some(1)],
        tenants: &ways[..some(3)],
        open: &[words, ""].map(|query| OpenEntry {
            origin: "https://wiki.example.com",
            query,
            ways: vec![WayEntry { text: words.to_owned(), until }],
        })[..some(2)],
        more_open: some(7),
        obstacle: (!is_full && is_system).then_some("Nothing: the person is disabled."),
        keys: if is_full { "2" } else { "0" },
        sessions: Some(&[session; 3][..some(3)]),
        more_sessions: some(3),
        audit: &audit[..some(1)],
        system: is_system.then_some(system),
        now: NOW,
    };
    Sample { name: name.to_owned(), page: details.page() }
}

/// The forms of a person's page: wrong, if the page is full.
fn forms(words: &str, is_full: bool) -> (JoiningForm, DecidingForm) {
    let end = EnteredEnd { choice: EndChoice::Other, at: words.to_owned() };
    if !is_full {
        return (
            JoiningForm::default(),
            DecidingForm { decision: "groups".to_owned(), ..DecidingForm::default() },
        );
    }
    let group_error = Some(words.to_owned());
    let joining = JoiningForm {
        group: words.to_owned(),
        group_error,
        end: end.clone(),
        end_error: Some("Enter a date."),
        version: "v7".to_owned(),
    };
    (joining, DecidingForm { decision: "yes".to_owned(), end, end_error: Some("Enter a date.") })
}

fn changing(name: &str, words: &str) -> [Sample; 3] {
    let (frame, section) = (frame(words, None), Section::People);
    let again = Again { action: "/admin/users/x/disable", fields: &[("version", words)], text: "Disable" };
    let last_change = Some(AuditEntry { at: NOW, actor: words, action: "user.enable" });
    let overtaken = Overtaken {
        frame,
        section,
        subject: words,
        shown: words,
        now: words,
        last_change,
        again,
        back: "/admin/users",
    };
    let above = [(words, "/admin/users/x".to_owned())];
    let effects = [format!("{words} can no longer sign in."), "This ends 3 sessions at once.".to_owned()];
    let question = Question {
        frame,
        section,
        above: &above,
        heading: "Disable this person?",
        effects: &effects,
        form: again,
        api: ("POST", "/users/x/disable"),
        version: Version::from_number(7),
        back: "/admin/users",
    };
    let refused = RefusedChange {
        frame,
        section,
        status: 409,
        text: words,
        remedy: "Make somebody else an administrator first.",
        back: "/admin/users",
    };
    [("overtaken", overtaken.page()), ("question", question.page()), ("refused", refused.page())]
        .map(|(kind, page)| Sample { name: format!("admin-{kind}-{name}"), page })
}

fn home(name: &str, words: &str, is_full: bool) -> Sample {
    let (address, names) = (longest(), groups(&[words, "MCP-GitHub"]));
    let tenant: TenantId = "github".parse().expect("a tenant");
    let entry = PersonEntry {
        id: UserId::generate(),
        email: Some(&address),
        name: Some(words),
        state: PersonState::Active,
        last_sign_in_at: Some(NOW),
    };
    let things = [
        EndingThing::Group(GroupId::from_number(7), &names[0]),
        EndingThing::Tenant(&tenant),
        EndingThing::Decision(true),
    ];
    let ends = |at: usize, count| Attention::Ends {
        count,
        has_more: at == 2,
        next: EndingEntry {
            user: entry.id,
            email: Some(&address),
            thing: things[at],
            until: NOW.plus(MINUTE),
        },
    };
    let attention = [
        Attention::Requests { waiting: 1, has_more: false },
        Attention::Requests { waiting: 10, has_more: true },
        Attention::Proposals { waiting: 1, has_more: false },
        Attention::Proposals { waiting: 10, has_more: true },
        Attention::Unlinked {
            group: GroupId::from_number(7),
            name: words,
            provider: words,
            people: 1000,
            has_more: true,
        },
        ends(0, 1),
        ends(1, 7),
        ends(2, 99),
        Attention::Replicas(ReplicaTrouble::NoLeader { replicas: 1 }),
        Attention::Replicas(ReplicaTrouble::NoLeader { replicas: 3 }),
        Attention::Replicas(ReplicaTrouble::Versions { versions: 2 }),
        Attention::Quotas { count: 1, tenant: &tenant, used: 8_000_000, limit: 10_000_000 },
        Attention::Quotas { count: 12, tenant: &tenant, used: 1, limit: 1 },
        Attention::Credential { provider: words, what: Credential::Secret, until: NOW, has_ended: true },
        Attention::Credential {
            provider: words,
            what: Credential::Certificate,
            until: NOW,
            has_ended: false,
        },
    ];
    let server: ToolServerId = "demo".parse().expect("a tool server");
    let found = Found {
        q: words,
        people: &[entry; 3],
        groups: &[(GroupId::from_number(7), &names[0])],
        tenants: &[(&tenant, Some(words))],
        keys: &[(KeyId::generate(), words, "gp_0123456789")],
        tool_servers: &[(&server, Some(words))],
    };
    let nothing = Found { people: &[], groups: &[], tenants: &[], keys: &[], tool_servers: &[], ..found };
    let days = [DayNumbers { day: NOW, sign_ins: 4711, refusals: 17 }];
    let home = Home {
        frame: frame(words, None),
        found: if is_full { Some(found) } else { Some(nothing) },
        numbers: Some(HomeNumbers {
            people: 100_000,
            signed_in: 12_345,
            disabled: 3,
            sessions: is_full.then_some(54_321),
            sign_ins: 4711,
            refusals: 17,
            replicas: 3,
        }),
        activity: Some(Activity { days: &days, now: NOW }),
        attention: if is_full { &attention } else { &[] },
        is_fresh: !is_full,
        now: NOW,
    };
    Sample { name: name.to_owned(), page: home.page() }
}

fn ending(name: &str, words: &str, count: usize) -> Sample {
    let (address, names) = (longest(), groups(&[words]));
    let tenant: TenantId = "github".parse().expect("a tenant");
    let things = [
        EndingThing::Group(GroupId::from_number(7), &names[0]),
        EndingThing::Tenant(&tenant),
        EndingThing::Decision(true),
        EndingThing::Decision(false),
    ];
    let entry = |at: usize| EndingEntry {
        user: UserId::generate(),
        email: Some(&address).filter(|_| at.is_multiple_of(2)),
        thing: things[at % 4],
        until: NOW.plus(MINUTE),
    };
    let entries: Vec<_> = (0..count).map(entry).collect();
    let next = Some(words).filter(|_| count > 3);
    let page = EndingSoon {
        frame: frame(words, None),
        days: 30,
        entries: &entries,
        next,
        keys: &[],
        has_more_keys: false,
        now: NOW,
    };
    Sample { name: format!("admin-ending-{name}"), page: page.page() }
}

fn refusals(name: &str, words: &str, count: usize) -> Sample {
    let (address, key) = (longest(), KeyId::generate());
    let entry = |at: usize| RefusalEntry {
        request_id: request_id(),
        at: NOW.minus(MINUTE * 90),
        user: if at.is_multiple_of(3) { key.machine() } else { UserId::generate() },
        email: Some(&address).filter(|_| at.is_multiple_of(2)),
        host: "wiki.example.com",
        path: words,
        reason: words,
        reason_key: words,
        key: Some(key).filter(|_| at % 4 != 1),
        via: Some(words).filter(|_| at.is_multiple_of(2)),
    };
    let word = Some(words).filter(|_| count == 9);
    let page = Refusals {
        frame: frame(words, None),
        filter: RefusalFilterWords { user: word, key: word, host: word, reason: word, hours: Some("24") },
        entries: &(0..count).map(entry).collect::<Vec<_>>(),
        next: Some(words).filter(|_| count > 3),
        wrong_number: word,
        now: NOW,
    };
    Sample { name: format!("admin-refusals-{name}"), page: page.page() }
}

fn new_group(name: &str, words: &str, similar: &[&str]) -> Sample {
    let page = NewGroup {
        frame: frame(words, None),
        person: words,
        back: "/admin/users/x",
        name: words,
        similar,
        action: "/admin/users/x/join",
        fields: &[("end", "friday"), ("at", words), ("version", "")],
    };
    Sample { name: format!("admin-new-group-{name}"), page: page.page() }
}

fn unknown_refusal(name: &str, words: &str) -> Sample {
    let page = UnknownRefusal { frame: frame(words, None), number: request_id(), is_audited: name == "full" };
    Sample { name: format!("admin-refusal-unknown-{name}"), page: page.page() }
}

pub fn admin_samples() -> Vec<Sample> {
    let access = super::admin_access::access_samples();
    let long = "W".repeat(120);
    let changes = [("full", "Zo\u{eb} \u{141}ukasz"), ("long", &*long), ("hostile", PLANTED)]
        .map(|(name, words)| changing(name, words));
    let pages = vec![
        home("admin-home-empty", "nobody", false),
        home("admin-home-full", "Zo\u{eb} \u{141}ukasz", true),
        home("admin-home-long", &long, true),
        home("admin-home-hostile", PLANTED, true),
        people("admin-people-empty", "nobody", 0),
        people("admin-people-full", "Zo\u{eb} \u{141}ukasz", 50),
        people("admin-people-long", &long, 9),
        people("admin-people-hostile", PLANTED, 9),
        ending("empty", "nobody", 0),
        ending("full", "Zo\u{eb} \u{141}ukasz", 50),
        ending("long", &long, 9),
        ending("hostile", PLANTED, 9),
        refusals("empty", "nobody", 0),
        refusals("full", "Zo\u{eb} \u{141}ukasz", 50),
        refusals("long", &long, 9),
        refusals("hostile", PLANTED, 9),
        new_group("empty", "GitHub", &[]),
        new_group("full", "GitHub", &["MCP-GitHub", "GitHub-Readers"]),
        new_group("long", &long, &[&long]),
        new_group("hostile", PLANTED, &[PLANTED]),
        unknown_refusal("full", "Zo\u{eb} \u{141}ukasz"),
        unknown_refusal("hostile", PLANTED),
        person("admin-person-empty", "nobody", false, true),
        person("admin-person-full", "Zo\u{eb} \u{141}ukasz", true, true),
        person("admin-person-of-a-tenant", "Ann Other", true, false),
        person("admin-person-long", &long, true, true),
        person("admin-person-hostile", PLANTED, true, true),
    ];
    pages.into_iter().chain(changes.into_iter().flatten()).chain(access).collect()
}
