//! Which API keys can open something: those that the gate lets through, told apart from people, within their limits.

use super::access::{asked, program_with, scope};
use super::administration::Administers;
use super::key_changes::{made, of_person, of_tenant};
use super::{Opened, actor, email, now, person, tool_servers};
use gatepost::app::State;
use gatepost_admin::access::{KeyWay, OpeningKey, Question, What};
use gatepost_core::access::Role;
use gatepost_core::administration::Scope;
use gatepost_core::api_key::{KeyExpiry, KeyLimits, KeyScope, KeyUse};
use gatepost_core::decision::decide_key;
use gatepost_core::requirement::Requirement;
use gatepost_runtime::session_cache::standing_of;
use gatepost_store::directory::changes::{
    AddTenantMember, CreateGroup, CreateKey, CreateTenant, CreateToolServer, RevokeKey, SuspendTenant,
};
use gatepost_store::directory::{KeyFilter, KeyHolder};
use std::collections::BTreeSet;

const APP: &str = "app.example.test";
const ELSEWHERE: &str = "a.example.org";
const SPEAKER: [(&str, &str); 3] = [
    ("GATEPOST_SPEAKERS__CHAT__KIND", "open-webui"),
    ("GATEPOST_SPEAKERS__CHAT__SECRET", "of-the-speaker-and-nobody-else-0123456789"),
    ("GATEPOST_SPEAKERS__CHAT__HOSTS", APP),
];

/// What a key is like.
struct Like<'a> {
    name: &'a str,
    holder: KeyHolder,
    scope: &'a str,
    host: &'a str,
    groups: &'a [&'a str],
}

async fn make(store: &Opened, like: Like<'_>) -> gatepost_core::api_key::KeyId {
    let limits = KeyLimits {
        scopes: vec![like.scope.parse().unwrap()],
        hosts: vec![like.host.parse().unwrap()],
        networks: vec!["10.0.0.0/8".parse().unwrap()],
        ..KeyLimits::default()
    };
    let groups = like.groups.iter().map(|name| name.parse().unwrap()).collect();
    let (name, expiry, faults) = (like.name.parse().unwrap(), KeyExpiry::Usual, Vec::new());
    made(store, CreateKey { name, holder: like.holder, limits, groups, expiry, faults }, &actor())
        .await
        .record
        .id
}

/// Keys of the platform, of the tenants `t` and `u`, and of people. Cem is in `t` by himself; Eve is disabled.
async fn keys(store: &Opened) {
    for id in ["t", "u"] {
        let create = CreateTenant { id: id.parse().unwrap(), name: None };
        store.directory.make(create, &actor()).await.unwrap();
    }
    store.directory.make(CreateGroup { name: "A".parse().unwrap() }, &actor()).await.unwrap();
    let mut people = Vec::new();
    for name in ["cem", "eve"] {
        people.push(store.admitted(&person(name, &format!("{name}@example.com"), &[])).await);
        let add = AddTenantMember {
            tenant: "t".parse().unwrap(),
            user: email(&format!("{name}@example.com")),
            role: Role::Member,
            until: None,
        };
        store.directory.make(add, &actor()).await.unwrap();
    }
    let [cem, eve] = people[..] else { unreachable!() };
    let platform = KeyHolder::default;
    let cems = || of_person(cem, Some("t".parse().unwrap()));
    for (name, holder, scope, host, groups) in [
        ("in A", platform(), "gate", APP, &["A"][..]),
        ("plain", platform(), "gate", APP, &[]),
        ("elsewhere", platform(), "gate", ELSEWHERE, &["A"]),
        ("reads", platform(), "api.read", APP, &["A"]),
        ("revoked", platform(), "gate", APP, &["A"]),
        ("expired", platform(), "gate", APP, &["A"]),
        ("chat", platform(), "act-as", APP, &[]),
        ("chat of u", of_tenant("u"), "act-as:chat", APP, &[]),
        ("unheard", platform(), "act-as", ELSEWHERE, &[]),
        ("of t", of_tenant("t"), "gate", APP, &[]),
        ("of u", of_tenant("u"), "gate", APP, &[]),
        ("of cem", cems(), "gate", APP, &[]),
        ("of eve", of_person(eve, None), "gate", APP, &[]),
    ] {
        let id = make(store, Like { name, holder: holder.clone(), scope, host, groups }).await;
        if name == "revoked" {
            store.directory.make(RevokeKey { id, holder }, &actor()).await.unwrap();
        }
    }
    store.sql("UPDATE gatepost.keys SET expires_at = 1 WHERE name = 'expired'").await;
    store.directory.disable_user(&email("eve@example.com"), &actor()).await.unwrap();
}

