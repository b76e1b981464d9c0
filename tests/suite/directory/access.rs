//! Who can open something: the answer for everybody is what the gate decides about each person, and says why.

mod generated;

use super::administration::Administers;
use super::{Opened, actor, config, email, now, person};
use gatepost::app::{self, State};
use gatepost_admin::access::missing::{Grant, Remedy, find_remedy};
use gatepost_admin::access::{AccessError, By, Openable, Opener, Question, What};
use gatepost_core::access::{Role, Standing};
use gatepost_core::administration::{Denied, Scope};
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::{Demand, SessionTimes, decide};
use gatepost_core::host::HostName;
use gatepost_core::ids::UserId;
use gatepost_core::requirement::Requirement;
use gatepost_store::directory::access::Named;
use gatepost_store::directory::changes::{AddMember, AddTenantMember};
use gatepost_store::directory::{DirectoryError, GroupKey, MembershipSource, Place, UserFilter, UserKey};
use generated::{PEOPLE, TENANTS, directories, requirements};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;
use std::time::Duration;

/// A program on these stores, whose administrators are in the group `Boss` or have the role `l0`.
async fn program(store: &Opened) -> State {
    program_with(store, &[]).await
}

/// The same with more settings.
pub(super) async fn program_with(store: &Opened, more: &[(&str, &str)]) -> State {
    let mut settings = vec![
        ("DATABASE_URL", store.url.as_str()),
        ("GATEPOST_HOSTS", "app.example.test,*.example.org"),
        ("GATEPOST_ADMIN_GROUPS", "Boss"),
        ("GATEPOST_ADMIN_ROLES", "entra:l0"),
    ];
    if store.is_postgres() {
        settings.push(("REDIS_URL", "redis://127.0.0.1:1"));
        settings.push(("GATEPOST_SECRET_KEYS", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="));
    }
    settings.extend(more);
    store.configure(&settings).await;
    app::build(config(&settings)).unwrap()
}

const EMPTY: &str = "DELETE FROM gatepost.users; DELETE FROM gatepost.provider_groups; DELETE FROM gatepost.groups; \
    DELETE FROM gatepost.tenants;";

/// What the gate says about a person who signs in now.
fn passes(program: &State, standing: &Standing, requirement: &Requirement) -> bool {
    let demand = Demand { now: now(), requirement, is_cross_origin: false, may_redirect: false };
    let times = SessionTimes::of_new_session(standing, demand.now);
    decide(&demand, standing, &times, &program.site.lifetimes).is_ok()
}

async fn openers(program: &State, scope: &Scope, question: &Question, limit: u32) -> Vec<Opener> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = program.admin.list_openers(scope, question, after.as_ref(), limit).await.unwrap();
        assert!(page.items.len() <= limit as usize);
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

fn ids(openers: &[Opener]) -> BTreeSet<UserId> {
    openers.iter().map(|opener| opener.user.id).collect()
}

pub(super) async fn asked(program: &State, scope: &Scope, query: &str) -> Question {
    program.admin.ask(scope, What::Requirement(query.to_owned())).await.unwrap()
}

/// Gives a person something, as an administrator would.
async fn give(store: &Opened, user: UserId, grant: &Grant) {
    let user = UserKey::Id(user);
    match grant {
        Grant::Group { name, .. } => {
            let add = AddMember { group: GroupKey::Name(name.clone()), user, until: None };
            store.directory.make(add, &actor()).await.map(drop).unwrap();
        }
        Grant::Tenant(id) => {
            let add = AddTenantMember { tenant: id.clone(), user, role: Role::Member, until: None };
            store.directory.make(add, &actor()).await.map(drop).unwrap();
        }
        Grant::Admin => drop(store.directory.grant_admin(&user, &actor()).await.unwrap()),
    }
}

/// Everything that `list_candidates` says, a few people at a time.
async fn in_small_ranges(store: &Opened, program: &State, requirement: &Requirement) -> BTreeSet<UserId> {
    let relevant = store.directory.find_relevant(&Named::by([requirement])).await.unwrap();
    let (mut found, mut after): (_, Option<Place>) = (BTreeSet::new(), None);
    loop {
        let list = store.directory.list_candidates(&Scope::System, &relevant, after.as_ref(), 5);
        let page = list.await.unwrap();
        let passing = page.items.iter().filter(|person| passes(program, &person.standing, requirement));
        found.extend(passing.map(|person| person.user.id));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

pub(super) fn scope(tenants: &[&str]) -> Scope {
    Scope::Tenants(tenants.iter().map(|id| id.parse().unwrap()).collect())
}

/// Ann is in group `A` by the provider, Bob by an administrator until 2100, and Cem in tenant `t` by itself; Dan is an
/// administrator, and Eve is disabled.
async fn five_people(store: &Opened) -> [UserId; 5] {
    let mut people = Vec::new();
    for (name, groups) in
        [("ann", &["g-1=Team"][..]), ("bob", &[]), ("cem", &[]), ("dan", &[]), ("eve", &["g-1=Team"])]
    {
        people.push(store.admitted(&person(name, &format!("{name}@example.com"), groups)).await);
    }
    store.directory.link_group(&"A".parse().unwrap(), &"entra:g-1".parse().unwrap(), &actor()).await.unwrap();
    store.directory.create_tenant(&"t".parse().unwrap(), None, &actor()).await.unwrap();
    store.directory.create_tenant(&"u".parse().unwrap(), None, &actor()).await.unwrap();
    store
        .directory
        .map_group(&"A".parse().unwrap(), &"t".parse().unwrap(), Role::Viewer, &actor())
        .await
        .unwrap();
    let until = Some(Timestamp::from_unix(4_102_444_800));
    let add =
        AddMember { group: GroupKey::Name("A".parse().unwrap()), user: email("bob@example.com"), until };
    store.directory.make(add, &actor()).await.unwrap();
    let join = AddTenantMember {
        tenant: "t".parse().unwrap(),
        user: email("cem@example.com"),
        role: Role::Admin,
        until: None,
    };
    store.directory.make(join, &actor()).await.unwrap();
    store.directory.grant_admin(&email("dan@example.com"), &actor()).await.unwrap();
    store.directory.disable_user(&email("eve@example.com"), &actor()).await.unwrap();
    people.try_into().unwrap()
}

/// Each person's ways in short, by address.
fn told(openers: &[Opener]) -> Vec<String> {
    let mut lines: Vec<String> = openers
        .iter()
        .map(|opener| {
            let ways = opener.ways.iter().map(|way| {
                let by = match &way.by {
                    By::SignIn => "signs in".to_owned(),
                    By::Group { group, source, opens, .. } => {
                        let source = match source {
                            Some(MembershipSource::Manual) => "manual".to_owned(),
                            Some(MembershipSource::Scim) => "scim".to_owned(),
                            Some(MembershipSource::Provider(link)) => link.external.to_string(),
                            None => "-".to_owned(),
                        };
                        let opens: Vec<_> =
                            opens.iter().map(|(tenant, role)| format!("{tenant}/{role}")).collect();
                        format!(
                            "{} <- {source} {}",
                            group.as_ref().map_or("-", |name| name.as_str()),
                            opens.join(",")
                        )
                    }
                    By::Tenant { tenant, role, source } => format!("{tenant}/{role} {source}"),
                    By::Decision => "admin".to_owned(),
                    By::Reason(reason) => reason.clone(),
                };
                let set_by = way.set_by.as_ref().map(|set| format!(" by {}", set.actor)).unwrap_or_default();
                let until = if way.until.is_some() { " until" } else { "" };
                format!("{}{until}{set_by}", by.trim_end())
            });
            let name = opener.user.email.as_ref().unwrap().as_str().split('@').next().unwrap();
            format!("{name}: {}", ways.collect::<Vec<_>>().join("; "))
        })
        .collect();
    lines.sort();
    lines
}

both_stores! {
    async fn the_answer_for_everybody_is_what_the_gate_decides_about_each_person(store) {
        let program = program(&store).await;
        let mut runner = TestRunner::default();
        for _ in 0..8 {
            let made = directories().new_tree(&mut runner).unwrap().current();
            store.sql(&format!("{EMPTY}{made}")).await;
            let people = store.people().await;
            assert_eq!(people.len(), PEOPLE);
            let mut standings = Vec::new();
            for person in &people {
                standings.push(store.standing(person.id).await);
            }
            for _ in 0..20 {
                let query = requirements().new_tree(&mut runner).unwrap().current();
                let requirement = Requirement::parse(&query).unwrap();
                let passing = standings.iter().filter(|standing| passes(&program, standing, &requirement));
                let expected: BTreeSet<UserId> = passing.map(|standing| standing.person.id).collect();
                let question = asked(&program, &Scope::System, &query).await;
                let found = openers(&program, &Scope::System, &question, 7).await;
                assert_eq!(ids(&found), expected, "{query}\n{made}");
                assert_eq!(found.len(), expected.len(), "{query}: nobody is listed twice");
                assert!(found.iter().all(|opener| !opener.ways.is_empty()), "{query}\n{made}\n{found:#?}");
                assert_eq!(in_small_ranges(&store, &program, &requirement).await, expected, "{query}\n{made}");
            }
            for tenant in TENANTS {
                let reader = scope(&[tenant]);
                let page = store.directory.search_users(&reader, &UserFilter::default(), None, 1000).await.unwrap();
                let visible: BTreeSet<UserId> = page.items.iter().map(|user| user.id).collect();
                let requirement = Requirement::parse(&format!("tenant={tenant}")).unwrap();
                let passing = standings.iter().filter(|standing| passes(&program, standing, &requirement));
                let expected: BTreeSet<UserId> = passing.map(|standing| standing.person.id).filter(|id| visible.contains(id)).collect();
                let question = program.admin.ask(&reader, What::Tenant(tenant.parse().unwrap())).await.unwrap();
                assert_eq!(ids(&openers(&program, &reader, &question, 7).await), expected, "{tenant}\n{made}");
            }
        }
    }

    async fn what_is_missing_is_exactly_what_lets_a_person_in(store) {
        let program = program(&store).await;
        let mut runner = TestRunner::default();
        let (mut granted, mut hindered) = (0, 0);
        for _ in 0..6 {
            let made = directories().new_tree(&mut runner).unwrap().current();
            store.sql(&format!("{EMPTY}{made}")).await;
            for person in store.people().await {
                let query = requirements().new_tree(&mut runner).unwrap().current();
                let requirement = Requirement::parse(&query).unwrap();
                let why = format!("{query} {}\n{made}", person.id);
                let is_in = async || passes(&program, &store.standing(person.id).await, &requirement);
                let remedy = find_remedy(&store.directory, person.id, &requirement).await.unwrap();
                assert_eq!(remedy.is_none(), is_in().await, "{why}");
                let Remedy { steps, obstacles } = remedy.unwrap_or_default();
                let unknown = steps.iter().flat_map(|step| &step.choices).filter(|grant| matches!(grant, Grant::Group { is_new: true, .. }));
                assert!(unknown.into_iter().all(|grant| grant.key() == "group:None"), "{why}");
                for step in &steps {
                    assert!(!is_in().await, "each step is needed: {steps:?} {why}");
                    give(&store, person.id, &step.choices[0]).await;
                }
                assert_eq!(is_in().await, obstacles.is_empty(), "{steps:?} {obstacles:?} {why}");
                granted += usize::from(!steps.is_empty() && obstacles.is_empty());
                hindered += usize::from(!obstacles.is_empty());
            }
        }
        // A group that makes administrators gives too much, also one that does not exist yet.
        store.sql(&format!("{EMPTY}INSERT INTO gatepost.groups (name) VALUES ('A');")).await;
        let ann = store.admitted(&person("ann", "ann@example.com", &[])).await;
        let requirement = Requirement::parse("group=Boss&group=A").unwrap();
        let remedy = find_remedy(&store.directory, ann, &requirement).await.unwrap().unwrap();
        let named = |name: &str, is_new, makes_admin| Grant::Group { name: name.parse().unwrap(), is_new, makes_admin };
        assert_eq!(remedy.steps[0].choices, [named("A", false, false), named("Boss", true, true)]);
        assert!(granted > 5 && hindered > 5, "{granted} {hindered}");
    }

    async fn each_person_is_listed_with_the_ways_and_who_decided_them(store) {
        let program = program(&store).await;
        five_people(&store).await;
        let question = asked(&program, &Scope::System, "group=A&group=None").await;
        assert_eq!(question.unknown_groups().len(), 1);
        assert_eq!(told(&openers(&program, &Scope::System, &question, 50).await), [
            "ann: A <- entra:g-1",
            "bob: A <- manual until by cli:test",
        ]);
        let question = asked(&program, &Scope::System, "tenant=t&tenant=none").await;
        assert_eq!(question.unknown_tenants().len(), 1);
        assert_eq!(told(&openers(&program, &Scope::System, &question, 50).await), [
            "ann: A <- entra:g-1 t/viewer",
            "bob: A <- manual t/viewer until by cli:test",
            "cem: t/admin manual by cli:test",
            "dan: admin by cli:test",
        ]);
        let question = asked(&program, &Scope::System, "").await;
        assert_eq!(told(&openers(&program, &Scope::System, &question, 50).await).join("\n").matches("signs in").count(), 4);
        let question = asked(&program, &Scope::System, "admin=true&tenant=u").await;
        assert_eq!(told(&openers(&program, &Scope::System, &question, 50).await), ["dan: admin by cli:test"]);
        // The second end is the one that counts.
        store.sql("UPDATE gatepost.manual_memberships SET until = 1").await;
        let question = asked(&program, &Scope::System, "group=A").await;
        assert_eq!(told(&openers(&program, &Scope::System, &question, 50).await), ["ann: A <- entra:g-1"]);
    }

    async fn the_administrator_of_a_tenant_learns_of_that_tenant_alone_and_of_no_group(store) {
        let program = program(&store).await;
        five_people(&store).await;
        let reader = scope(&["t"]);
        let ask = async |what| program.admin.ask(&reader, what).await;
        let question = ask(What::Tenant("t".parse().unwrap())).await.unwrap();
        assert_eq!(told(&openers(&program, &reader, &question, 50).await), [
            "ann: - <- - t/viewer",
            "bob: - <- - t/viewer until",
            "cem: t/admin manual by cli:test",
        ]);
        let is_refused = |answer: Result<Question, AccessError>| answer.err().map(|error| error.to_string());
        let system_only = Some(Denied::SystemOnly.to_string());
        assert_eq!(is_refused(ask(What::Requirement("group=A".to_owned())).await), system_only);
        assert_eq!(is_refused(ask(What::Requirement("tenant=t&admin=true".to_owned())).await), system_only);
        assert_eq!(is_refused(ask(What::Requirement("tenant=t&tenant=u".to_owned())).await), Some(Denied::Hidden.to_string()));
        let of_other = ask(What::Tenant("u".parse().unwrap())).await;
        assert!(matches!(of_other, Err(AccessError::Directory(DirectoryError::UnknownTenant(_)))), "{of_other:?}");
        let nobody = program.admin.ask(&Scope::NONE, What::Requirement("group=A".to_owned())).await;
        assert!(nobody.is_err(), "{nobody:?}");

        // Of a host, only the requirements that name nothing else.
        let host: HostName = "app.example.test".parse().unwrap();
        let seen = ["tenant=t", "tenant=u", "group=A", "tenant=t&group=A"].map(|query| (host.clone(), query.to_owned()));
        store.directory.keep_requirements(&seen).await.unwrap();
        let question = ask(What::Host(host.clone())).await.unwrap();
        let queries: Vec<_> = question.requirements.iter().map(|asked| asked.query.as_str()).collect();
        assert_eq!(queries, ["tenant=t"]);
        let question = program.admin.ask(&Scope::System, What::Host(host)).await.unwrap();
        assert_eq!(question.requirements.len(), 4);
    }

    async fn what_a_person_can_open_is_told_with_the_ways(store) {
        let program = program(&store).await;
        let [ann, _, cem, dan, eve] = five_people(&store).await;
        let seen = [("app.example.test", "group=A"), ("app.example.test", "tenant=u"), ("a.example.org", "tenant=t"), ("gone.example.net", "")];
        let seen = seen.map(|(host, query)| (host.parse().unwrap(), query.to_owned()));
        store.directory.keep_requirements(&seen).await.unwrap();
        let short = |openable: &Openable| -> Vec<String> {
            let hosts = openable.hosts.iter().map(|host| {
                let queries: Vec<_> = host.requirements.iter().map(|open| format!("{} ({})", open.query, open.ways.len())).collect();
                format!("{} {} +{}", host.origin, queries.join(" "), host.unmet)
            });
            hosts.chain(openable.tenants.iter().map(|way| format!("{} {}", way.tenant, way.role))).collect()
        };
        let of = async |reader: &Scope, user| program.admin.find_openable(reader, user).await.unwrap();
        let system = Scope::System;
        assert_eq!(short(&of(&system, ann).await.unwrap()), ["https://a.example.org tenant=t (1) +0", "https://app.example.test group=A (1) +1", "t viewer"]);
        assert_eq!(short(&of(&system, dan).await.unwrap()), ["https://a.example.org tenant=t (1) +0", "https://app.example.test tenant=u (1) +1"]);
        assert_eq!(of(&system, dan).await.unwrap().is_admin, Some(true));
        let disabled = of(&system, eve).await.unwrap();
        assert!(disabled.hosts.is_empty() && disabled.obstacle.is_some(), "{disabled:?}");
        assert!(of(&system, UserId::generate()).await.is_none());
        let reader = scope(&["t"]);
        assert_eq!(short(&of(&reader, cem).await.unwrap()), ["https://a.example.org tenant=t (1) +0", "t admin"]);
        assert!(of(&reader, dan).await.is_none(), "people of no tenant do not exist for its administrators");
        store.sql("DELETE FROM gatepost.requirements WHERE host = 'a.example.org'").await;
        assert_eq!(of(&system, ann).await.unwrap().unknown_hosts, ["*.example.org"]);
    }

    async fn requirements_are_kept_once_for_a_month_and_never_too_many(store) {
        let host = |name: &str| name.parse::<HostName>().unwrap();
        let seen = vec![(host("a.example.test"), "group=A".to_owned()), (host("a.example.test"), String::new())];
        // Both replicas at once.
        let (one, other) = tokio::join!(store.directory.keep_requirements(&seen), store.directory.keep_requirements(&seen));
        one.and(other).unwrap();
        let listed = async |name: &str| store.directory.list_requirements(Some(&host(name))).await.unwrap();
        assert_eq!(listed("a.example.test").await.iter().map(|seen| seen.query.as_str()).collect::<Vec<_>>(), ["", "group=A"]);
        assert!(listed("b.example.test").await.is_empty());

        let flood: Vec<_> = (0..60).map(|number| (host("a.example.test"), format!("group={number}"))).collect();
        let (one, other) = tokio::join!(store.directory.keep_requirements(&flood[..40]), store.directory.keep_requirements(&flood[20..]));
        one.and(other).unwrap();
        assert_eq!(listed("a.example.test").await.len(), 50);
        assert!(listed("a.example.test").await.iter().any(|seen| seen.query == "group=A"), "what was there stays");
        let rows: Vec<String> = (0..4_950).map(|number| format!("('h{number}.example.test', '', 4102444800)")).collect();
        store.sql(&format!("INSERT INTO gatepost.requirements (host, query, seen_at) VALUES {}", rows.join(", "))).await;
        store.directory.keep_requirements(&[(host("new.example.test"), String::new()), (host("h7.example.test"), String::new())]).await.unwrap();
        assert!(listed("new.example.test").await.is_empty(), "the table is full");
        assert_eq!(listed("h7.example.test").await[0].seen_at.unix(), 4_102_444_800, "the time never goes back");

        store.sql("UPDATE gatepost.requirements SET seen_at = seen_at - 31 * 86400 WHERE host = 'a.example.test'").await;
        assert!(listed("a.example.test").await.is_empty(), "what was not seen for 30 days says nothing");
        let deleted = store.leading().await.delete_expired(now().plus(Duration::from_secs(1))).await.unwrap();
        assert_eq!(deleted, 50);
        let everywhere = store.directory.list_requirements(None).await.unwrap();
        assert_eq!(everywhere.len(), 4_950);
    }

    async fn a_question_about_a_host_that_is_not_protected_is_refused(store) {
        let program = program(&store).await;
        let ask = async |host: &str| program.admin.ask(&Scope::System, What::Host(host.parse().unwrap())).await;
        assert!(matches!(ask("elsewhere.example.net").await, Err(AccessError::UnprotectedHost(_))));
        assert!(matches!(ask("auth.example.test").await, Err(AccessError::UnprotectedHost(_))), "the public host");
        let unseen = ask("app.example.test").await.unwrap();
        assert!(unseen.requirements.is_empty());
        store.admitted(&person("ann", "ann@example.com", &[])).await;
        assert!(openers(&program, &Scope::System, &unseen, 50).await.is_empty(), "nothing is known, so nothing is claimed");
        let bad = program.admin.ask(&Scope::System, What::Requirement("grup=A".to_owned())).await;
        assert!(matches!(bad, Err(AccessError::Requirement(_))), "{bad:?}");
    }
}
