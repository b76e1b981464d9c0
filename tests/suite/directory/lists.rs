//! What administrators list: each filter, pages while rows come, and what does not exist for a tenant's administrator.

use super::administration::Administers;
use super::{Opened, actor, email, person};
use gatepost_core::access::Role;
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupId, GroupName, TenantId, UserId};
use gatepost_store::directory::changes::AddTenantMember;
use gatepost_store::directory::{
    AuditFilter, By, DirectoryError, GroupFilter, GroupKey, GroupState, Page, TenantFilter, UserFilter,
    UserKey, UserState, UserSummary,
};
use std::collections::BTreeSet;

pub fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

pub fn name(text: &str) -> GroupName {
    text.parse().unwrap()
}

pub fn scope(tenants: &[&str]) -> Scope {
    Scope::Tenants(tenants.iter().map(|id| tenant(id)).collect())
}

fn q(text: &str) -> UserFilter {
    UserFilter { q: Some(text.to_owned()), ..UserFilter::default() }
}

/// The addresses that a search finds, sorted, up to the `@`.
async fn found(store: &Opened, scope: &Scope, filter: &UserFilter) -> Vec<String> {
    let page = store.directory.search_users(scope, filter, None, 100).await.unwrap();
    assert_eq!(page.next, None);
    names(&page)
}

