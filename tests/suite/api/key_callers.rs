//! API keys as callers of the API: what each kind of key may, when it counts no more, and what it leaves in the audit.

use super::callers::{Ids, body_of, ids, path_of, status_for};
use super::{Office, ROOT, operations, problem, unlimited};
use crate::replicas::another;
use crate::world::{PUBLIC, Pair};
use gatepost_core::api_key::ApiKey;
use gatepost_kit::client::{Answer, Client, Kind};
use gatepost_kit::process::until;
use gatepost_web::{ApiCallers, Callers, KeyScope, Route};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(30);
/// In which every change binds.
const SECOND: Duration = Duration::from_secs(1);
const BOTH: [&str; 4] = ["--scope", "api.read", "--scope", "api.write"];
const EVERY: [&str; 6] = ["--scope", "api.read", "--scope", "api.write", "--scope", "usage.write"];

/// Makes a key on the command line of the server.
async fn made(office: &Office, arguments: &[&str]) -> Value {
    let made = office.world.cli(&[&["key", "create", "Script", "--json"], arguments].concat()).await;
    serde_json::from_str(&made).unwrap()
}

async fn key(office: &Office, arguments: &[&str]) -> String {
    made(office, arguments).await["key"].as_str().unwrap().to_owned()
}

/// A key that may read, write and report usage.
async fn full(office: &Office, arguments: &[&str]) -> String {
    key(office, &[&EVERY, arguments].concat()).await
}

/// A request of a program: no headers of a browser but the cookies of `client`.
async fn send(
    office: &Office,
    client: &Client,
    headers: &[(&str, &str)],
    (method, path, body): (&str, &str, Option<&Value>),
) -> Answer {
    let url = office.world.url(PUBLIC, &format!("{ROOT}{path}"));
    unlimited(|| {
        let request = client.request(method.parse::<Method>().unwrap(), &url).kind(Kind::Program);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        }
    })
    .await
}

async fn by(office: &Office, key: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let bearer = format!("Bearer {key}");
    send(office, &office.world.browser(), &[("authorization", &bearer)], (method, path, body)).await
}

async fn call(office: &Office, client: &Client, key: &str, route: &Route, ids: &Ids) -> Answer {
    let (path, body) = (path_of(route, ids), body_of(route));
    let bearer = format!("Bearer {key}");
    send(office, client, &[("authorization", &bearer)], (route.method, &path, body.as_ref())).await
}

fn rule(route: &Route) -> (ApiCallers, KeyScope) {
    match route.callers {
        Callers::Api(access) => (access.who, access.scope),
        other => panic!("{other:?}"),
    }
}

/// Whether no key may call the operation: it makes, changes or rotates a key, or proposes a tenant.
fn is_not_by_key(route: &Route) -> bool {
    let path = route.path.strip_prefix(ROOT).unwrap();
    match route.method {
        "POST" => path.ends_with("/keys") || path.ends_with("/rotate") || path == "/me/proposals",
        "PATCH" => path.contains("/keys/"),
        _ => false,
    }
}

fn codes(answer: &Answer, status: u16, slug: &str, why: &str) -> String {
    problem(answer, status, slug, why).into_iter().map(|(_, code)| code).collect()
}

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Platform,
    Tenant(&'static str),
    Person,
}

/// What the key of a scope that suffices gets: a status, and the reason if it is 403.
fn expected(of: Of, route: &Route) -> (u16, &'static str) {
    let path = route.path.strip_prefix(ROOT).unwrap();
    match (rule(route).0, of) {
        (ApiCallers::SignedIn, Of::Platform | Of::Tenant(_)) => (403, "people_only"),
        (ApiCallers::SignedIn, Of::Person) | (_, Of::Platform) => match status_for(route) {
            200 if is_not_by_key(route) => (403, "not_by_key"),
            status => (status, ""),
        },
        (ApiCallers::System, _) => (403, "system_only"),
        (ApiCallers::Administrators, Of::Person) => (403, "administrators_only"),
        (ApiCallers::Administrators, Of::Tenant(tenant)) => {
            let of_a = ["/tenants/{id}", "/requests/{id}", "/keys/{id}", "/tool-servers/{id}", "/access"];
            let is_of_a =
                of_a.iter().any(|of_a| path.starts_with(of_a)) || (route.method, path) == ("POST", "/keys");
            let is_hidden = path.starts_with("/users/")
                || path == "/sessions/{id}"
                || ["/members/{user}", "/rules/{rule}", "/keys/lookup"].iter().any(|end| path.ends_with(end));
            match is_hidden || (is_of_a && tenant == "b") {
                // Which tenant it is about stands in the body.
                _ if path == "/usage/events" && tenant == "b" => (400, ""),
                true => (404, ""),
                false if is_not_by_key(route) => (403, "not_by_key"),
                false if status_for(route) == 422 => (422, ""),
                false => (200, ""),
            }
        }
    }
}

