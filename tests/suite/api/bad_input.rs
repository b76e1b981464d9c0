//! Bad input of every operation. The routes and the OpenAPI document say what there is to try, so a new operation is tried
//! too. Each answer is one problem that names what is wrong, and nothing is written.

use super::callers::{Ids, body_of, ids, path_of, status_for};
use super::{NO_SESSION, NO_USER, Office, ROOT, operations, problem, unlimited};
use futures_util::stream::{self, StreamExt};
use gatepost_kit::client::{Answer, Client};
use gatepost_web::{ApiCallers, Callers, Route};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where everything is tried.
struct Bench {
    office: Office,
    admins: Vec<Client>,
    turn: AtomicUsize,
    ids: Ids,
    document: Value,
    before: Vec<Value>,
}

/// A header or a text may be no UTF-8.
type Header<'a> = (&'a str, &'a [u8]);

impl Bench {
    async fn open(pair: crate::world::Pair) -> Self {
        let office = Office::where_people_ask(pair).await;
        let ids = ids(&office).await;
        let admins = office.many_admins().await;
        let document = serde_json::from_str(&office.world.cli(&["openapi"]).await).unwrap();
        let before = office.audit().await;
        Self { office, admins, turn: AtomicUsize::new(0), ids, document, before }
    }

    /// The path that makes the change.
    fn path(&self, route: &Route) -> String {
        path_of(route, &self.ids).replace("?dry_run=true&", "?").replace("?dry_run=true", "")
    }

    fn operation(&self, route: &Route) -> &Value {
        &self.document["paths"][&route.path][route.method.to_ascii_lowercase()]
    }