async fn opening(program: &State, scope: &Scope, question: &Question, limit: u32) -> Vec<OpeningKey> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = program.admin.list_opening_keys(scope, question, after.as_ref(), limit).await.unwrap();
        assert!(page.items.len() <= limit as usize);
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// The names, sorted, each with its ways.
async fn told(program: &State, scope: &Scope, what: What) -> Vec<String> {
    let question = program.admin.ask(scope, what).await.unwrap();
    let line = |opening: &OpeningKey| {
        let ways: Vec<String> = opening
            .ways
            .iter()
            .map(|way| match way {
                KeyWay::Key => "free".to_owned(),
                KeyWay::Group(name) => name.to_string(),
                KeyWay::Tenant(id) => id.to_string(),
                KeyWay::Rule => "rule".to_owned(),
                KeyWay::People => "people".to_owned(),
            })
            .collect();
        format!("{}: {}", opening.key.name, ways.join(", "))
    };
    let mut lines: Vec<String> = opening(program, scope, &question, 2).await.iter().map(line).collect();
    lines.sort();
    lines
}

async fn keep(store: &Opened, host: &str, query: &str) {
    store.directory.keep_requirements(&[(host.parse().unwrap(), query.to_owned())]).await.unwrap();
}

fn requires(query: &str) -> What {
    What::Requirement(query.to_owned())
}

/// The names of all keys that the gate lets through for a requirement, at some host of theirs. No record is left out.
async fn let_through(store: &Opened, program: &State, query: &str) -> BTreeSet<String> {
    let requirement = Requirement::parse(query).unwrap();
    let all = store.directory.search_keys(&Scope::System, &KeyFilter::default(), None, 100).await.unwrap();
    let mut passing = BTreeSet::new();
    for key in all.items {
        let Some(found) = store.directory.find_key_of_id(key.id).await.unwrap() else { continue };
        let standing = standing_of(&program.site, &found);
        let client = Some("10.1.2.3".parse().unwrap());
        let passes = |host| {
            let request = KeyUse { now: now(), host, client };
            decide_key(&requirement, &standing, &found.limits, &request).is_ok()
        };
        if found.limits.has(&KeyScope::Gate) && found.limits.hosts.iter().any(passes) {
            passing.insert(key.name);
        }
    }
    passing
}

