//! Every operation with every kind of caller. The list that the application registered is the input.

use super::{NO_SESSION, Office, ROOT, TENANT_A, operations, problem};
use crate::cli::sql;
use crate::world::APP;
use gatepost_kit::client::{Answer, Client};
use gatepost_kit::entra::Person;
use gatepost_web::{ApiCallers, Callers, RequestOrigin, Route};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

/// Ids of things that exist: the tenant is `a`.
pub(super) struct Ids {
    pub(super) user: String,
    group: String,
    request: String,
    proposal: String,
    /// Of the tenant `a`.
    key: String,
    /// To the tenant `a`.
    invitation: String,
}

/// A host of the tenant `a`.
const HOST: &str = "a.tenants.example.test";
/// A domain of the provider of the tenant `a`.
const DOMAIN: &str = "a.example";
/// The id of a rule that no tool server has.
pub(super) const NO_RULE: &str = "0199d1f0-5b7c-7d2e-8a3f-0123456789ab";

/// The path of an operation below [`ROOT`]; a change is only tried.
pub(super) fn path_of(route: &Route, ids: &Ids) -> String {
    let path = route.path.strip_prefix(ROOT).unwrap();
    let id = match path.split('/').nth(1).filter(|_| path.contains("{id}")) {
        None => "",
        Some("users") => ids.user.as_str(),
        Some("groups") => ids.group.as_str(),
        Some("tenants") => "a",
        Some("requests") => ids.request.as_str(),
        Some("proposals") => ids.proposal.as_str(),
        Some("keys") => ids.key.as_str(),
        Some("me") if ["/me/keys/", "/me/proposals/"].iter().any(|own| path.starts_with(own)) => {
            "0199d1f0-5b7c-7d2e-8a3f-0123456789ab"
        }
        Some("tool-servers") => "server-a",
        Some("tiers") => "pro",
        Some("me" | "sessions") => NO_SESSION,
        Some(other) => panic!("{other} is new: which id does it take?"),
    };
    let path = path
        .replace("{id}", id)
        .replace("{user}", &ids.user)
        .replace("{tenant}", "a")
        .replace("{host}", HOST)
        .replace("{domain}", DOMAIN)
        .replace("{rule}", NO_RULE)
        .replace("{invitation}", &ids.invitation);
    match (route.method, route.path.as_str()) {
        ("GET", "/api/v1/access" | "/api/v1/access/keys") => format!("{path}?tenant=a"),
        ("GET", "/api/v1/tenants/{id}/bill") => format!("{path}?month=2026-11"),
        ("GET", _) | (_, "/api/v1/explain") => path,
        ("DELETE", "/api/v1/groups/{id}/links") => format!("{path}?dry_run=true&link=entra:none"),
        _ => format!("{path}?dry_run=true"),
    }
}

