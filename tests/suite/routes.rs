//! Every kind of caller on every route of the public listener; the list of routes that the application itself registered
//! is the input, so a new route is tried before anybody thinks of it.

use crate::world::{APP, COOKIE, PUBLIC, Pair, Plan, World, alice};
use gatepost_kit::client::{Answer, Client, Kind};
use gatepost_pages::Asset;
use gatepost_web::{Callers, HostScope, RequestOrigin, Route};
use reqwest::Method;

/// Those of the public host; what is for protected hosts has tests of its own (`debug`), and so has the API (`api`).
fn routes() -> impl Iterator<Item = Route> + Clone {
    let is_page =
        |route: &Route| route.hosts != HostScope::Protected && !matches!(route.callers, Callers::Api(_));
    gatepost_web::routes().into_iter().filter(is_page)
}

/// Every route is there.
async fn world(pair: Pair) -> World {
    let world = Plan::default().env("GATEPOST_TENANTS__SELF_SERVICE", "true").start(pair).await;
    world.entra.add(alice());
    world
}

/// The id of a person who does not exist.
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// The number of a request that was not refused.
const NO_REQUEST: &str = "019ab8c5d2a37e6f9b0c1d2e3f405162";

/// Whether the route is for administrators alone.
fn is_for_admins(route: &Route) -> bool {
    matches!(route.callers, Callers::Admins | Callers::Administrators)
}

fn path_of(route: &Route) -> String {
    route
        .path
        .replace("{provider}", "entra")
        .replace("{code}", "state")
        .replace("{id}", NOBODY)
        .replace("{path:.*}", "mcp")
        .replace("{number}", NO_REQUEST)
        .replace("{secret}", &"0".repeat(64))
}

fn method_of(route: &Route) -> Method {
    route.method.parse().unwrap()
}

/// What a caller who may gets from our own pages, without a code, a ticket or a token.
fn status_for(route: &Route) -> u16 {
    match (route.method, route.path.as_str()) {
        (
            "GET",
            "/"
            | "/logged-out"
            | "/logout/frontchannel"
            | "/.well-known/jwks.json"
            | "/debug/headers"
            | "/openapi.json"
            | "/api"
            | "/problems/{code}"
            | "/admin/access"
            | "/admin"
            | "/admin/users"
            | "/admin/groups"
            | "/admin/tenants"
            | "/admin/requests"
            | "/admin/proposals"
            | "/proposals/new"
            | "/admin/ends"
            | "/admin/refusals"
            | "/admin/audit"
            | "/admin/system"
            | "/admin/keys"
            | "/admin/keys/new"
            | "/admin/keys/lookup"
            | "/admin/tools"
            | "/keys"
            | "/keys/new",
        ) => 200,
        // A form of nothing has no choice of the page, or shows what is missing.
        ("POST", "/admin/keys" | "/keys" | "/keys/{id}/rotate" | "/admin/keys/{id}/rotate") => 400,
        ("POST", "/admin/keys/lookup" | "/admin/tools") => 422,
        (_, path)
            if ["/admin/keys/{id}", "/keys/{id}", "/admin/tools/{id}"]
                .iter()
                .any(|of| path.starts_with(of)) =>
        {
            404
        }
        // No tenant has this picture.
        ("GET", "/logos/{name}") => 404,
        // The public host has no tool server.
        ("GET", path) if path.starts_with("/.well-known/oauth-protected-resource") => 404,
        // Nobody made an invitation with this secret. Of a path that has none there is nothing.
        (_, "/invitations/{secret}") => 410,
        // Nothing has no name and no address.
        ("POST", "/admin/users" | "/admin/groups" | "/admin/tenants" | "/proposals/new") => 422,
        (_, path) if path.starts_with("/admin/groups/{id}") || path.starts_with("/admin/tenants/{id}") => 404,
        // A form of nothing does not say which version it showed.
        (
            "POST",
            "/admin/users/{id}/disable"
            | "/admin/users/{id}/enable"
            | "/admin/users/{id}/end-sessions"
            | "/admin/users/{id}/release-address"
            | "/admin/proposals/{id}/approve"
            | "/admin/proposals/{id}/refuse",
        ) => 400,
        // Nothing was asked, and nothing is stored.
        ("GET", "/admin/access.csv") => 404,
        (_, path)
            if [
                "/admin/users/{id}",
                "/admin/requests/{id}",
                "/admin/proposals/{id}",
                "/admin/refusals/{number}",
            ]
            .iter()
            .any(|of| path.starts_with(of)) =>
        {
            404
        }
        ("GET", "/login")
        | ("GET" | "POST", "/logout")
        | ("POST", "/sessions/end" | "/sessions/end-others") => 303,
        // Without the number of a refusal, or of a request.
        ("GET" | "POST", "/requests/new") | ("POST", "/requests/withdraw") => 404,
        ("GET", "/callback/{provider}") | ("POST", "/logout/backchannel") => 400,
        _ if route.origin == RequestOrigin::Part => 200,
        _ => panic!("{route:?} is new: what does who may call it get?"),
    }
}

