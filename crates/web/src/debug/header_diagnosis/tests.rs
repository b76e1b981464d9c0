//! Tests of each problem.

use super::*;
use gatepost_config::VerifyConfig;
use gatepost_core::access::{Access, Person, Role, Standing};
use gatepost_core::clock::BootTime;
use gatepost_core::ids::UserId;
use std::sync::Arc;

const COOKIES: OwnNames = ["__Host-gatepost", "__Secure-gatepost-return", "__Secure-gatepost-storage"];

fn standing() -> Standing {
    Standing {
        person: Person {
            id: UserId::generate(),
            email: Some("carol@example.com".parse().expect("an address")),
            name: Some("Carol".into()),
        },
        is_disabled: false,
        sessions_not_before: None,
        is_session_ended: false,
        counts_until: BootTime::MAX,
        access: Arc::new(Access {
            groups: vec!["MCP-Admin".parse().expect("a name")],
            tenants: [("github".parse().expect("a tenant"), Role::Viewer)].into(),
            is_admin: false,
            ..Access::default()
        }),
    }
}

type Headers = Vec<(String, Vec<u8>)>;

/// What arrives where everything is right.
fn right(rendered: &IdentityHeaders) -> Headers {
    let mut sent = HeaderMap::new();
    rendered.write(&mut sent);
    let sent = sent.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    let told = [
        ("host", "debug.example.com"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-host", "debug.example.com"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-server", "traefik"),
        ("x-real-ip", "203.0.113.9"),
        ("cookie", "theme=dark"),
        ("authorization", "Basic YTpi"),
        ("x-user-assertion", "e30.e30.c2ln"),
    ];
    let told = told.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    sent.chain(told).collect()
}

fn report(change: impl FnOnce(&mut Headers)) -> Report {
    let standing = standing();
    let rendered = IdentityHeaders::new(&standing, &VerifyConfig::default());
    let mut headers = right(&rendered);
    change(&mut headers);
    let received = ReceivedRequest {
        headers: &headers,
        origin: &"https://debug.example.com".parse().expect("an origin"),
        rendered: &rendered,
        access: &standing.access,
        own_cookies: COOKIES,
    };
    received.diagnose()
}

fn problems(change: impl FnOnce(&mut Headers)) -> Vec<HeaderProblem> {
    report(change).problems
}

fn remove(name: &str) -> impl FnOnce(&mut Headers) {
    move |headers| headers.retain(|(own, _)| own != name)
}

fn set(name: &'static str, value: &'static str) -> impl FnOnce(&mut Headers) {
    move |headers| {
        headers.retain(|(own, _)| own != name);
        headers.push((name.to_owned(), value.as_bytes().to_vec()));
    }
}

fn add(name: &'static str, value: &'static str) -> impl FnOnce(&mut Headers) {
    move |headers| headers.push((name.to_owned(), value.as_bytes().to_vec()))
}

#[test]
fn where_everything_is_right_nothing_is_to_change() {
    assert_eq!(problems(|_| ()), []);
    let tenant = |headers: &mut Headers| {
        add("x-tenant-id", "github")(headers);
        add("x-user-role", "viewer")(headers);
    };
    assert_eq!(problems(tenant), []);
    assert_eq!(problems(remove("x-forwarded-port")), [], "not every proxy tells the port");
}

#[test]
fn an_identity_header_that_did_not_arrive_or_is_not_ours_is_named() {
    for name in
        ["x-user-email", "x-user-groups", "x-user-admin", "x-user-id", "x-user-name", "x-user-tenants"]
    {
        assert_eq!(problems(remove(name)), [HeaderProblem::Missing(name)]);
        assert_eq!(problems(add(name, "x")), [HeaderProblem::Repeated(name)]);
        let problem = &problems(set(name, "forged"))[..];
        assert!(matches!(problem, [HeaderProblem::Differs { name: own, .. }] if *own == name), "{problem:?}");
    }
    let cut = "x-user-groups-truncated";
    assert_eq!(problems(add(cut, "true")), [HeaderProblem::NotSent(cut)]);
}

#[test]
fn a_tenant_is_the_persons_own_and_comes_with_the_role() {
    let pair = |tenant, role| {
        problems(move |headers| {
            add("x-tenant-id", tenant)(headers);
            add("x-user-role", role)(headers);
        })
    };
    assert_eq!(pair("other", "viewer"), [HeaderProblem::NotSent("x-tenant-id")]);
    assert_eq!(
        pair("github", "admin"),
        [HeaderProblem::Differs { name: "x-user-role", sent: "viewer".to_owned() }]
    );
    assert_eq!(problems(add("x-tenant-id", "github")), [HeaderProblem::Missing("x-user-role")]);
    assert_eq!(problems(add("x-user-role", "viewer")), [HeaderProblem::Missing("x-tenant-id")]);
}

#[test]
fn an_alias_and_our_own_cookie_are_named() {
    let alias = problems(add("x_user.email", "root@example.com"));
    assert_eq!(alias, [HeaderProblem::Alias { name: "x_user.email".to_owned(), of: "x-user-email" }]);
    assert_eq!(problems(add("cookie", "a=1; __Host-gatepost=x")), [HeaderProblem::OwnCookie]);
    assert_eq!(problems(add("cookie", "a=1; __Secure-gatepost-return=x")), [HeaderProblem::OwnCookie]);
}

#[test]
fn forwarded_headers_that_are_the_clients_are_named() {
    for (name, value) in [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", "8443"),
        ("x-forwarded-uri", "/"),
        ("x-forwarded-method", "GET"),
    ] {
        assert_eq!(problems(set(name, value)), [HeaderProblem::ForwardedByClient(name)]);
    }
    assert_eq!(problems(set("x-forwarded-for", "1.1.1.1, 2.2.2.2")), [HeaderProblem::ManyAddresses]);
    for name in ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"] {
        assert_eq!(problems(remove(name)), [HeaderProblem::NotThroughProxy(name)]);
    }
    assert_eq!(problems(set("x-forwarded-host", "DEBUG.example.com:443")), []);
}

#[test]
fn each_fault_marks_its_header_and_has_a_fix() {
    let report = report(|headers| {
        set("x-user-admin", "true")(headers);
        add("x.user.groups", "a")(headers);
    });
    let marked: Vec<&str> =
        report.headers.iter().filter(|h| h.has_problem).map(|h| h.name.as_str()).collect();
    assert_eq!(marked, ["X-User-Admin", "X.user.groups"]);
    for problem in &report.problems {
        assert!(problem.fix().contains("authRe") && problem.found().ends_with('.'), "{problem:?}");
    }
    assert_eq!(report.headers[0].name, "Host");
    assert!(report.headers[1..].is_sorted_by_key(|header| header.name.clone()));
}