pub(super) fn body_of(route: &Route) -> Option<Value> {
    Some(match (route.method, route.path.strip_prefix(ROOT).unwrap()) {
        ("POST", "/users") => json!({ "email": "new@example.com" }),
        ("POST", "/users/{id}/erase") => json!({ "confirm": "bob@example.com" }),
        ("POST", "/groups") | ("PATCH", "/groups/{id}" | "/tool-servers/{id}") => json!({ "name": "New" }),
        ("POST", "/groups/{id}/members:batch") => json!({ "add": [{ "user": "new@example.com" }] }),
        ("POST", "/groups/{id}/links") => json!({ "link": "entra:some" }),
        ("PUT", "/groups/{id}/members/{user}")
        | ("PATCH", "/keys/{id}" | "/me/keys/{id}")
        | ("POST", "/requests/{id}/grant" | "/keys/{id}/rotate" | "/me/keys/{id}/rotate") => json!({}),
        ("POST", "/keys") => json!({ "name": "New", "scopes": ["api.read"], "tenant": "a" }),
        ("POST", "/tenants/{id}/keys" | "/me/keys") => json!({ "name": "New", "scopes": ["api.read"] }),
        ("POST", "/keys/lookup") => json!({ "key": "gp_00000000000000000000000000000000000000000001DejEd" }),
        ("PUT" | "PATCH", "/tenants/{id}") | ("PATCH", "/tenants/{id}/branding") => json!({ "name": "A" }),
        ("POST", "/tenants") => json!({ "id": "new", "name": "New" }),
        ("POST", "/tenants/{id}/hosts") => json!({ "host": "new.tenants.example.test" }),
        ("POST", "/tenants/{id}/invitations") => json!({ "email": "new@example.com", "role": "viewer" }),
        // It may not be called.
        ("PUT", "/tenants/{id}/provider") => json!({
            "kind": "oidc", "issuer": "https://127.0.0.1:1", "client_id": "gatepost", "client_secret": "secret",
        }),
        ("PATCH", "/tenants/{id}/provider") => {
            json!({ "issuer": "https://127.0.0.1:1", "client_secret": "secret" })
        }
        ("PUT", "/tiers/{id}") => json!({ "limits": { "keys": 7 } }),
        ("POST", "/tenants/{id}/suspend") => json!({ "reason": "unpaid" }),
        ("PUT", "/groups/{id}/tenants/{tenant}" | "/tenants/{id}/members/{user}") => {
            json!({ "role": "viewer" })
        }
        ("POST", "/requests/{id}/decline" | "/proposals/{id}/refuse") => json!({ "answer": "No." }),
        ("POST", "/me/proposals") => json!({ "id": "proposed", "name": "New" }),
        ("POST", "/tenants/{id}/tool-servers") => {
            json!({ "id": "new", "url": "https://app.example.test/new" })
        }
        ("POST", "/tool-servers/{id}/rules") => {
            json!({ "subject": "everyone", "kind": "tool", "pattern": "get_*" })
        }
        ("POST", "/usage/events") => json!({
            "specversion": "1.0", "id": "1", "source": "/x", "type": "runs", "subject": "a", "data": { "value": 1 },
        }),
        ("PUT", "/admins/{user}") => json!({ "is_admin": false }),
        ("POST", "/explain") => json!({ "user": "alice@example.com", "url": "https://app.example.test/" }),
        _ => return None,
    })
}

/// What a system administrator gets.
pub(super) fn status_for(route: &Route) -> u16 {
    match (route.method, route.path.strip_prefix(ROOT).unwrap()) {
        // They name what is not there.
        (
            _,
            "/me/sessions/{id}"
            | "/sessions/{id}"
            | "/me/keys/{id}"
            | "/me/keys/{id}/rotate"
            | "/me/proposals/{id}"
            | "/keys/lookup",
        )
        | (
            "DELETE",
            "/groups/{id}/links"
            | "/groups/{id}/tenants/{tenant}"
            | "/tenants/{id}/members/{user}"
            | "/tool-servers/{id}/rules/{rule}",
        ) => 404,
        ("PUT" | "PATCH", "/tenants/{id}/provider") => 422,
        _ => 200,
    }
}

fn who(route: &Route) -> ApiCallers {
    match route.callers {
        Callers::Api(access) => access.who,
        other => panic!("{other:?}"),
    }
}

async fn call(office: &Office, client: &Client, route: &Route, ids: &Ids) -> Answer {
    office.send(client, route.method, &path_of(route, ids), body_of(route).as_ref()).await
}

pub(super) async fn ids(office: &Office) -> Ids {
    let bob = office.world.signed_in("bob").await;
    let request = office.asked(&bob, TENANT_A, &[("tenant", "a")]).await;
    office.world.cli(&["group", "add", "Plain", "bob@example.com"]).await;
    let key = json!({ "name": "A", "scopes": ["api.read"] });
    let key = office.done("POST", "/tenants/a/keys", Some(&key)).await["id"].as_str().unwrap().to_owned();
    let url = office.world.url(APP, "/server/mcp");
    let host = json!({ "host": HOST });
    office.done("POST", "/tenants/a/hosts", Some(&host)).await;
    // Nobody asks the DNS about a host that counts.
    office.done("POST", &format!("/tenants/a/hosts/{HOST}/approve"), None).await;
    let proof = "0123456789abcdef0123456789abcdef";
    for row in [
        "INSERT INTO tenant_providers (tenant_id, kind, place, client_id, secret, label, created_at) \
         VALUES ('a', 'oidc', 'https://id.a.example', 'gatepost', 'sealed', 'A', 1)"
            .to_owned(),
        format!(
            "INSERT INTO tenant_domains (tenant_id, domain, state, proof, created_at) VALUES ('a', '{DOMAIN}', 'active', '{proof}', 1)"
        ),
    ] {
        sql(&office.world, AssertSqlSafe(row)).await;
    }
    office.world.cli(&["tool-server", "create", "server-a", "--tenant", "a", "--url", &url]).await;
    let invited = json!({ "email": "somebody@example.com", "role": "member" });
    let invited = office.done("POST", "/tenants/a/invitations", Some(&invited)).await;
    let invitation = invited["id"].as_str().unwrap().to_owned();
    let (_, proposal) = office.proposed("gina", "shop").await;
    let (user, group) = (office.id_of("bob@example.com").await, office.number_of("Plain").await);
    Ids { user, group, request, proposal, key, invitation }
}

