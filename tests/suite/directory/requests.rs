//! Requests for access: who makes them, who decides them, and what becomes of them.

use super::administration::Administers;
use super::{Opened, actor, now, person};
use gatepost_core::access::Role;
use gatepost_core::access_request::{RequestState, Wanted};
use gatepost_core::administration::{Denied, Scope, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{AccessRequestId, TenantId, UserId};
use gatepost_store::directory::changes::{
    AddMember, AddTenantMember, DeclineRequest, GrantRequest, RenameGroup, RequestAccess, WithdrawRequest,
};
use gatepost_store::directory::{
    AccessRequest, Actor, Applicable, Conditions, Decider, DirectoryError, Done, MAX_REQUESTS_A_DAY, Page,
    REQUESTS_TTL, RequestFilter, UserKey, Via, Who,
};
use std::collections::BTreeSet;
use std::time::Duration;

fn by(user: UserId) -> Actor {
    Actor { who: Who::Person(user), key: None, address: None, request_id: None, via: Via::Portal }
}

fn group(name: &str) -> Wanted {
    Wanted::Group(name.parse().unwrap())
}

fn tenant_id(id: &str) -> TenantId {
    id.parse().unwrap()
}

fn tenant(id: &str) -> Wanted {
    Wanted::Tenant(tenant_id(id))
}

#[expect(clippy::disallowed_methods, reason = "these tests are about the door itself")]
async fn make<C: Applicable>(
    store: &Opened,
    change: C,
    actor: &Actor,
) -> Result<Done<C::Outcome>, DirectoryError> {
    store.directory.carry_out(&change, Conditions::default(), actor).await
}

fn ask(user: UserId, wanted: &[Wanted]) -> RequestAccess {
    RequestAccess { user, wanted: wanted.to_vec(), note: Some("for the audit".parse().unwrap()) }
}

/// A request of a person for one thing.
async fn asked(store: &Opened, user: UserId, wanted: &Wanted) -> AccessRequestId {
    make(store, ask(user, std::slice::from_ref(wanted)), &by(user)).await.unwrap().outcome[0]
}

fn grant(id: AccessRequestId, wanted: &Wanted) -> GrantRequest {
    GrantRequest { id, wanted: wanted.clone(), until: now().plus(Duration::from_hours(1)) }
}

fn decline(id: AccessRequestId, wanted: &Wanted) -> DeclineRequest {
    DeclineRequest { id, wanted: wanted.clone(), answer: "not now".parse().unwrap() }
}

/// The groups `A` to `G` and the tenants `a` and `b`.
async fn furnished(store: &Opened) {
    let other = store.admitted(&person("other", "other@example.com", &[])).await;
    for name in ["A", "B", "C", "D", "E", "F", "G"] {
        store.directory.add_member(&name.parse().unwrap(), &UserKey::Id(other), &actor()).await.unwrap();
    }
    for id in ["a", "b"] {
        store.directory.create_tenant(&tenant_id(id), None, &actor()).await.unwrap();
    }
}

/// A person with this role in a tenant.
async fn with_role(store: &Opened, name: &str, id: &str, role: Role) -> UserId {
    let user = store.admitted(&person(name, &format!("{name}@example.com"), &[])).await;
    let change = AddTenantMember { tenant: tenant_id(id), user: UserKey::Id(user), role, until: None };
    make(store, change, &actor()).await.unwrap();
    user
}

async fn own(store: &Opened, user: UserId) -> Vec<AccessRequest> {
    store.directory.list_requests_of(user, 100).await.unwrap()
}

async fn open_for(store: &Opened, scope: Scope) -> Vec<Wanted> {
    let filter = RequestFilter { state: Some(RequestState::Open), ..RequestFilter::default() };
    let open = store.directory.search_requests(&scope, &filter, None, 100).await.unwrap();
    open.items.into_iter().map(|request| request.wanted).collect()
}

both_stores! {
    async fn a_person_asks_once_for_each_thing_that_they_lack(store) {
        furnished(&store).await;
        let alice = store.admitted(&person("alice", "alice@example.com", &[])).await;
        let both = [group("A"), tenant("a")];
        let done = make(&store, ask(alice, &both), &by(alice)).await.unwrap();
        assert!(done.changed && done.outcome.len() == 2, "{done:?}");
        // The second time only what is new is asked for.
        let again = make(&store, ask(alice, &both), &by(alice)).await.unwrap();
        assert_eq!((again.changed, again.outcome), (false, Vec::new()));
        let more = [group("A"), group("B"), group("B")];
        assert_eq!(make(&store, ask(alice, &more), &by(alice)).await.unwrap().outcome.len(), 1);
        let requests = own(&store, alice).await;
        assert_eq!(requests.len(), 3);
        assert!(requests.iter().all(|request| request.state == RequestState::Open && request.note.as_deref() == Some("for the audit")));
        // The index holds where the code does not.
        let second = format!("INSERT INTO gatepost.access_requests (id, user_id, tenant_id, created_at) VALUES ('x', '{alice}', 'a', 1)");
        store.try_sql(&second).await.unwrap_err();

        let missing = make(&store, ask(alice, &[group("Nothing")]), &by(alice)).await;
        assert!(matches!(missing, Err(DirectoryError::UnknownGroup(_))), "{missing:?}");
        let missing = make(&store, ask(alice, &[tenant("nothing")]), &by(alice)).await;
        assert!(matches!(missing, Err(DirectoryError::UnknownTenant(_))), "{missing:?}");
        store.directory.add_member(&"C".parse().unwrap(), &UserKey::Id(alice), &actor()).await.unwrap();
        let held = make(&store, ask(alice, &[group("D"), group("C")]), &by(alice)).await;
        assert!(matches!(held, Err(DirectoryError::AccessHeld(_))), "{held:?}");
        assert_eq!(own(&store, alice).await.len(), 3, "nothing of a refused request is kept");
        let audited = store.audited("request.create").await;
        assert_eq!(audited.len(), 3);
        assert!(audited.iter().all(|row| row.after.as_deref().is_some_and(|after| !after.contains("for the audit"))));
    }

    async fn nobody_asks_or_withdraws_for_somebody_else(store) {
        furnished(&store).await;
        let alice = store.admitted(&person("alice", "alice@example.com", &[])).await;
        let bob = with_role(&store, "bob", "a", Role::Admin).await;
        let id = asked(&store, alice, &tenant("a")).await;
        let forged = make(&store, ask(alice, &[group("A")]), &by(bob)).await;
        assert!(matches!(forged, Err(DirectoryError::Denied(Denied::Hidden))), "{forged:?}");
        let forged = make(&store, WithdrawRequest { user: alice, id }, &by(bob)).await;
        assert!(matches!(forged, Err(DirectoryError::Denied(Denied::Hidden))), "{forged:?}");
        let forged = make(&store, WithdrawRequest { user: bob, id }, &by(bob)).await;
        assert!(matches!(forged, Err(DirectoryError::UnknownRequest(_))), "{forged:?}");
        make(&store, WithdrawRequest { user: alice, id }, &by(alice)).await.unwrap();
        let again = make(&store, WithdrawRequest { user: alice, id }, &by(alice)).await;
        assert!(matches!(again, Err(DirectoryError::RequestDecided(_, RequestState::Withdrawn))), "{again:?}");
        store.directory.disable_user(&UserKey::Id(alice), &actor()).await.unwrap();
        let disabled = make(&store, ask(alice, &[group("A")]), &by(alice)).await;
        assert!(matches!(disabled, Err(DirectoryError::Denied(_))), "{disabled:?}");
    }

    async fn the_sixth_request_of_a_day_is_refused_also_of_many_at_once(store) {
        furnished(&store).await;
        let alice = store.admitted(&person("alice", "alice@example.com", &[])).await;
        let first = asked(&store, alice, &group("A")).await;
        make(&store, WithdrawRequest { user: alice, id: first }, &by(alice)).await.unwrap();
        let too_many: Vec<Wanted> = ["B", "C", "D", "E", "F"].map(group).to_vec();
        let refused = make(&store, ask(alice, &too_many), &by(alice)).await;
        assert!(matches!(refused, Err(DirectoryError::TooManyRequests(_))), "a withdrawn one counts: {refused:?}");
        assert_eq!(own(&store, alice).await.len(), 1, "none of too many is kept");
        let at_once = ["A", "B", "C", "D", "E", "F", "G"].map(group);
        let who = by(alice);
        let asked = at_once.iter().map(|wanted| make(&store, ask(alice, std::slice::from_ref(wanted)), &who));
        let results = futures_util::future::join_all(asked).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), MAX_REQUESTS_A_DAY - 1, "{results:?}");
        assert_eq!(own(&store, alice).await.len(), MAX_REQUESTS_A_DAY);
        // A day later there is room again.
        store.sql("UPDATE gatepost.access_requests SET created_at = created_at - 86400").await;
        make(&store, ask(alice, &[tenant("b")]), &by(alice)).await.unwrap();
    }

    async fn who_administers_it_decides_a_request_and_nobody_else_does(store) {
        furnished(&store).await;
        let alice = store.admitted(&person("alice", "alice@example.com", &[])).await;
        let system = store.admitted(&person("system", "system@example.com", &[])).await;
        store.directory.grant_admin(&UserKey::Id(system), &actor()).await.unwrap();
        let own_admin = with_role(&store, "own", "a", Role::Admin).await;
        let others = [
            with_role(&store, "member", "a", Role::Member).await,
            with_role(&store, "viewer", "a", Role::Viewer).await,
            with_role(&store, "foreign", "b", Role::Admin).await,
            alice,
        ];
        // The group opens tenant `a` alone, and is the platform's all the same.
        store.directory.map_group(&"A".parse().unwrap(), &tenant_id("a"), Role::Member, &actor()).await.unwrap();
        let (for_group, for_tenant) = (asked(&store, alice, &group("A")).await, asked(&store, alice, &tenant("a")).await);
        let denied = |result: Result<Done<UserId>, DirectoryError>| matches!(result, Err(DirectoryError::Denied(_)));
        for other in others {
            assert!(denied(make(&store, grant(for_tenant, &tenant("a")), &by(other)).await));
            assert!(denied(make(&store, decline(for_tenant, &tenant("a")), &by(other)).await));
            assert!(denied(make(&store, grant(for_group, &group("A")), &by(other)).await));
        }
        assert!(denied(make(&store, grant(for_group, &group("A")), &by(own_admin)).await));
        // Who names something that they administer does not decide about something else.
        let disguised = make(&store, grant(for_group, &tenant("a")), &by(own_admin)).await;
        assert!(matches!(disguised, Err(DirectoryError::UnknownRequest(_))), "{disguised:?}");
        assert!(own(&store, alice).await.iter().all(|request| request.state == RequestState::Open));
        assert!(store.groups(alice).await.is_empty());

        assert_eq!(make(&store, grant(for_tenant, &tenant("a")), &by(own_admin)).await.unwrap().outcome, alice);
        make(&store, grant(for_group, &group("A")), &by(system)).await.unwrap();
        assert_eq!(store.groups(alice).await, ["A"]);
        assert_eq!(store.standing(alice).await.access.role_in(&tenant_id("a")), Some(Role::Member));
    }

    async fn administrators_list_and_find_what_they_may_decide(store) {
        furnished(&store).await;
        let alice = store.admitted(&person("alice", "alice@example.com", &[])).await;
        let mut ids = Vec::new();
        for wanted in [group("A"), tenant("a"), tenant("b")] {
            ids.push(asked(&store, alice, &wanted).await);
        }
        let of = |ids: &[&str]| Scope::Tenants(ids.iter().map(|id| tenant_id(id)).collect::<BTreeSet<_>>());
        assert_eq!(open_for(&store, Scope::System).await, [group("A"), tenant("a"), tenant("b")]);
        assert_eq!(open_for(&store, of(&["a"])).await, [tenant("a")]);
        assert_eq!(open_for(&store, of(&["a", "b"])).await, [tenant("a"), tenant("b")]);
        assert_eq!(open_for(&store, Scope::NONE).await, []);
        let find = async |scope: Scope, id| store.directory.find_request(&scope, id).await.unwrap().map(|request| request.id);
        assert_eq!(find(of(&["a"]), ids[1]).await, Some(ids[1]));
        for (scope, id) in [(of(&["a"]), ids[0]), (of(&["a"]), ids[2]), (Scope::NONE, ids[1])] {
            assert_eq!(find(scope, id).await, None);
        }
        make(&store, decline(ids[1], &tenant("a")), &actor()).await.unwrap();
        assert_eq!(open_for(&store, of(&["a"])).await, []);
        assert_eq!(find(of(&["a"]), ids[1]).await, Some(ids[1]), "one that is decided is still found");
    }

    async fn requests_are_listed_by_filters_and_in_pages_both_ways(store) {
        furnished(&store).await;
        let alice = store.admitted(&person("alice", "alice@example.com", &[])).await;
        let bob = store.admitted(&person("bob", "bob@example.com", &[])).await;
        let mut ids = Vec::new();
        for (user, wanted) in [(alice, group("A")), (alice, tenant("a")), (bob, group("A")), (bob, tenant("b"))] {
            ids.push(asked(&store, user, &wanted).await);
        }
        make(&store, decline(ids[0], &group("A")), &actor()).await.unwrap();
        let all = RequestFilter::default();
        let number = store.directory.find_request(&Scope::System, ids[0]).await.unwrap().unwrap().group_id;
        assert!(number.is_some());
        let of = |filter: RequestFilter| {
            let store = &store;
            async move {
                let (mut found, mut after) = (Vec::new(), None);
                loop {
                    let page = store.directory.search_requests(&Scope::System, &filter, after.as_ref(), 1).await.unwrap();
                    assert!(page.items.len() <= 1);
                    found.extend(page.items.into_iter().map(|request| request.id));
                    after = page.next;
                    if after.is_none() {
                        return found;
                    }
                }
            }
        };
        assert_eq!(of(all.clone()).await, ids);
        let mut newest = ids.clone();
        newest.reverse();
        assert_eq!(of(RequestFilter { is_newest_first: true, ..all.clone() }).await, newest);
        assert_eq!(of(RequestFilter { user: Some(bob), ..all.clone() }).await, ids[2..]);
        assert_eq!(of(RequestFilter { group: number, ..all.clone() }).await, [ids[0], ids[2]]);
        assert_eq!(of(RequestFilter { tenant: Some(tenant_id("b")), ..all.clone() }).await, [ids[3]]);
        assert_eq!(of(RequestFilter { state: Some(RequestState::Declined), ..all.clone() }).await, [ids[0]]);
        let nothing = RequestFilter { state: Some(RequestState::Declined), user: Some(bob), ..all };
        assert!(of(nothing).await.is_empty());
    }

    async fn those_who_may_decide_are_named_to_those_who_may_know_them(store) {
        furnished(&store).await;
        let system = store.admitted(&person("system", "system@example.com", &[])).await;
        store.directory.grant_admin(&UserKey::Id(system), &actor()).await.unwrap();
        with_role(&store, "direct", "a", Role::Admin).await;
        let by_group = store.admitted(&person("grouped", "grouped@example.com", &[])).await;
        store.directory.add_member(&"B".parse().unwrap(), &UserKey::Id(by_group), &actor()).await.unwrap();
        store.directory.map_group(&"B".parse().unwrap(), &tenant_id("a"), Role::Admin, &actor()).await.unwrap();
        for (name, id, role) in [("member", "a", Role::Member), ("foreign", "b", Role::Admin)] {
            with_role(&store, name, id, role).await;
        }
        let gone = with_role(&store, "gone", "a", Role::Admin).await;
        store.directory.disable_user(&UserKey::Id(gone), &actor()).await.unwrap();
        // `other` of the furniture is in group B too.
        let name_of = |page: Option<Page<Decider>>| page.map(|page| {
            let names = page.items.into_iter().map(|person| person.email.unwrap().to_string());
            names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        });
        let deciders = async |scope: &Scope, wanted: &Wanted| {
            let found = store.directory.list_deciders(scope, wanted, 10).await.unwrap();
            (name_of(found.of_tenant), name_of(found.of_system))
        };
        let own = || Some(["direct", "grouped", "other"].map(|name| format!("{name}@example.com")).to_vec());
        let all = Some(vec!["system@example.com".to_owned()]);
        assert_eq!(deciders(&Scope::System, &tenant("a")).await, (own(), all.clone()));
        assert_eq!(deciders(&Scope::System, &group("A")).await, (None, all));
        let (a, b) = (Scope::Tenants([tenant_id("a")].into()), Scope::Tenants([tenant_id("b")].into()));
        assert_eq!(deciders(&a, &tenant("a")).await, (own(), None));
        assert_eq!(deciders(&a, &group("A")).await, (None, None));
        assert_eq!(deciders(&b, &tenant("a")).await, (None, None));
        let few = store.directory.list_deciders(&a, &tenant("a"), 1).await.unwrap().of_tenant.unwrap();
        assert_eq!((few.items.len(), few.next.is_some()), (1, true));
    }

    async fn what_is_granted_ends_and_a_request_is_decided_once(store) {
        furnished(&store).await;
        let alice = store.admitted(&person("alice", "alice@example.com", &[])).await;
        let (a, b) = (asked(&store, alice, &group("A")).await, asked(&store, alice, &tenant("a")).await);
        let past = GrantRequest { id: a, wanted: group("A"), until: Timestamp::from_unix(now().unix() - 1) };
        let refused = make(&store, past, &actor()).await;
        assert!(matches!(refused, Err(DirectoryError::EndsInThePast)), "{refused:?}");
        make(&store, grant(a, &group("A")), &actor()).await.unwrap();
        make(&store, grant(b, &tenant("a")), &actor()).await.unwrap();
        for decided in [a, b] {
            let wanted = if decided == a { group("A") } else { tenant("a") };
            let again = make(&store, decline(decided, &wanted), &actor()).await;
            assert!(matches!(again, Err(DirectoryError::RequestDecided(_, RequestState::Granted))), "{again:?}");
        }
        let request = &own(&store, alice).await[1];
        assert_eq!((request.id, request.state, &request.decided_by), (a, RequestState::Granted, &Some(actor().who)));
        assert!(request.until.is_some_and(|until| until > now()));
        assert_eq!(store.audited("request.grant").await.len(), 2);
        assert_eq!(store.audited("membership.create").await.iter().filter(|row| row.target == format!("user:{alice}")).count(), 1);
        assert_eq!(store.audited("tenant.add_member").await.len(), 1);
        for table in ["manual_memberships", "tenant_members"] {
            store.sql(&format!("UPDATE gatepost.{table} SET until = 1 WHERE user_id = '{alice}'")).await;
        }
        assert!(store.groups(alice).await.is_empty());
        assert_eq!(store.standing(alice).await.access.role_in(&tenant_id("a")), None);
        // Who lost it may ask again.
        assert_eq!(make(&store, ask(alice, &[group("A")]), &by(alice)).await.unwrap().outcome.len(), 1);
    }

    async fn a_grant_takes_nothing_from_somebody_who_was_given_more_meanwhile(store) {
        furnished(&store).await;
        let alice = store.admitted(&person("alice", "alice@example.com", &[])).await;
        let (a, b) = (asked(&store, alice, &group("A")).await, asked(&store, alice, &tenant("a")).await);
        let key = UserKey::Id(alice);
        let for_good = AddMember { group: "A".parse::<gatepost_core::ids::GroupName>().unwrap().into(), user: key.clone(), until: None };
        make(&store, for_good, &actor()).await.unwrap();
        let soon = now().plus(Duration::from_mins(1));
        let as_admin = AddTenantMember { tenant: tenant_id("a"), user: key, role: Role::Admin, until: Some(soon) };
        make(&store, as_admin, &actor()).await.unwrap();
        make(&store, grant(a, &group("A")), &actor()).await.unwrap();
        make(&store, grant(b, &tenant("a")), &actor()).await.unwrap();
        let ends = "SELECT coalesce(CAST(until AS text), 'never') FROM gatepost.manual_memberships WHERE user_id = ";
        assert_eq!(store.texts(&format!("{ends}'{alice}'")).await, ["never"]);
        assert_eq!(store.standing(alice).await.access.role_in(&tenant_id("a")), Some(Role::Admin));
        let until = store.texts(&format!("SELECT CAST(until AS text) FROM gatepost.tenant_members WHERE user_id = '{alice}'")).await;
        assert!(until[0].parse::<i64>().unwrap() > soon.unix(), "the later end counts");
    }

    async fn a_request_is_granted_for_the_name_that_was_shown_and_goes_with_its_group(store) {
        furnished(&store).await;
        let alice = store.admitted(&person("alice", "alice@example.com", &[])).await;
        let id = asked(&store, alice, &group("A")).await;
        let name = "Renamed".parse().unwrap();
        make(&store, RenameGroup { group: "A".parse::<gatepost_core::ids::GroupName>().unwrap().into(), name }, &actor()).await.unwrap();
        let outdated = make(&store, grant(id, &group("A")), &actor()).await;
        assert!(matches!(outdated, Err(DirectoryError::UnknownRequest(_))), "{outdated:?}");
        assert_eq!(own(&store, alice).await[0].wanted, group("Renamed"));
        store.sql("DELETE FROM gatepost.groups WHERE name = 'Renamed'").await;
        assert!(own(&store, alice).await.is_empty());
    }

    async fn a_request_is_kept_for_ninety_days(store) {
        furnished(&store).await;
        let alice = store.admitted(&person("alice", "alice@example.com", &[])).await;
        asked(&store, alice, &group("A")).await;
        let made = own(&store, alice).await[0].created_at;
        store.leading().await.delete_expired(made.plus(REQUESTS_TTL)).await.unwrap();
        assert_eq!(own(&store, alice).await.len(), 1);
        store.leading().await.delete_expired(made.plus(REQUESTS_TTL + Duration::from_secs(1))).await.unwrap();
        assert!(own(&store, alice).await.is_empty());
    }

    async fn a_decision_by_an_outdated_version_is_refused(store) {
        furnished(&store).await;
        let alice = store.admitted(&person("alice", "alice@example.com", &[])).await;
        let id = asked(&store, alice, &group("A")).await;
        make(&store, WithdrawRequest { user: alice, id }, &by(alice)).await.unwrap();
        let shown = Conditions { if_version: Some(Version::from_number(1)), ..Conditions::default() };
        #[expect(clippy::disallowed_methods, reason = "these tests are about the door itself")]
        let refused = store.directory.carry_out(&grant(id, &group("A")), shown, &actor()).await;
        assert!(matches!(refused, Err(DirectoryError::Overtaken(Some(_)))), "{refused:?}");
    }
}