both_stores! {
    async fn the_keys_that_can_open_something_are_those_that_the_gate_lets_through(store) {
        let program = program_with(&store, &SPEAKER).await;
        keys(&store).await;
        for query in ["", "group=A", "tenant=t", "tenant=u", "tenant=t&tenant=u", "group=A&tenant=t", "admin=true", "max_age=60", "group=None"] {
            let question = asked(&program, &Scope::System, query).await;
            let found = opening(&program, &Scope::System, &question, 3).await;
            assert!(found.iter().all(|key| !key.ways.is_empty() && key.meets == [0]), "{query}: {found:#?}");
            let alone = found.iter().filter(|key| key.ways.iter().any(|way| *way != KeyWay::People));
            let alone: Vec<_> = alone.map(|key| key.key.name.clone()).collect();
            assert_eq!(alone.iter().cloned().collect::<BTreeSet<_>>(), let_through(&store, &program, query).await, "{query}");
            assert_eq!(alone.iter().collect::<BTreeSet<_>>().len(), alone.len(), "{query}: none is listed twice");
        }
        // Without a host all hosts of a key count, with one that host alone.
        let system = Scope::System;
        assert_eq!(told(&program, &system, requires("group=A")).await, ["chat of u: people", "chat: people", "elsewhere: A", "in A: A"]);
        assert_eq!(told(&program, &system, What::Tenant("t".parse().unwrap())).await, ["chat: people", "of cem: t", "of t: t"]);
        assert_eq!(told(&program, &system, requires("tenant=t")).await, ["chat: people", "of cem: t", "of t: t"], "a key of another tenant acts for nobody there");
        assert_eq!(told(&program, &system, requires("admin=true")).await, Vec::<String>::new());
        keep(&store, APP, "group=A").await;
        assert_eq!(told(&program, &system, What::Host(APP.parse().unwrap())).await, ["chat of u: people", "chat: people", "in A: A"]);
        assert_eq!(told(&program, &system, What::Host(ELSEWHERE.parse().unwrap())).await, Vec::<String>::new(), "nothing is known of it");
        keep(&store, APP, "").await;
        assert_eq!(
            told(&program, &system, What::Host(APP.parse().unwrap())).await,
            ["chat of u: people", "chat: people", "in A: free, A", "of cem: free", "of t: free", "of u: free", "plain: free"]
        );
    }

    async fn a_key_opens_a_tenant_no_more_when_its_owner_may_not_or_the_tenant_is_suspended(store) {
        let program = program_with(&store, &[]).await;
        keys(&store).await;
        let of_t = || What::Tenant("t".parse().unwrap());
        assert_eq!(told(&program, &Scope::System, of_t()).await, ["of cem: t", "of t: t"]);
        store.sql("DELETE FROM gatepost.tenant_members WHERE tenant_id = 't'").await;
        assert_eq!(told(&program, &Scope::System, of_t()).await, ["of t: t"], "cem may not enter");
        let suspend = SuspendTenant { id: "t".parse().unwrap(), reason: "unpaid".parse().unwrap() };
        store.directory.make(suspend, &actor()).await.unwrap();
        assert_eq!(told(&program, &Scope::System, of_t()).await, Vec::<String>::new());
        // No speaker is configured here: nobody acts for people.
        assert_eq!(told(&program, &Scope::System, requires("group=A")).await, ["elsewhere: A", "in A: A"]);
    }

    async fn the_administrator_of_a_tenant_sees_the_keys_of_the_tenant_and_no_group(store) {
        let program = program_with(&store, &SPEAKER).await;
        keys(&store).await;
        store.sql("INSERT INTO gatepost.key_groups (key_id, group_id) SELECT k.id, g.id FROM gatepost.keys k, gatepost.groups g \
            WHERE k.name = 'of t' AND g.name = 'A'").await;
        keep(&store, APP, "").await;
        keep(&store, APP, "group=A").await;
        let reader = scope(&["t"]);
        assert_eq!(told(&program, &reader, What::Tenant("t".parse().unwrap())).await, ["of cem: t", "of t: t"]);
        assert_eq!(told(&program, &reader, What::Host(APP.parse().unwrap())).await, ["of cem: free", "of t: free"]);
        assert_eq!(told(&program, &scope(&["u"]), What::Host(APP.parse().unwrap())).await, ["chat of u: people", "of u: free"]);
        assert_eq!(told(&program, &Scope::System, What::Host(APP.parse().unwrap())).await.iter().find(|line| line.starts_with("of t")).unwrap(), "of t: free, A");
    }

    async fn a_key_may_call_the_tools_that_a_rule_gives_it_and_to_which_it_is_limited(store) {
        let program = program_with(&store, &SPEAKER).await;
        keys(&store).await;
        let settings = tool_servers::settings(&format!("https://{APP}/mcp"));
        let create = CreateToolServer { id: "github".parse().unwrap(), tenant: "t".parse().unwrap(), settings };
        store.directory.make(create, &actor()).await.unwrap();
        let tool = || What::Tool("github:get_file".parse().unwrap());
        assert_eq!(told(&program, &Scope::System, tool()).await, ["chat: people", "of cem: t", "of t: t"], "there are no rules");
        store.sql("INSERT INTO gatepost.tool_rules (id, tool_server_id, subject, kind, pattern, created_at) \
            SELECT '0199d1f0-5b7c-7d2e-8a3f-0123456789ab', 'github', 'key:' || id, 'tool', 'get_*', 1 FROM gatepost.keys WHERE name = 'of t'").await;
        assert_eq!(told(&program, &Scope::System, tool()).await, ["chat: people", "of t: t, rule"]);
        store.sql("UPDATE gatepost.keys SET tools = '[\"list_*\"]'").await;
        assert_eq!(told(&program, &Scope::System, tool()).await, Vec::<String>::new(), "they are limited to other tools");
    }
}