both_pairs! {
    async fn each_operation_answers_each_caller_as_its_rule_says(pair) {
        let office = Office::where_people_ask(pair).await;
        let mut people = Vec::new();
        for name in ["bob", "carol", "dave"] {
            people.push(office.world.signed_in(name).await);
        }
        let [bob, carol, dave] = people.try_into().unwrap();
        let ids = ids(&office).await;
        let before = office.audit().await;
        for route in operations() {
            let why = format!("{} {}", route.method, route.path);
            let nobody = call(&office, &office.world.browser(), &route, &ids).await;
            problem(&nobody, 401, "unauthenticated", &why);
            assert_eq!(nobody.header("www-authenticate"), Some("Bearer"), "{why}");
            let is_of_tenant = ["/api/v1/tenants/{id}", "/api/v1/requests/{id}", "/api/v1/keys/{id}", "/api/v1/tool-servers/{id}"].iter().any(|path| route.path.starts_with(path));
            for (client, tenant) in [(&bob, None), (&carol, Some("a")), (&dave, Some("b"))] {
                let answer = call(&office, client, &route, &ids).await;
                match (who(&route), tenant) {
                    (ApiCallers::SignedIn, _) => assert_eq!(answer.status, status_for(&route), "{why}"),
                    (ApiCallers::Administrators, None) | (ApiCallers::System, _) => {
                        problem(&answer, 403, "forbidden", &format!("{why} {tenant:?}"));
                    }
                    (ApiCallers::Administrators, Some(tenant)) => {
                        // To carol bob exists in no list, and nothing of `a` exists to dave.
                        let is_hidden = route.path.starts_with("/api/v1/users/") || (is_of_tenant && tenant == "b");
                        let is_hidden = is_hidden || (route.path.starts_with("/api/v1/access") && tenant == "b");
                        let is_hidden = is_hidden || route.path.ends_with("/members/{user}") || route.path.ends_with("/rules/{rule}") || route.path == "/api/v1/keys/lookup" || route.path == "/api/v1/sessions/{id}";
                        let is_hidden = is_hidden || (route.method == "POST" && route.path == "/api/v1/keys" && tenant == "b");
                        let seen = if status_for(&route) == 422 { 422 } else { 200 };
                        // Which tenant an event is about stands in the body.
                        let seen = if route.path == "/api/v1/usage/events" && tenant == "b" { 400 } else { seen };
                        assert_eq!(answer.status, if is_hidden { 404 } else { seen }, "{why} {tenant}: {}", answer.body);
                    }
                }
            }
            let answer = call(&office, &office.alice, &route, &ids).await;
            assert_eq!(answer.status, status_for(&route), "{why}: {}", answer.body);
        }
        assert_eq!(office.audit().await, before, "what was refused or only tried leaves no row");
    }

    async fn each_operation_answers_a_viewer_and_an_ended_session_as_if_they_administered_nothing(pair) {
        let office = Office::where_people_ask(pair).await;
        for name in ["erin", "frank"] {
            office.world.entra.add(Person::named(name));
        }
        let ids = ids(&office).await;
        office.world.cli(&["tenant", "add-member", "a", "erin@example.com", "--role", "viewer"]).await;
        office.world.cli(&["tenant", "add-member", "a", "frank@example.com", "--role", "admin"]).await;
        let (erin, frank) = (office.world.signed_in("erin").await, office.world.signed_in("frank").await);
        assert_eq!(office.send(&frank, "GET", "/tenants/a", None).await.status, 200);
        office.world.cli(&["session", "end", "--user", "frank@example.com"]).await;
        let before = office.audit().await;
        for route in operations() {
            let why = format!("{} {}", route.method, route.path);
            let answer = call(&office, &erin, &route, &ids).await;
            match who(&route) {
                ApiCallers::SignedIn => assert_eq!(answer.status, status_for(&route), "{why}"),
                ApiCallers::Administrators | ApiCallers::System => drop(problem(&answer, 403, "forbidden", &why)),
            }
            problem(&call(&office, &frank, &route, &ids).await, 401, "unauthenticated", &why);
        }
        assert_eq!(office.audit().await, before);
    }

    async fn the_administrator_of_a_suspended_tenant_reads_it_and_changes_nothing_by_any_operation(pair) {
        let office = Office::where_people_ask(pair).await;
        let ids = ids(&office).await;
        let carol = office.world.signed_in("carol").await;
        let bob = office.id_of("bob@example.com").await;
        office.done("PUT", &format!("/tenants/a/members/{bob}"), Some(&json!({ "role": "viewer" }))).await;
        office.done("POST", "/tenants/a/suspend", Some(&json!({ "reason": "unpaid" }))).await;
        let before = office.audit().await;
        for route in operations() {
            let why = format!("{} {}", route.method, route.path);
            let path = path_of(&route, &ids).replace("?dry_run=true", "");
            let is_of_tenant = path.starts_with("/tenants/a") || [&ids.request, &ids.key].iter().any(|id| path.contains(id.as_str())) || path.contains("server-a");
            if who(&route) != ApiCallers::Administrators || !is_of_tenant {
                continue;
            }
            let answer = office.send(&carol, route.method, &path, body_of(&route).as_ref()).await;
            if route.method == "GET" {
                assert_eq!(answer.status, 200, "{why}: {}", answer.body);
            } else {
                let is_refused = [404, 409, 422].contains(&answer.status);
                assert!(is_refused, "{why}: {} {}", answer.status, answer.body);
            }
        }
        assert_eq!(office.audit().await, before);
    }

    async fn each_read_refuses_all_parameters_that_it_does_not_know(pair) {
        let office = Office::where_people_ask(pair).await;
        let ids = ids(&office).await;
        for route in operations().into_iter().filter(|route| route.method == "GET") {
            let why = format!("GET {}", route.path);
            let path = path_of(&route, &ids);
            let separator = if path.contains('?') { '&' } else { '?' };
            let answer = office.send(&office.alice, "GET", &format!("{path}{separator}x=1&y=2&x=3"), None).await;
            let unknown = ["x", "y"].map(|name| (name.to_owned(), "unknown".to_owned()));
            assert_eq!(problem(&answer, 400, "invalid", &why), unknown, "{why}");
        }
    }

    async fn who_was_removed_a_moment_ago_is_nobody(pair) {
        let office = Office::open(pair).await;
        let (carol, bob) = (office.world.signed_in("carol").await, office.world.signed_in("bob").await);
        let (carol_id, group) = (office.id_of("carol@example.com").await, office.number_of("admins-a").await);
        assert_eq!(office.send(&carol, "GET", "/tenants/a", None).await.status, 200);
        office.done("DELETE", &format!("/groups/{group}/members/{carol_id}"), None).await;
        problem(&office.send(&carol, "GET", "/tenants/a", None).await, 403, "forbidden", "carol administers nothing");
        let bob_id = office.id_of("bob@example.com").await;
        office.done("PUT", &format!("/admins/{bob_id}"), Some(&json!({ "is_admin": true }))).await;
        assert_eq!(office.send(&bob, "GET", "/system", None).await.status, 200);
        office.done("PUT", &format!("/admins/{bob_id}"), Some(&json!({ "is_admin": false }))).await;
        problem(&office.send(&bob, "GET", "/system", None).await, 403, "forbidden", "bob is no admin");
        office.done("POST", &format!("/users/{bob_id}/disable"), None).await;
        problem(&office.send(&bob, "GET", "/me", None).await, 401, "unauthenticated", "bob is disabled");
    }

    async fn another_site_changes_nothing(pair) {
        let office = Office::where_people_ask(pair).await;
        let ids = ids(&office).await;
        let before = office.audit().await;
        for route in operations() {
            // A check has Gatepost call other servers.
            let is_guarded = route.method != "GET" || route.path.ends_with("/check");
            assert_eq!(route.origin == RequestOrigin::OwnPagesOrKey, is_guarded, "{route:?}");
            for site in ["same-site", "cross-site", "none"] {
                let answer = crate::api::unlimited(|| {
                    let request = office.request(&office.alice, route.method, &path_of(&route, &ids).replace("dry_run=true", ""));
                    request.header("sec-fetch-site", site).header("content-type", "application/json").body(body_of(&route).unwrap_or_default().to_string())
                }).await;
                if is_guarded {
                    problem(&answer, 403, "cross-origin", &format!("{route:?} {site}"));
                }
                assert_eq!(answer.header("access-control-allow-origin"), None, "{route:?}");
            }
        }
        assert_eq!(office.audit().await, before);
    }
}
