//! The public listener without its sockets: which paths it knows, and that no route answers past the list.

use super::build;
use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, web};
use gatepost_config::Config;
use gatepost_web::{
    Callers, Context, HostScope, RESOURCE_METADATA, RequestOrigin, Route, answer_faults, configure, routes,
};
use tempfile::TempDir;

const PUBLIC: &str = "auth.example.com";
const APP: &str = "app.example.com";

fn context() -> (Context, TempDir) {
    let folder = TempDir::new().expect("a new folder");
    let text = format!(
        r#"
        public_url = "https://{PUBLIC}"
        hosts = ["{APP}"]
        database_url = "sqlite://{}/gatepost.db"
        [tenants]
        self_service = true
        [providers.entra]
        kind = "oidc"
        issuer = "http://127.0.0.1:9"
        client_id = "gatepost"
        client_secret = "never sent"
        "#,
        folder.path().display()
    );
    let config = Config::parse(&text, std::iter::empty()).expect("a configuration");
    (build(config).expect("a state").public, folder)
}

/// What the application answers at once to requests for these methods and paths on a host.
async fn answers(host: &str, requests: &[(&str, &str)]) -> Vec<ServiceResponse<impl MessageBody + use<>>> {
    let (context, _folder) = context();
    let past = web::get().to(|| async { "told to anybody" });
    let application = App::new().configure(configure(&context)).route("/past", past);
    let application = init_service(application.wrap(from_fn(answer_faults))).await;
    let mut answers = Vec::new();
    for (method, path) in requests {
        let method: Method = method.parse().expect("a method");
        let request = TestRequest::default().method(method).uri(path).insert_header(("host", host));
        answers.push(call_service(&application, request.to_request()).await);
    }
    answers
}

fn allow(answer: &ServiceResponse<impl MessageBody>) -> (u16, Option<&str>) {
    let allow = answer.headers().get("allow").map(|value| value.to_str().expect("text"));
    (answer.status().as_u16(), allow)
}

#[actix_web::test]
async fn a_route_past_the_list_answers_nothing() {
    let answer = answers(PUBLIC, &[("GET", "/past")]).await.remove(0);
    assert_eq!(answer.status().as_u16(), 500);
    let body = to_bytes(answer.into_body()).await.ok().expect("a body");
    assert!(!String::from_utf8_lossy(&body).contains("told to anybody"));
}

#[actix_web::test]
async fn another_method_gets_the_allowed_ones_and_a_head_never_uses_up_a_code() {
    for (method, path, methods) in [
        ("PUT", "/logout", "GET, HEAD, POST"),
        ("HEAD", "/callback/entra", "GET"),
        ("POST", "/callback/entra", "GET"),
        ("POST", "/callback/%65ntra", "GET"),
        ("POST", "/debug/headers", "GET, HEAD"),
        ("get", "/login", "GET, HEAD"),
        ("GET", "/sessions/end", "POST"),
    ] {
        let answer = answers(PUBLIC, &[(method, path)]).await.remove(0);
        assert_eq!(allow(&answer), (405, Some(methods)), "{method} {path}");
    }
}

#[actix_web::test]
async fn what_is_for_protected_hosts_is_not_there_for_other_methods() {
    for host in [APP, "elsewhere.example.com", "", "auth.example.com, app.example.com"] {
        let requests = ["GET", "POST", "OPTIONS", "TRACE"].map(|method| (method, "/debug/headers"));
        for ((method, _), answer) in requests.iter().zip(answers(host, &requests).await) {
            // The directory does not answer here, so a host that the configuration does not name may be a tenant's.
            let may_be_there = *method == "GET" && host == "elsewhere.example.com";
            let status = if may_be_there { 503 } else { 404 };
            assert_eq!(allow(&answer), (status, None), "{method} {host}");
        }
    }
}

#[actix_web::test]
async fn paths_are_exact() {
    let paths = [
        "//",
        "/login/",
        "/Login",
        "/%6cogin",
        "/login%00",
        "/callback",
        "/callback/",
        "/callback/a/b",
        "/callback/%65ntra",
        "/callback/en%2Ftra",
        "/callback/Entra",
        "/logout/",
        "/logout//frontchannel",
        "/sessions",
        "/sessions/",
        "/logout/x",
        "/.gatepost/enter",
        "/verify",
        "/api/v1",
        "/api/v2/users",
        "/problems/nothing",
        "*",
    ];
    for (answer, path) in answers(PUBLIC, &paths.map(|path| ("GET", path))).await.iter().zip(paths) {
        assert_eq!(allow(answer), (404, None), "{path}");
    }
}

/// The list is what the application knows, and says of each route what it must.
#[actix_web::test]
async fn the_list_holds_each_route_with_its_methods() {
    let is_api = |route: &Route| matches!(route.callers, Callers::Api(_));
    let (api, routes): (Vec<_>, Vec<_>) = routes().into_iter().partition(is_api);
    // A read, but for the one that calls other servers, may come from anywhere.
    let is_free = |route: &Route| route.method == "GET" && !route.path.ends_with("/check");
    assert!(
        api.len() > 40
            && api.iter().all(|route| is_free(route) != (route.origin == RequestOrigin::OwnPagesOrKey)),
        "{api:?}"
    );
    assert!(routes.len() > 13, "the pages, and what they are made of: {routes:?}");
    for route in &routes {
        let host = if route.hosts == HostScope::Protected { APP } else { PUBLIC };
        let path = route.path.replace("{provider}", "entra").replace("{code}", "state").replace("{id}", "x");
        let answer = answers(host, &[(route.method, &path)]).await.remove(0);
        assert_ne!(answer.status().as_u16(), 405, "{route:?}");
        // No tool server is registered, so there is no document about one, and no tenant has a logo.
        let is_hidden = route.hosts == HostScope::Protected
            || [RESOURCE_METADATA, "/logos/"].iter().any(|hidden| route.path.starts_with(hidden));
        assert_eq!(answer.status().as_u16() == 404, is_hidden, "{route:?}");
        assert!(matches!(route.method, "GET" | "POST"), "{route:?}");
        let is_change = route.method == "POST" && route.path != "/logout/backchannel";
        assert_eq!(route.origin == RequestOrigin::OwnPages, is_change, "{route:?}");
    }
}