fn is_back_channel(route: &Route) -> bool {
    route.path == "/logout/backchannel"
}

/// How long browsers keep an answer.
fn cache_control(answer: &Answer) -> &'static str {
    match answer.header("content-type") {
        Some("application/jwk-set+json") => "public, max-age=300",
        Some("text/css; charset=utf-8" | "image/svg+xml") => Asset::CACHE_CONTROL,
        _ => "no-store",
    }
}

/// What every answer keeps to, whoever asked for what.
fn assert_kept(answer: &Answer, why: &str) {
    assert_eq!(answer.header("cache-control"), Some(cache_control(answer)), "{why}");
    assert_eq!(answer.header("access-control-allow-origin"), None, "{why}: no CORS");
    assert!(answer.status < 500, "{why}: {}", answer.status);
    let is_html = answer.header("content-type").is_some_and(|media| media.starts_with("text/html"));
    let is_cached = cache_control(answer) != "no-store";
    let is_document =
        answer.header("content-type") == Some("application/json") && answer.body.contains("\"openapi\"");
    assert!(is_html || is_cached || is_document || answer.body.is_empty(), "{why}: {:?}", answer.headers);
    if is_html {
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{why}");
        let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("{why}: no policy"));
        let strict =
            ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"];
        assert!(
            strict.iter().all(|part| policy.contains(part)) && !policy.contains("unsafe"),
            "{why}: {policy}"
        );
    }
}

#[derive(Clone, Copy, Debug)]
enum FromWhere {
    OwnPage,
    Sibling,
    Elsewhere,
    /// An old browser: `Origin` alone.
    ForeignOrigin,
    /// The headers say nothing.
    Nowhere,
}

async fn call(world: &World, browser: &Client, route: &Route, from: FromWhere) -> Answer {
    let request = browser.request(method_of(route), &world.url(PUBLIC, &path_of(route)));
    // Sent whatever SameSite says: the rule must hold where a browser errs.
    let request = match browser.find_cookie(PUBLIC, COOKIE) {
        Some(value) => request.header("cookie", format!("{COOKIE}={value}")),
        None => request,
    };
    let request = match from {
        FromWhere::OwnPage => request.from(&world.url(PUBLIC, "/")),
        FromWhere::Sibling => request.from(&world.url(APP, "/")),
        FromWhere::Elsewhere => request.from("https://evil.example/"),
        FromWhere::ForeignOrigin => {
            request.without("sec-fetch-site").header("origin", "https://evil.example")
        }
        FromWhere::Nowhere => request.kind(Kind::Program),
    };
    request.send().await
}

const FOREIGN: [FromWhere; 4] =
    [FromWhere::Sibling, FromWhere::Elsewhere, FromWhere::ForeignOrigin, FromWhere::Nowhere];