fn names(page: &Page<UserSummary>) -> Vec<String> {
    let addresses = page.items.iter().filter_map(|user| user.email.as_ref());
    let mut names: Vec<String> =
        addresses.map(|address| address.as_str().split('@').next().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Adds a member that a tenant has by itself, and returns the person.
pub async fn join(store: &Opened, id: &str, address: &str, role: Role) -> UserId {
    let change = AddTenantMember { tenant: tenant(id), user: email(address), role, until: None };
    store.directory.make(change, &actor()).await.unwrap().outcome
}

/// Ann is in tenant `a` through a group, Bob directly, Cem is in `b` directly; Dora is in none.
pub async fn two_tenants(store: &Opened) -> [UserId; 4] {
    for id in ["a", "b"] {
        store.directory.create_tenant(&tenant(id), Some("Client"), &actor()).await.unwrap();
    }
    let mut people = Vec::new();
    for (subject, groups) in [("ann", &["g-1"][..]), ("bob", &[]), ("cem", &[]), ("dora", &["g-2"])] {
        people.push(store.admitted(&person(subject, &format!("{subject}@example.com"), groups)).await);
    }
    store.directory.map_group(&name("entra:g-1"), &tenant("a"), Role::Member, &actor()).await.unwrap();
    join(store, "a", "bob@example.com", Role::Admin).await;
    join(store, "b", "cem@example.com", Role::Viewer).await;
    people.try_into().unwrap()
}

pub async fn number(store: &Opened, named: &str) -> GroupId {
    let key = GroupKey::Name(name(named));
    store.directory.find_group(&Scope::System, &key).await.unwrap().unwrap().id
}

both_stores! {
    async fn people_are_found_by_the_beginnings_of_words(store) {
        store.admitted(&person("Anne-Marie Özil", "a.smith+x@mail.example.com", &[])).await;
        store.admitted(&person("Bob O'Neil", "bob_jones@example.org", &[])).await;
        store.sql("INSERT INTO user_group_membership VALUES ('waits@example.com', 'Team')").await;
        let everybody = found(&store, &Scope::System, &UserFilter::default()).await;
        assert_eq!(everybody, ["a.smith+x", "bob_jones", "waits"]);
        for text in ["anne", "ANNE", "mar", "marie an", "a.smith", "a.smith+x@mail.ex", "smi", "@mail.example", "özil", "Öz", "x"] {
            assert_eq!(found(&store, &Scope::System, &q(text)).await, ["a.smith+x"], "{text:?}");
        }
        for text in ["neil", "jon", "o'ne", "bob_jones@example.org", "org"] {
            assert_eq!(found(&store, &Scope::System, &q(text)).await, ["bob_jones"], "{text:?}");
        }
        assert_eq!(found(&store, &Scope::System, &q("  ")).await.len(), 3, "nothing was typed");
        for text in ["nne", "bob smith", "mith", "%", "_", "-", "'", "a\0", "anne zzz", &"a".repeat(5_000), "bob_jones@example.orgs"] {
            assert!(found(&store, &Scope::System, &q(text)).await.is_empty(), "{text:?}");
        }
        let id = store.directory.find_user(&Scope::System, &email("waits@example.com")).await.unwrap().unwrap().summary.id;
        assert_eq!(found(&store, &Scope::System, &q(&id.to_string())).await, ["waits"]);
        assert!(found(&store, &Scope::System, &q(&UserId::generate().to_string())).await.is_empty());
    }

    async fn words_follow_the_name_and_the_address(store) {
        store.admitted(&person("Old Name", "old@example.com", &[])).await;
        store.sql("UPDATE gatepost.users SET name = 'New Name', email = 'new@example.com'").await;
        assert_eq!(found(&store, &Scope::System, &q("new name")).await, ["new"]);
        assert!(found(&store, &Scope::System, &q("old")).await.is_empty());
        store.sql("DELETE FROM gatepost.users").await;
        assert!(store.texts("SELECT word FROM gatepost.user_words").await.is_empty());
    }

    async fn each_filter_finds_its_people_and_no_others(store) {
        let [ann, bob, cem, _] = two_tenants(&store).await;
        store.sql("INSERT INTO user_group_membership VALUES ('waits@example.com', 'Team')").await;
        store.directory.disable_user(&UserKey::Id(cem), &actor()).await.unwrap();
        store.directory.grant_admin(&UserKey::Id(bob), &actor()).await.unwrap();
        store.directory.revoke_admin(&UserKey::Id(ann), &actor()).await.unwrap();
        let state = |state| UserFilter { state: Some(state), ..UserFilter::default() };
        let of = |id: &str| UserFilter { tenant: Some(tenant(id)), ..UserFilter::default() };
        let group = UserFilter { group: Some(number(&store, "entra:g-1").await), ..UserFilter::default() };
        let by_address = UserFilter { email: "dora@example.com".parse().ok(), ..UserFilter::default() };
        let cases: [(UserFilter, &[&str]); 11] = [
            (state(UserState::Active), &["ann", "bob", "dora"]),
            (state(UserState::Disabled), &["cem"]),
            (state(UserState::Awaited), &["waits"]),
            (state(UserState::Admin), &["bob"]),
            (of("a"), &["ann", "bob"]),
            (of("b"), &["cem"]),
            (of("none"), &[]),
            (group.clone(), &["ann"]),
            (by_address.clone(), &["dora"]),
            (UserFilter { state: Some(UserState::Disabled), ..of("a") }, &[]),
            (UserFilter { q: Some("exam".to_owned()), tenant: Some(tenant("a")), ..group }, &["ann"]),
        ];
        for (filter, people) in cases {
            assert_eq!(found(&store, &Scope::System, &filter).await, people, "{filter:?}");
        }
        // Ended memberships count no more.
        store.sql("UPDATE gatepost.tenant_members SET until = 1").await;
        store.sql("UPDATE gatepost.admin_overrides SET until = 1").await;
        assert_eq!(found(&store, &Scope::System, &of("a")).await, ["ann"]);
        assert!(found(&store, &Scope::System, &state(UserState::Admin)).await.is_empty());
    }

    async fn nothing_else_exists_for_the_administrator_of_a_tenant(store) {
        let people = two_tenants(&store).await;
        let everybody = UserFilter::default();
        let of = [("a", &["ann", "bob"][..]), ("b", &["cem"])];
        for (id, own) in of {
            let reader = scope(&[id]);
            assert_eq!(found(&store, &reader, &everybody).await, own, "{id}");
            assert_eq!(found(&store, &reader, &q("example")).await, own, "{id}");
            for state in UserState::ALL {
                let filter = UserFilter { state: Some(state), ..UserFilter::default() };
                assert!(found(&store, &reader, &filter).await.iter().all(|name| own.contains(&name.as_str())));
            }
            for (user, name) in people.into_iter().zip(["ann", "bob", "cem", "dora"]) {
                let is_own = own.contains(&name);
                let address = email(&format!("{name}@example.com"));
                for key in [UserKey::Id(user), address.clone()] {
                    let record = store.directory.find_user(&reader, &key).await.unwrap();
                    assert_eq!(record.is_some(), is_own, "{name} for {id}");
                    assert!(record.iter().all(|record| record.groups.is_empty() && record.admin.is_none()));
                    assert!(record.iter().all(|record| record.tenants.keys().all(|tenant| tenant.as_str() == id)));
                }
                let UserKey::Email(address) = address else { panic!("an address") };
                let by_address = UserFilter { email: Some(address), ..UserFilter::default() };
                for filter in [q(&user.to_string()), q(name), by_address] {
                    assert_eq!(found(&store, &reader, &filter).await.len(), usize::from(is_own), "{filter:?} for {id}");
                }
                let ways = store.directory.list_tenant_ways(&reader, user).await.unwrap();
                assert_eq!(ways.is_empty(), !is_own, "{name} for {id}");
                assert!(ways.iter().all(|way| way.tenant.as_str() == id && !matches!(way.by, By::Group(Some(_)))));
                assert!(store.directory.list_memberships(&reader, user).await.unwrap().is_empty());
            }
            let tenants = store.directory.search_tenants(&reader, &TenantFilter::default(), None, 10).await.unwrap().items;
            assert_eq!(tenants.iter().map(|tenant| tenant.id.as_str()).collect::<Vec<_>>(), [id]);
            assert!(tenants[0].groups.is_empty());
            let other = tenant(if id == "a" { "b" } else { "a" });
            assert!(store.directory.find_tenant(&reader, &other).await.unwrap().is_none());
            let members = store.directory.list_tenant_members(&reader, &other, None, 10).await;
            assert!(matches!(members, Err(DirectoryError::UnknownTenant(_))));
            let audit = store.directory.list_audit(&reader, &AuditFilter::default(), 100).await.unwrap();
            let actions: Vec<&str> = audit.iter().map(|row| row.action.as_str()).collect();
            assert_eq!(actions, ["tenant.add_member", "tenant.create"], "a mapping names a group");
            let theirs = AuditFilter { tenant: Some(other), ..AuditFilter::default() };
            assert!(store.directory.list_audit(&reader, &theirs, 100).await.unwrap().is_empty());
        }
        assert_eq!(found(&store, &scope(&["a", "b"]), &everybody).await, ["ann", "bob", "cem"]);
    }

    async fn no_filter_tells_the_administrator_of_a_tenant_what_they_may_not_know(store) {
        let [_, bob, ..] = two_tenants(&store).await;
        store.directory.grant_admin(&UserKey::Id(bob), &actor()).await.unwrap();
        join(&store, "b", "ann@example.com", Role::Member).await;
        let group = UserFilter { group: Some(number(&store, "entra:g-1").await), ..UserFilter::default() };
        let admins = UserFilter { state: Some(UserState::Admin), ..UserFilter::default() };
        let of = |id: &str| UserFilter { tenant: Some(tenant(id)), ..UserFilter::default() };
        for (filter, finds) in [(&group, "ann"), (&admins, "bob"), (&of("b"), "ann")] {
            assert!(found(&store, &Scope::System, filter).await.contains(&finds.to_owned()), "{filter:?}");
            assert!(found(&store, &scope(&["a"]), filter).await.is_empty(), "{filter:?}");
        }
        assert_eq!(found(&store, &scope(&["a"]), &of("a")).await, ["ann", "bob"]);
        assert_eq!(found(&store, &scope(&["a", "b"]), &of("b")).await, ["ann", "cem"]);
    }

    async fn groups_admins_and_numbers_exist_for_the_system_alone(store) {
        let [_, bob, ..] = two_tenants(&store).await;
        store.directory.grant_admin(&UserKey::Id(bob), &actor()).await.unwrap();
        let (since, until) = (Timestamp::from_unix(0), Timestamp::from_unix(i64::from(u32::MAX)));
        let group = GroupKey::Name(name("entra:g-1"));
        for (reader, sees) in [(Scope::System, true), (scope(&["a"]), false), (Scope::NONE, false)] {
            let directory = &store.directory;
            let groups = directory.search_groups(&reader, &GroupFilter::default(), None, 10).await.unwrap();
            assert_eq!(groups.items.len(), if sees { 2 } else { 0 }, "{reader:?}");
            assert_eq!(directory.find_group(&reader, &group).await.unwrap().is_some(), sees);
            assert_eq!(directory.list_members(&reader, (&group, None), None, 10).await.is_ok(), sees);
            assert_eq!(directory.list_unlinked_groups(&reader, 10).await.unwrap().is_empty(), !sees);
            assert_eq!(directory.list_admins(&reader, None, 10).await.unwrap().items.is_empty(), !sees);
            assert_eq!(directory.count_days(&reader, since, until).await.unwrap().is_empty(), !sees);
        }
        assert!(found(&store, &Scope::NONE, &UserFilter::default()).await.is_empty());
        assert!(store.directory.list_audit(&Scope::NONE, &AuditFilter::default(), 10).await.unwrap().is_empty());
        assert!(store.directory.search_tenants(&Scope::NONE, &TenantFilter::default(), None, 10).await.unwrap().items.is_empty());
    }

    async fn pages_skip_and_repeat_nobody_while_people_come(store) {
        let mut expected = BTreeSet::new();
        for n in 0..7 {
            expected.insert(store.admitted(&person(&format!("p-{n}"), &format!("p{n}@example.com"), &["g-1"])).await);
        }
        let group = UserFilter { group: Some(number(&store, "entra:g-1").await), ..UserFilter::default() };
        for (round, filter) in [UserFilter::default(), q("example"), group].into_iter().enumerate() {
            let (mut seen, mut place) = (Vec::new(), None);
            for n in 0.. {
                let page = store.directory.search_users(&Scope::System, &filter, place.as_ref(), 2).await.unwrap();
                seen.extend(page.items.iter().map(|user| user.id));
                let Some(next) = page.next else { break };
                place = Some(next.to_string().parse().unwrap());
                if n < 4 {
                    store.admitted(&person(&format!("r{round}-{n}"), &format!("r{round}-{n}@example.com"), &["g-1"])).await;
                }
            }
            let distinct: BTreeSet<UserId> = seen.iter().copied().collect();
            assert_eq!(distinct.len(), seen.len(), "nobody twice: {filter:?}");
            assert!(distinct.is_superset(&expected), "{filter:?}");
        }
    }

    async fn groups_are_found_by_a_part_a_number_and_a_providers_id(store) {
        store.admitted(&person("a", "a@example.com", &["x-1=Shown"])).await;
        for group in ["MCP-GitHub", "100%_sure", "Wiki"] {
            store.directory.add_member(&name(group), &email("a@example.com"), &actor()).await.unwrap();
        }
        let find = async |text: &str| {
            let filter = GroupFilter { q: Some(text.to_owned()), ..GroupFilter::default() };
            let page = store.directory.search_groups(&Scope::System, &filter, None, 10).await.unwrap();
            page.items.iter().map(|group| group.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(find("github").await, ["MCP-GitHub"]);
        assert_eq!(find("%").await, ["100%_sure"]);
        assert_eq!(find("_").await, ["100%_sure"]);
        assert_eq!(find("x-1").await, ["entra:x-1"]);
        assert_eq!(find(&number(&store, "Wiki").await.to_string()).await, ["Wiki"]);
        assert!(find("nothing").await.is_empty());
        let of_state = async |state, text: &str| {
            let filter = GroupFilter { q: Some(text.to_owned()), state: Some(state), ..GroupFilter::default() };
            let page = store.directory.search_groups(&Scope::System, &filter, None, 10).await.unwrap();
            page.items.iter().map(|group| group.name.to_string()).collect::<Vec<_>>()
        };
        for (state, text, found) in [
            (GroupState::Unlinked, "SHOW", vec!["entra:x-1"]),
            (GroupState::Unlinked, "x-1", vec!["entra:x-1"]),
            (GroupState::Unlinked, "github", vec![]),
            (GroupState::Linked, "show", vec![]),
            (GroupState::Linked, "x-1", vec![]),
            (GroupState::Empty, "x-1", vec![]),
        ] {
            assert_eq!(of_state(state, text).await, found, "{state:?} {text}");
        }
        let unlinked = store.directory.list_unlinked_groups(&Scope::System, 10).await.unwrap();
        assert_eq!(unlinked.len(), 1);
        assert_eq!((unlinked[0].link.display_name.as_deref(), unlinked[0].people.number), (Some("Shown"), 1));
    }

    async fn people_are_counted_once_and_only_so_far(store) {
        let ids = ["a", "b", "c"];
        for id in ids {
            store.admitted(&person(id, &format!("{id}@example.com"), &["g-1"])).await;
            store.directory.add_member(&name("entra:g-1"), &email(&format!("{id}@example.com")), &actor()).await.unwrap();
        }
        for (counted, number, is_more) in [(1_000, 3, false), (7, 3, false), (4, 2, true)] {
            let filter = GroupFilter { counted, ..GroupFilter::default() };
            let group = store.directory.search_groups(&Scope::System, &filter, None, 10).await.unwrap().items.remove(0);
            assert_eq!(group.members.is_more, is_more, "{counted}");
            assert!(group.members.number >= number && group.members.number <= 3, "{counted}");
        }
    }

    async fn sign_ins_and_refusals_are_counted_by_day(store) {
        store.sql("INSERT INTO gatepost.audit_entries (at, actor, action, target) VALUES \
                   (86400, 'x', 'user.sign_in', 'x'), (172799, 'x', 'user.sign_in', 'x'), (172800, 'x', 'user.refuse', 'x'), (259200, 'x', 'user.sign_in', 'x')").await;
        let (since, until) = (Timestamp::from_unix(86_400), Timestamp::from_unix(259_200));
        let days = store.directory.count_days(&Scope::System, since, until).await.unwrap();
        let days: Vec<_> = days.iter().map(|day| (day.day.unix(), day.sign_ins, day.refusals)).collect();
        assert_eq!(days, [(86_400, 2, 0), (172_800, 0, 1)]);
    }

    async fn the_audit_of_a_person_is_what_they_did_and_what_was_done_to_them(store) {
        let [ann, bob, ..] = two_tenants(&store).await;
        store.directory.end_all_sessions(ann, Timestamp::now(), &super::Actor { who: super::Who::Person(bob), ..actor() }).await.unwrap();
        let of = async |user| {
            let filter = AuditFilter { user: Some(user), actions: vec!["user.end_sessions".to_owned(), "session.end_all".to_owned()], ..AuditFilter::default() };
            store.directory.list_audit(&Scope::System, &filter, 100).await.unwrap().len()
        };
        let all = AuditFilter { user: Some(bob), ..AuditFilter::default() };
        let rows = store.directory.list_audit(&Scope::System, &all, 100).await.unwrap();
        assert!(rows.iter().any(|row| row.actor == super::Who::Person(bob) && row.target == format!("user:{ann}")));
        assert!(rows.iter().any(|row| row.action == "tenant.add_member"));
        assert!(rows.windows(2).all(|pair| (pair[0].at, pair[0].id) > (pair[1].at, pair[1].id)));
        assert_eq!(of(UserId::generate()).await, 0);
    }
}