both_pairs! {
    async fn a_call_of_the_api_is_a_use_and_a_refused_one_is_none(pair) {
        let office = Office::open(pair).await;
        let (reads, lacks) = (made(&office, &["--scope", "api.read"]).await, made(&office, &["--scope", "api.write"]).await);
        let call = async |key: &Value| by(&office, key["key"].as_str().unwrap(), "GET", "/groups", None).await.status;
        assert_eq!((call(&lacks).await, call(&reads).await), (403, 200));
        let used = async |key: &Value| -> Value {
            let shown = office.world.cli(&["key", "show", key["id"].as_str().unwrap(), "--json"]).await;
            serde_json::from_str::<Value>(&shown).unwrap()["last_used_at"].clone()
        };
        until("the use to be written", TIMEOUT, async || used(&reads).await.is_string().then_some(())).await;
        assert!(used(&lacks).await.is_null());
    }

    async fn each_operation_answers_each_key_as_its_rule_says(pair) {
        let office = Office::where_people_ask(pair).await;
        let ids = ids(&office).await;
        let keys = [
            (Of::Platform, full(&office, &[]).await),
            (Of::Tenant("a"), full(&office, &["--tenant", "a"]).await),
            (Of::Tenant("b"), full(&office, &["--tenant", "b"]).await),
            (Of::Person, full(&office, &["--owner", "bob@example.com"]).await),
            (Of::Person, full(&office, &["--owner", "alice@example.com"]).await),
            (Of::Person, full(&office, &["--owner", "carol@example.com", "--tenant", "a"]).await),
        ];
        let reads = key(&office, &["--scope", "api.read"]).await;
        let writes = key(&office, &["--scope", "api.write"]).await;
        let reports = key(&office, &["--scope", "usage.write"]).await;
        let neither = key(&office, &["--scope", "scim"]).await;
        let far = full(&office, &["--network", "198.51.100.0/24"]).await;
        let stranger = office.world.browser();
        let before = office.audit().await;
        for route in operations() {
            let why = format!("{} {}", route.method, route.path);
            for (of, key) in &keys {
                let (answer, why) = (call(&office, &stranger, key, &route, &ids).await, format!("{why} {of:?}"));
                match expected(*of, &route) {
                    (403, reason) => assert_eq!(codes(&answer, 403, "forbidden", &why), reason, "{why}"),
                    (status, _) => assert_eq!(answer.status, status, "{why}: {}", answer.body),
                }
            }
            let scope = rule(&route).1;
            let (lacking, sufficient) = match scope {
                KeyScope::Read => ([&writes, &reports], &reads),
                KeyScope::Write => ([&reads, &reports], &writes),
                KeyScope::Usage => ([&reads, &writes], &reports),
            };
            for key in lacking.into_iter().chain([&neither]) {
                // The cookie of a system administrator stands beside it.
                let answer = call(&office, &office.alice, key, &route, &ids).await;
                assert_eq!(codes(&answer, 403, "forbidden", &why), "insufficient_scope", "{why}");
                let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{}\"", scope.as_str());
                assert_eq!(answer.header("www-authenticate"), Some(&*challenge), "{why}");
            }
            let answer = call(&office, &stranger, sufficient, &route, &ids).await;
            assert!(!answer.body.contains("insufficient_scope"), "{why}");
            let answer = call(&office, &office.alice, &far, &route, &ids).await;
            assert_eq!(codes(&answer, 401, "unauthenticated", &why), "invalid_key");
            assert!(answer.header("www-authenticate").unwrap().contains("does not count from this network"), "{why}");
        }
        assert_eq!(office.audit().await, before, "what was refused or only tried leaves no row");
    }

    async fn a_key_decides_alone_and_one_that_is_none_is_401(pair) {
        let office = Office::open(pair).await;
        let good = full(&office, &["--network", "127.0.0.0/8"]).await;
        let unknown = ApiKey::generate(None).expose().to_owned();
        let cut = &unknown[..unknown.len() - 1];
        let with = async |headers: &[(&str, &str)]| send(&office, &office.alice, headers, ("GET", "/system", None)).await;
        assert_eq!(with(&[]).await.status, 200, "alice's cookie alone");
        for (text, why) in [(&*unknown, "unknown or revoked"), (cut, "expected gp_"), ("gp_", "expected gp_")] {
            let bearer = format!("bEaReR {text}");
            for header in [("authorization", &*bearer), ("x-gatepost-key", text)] {
                let answer = with(&[header]).await;
                problem(&answer, 401, "unauthenticated", text);
                let challenge = answer.header("www-authenticate").unwrap();
                assert!(challenge.starts_with("Bearer error=\"invalid_token\"") && challenge.contains(why), "{challenge}");
            }
        }
        problem(&with(&[("x-gatepost-key", "")]).await, 401, "unauthenticated", "an empty one claims to be a key");
        let bearer = format!("Bearer {good}");
        assert_eq!(with(&[("x-gatepost-key", &good)]).await.status, 200);
        for twice in [[("authorization", &*bearer), ("x-gatepost-key", &*good)], [("x-gatepost-key", &*good); 2], [("authorization", &*bearer); 2]] {
            problem(&with(&twice).await, 400, "invalid", "two keys");
        }
        assert_eq!(with(&[("authorization", "Bearer somebody's")]).await.status, 200, "no key: the cookie decides");
        // What is no key does not replace the origin.
        let post = ("POST", "/groups", Some(&json!({ "name": "New" })));
        for headers in [vec![], vec![("authorization", "Bearer somebody's")], vec![("authorization", "Basic Z3BfeDp5")]] {
            problem(&send(&office, &office.alice, &headers, post).await, 403, "cross-origin", "no key");
        }
        let foreign = [("authorization", &*bearer), ("origin", "https://elsewhere.example.org"), ("sec-fetch-site", "cross-site")];
        assert_eq!(send(&office, &office.world.browser(), &foreign, post).await.status, 201, "no browser sends a key by itself");
    }

    #[expect(clippy::disallowed_methods, reason = "it stands for a program, not for a call of ours")]
    async fn a_key_counts_no_more_within_a_second_on_every_replica(pair) {
        let office = Office::open(pair).await;
        office.world.signed_in("bob").await;
        let second = if pair == Pair::Shared { Some(another(&office.world).await) } else { None };
        let replicas: Vec<_> = std::iter::once(&office.world.gatepost).chain(&second).collect();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let ask = async |replica: &gatepost_kit::process::Gatepost, key: &str, path: &str| {
            let url = format!("http://{}{ROOT}{path}", replica.public());
            http.get(url).header("host", PUBLIC).bearer_auth(key).send().await.unwrap().status().as_u16()
        };
        let passes = async |key: &str, path: &str| {
            for replica in &replicas {
                until("the key to pass", TIMEOUT, async || (ask(replica, key, path).await == 200).then_some(())).await;
            }
        };
        let ends = async |key: &str, path: &str| {
            let acknowledged = Instant::now();
            for replica in &replicas {
                until("the change to bind", TIMEOUT, async || {
                    let sent = Instant::now();
                    let status = ask(replica, key, path).await;
                    assert!(status != 200 || sent < acknowledged + SECOND, "it passes {:?} later", sent - acknowledged);
                    (status == 401).then_some(())
                }).await;
            }
        };
        let revoked = made(&office, &BOTH).await;
        let text = revoked["key"].as_str().unwrap();
        passes(text, "/system").await;
        office.world.cli(&["key", "revoke", revoked["id"].as_str().unwrap()]).await;
        ends(text, "/system").await;

        let owned = full(&office, &["--owner", "bob@example.com"]).await;
        passes(&owned, "/me").await;
        office.world.cli(&["user", "disable", "bob@example.com"]).await;
        ends(&owned, "/me").await;

        let at = gatepost_core::clock::Timestamp::now().plus(Duration::from_secs(4));
        let plan = json!({ "name": "Short", "scopes": ["api.read"], "expires_at": gatepost_core::calendar::rfc3339(at) });
        let expiring = office.done("POST", "/keys", Some(&plan)).await;
        let text = expiring["key"].as_str().unwrap();
        passes(text, "/system").await;
        until("the key to expire", TIMEOUT, async || (ask(replicas[0], text, "/system").await == 401).then_some(())).await;
        let answer = by(&office, text, "GET", "/system", None).await;
        assert!(answer.header("www-authenticate").unwrap().contains("has expired"), "{:?}", answer.header("www-authenticate"));
    }

    async fn a_key_may_no_more_than_its_maker_may_now(pair) {
        let office = Office::open(pair).await;
        let (carol, bob) = (office.world.signed_in("carol").await, office.world.signed_in("bob").await);
        let [bob_id, carol_id] = [office.id_of("bob@example.com").await, office.id_of("carol@example.com").await];
        office.done("PUT", &format!("/admins/{bob_id}"), Some(&json!({ "is_admin": true }))).await;
        let plan = json!({ "name": "Script", "scopes": ["api.read", "api.write"] });
        let text = |answer: Answer| answer.json()["key"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned();
        let of_tenant = text(office.send(&carol, "POST", "/tenants/a/keys", Some(&plan)).await);
        let of_platform = text(office.send(&bob, "POST", "/keys", Some(&plan)).await);
        let of_carol = json!({ "name": "Script", "scopes": ["api.read"], "owner_id": carol_id });
        let of_carol = text(office.send(&bob, "POST", "/keys", Some(&of_carol)).await);
        let own = text(office.send(&carol, "POST", "/me/keys", Some(&plan)).await);
        let kept = [(&of_tenant, "/tenants/a"), (&of_platform, "/system"), (&of_carol, "/me"), (&own, "/me")];
        for (key, path) in kept {
            assert_eq!(by(&office, key, "GET", path, None).await.status, 200, "{path}");
        }
        office.done("PUT", &format!("/admins/{bob_id}"), Some(&json!({ "is_admin": false }))).await;
        let group = office.number_of("admins-a").await;
        office.done("DELETE", &format!("/groups/{group}/members/{carol_id}"), None).await;
        for (key, path) in &kept[..3] {
            let answer = by(&office, key, "GET", path, None).await;
            assert_eq!(codes(&answer, 403, "forbidden", path), "maker_lacks_rights");
        }
        assert_eq!(by(&office, &own, "GET", "/me", None).await.json()["email"], "carol@example.com");
    }

    async fn the_audit_names_the_key_and_the_person(pair) {
        let office = Office::open(pair).await;
        office.world.signed_in("bob").await;
        let bob_id = office.id_of("bob@example.com").await;
        let platform = made(&office, &BOTH).await;
        let of_a = made(&office, &[&BOTH, &["--tenant", "a"][..]].concat()).await;
        let of_bob = made(&office, &[&BOTH, &["--owner", "bob@example.com"][..]].concat()).await;
        let [platform_key, key_of_a, key_of_bob] = [&platform, &of_a, &of_bob].map(|made| made["key"].as_str().unwrap());
        let [platform_id, id_of_a, id_of_bob] = [&platform, &of_a, &of_bob].map(|made| made["id"].as_str().unwrap());
        let made = by(&office, platform_key, "POST", "/groups", Some(&json!({ "name": "Made" }))).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let invited = by(&office, key_of_a, "PUT", "/tenants/a/members/eve@example.com", Some(&json!({ "role": "viewer" }))).await;
        assert_eq!(invited.status, 201, "{}", invited.body);
        let hidden = by(&office, key_of_a, "PUT", "/tenants/b/members/eve@example.com", Some(&json!({ "role": "viewer" }))).await;
        problem(&hidden, 404, "not-found", "another tenant");
        let told = by(&office, key_of_bob, "GET", "/me/export", None).await.json();
        assert_eq!((&told["keys"][0]["id"], &told["keys"][0]["hint"]), (&of_bob["id"], &of_bob["hint"]), "{told}");
        assert!(!told.to_string().contains(key_of_bob));
        let me = by(&office, key_of_bob, "GET", "/me", None).await.json();
        assert_eq!((&me["id"], &me["key"], &me["session"]), (&json!(bob_id), &of_bob["id"], &Value::Null));
        let ended = by(&office, key_of_bob, "DELETE", &format!("/me/keys/{id_of_bob}"), None).await;
        assert_eq!(ended.status, 204, "{}", ended.body);
        for (id, actor, action) in [
            (platform_id, format!("key:{platform_id}"), "group.create"),
            (id_of_a, format!("key:{id_of_a}"), "tenant.add_member"),
            (id_of_bob, bob_id, "key.revoke"),
        ] {
            let rows = office.done("GET", &format!("/audit?key={id}"), None).await;
            let rows = rows["items"].as_array().unwrap();
            let row = rows.iter().find(|row| row["action"] == action).unwrap_or_else(|| panic!("{action}: {rows:?}"));
            assert_eq!((&row["actor"], &row["key_id"], &row["via"]), (&json!(actor), &json!(id), &json!("api")));
            let listed = office.world.cli(&["audit", "list", "--key", id]).await;
            assert!(listed.contains(action) && listed.contains(id), "{listed}");
            assert!(rows.iter().all(|row| row["key_id"] == id), "{rows:?}");
        }
        assert!(office.world.cli(&["audit", "list", "--key", platform_id]).await.contains("group.create"));
        assert!(!office.world.cli(&["audit", "list", "--key", id_of_a]).await.contains("group.create"));
        assert!(office.world.cli(&["audit", "verify"]).await.contains("The audit is whole"));
    }

    async fn two_keys_do_not_share_answers_and_each_has_its_own_limits(pair) {
        let office = Office::open(pair).await;
        let [one, two] = [full(&office, &[]).await, full(&office, &[]).await];
        let make = async |key: &str| {
            let bearer = format!("Bearer {key}");
            let headers = [("authorization", &*bearer), ("idempotency-key", "once")];
            send(&office, &office.world.browser(), &headers, ("POST", "/groups", Some(&json!({ "name": "Once" })))).await
        };
        assert_eq!(make(&one).await.status, 201);
        let again = make(&one).await;
        assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
        let other = make(&two).await;
        assert_eq!((other.status, other.header("idempotency-replayed"), &other.json()["changed"]), (200, None, &json!(false)), "another key is another caller");

        let slow = key(&office, &["--scope", "api.read", "--per-minute", "2"]).await;
        let ask = async |key: &str| {
            let request = office.world.browser();
            let url = office.world.url(PUBLIC, &format!("{ROOT}/system"));
            request.request(Method::GET, &url).kind(Kind::Program).header("authorization", format!("Bearer {key}")).send().await
        };
        let statuses = [ask(&slow).await.status, ask(&slow).await.status];
        let third = ask(&slow).await;
        assert_eq!((statuses, third.status), ([200; 2], 429), "{}", third.body);
        assert!(third.header("retry-after").is_some());
        let mut refused = None;
        for _ in 0..200 {
            let answer = ask(&one).await;
            if answer.status == 429 {
                refused = Some(answer);
                break;
            }
        }
        let refused = refused.expect("60 at once and 20 a second");
        assert!(refused.header("ratelimit").is_some_and(|left| left.contains("r=0")) && refused.header("retry-after").is_some());
        assert_eq!(ask(&two).await.status, 200, "another key");

        let mut statuses = Vec::new();
        for _ in 0..100 {
            statuses.push(ask(ApiKey::generate(None).expose()).await.status);
        }
        assert_eq!(statuses[..5], [401; 5]);
        assert!(statuses.contains(&429), "{statuses:?}");
        assert_eq!(ask(&two).await.status, 200, "a key that is known needs no look-up");
    }
}