both_pairs! {
    async fn a_stranger_sees_nobodys_page(pair) {
        let world = world(pair).await;
        for route in routes() {
            let answer = call(&world, &world.browser(), &route, FromWhere::OwnPage).await;
            assert_kept(&answer, &format!("{route:?}"));
            match route.callers {
                Callers::SignedIn | Callers::Admins | Callers::Administrators => assert_eq!((answer.status, answer.location().unwrap().path()), (303, "/login"), "{route:?}"),
                Callers::Anyone | Callers::AssertedAdmins | Callers::Api(_) => assert_eq!(answer.status, status_for(&route), "{route:?}: {}", answer.body),
            }
            let worthless = world.browser();
            let url = world.url(PUBLIC, "/").parse().unwrap();
            worthless.jar().set(&url, &format!("{COOKIE}=garbage; Secure; Path=/"));
            assert_eq!(call(&world, &worthless, &route, FromWhere::OwnPage).await.status, answer.status, "{route:?} with garbage");
        }
    }

    async fn a_person_gets_the_answers_of_the_table_from_their_own_pages(pair) {
        let world = world(pair).await;
        let mut signed_in = world.signed_in("alice").await;
        for route in routes() {
            let browser = signed_in.duplicate();
            let answer = call(&world, &browser, &route, FromWhere::OwnPage).await;
            assert_kept(&answer, &format!("{route:?}"));
            let status = if is_for_admins(&route) { 403 } else { status_for(&route) };
            assert_eq!(answer.status, status, "{route:?}: {}", answer.body);
            let ends = route.path == "/logout";
            let alive = browser.duplicate().fetch(&world.url(APP, "/")).await.status == 200;
            assert_eq!(alive, !ends, "{route:?}");
            if ends {
                signed_in = world.signed_in("alice").await;
            }
        }
    }

    async fn an_admin_gets_what_is_for_admins_as_long_as_they_are_one(pair) {
        let world = world(pair).await;
        let browser = world.signed_in("alice").await;
        let for_admins = || routes().filter(is_for_admins);
        assert!(for_admins().count() > 0);
        for (role, is_admin) in [("grant", true), ("revoke", false), ("grant", true)] {
            world.cli(&["admin", role, "alice@example.com"]).await;
            for route in for_admins() {
                let answer = call(&world, &browser, &route, FromWhere::OwnPage).await;
                assert_kept(&answer, &format!("{route:?}"));
                assert_eq!(answer.status, if is_admin { status_for(&route) } else { 403 }, "{route:?} after {role}");
            }
        }
        world.cli(&["user", "disable", "alice@example.com"]).await;
        for route in for_admins() {
            let answer = call(&world, &browser, &route, FromWhere::OwnPage).await;
            assert_eq!((answer.status, answer.location().unwrap().path()), (303, "/login"), "{route:?}");
        }
    }

    async fn the_administrator_of_a_tenant_gets_the_pages_that_are_for_them_too(pair) {
        let world = world(pair).await;
        let browser = world.signed_in("alice").await;
        world.cli(&["tenant", "create", "github"]).await;
        world.cli(&["tenant", "add-member", "github", "alice@example.com", "--role", "admin"]).await;
        for route in routes().filter(is_for_admins) {
            let answer = call(&world, &browser, &route, FromWhere::OwnPage).await;
            assert_kept(&answer, &format!("{route:?}"));
            let status = if route.callers == Callers::Admins { 403 } else { status_for(&route) };
            assert_eq!(answer.status, status, "{route:?}: {}", answer.body);
        }
        world.cli(&["tenant", "remove-member", "github", "alice@example.com"]).await;
        for route in routes().filter(is_for_admins) {
            assert_eq!(call(&world, &browser, &route, FromWhere::OwnPage).await.status, 403, "{route:?} a moment later");
        }
    }

    async fn other_sites_change_nothing(pair) {
        let world = world(pair).await;
        let alice = world.signed_in("alice").await;
        for route in routes() {
            for from in FOREIGN {
                let browser = alice.duplicate();
                let answer = call(&world, &browser, &route, from).await;
                assert_kept(&answer, &format!("{route:?} {from:?}"));
                if route.origin == RequestOrigin::OwnPages {
                    assert_eq!((answer.status, answer.values("set-cookie").len()), (403, 0), "{route:?} {from:?}");
                }
                if (route.method, route.path.as_str()) == ("GET", "/logout") {
                    assert_eq!((answer.status, answer.values("set-cookie").len()), (200, 0), "{from:?}: it asks");
                }
            }
        }
        assert_eq!(alice.fetch(&world.url(APP, "/")).await.status, 200);
        assert_eq!(alice.get(&world.url(PUBLIC, "/")).await.status, 200);
        let changing = routes().filter(|route| route.method != "GET" && !is_back_channel(route));
        assert!(changing.clone().all(|route| route.origin == RequestOrigin::OwnPages), "what changes state is for our own pages alone");
        assert!(changing.count() >= 3);
    }

    async fn a_disabled_person_is_a_stranger(pair) {
        let world = world(pair).await;
        let browser = world.signed_in("alice").await;
        world.cli(&["user", "disable", "alice@example.com"]).await;
        for route in routes().filter(|route| route.callers == Callers::SignedIn || is_for_admins(route)) {
            let answer = call(&world, &browser.duplicate(), &route, FromWhere::OwnPage).await;
            assert_eq!((answer.status, answer.location().unwrap().path()), (303, "/login"), "{route:?}");
        }
    }

    async fn head_is_answered_without_a_body_and_changes_nothing(pair) {
        let world = world(pair).await;
        let alice = world.signed_in("alice").await;
        for route in routes().filter(|route| route.method == "GET") {
            let request = alice.duplicate().request(Method::HEAD, &world.url(PUBLIC, &path_of(&route))).from(&world.url(PUBLIC, "/")).send().await;
            assert_eq!((request.body.as_str(), request.header("cache-control")), ("", Some(cache_control(&request))), "{route:?}");
            assert_eq!(route.takes_head, !route.path.starts_with("/callback/"), "{route:?}");
            let want = match route.callers {
                _ if !route.takes_head => 405..=405,
                Callers::Admins | Callers::Administrators => 403..=403,
                _ => match status_for(&route) {
                    refused @ 400.. => refused..=refused,
                    _ => 200..=303,
                },
            };
            assert!(want.contains(&request.status), "{route:?}: {}", request.status);
        }
        assert_eq!(alice.fetch(&world.url(APP, "/")).await.status, 200, "HEAD signed nobody out");
    }

    async fn a_prefetch_changes_nothing(pair) {
        let world = world(pair).await;
        let alice = world.signed_in("alice").await;
        for route in routes() {
            for (name, value) in [("sec-purpose", "prefetch"), ("purpose", "prefetch"), ("x-moz", "prefetch"), ("x-purpose", "preview")] {
                let browser = alice.duplicate();
                let request = browser.request(method_of(&route), &world.url(PUBLIC, &path_of(&route))).from(&world.url(PUBLIC, "/"));
                let answer = request.header(name, value).send().await;
                assert!(answer.location().is_none() && answer.values("set-cookie").is_empty(), "{route:?} {name}: {}", answer.status);
            }
        }
        assert_eq!(alice.fetch(&world.url(APP, "/")).await.status, 200);
    }

    async fn another_method_is_405_with_the_allowed_methods(pair) {
        let world = world(pair).await;
        let alice = world.signed_in("alice").await;
        for route in routes() {
            let path = path_of(&route);
            let taken: Vec<&str> = routes().filter(|other| other.path == route.path).map(|other| other.method).collect();
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"] {
                if taken.contains(&method) {
                    continue;
                }
                let answer = alice.request(method.parse().unwrap(), &world.url(PUBLIC, &path)).from(&world.url(PUBLIC, "/")).send().await;
                assert_kept(&answer, &format!("{method} {path}"));
                assert_eq!(answer.status, 405, "{method} {path}");
                let allow: Vec<&str> = answer.header("allow").unwrap().split(", ").collect();
                assert!(taken.iter().all(|method| allow.contains(method)) && !allow.contains(&method), "{method} {path}: {allow:?}");
            }
        }
        assert_eq!(alice.fetch(&world.url(APP, "/")).await.status, 200);
    }

    async fn a_path_that_is_no_route_is_a_404_page(pair) {
        let world = world(pair).await;
        let alice = world.signed_in("alice").await;
        for path in [
            "/nothing", "/login/", "/Login", "/logout/", "/callback", "/callback/", "/callback/a/b", "/sessions", "/sessions/end/x",
            "/%6cogin", "/login%00", "/admin/", "/admin/nothing", "/api/v2/users", "/problems", "/.well-known/jwks", "/debug", "/debug/headers/", "/robots.txt", "/verify", "/metrics", "/livez", "/readyz",
        ] {
            for method in [Method::GET, Method::POST, Method::HEAD] {
                let answer = alice.request(method.clone(), &world.url(PUBLIC, path)).from(&world.url(PUBLIC, "/")).send().await;
                assert_kept(&answer, path);
                assert_eq!((answer.status, answer.body.is_empty()), (404, method == Method::HEAD), "{method} {path}");
            }
        }
    }

    async fn assets_are_cached_and_only_read(pair) {
        let world = world(pair).await;
        for asset in gatepost_pages::assets() {
            let url = world.url(PUBLIC, asset.path);
            let browser = world.browser();
            let answer = browser.get(&url).await;
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(asset.media_type)), "{}", asset.path);
            assert!(answer.header("cache-control").unwrap().contains("max-age"), "{}", asset.path);
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{}", asset.path);
            let head = browser.request(Method::HEAD, &url).send().await;
            assert_eq!((head.status, head.body.as_str()), (200, ""));
            for method in [Method::POST, Method::DELETE, Method::OPTIONS] {
                let answer = browser.request(method.clone(), &url).send().await;
                assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method} {}", asset.path);
            }
        }
    }
}