    /// The schema of the body.
    fn schema(&self, route: &Route) -> &Value {
        let schema = &self.operation(route)["requestBody"]["content"]["application/json"]["schema"];
        let name = schema["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        &self.document["components"]["schemas"][name]
    }

    /// As one of the administrators, in turn.
    async fn send(&self, route: &Route, path: &str, headers: &[Header<'_>], body: Option<&[u8]>) -> Answer {
        let admin = &self.admins[self.turn.fetch_add(1, Ordering::Relaxed) % self.admins.len()];
        unlimited(|| {
            let request = self.office.request(admin, route.method, path);
            let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
            match body {
                Some(body) => request.body(body),
                None => request,
            }
        })
        .await
    }

    async fn send_json(&self, route: &Route, text: &[u8]) -> Answer {
        self.send(route, &self.path(route), &[JSON], Some(text)).await
    }

    /// With the body that the operation takes, if it takes one.
    async fn send_good(&self, route: &Route, path: &str, headers: &[Header<'_>]) -> Answer {
        let Some(body) = body_of(route) else { return self.send(route, path, headers, None).await };
        let headers: Vec<Header<'_>> = headers.iter().copied().chain([JSON]).collect();
        self.send(route, path, &headers, Some(body.to_string().as_bytes())).await
    }

    async fn demand_nothing_was_written(&self) {
        assert_eq!(self.office.audit().await, self.before);
    }
}

const JSON: Header<'static> = ("content-type", b"application/json");

/// Operations that change something.
fn changes() -> Vec<Route> {
    let is_read = |route: &Route| ["/explain", "/keys/lookup"].iter().any(|read| route.path.ends_with(read));
    let is_change = |route: &Route| route.method != "GET" && !is_read(route);
    operations().into_iter().filter(is_change).collect()
}

fn named(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}

fn flaw(place: &str, code: &str) -> (String, String) {
    (place.to_owned(), code.to_owned())
}

/// A value of a member that is wrong, and whether it may be understood all the same. A remark leaves out what cannot be shown.
fn wrong_values(name: &str, schema: &Value, is_remark: bool) -> Vec<(Value, bool)> {
    let is_text = schema["type"] == "string"
        || schema["type"].as_array().is_some_and(|all| all.contains(&json!("string")));
    let mut values = vec![(json!(7.5), false)];
    // What other programs keep here is theirs.
    values.extend((name != "settings").then(|| (json!({ "a": [] }), false)));
    if is_text {
        values.extend([(json!("x".repeat(5000)), true), (json!([]), false)]);
        values.extend((!is_remark).then(|| (json!("a\u{0}b"), true)));
    }
    values
}

async fn try_bodies(bench: &Bench, route: &Route) {
    let why = named(route);
    let depth = b"[".repeat(5000);
    for text in [b"".as_slice(), b"{", b"{}{}", b"\xff", b"{\"x\": \"\xff\"}", &depth] {
        let answer = bench.send_json(route, text).await;
        assert_eq!(problem(&answer, 400, "invalid", &why), [flaw("", "not_json")], "{why}");
    }
    for text in ["[]", "7", "null", "\"x\""] {
        let answer = bench.send_json(route, text.as_bytes()).await;
        assert_eq!(problem(&answer, 400, "invalid", &why), [flaw("", "not_an_object")], "{why}");
    }
    let answer = bench.send_json(route, br#"{"a": 1, "a": 1, "b": {"c": 1, "c": 2}}"#).await;
    let repeated = [flaw("/a", "repeated"), flaw("/b/c", "repeated")];
    assert_eq!(problem(&answer, 400, "invalid", &why), repeated, "{why}");

    let schema = bench.schema(route);
    let mut want = vec![flaw("/b~1", "unknown"), flaw("/zz", "unknown")];
    let required = schema["required"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap());
    // Of `explain` no member is required by itself: a number of a request is enough.
    let required = required.chain(["user", "url"].into_iter().filter(|_| route.path.ends_with("/explain")));
    want.extend(required.map(|name| flaw(&format!("/{name}"), "missing")));
    want.sort();
    let mut found = problem(&bench.send_json(route, br#"{"b/": 1, "zz": 2}"#).await, 400, "invalid", &why);
    found.sort();
    assert_eq!(found, want, "{why}");

    for (name, schema) in schema["properties"].as_object().unwrap() {
        let is_remark = name == "answer" || (name == "reason" && route.path.ends_with("/me/proposals"));
        for (value, may_be_understood) in wrong_values(name, schema, is_remark) {
            // The number of a request excludes the other members of `explain`.
            let mut body = if name == "request" { json!({}) } else { body_of(route).unwrap() };
            body[name] = value;
            let answer = bench.send_json(route, body.to_string().as_bytes()).await;
            let why = format!("{why} {name}: {}", answer.body);
            // `explain` only reads, so it may answer about any text.
            let understood = if route.path.ends_with("/explain") { [200, 422] } else { [422, 422] };
            if !(may_be_understood && understood.contains(&answer.status)) {
                let found = problem(&answer, 400, "invalid", &why);
                assert!(
                    found.iter().all(|(place, _)| *place == format!("/{name}")) && !found.is_empty(),
                    "{why}"
                );
            }
        }
    }
}

async fn try_media_types(bench: &Bench, route: &Route) {
    let (why, path) = (named(route), bench.path(route));
    // A picture in base64 may be longer than any other body.
    let most = if route.path.ends_with("/branding") { 96 } else { 64 };
    let long = format!("{{\"name\": \"{}\"}}", "x".repeat(most * 1024));
    problem(&bench.send_json(route, long.as_bytes()).await, 413, "too-large", &why);
    let types: [&[Header<'_>]; 7] = [
        &[("content-type", b"text/plain")],
        &[("content-type", b"application/x-www-form-urlencoded")],
        &[("content-type", b"application/jsonx")],
        &[("content-type", b"\xff")],
        &[JSON, JSON],
        &[JSON, ("content-encoding", b"gzip")],
        &[],
    ];
    for headers in types {
        let answer =
            bench.send(route, &path, headers, Some(body_of(route).unwrap().to_string().as_bytes())).await;
        problem(&answer, 415, "media-type", &format!("{why} {headers:?}"));
    }
    let merge = [("content-type", b"application/merge-patch+json".as_slice())];
    let answer = bench.send(route, &path, &merge, Some(b"{\"x\": 1}")).await;
    assert_eq!(answer.status, if route.method == "PATCH" { 400 } else { 415 }, "{why}");
}

/// Ids of nothing, by the part of the path that they stand in.
fn unknown_id(place: &str) -> &'static str {
    match place {
        "users" | "members" | "admins" | "requests" | "proposals" | "keys" | "invitations" => NO_USER,
        "groups" => "999999",
        "tenants" | "tool-servers" | "tiers" => "none",
        "hosts" => "none.tenants.example.test",
        "domains" => "none.example",
        "rules" => super::callers::NO_RULE,
        "sessions" => NO_SESSION,
        other => panic!("{other} is new: which id does it take?"),
    }
}

async fn try_ids(bench: &Bench, route: &Route) {
    let path = bench.path(route);
    let (path, query) = path.split_once('?').map_or((path.as_str(), ""), |(path, query)| (path, query));
    let template = route.path.strip_prefix(ROOT).unwrap();
    let names: Vec<&str> = template.split('/').collect();
    for at in (0..names.len()).filter(|at| names[*at].starts_with('{')) {
        let long = "9".repeat(5000);
        let mut wrong = vec!["%ff", "%00", "%61", "a%2Fb", "..%2f", "a+b", "\u{e9}", &long];
        // Whom nobody knows may be made a member or an administrator, and a tenant that is not there may be made.
        if !(route.method == "PUT" && ["/tenants/{id}", "/tiers/{id}"].contains(&template)) {
            wrong.push(unknown_id(names[at - 1]));
        }
        for id in wrong {
            let mut parts: Vec<&str> = path.split('/').collect();
            parts[at] = id;
            let answer = bench.send_good(route, &format!("{}?{query}", parts.join("/")), &[]).await;
            problem(&answer, 404, "not-found", &format!("{} {id}", named(route)));
        }
    }
}

/// Waits for all of these, of which few run at once: what waits too long for a connection to the directory is answered 503.
async fn few_at_once<F: Future<Output = ()>>(attempts: impl Iterator<Item = F>) {
    stream::iter(attempts).for_each_concurrent(6, |attempt| attempt).await;
}

fn takes_events(route: &Route) -> bool {
    route.path.ends_with("/usage/events")
}

async fn try_conditions(bench: &Bench, route: &Route) {
    let (why, path) = (named(route), bench.path(route));
    let stale = bench.send_good(route, &path, &[("if-match", b"\"v99\"")]).await;
    if status_for(route) == 404 {
        problem(&stale, 404, "not-found", &why);
    } else {
        problem(&stale, 412, "overtaken", &why);
    }
    let malformed = async |headers: &[Header<'_>], name: &str| {
        let answer = bench.send_good(route, &path, headers).await;
        assert_eq!(problem(&answer, 400, "invalid", &why), [flaw(name, "malformed")], "{why} {headers:?}");
    };
    let long = [b"\"v".as_slice(), &b"1".repeat(5000), b"\""].concat();
    for tag in [b"W/\"v1\"".as_slice(), b"v1", b"\"1\"", b"\"v1\", \"v2\"", b"", b"\xff", &long] {
        malformed(&[("if-match", tag)], "If-Match").await;
    }
    malformed(&[("if-match", b"\"v1\""), ("if-match", b"\"v1\"")], "If-Match").await;
    malformed(&[("if-none-match", b"\"v1\"")], "If-None-Match").await;
    if route.method != "PUT" {
        malformed(&[("if-none-match", b"*")], "If-None-Match").await;
    }
    // An event has a name of its own by which it counts once.
    if route.method == "POST" && !takes_events(route) {
        for key in [b"".as_slice(), b"a b", b"\xe9", &b"x".repeat(129)] {
            malformed(&[("idempotency-key", key)], "Idempotency-Key").await;
        }
        malformed(&[("idempotency-key", b"a"), ("idempotency-key", b"a")], "Idempotency-Key").await;
    }
    let separator = if path.contains('?') { '&' } else { '?' };
    for (query, place, code) in [
        ("dry_run=maybe", "dry_run", "malformed"),
        ("dry_run=%ff", "dry_run", "malformed"),
        ("dry_run=true&dry_run=true", "dry_run", "repeated"),
        ("x=1", "x", "unknown"),
    ] {
        let answer = bench.send_good(route, &format!("{path}{separator}{query}"), &[]).await;
        assert_eq!(problem(&answer, 400, "invalid", &why), [flaw(place, code)], "{why} {query}");
    }
}

/// Every parameter that the document names for a read.
async fn try_parameters(bench: &Bench, route: &Route) {
    let path = bench.path(route);
    let path = path.split('?').next().unwrap();
    for parameter in bench.operation(route)["parameters"].as_array().into_iter().flatten() {
        if parameter["in"] != "query" {
            continue;
        }
        let name = parameter["name"].as_str().unwrap();
        let long = format!("{name}={}", "x".repeat(5000));
        let mut wrong = vec![
            (format!("{name}=%ff"), "malformed"),
            (format!("{name}=a%00b"), "malformed"),
            (long, "malformed"),
        ];
        if !parameter["schema"]["type"].to_string().contains("array") {
            wrong.push((format!("{name}=1&{name}=1"), "repeated"));
        }
        for (query, code) in wrong {
            let why = format!("{} {query}", named(route));
            let answer = bench.send(route, &format!("{path}?{query}"), &[], None).await;
            let found = problem(&answer, 400, "invalid", &why);
            assert!(found.contains(&flaw(name, code)), "{why}: {found:?}");
        }
    }
}

both_pairs! {
    async fn each_operation_refuses_a_bad_body_with_all_that_is_wrong_with_it(pair) {
        let bench = Bench::open(pair).await;
        // Events may have members that nobody knows, and are longer: `usage` tries them.
        let with_body: Vec<Route> = operations().into_iter().filter(|route| !bench.operation(route)["requestBody"].is_null() && !takes_events(route)).collect();
        assert!(with_body.len() > 10);
        few_at_once(with_body.iter().map(|route| try_bodies(&bench, route))).await;
        few_at_once(with_body.iter().map(|route| try_media_types(&bench, route))).await;
        for route in operations() {
            assert_eq!(body_of(&route).is_some(), !bench.operation(&route)["requestBody"].is_null(), "{}", named(&route));
            if body_of(&route).is_none() {
                let answer = bench.send(&route, &bench.path(&route), &[JSON], Some(b"{}")).await;
                problem(&answer, 413, "too-large", &named(&route));
            }
        }
        bench.demand_nothing_was_written().await;
    }

    async fn each_operation_refuses_ids_conditions_and_parameters_that_are_wrong(pair) {
        let bench = Bench::open(pair).await;
        let (all, changes) = (operations(), changes());
        assert!(changes.len() > 20);
        few_at_once(all.iter().map(|route| try_ids(&bench, route))).await;
        few_at_once(changes.iter().map(|route| try_conditions(&bench, route))).await;
        few_at_once(all.iter().filter(|route| route.method == "GET").map(|route| try_parameters(&bench, route))).await;
        bench.demand_nothing_was_written().await;
    }

    async fn no_operation_is_for_a_caller_who_was_removed_a_moment_ago(pair) {
        let bench = Bench::open(pair).await;
        let bob = bench.office.world.signed_in("bob").await;
        let admin = format!("/admins/{}", bench.ids.user);
        bench.office.done("PUT", &admin, Some(&json!({ "is_admin": true }))).await;
        assert_eq!(bench.office.send(&bob, "GET", "/system", None).await.status, 200);
        bench.office.done("DELETE", &admin, None).await;
        let before = bench.office.audit().await;
        for route in operations() {
            let is_own = matches!(route.callers, Callers::Api(access) if access.who == ApiCallers::SignedIn);
            if !is_own {
                let answer = bench.office.send(&bob, route.method, &bench.path(&route), body_of(&route).as_ref()).await;
                problem(&answer, 403, "forbidden", &named(&route));
            }
        }
        assert_eq!(bench.office.audit().await, before);
        bench.office.done("POST", &format!("/users/{}/disable", bench.ids.user), None).await;
        let before = bench.office.audit().await;
        for route in operations() {
            let answer = bench.office.send(&bob, route.method, &bench.path(&route), body_of(&route).as_ref()).await;
            problem(&answer, 401, "unauthenticated", &named(&route));
        }
        assert_eq!(bench.office.audit().await, before);
    }
}
