//! Requests through every router of the shipped files: who is let in, what an application receives, and what a client
//! that lies gets.

use super::read;
use super::stage::{CHAT, DEBUG, MCP, PUBLIC, Stage, TOOLS, WIKI};
use super::traefik::{LISTS, dynamic_files};
use gatepost_config::UNSIGNED_HEADERS;
use gatepost_core::header_names::IDENTITY_HEADERS;
use gatepost_kit::client::{Client, Kind};
use gatepost_kit::process::until;
use reqwest::Method;
use std::collections::BTreeSet;
use std::time::Duration;

/// An address behind each router with the gate.
const GATED: [(&str, &str); 7] = [
    (CHAT, "/"),
    (MCP, "/servers/github/mcp"),
    (MCP, "/servers/sentry/mcp"),
    (DEBUG, "/debug/headers"),
    (WIKI, "/"),
    (TOOLS, "/reports/"),
    (TOOLS, "/administration/"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_router_is_loaded_and_stands_before_the_gate_or_is_the_public_host() {
    let stage = Stage::start().await;
    let text = |router: &serde_json::Value, key: &str| router[key].as_str().unwrap_or_default().to_owned();
    let mut gated = 0;
    for router in &stage.traefik.routers {
        assert_eq!(text(router, "status"), "enabled", "{router}");
        assert_eq!(router["entryPoints"], serde_json::json!(["websecure"]), "{router}");
        let middlewares = router["middlewares"].to_string();
        let is_for_strangers = ["auth.example.com", "/.well-known/oauth-protected-resource"];
        if is_for_strangers.iter().any(|part| text(router, "rule").contains(part)) {
            assert!(!middlewares.contains("gatepost"), "{router}");
        } else {
            assert!(middlewares.contains("\"gatepost"), "{router}");
            gated += 1;
        }
    }
    // One for `/.gatepost/` on each of the three hosts routed by path, and one for the assets of the chat.
    assert_eq!(gated, GATED.len() + 4);
    let healthy = stage.traefik.healthcheck();
    assert!(healthy.status.success(), "{}", String::from_utf8_lossy(&healthy.stdout));
    let listed = stage.browser().get(&format!("{CHAT}/")).await;
    assert_eq!(listed.header("alt-svc"), Some("h3=\":443\"; ma=2592000"));
    stage.traefik.kill();
    assert!(!stage.traefik.healthcheck().status.success());
}

#[test]
fn every_gate_of_the_files_hands_over_every_identity_header_and_no_other() {
    let mut gates = 0;
    let lists = (LISTS.to_owned(), read(LISTS));
    for (path, text) in dynamic_files().into_iter().chain([lists]) {
        for list in text.split("authResponseHeaders:").skip(1) {
            let names = list.lines().skip(1).map_while(|line| line.trim().strip_prefix("- "));
            let names: Vec<String> =
                names.map(|name| name.split(' ').next().unwrap_or_default().to_ascii_lowercase()).collect();
            let (words, names): (Vec<String>, Vec<String>) =
                names.into_iter().partition(|name| name.starts_with("x-openwebui-"));
            assert_eq!(names, IDENTITY_HEADERS, "{path}");
            // Open WebUI's words travel to the hosts of the Compose file, not to those of the examples.
            let has_words = path == "traefik/dynamic/middlewares.yml";
            let hidden = [&["x-openwebui-user-jwt"][..], &UNSIGNED_HEADERS].concat();
            assert_eq!(words, if has_words { hidden } else { Vec::new() }, "{path}");
            gates += 1;
        }
        assert_eq!(
            text.matches("authResponseHeaders:").count(),
            text.matches("trustForwardHeader: false").count()
        );
        assert!(!text.contains("authRequestHeaders:"), "{path}");
    }
    assert_eq!(gates, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_redirected_to_sign_in_at_every_host_and_a_program_gets_401() {
    let stage = Stage::start().await;
    let browser = stage.browser();
    for (host, path) in GATED {
        let url = format!("{host}{path}");
        let answer = browser.get(&url).await;
        assert_eq!(answer.status, 302, "{url}");
        let login = answer.location().unwrap();
        assert!(login.as_str().starts_with(&format!("{PUBLIC}/login?")), "{login}");
        assert_eq!(browser.fetch(&url).await.status, 401, "{url}");
        assert_eq!(browser.request(Method::GET, &url).kind(Kind::Program).send().await.status, 401, "{url}");
    }
    for echo in [&stage.chat, &stage.mcp, &stage.wiki, &stage.reports, &stage.administration] {
        assert_eq!(echo.requests(), [], "an application was asked for a stranger");
    }
}

/// The sign-in ends at the address that was wanted, on hosts routed by path as well.
#[tokio::test(flavor = "multi_thread")]
async fn each_person_gets_where_the_requirements_let_them() {
    let stage = Stage::start().await;
    stage.signed_in("carol", &format!("{CHAT}/")).await;
    stage.cli(&["admin", "grant", "carol@example.com"]).await;
    // github, sentry, debugger, wiki, reports, administration
    let people = [
        ("alice", [200, 403, 403, 403, 200, 403]),
        ("bob", [403, 403, 403, 403, 200, 403]),
        ("carol", [200, 200, 200, 403, 200, 200]),
    ];
    for (who, statuses) in people {
        stage.entra.at_the_browser(Some(who));
        let browser = stage.browser();
        assert_eq!(browser.navigate(&format!("{CHAT}/")).await.end().status, 200, "{who}");
        for ((host, path), wanted) in GATED[1..].iter().zip(statuses) {
            let url = format!("{host}{path}");
            let trip = browser.navigate(&url).await;
            assert_eq!(trip.end().url.as_str(), url, "{who}: {}", trip.describe());
            assert_eq!(trip.end().status, wanted, "{who} at {url}");
        }
    }
    let received = stage.mcp.requests();
    assert!(received.iter().all(|request| request.uri.starts_with("/servers/")), "{received:?}");
    let alices =
        received.iter().find(|request| request.header("x-user-email") == Some("alice@example.com")).unwrap();
    assert_eq!(alices.header("x-tenant-id"), Some("github"));
    assert_eq!(alices.header("x-user-role"), Some("member"));
}

async fn forged(browser: &Client, url: &str) -> gatepost_kit::echo::Received {
    // A forged key is a credential: it is refused, whatever cookie stands beside it.
    let names = IDENTITY_HEADERS.iter().filter(|name| name.starts_with("x-") && **name != "x-gatepost-key");
    let request =
        names.fold(browser.request(Method::GET, url), |request, name| request.header(name, "forged"));
    let request = ["uri", "host", "method", "proto", "for", "prefix", "port", "server"]
        .into_iter()
        .fold(request, |request, name| request.header(&format!("x-forwarded-{name}"), "forged"));
    request.header("authorization", "Bearer the-applications-own").send().await.echoed()
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_headers_reach_no_application() {
    let stage = Stage::start().await;
    let urls = [format!("{CHAT}/"), format!("{MCP}/servers/github/mcp"), format!("{TOOLS}/reports/")];
    for url in &urls {
        let browser = stage.signed_in("alice", url).await;
        let own = browser.find_cookie(url.split('/').nth(2).unwrap(), "__Host-gatepost").unwrap();
        let received = forged(&browser, url).await;
        let all = format!("{received:?}");
        assert!(!all.contains("forged"), "{all}");
        assert!(!all.contains(&own), "the application sees Gatepost's cookie");
        assert_eq!(received.values("x-user-email").collect::<Vec<_>>(), ["alice@example.com"]);
        assert_eq!(received.values("x-user-admin").collect::<Vec<_>>(), ["false"]);
        assert_eq!(received.values("x-user-groups").collect::<Vec<_>>(), ["MCP-GitHub"]);
        assert_eq!(received.header("authorization"), Some("Bearer the-applications-own"));
    }
}

/// Traefik 3.7.13 refuses every alias itself, 3.7.9 those with underscores; Gatepost refuses the rest.
#[tokio::test(flavor = "multi_thread")]
async fn aliased_headers_pass_no_router() {
    let stage = Stage::start().await;
    let browser = stage.signed_in("alice", &format!("{CHAT}/")).await;
    browser.navigate(&format!("{MCP}/servers/github/mcp")).await;
    let before = (stage.chat.requests().len(), stage.mcp.requests().len());
    for (host, path) in GATED {
        for name in ["x_user_email", "x-user_admin", "x.user.email", "x~user-groups", "x-tenant.id"] {
            let url = format!("{host}{path}");
            let answer = browser.request(Method::GET, &url).header(name, "carol@example.com").send().await;
            assert_eq!(answer.status, 400, "{name} at {url}");
            let by_gatepost = answer.body.contains("<!doctype html>");
            let by_traefik = stage.traefik.refuses_all_aliases || name.contains('_');
            assert_ne!(by_gatepost, by_traefik, "{name} at {url}: {}", answer.body);
        }
    }
    assert_eq!((stage.chat.requests().len(), stage.mcp.requests().len()), before);
}

/// A path that means one tool server to the router and another to the proxy behind it.
#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_from_one_tool_server_to_another() {
    let stage = Stage::start().await;
    let browser = stage.signed_in("alice", &format!("{MCP}/servers/github/mcp")).await;
    let before = stage.mcp.requests().len();
    for (path, wanted) in [
        ("/servers/github/..%2fsentry/mcp", 400),
        ("/servers/github/%2e%2e%2fsentry/mcp", 400),
        ("/servers/github/..%5csentry/mcp", 400),
        ("/servers/github/x%252f..%252f..%252fsentry/mcp", 400),
        ("/servers/github/%2e%2e/sentry/mcp", 403),
        ("/servers/github/../sentry/mcp", 403),
        ("/servers//github/../sentry/mcp", 403),
        ("/servers/github/x%00/mcp", 400),
        ("/servers/", 404),
        ("/servers/githubx/mcp", 404),
        ("/status", 404),
        ("/", 404),
        ("/mcp", 404),
    ] {
        let answer = browser.get(&format!("{MCP}{path}")).await;
        assert_eq!(answer.status, wanted, "{path}");
    }
    assert_eq!(stage.mcp.requests().len(), before, "the proxy was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_and_other_names_get_nothing() {
    let stage = Stage::start().await;
    let plain = Client::builder().everywhere(stage.traefik.plain).build();
    let answer = plain.get("http://chat.example.com/a?b=c").await;
    assert_eq!(answer.status, 301);
    let port = stage.traefik.secure.port();
    assert_eq!(answer.location().unwrap().as_str(), format!("{CHAT}:{port}/a?b=c"));
    let other = Client::builder().everywhere(stage.traefik.secure).trust(&stage.authority).build();
    let refused = other.request(Method::GET, "https://chat.example.org/").try_send().await.unwrap_err();
    let why = format!("{refused:?}");
    assert!(
        why.contains("AlertReceived"),
        "Traefik shows a certificate for a name that nobody configured: {why}"
    );
    assert_eq!(other.get("https://nobody.example.com/").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn security_headers_stand_on_every_answer_and_gatepost_keeps_its_own() {
    let stage = Stage::start().await;
    let browser = stage.signed_in("bob", &format!("{CHAT}/")).await;
    let application = browser.get(&format!("{CHAT}/")).await;
    assert_eq!(application.header("referrer-policy"), Some("strict-origin-when-cross-origin"));
    assert_eq!(application.header("x-frame-options"), Some("SAMEORIGIN"));
    assert_eq!(application.header("x-content-type-options"), Some("nosniff"));
    for (path, kept) in [("/", "no-store"), ("/_app/start.js", "max-age=60"), ("/static/x.png", "max-age=60")]
    {
        let answer = browser.get(&format!("{CHAT}{path}?kept")).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some(kept)), "{path}");
    }
    let refusal = browser.navigate(&format!("{WIKI}/")).await;
    let refusal = refusal.end();
    assert_eq!((refusal.status, refusal.header("referrer-policy")), (403, Some("no-referrer")));
    let policy = refusal.header("content-security-policy").unwrap();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    let public = browser.get(&format!("{PUBLIC}/")).await;
    assert_eq!((public.status, public.header("referrer-policy")), (200, Some("same-origin")));
    // The provider shows it in a frame.
    let front = browser.get(&format!("{PUBLIC}/logout/frontchannel?sid=x")).await;
    assert_eq!((front.status, front.header("x-frame-options")), (200, None));
    let stranger = browser.stranger().get(&format!("{CHAT}/")).await;
    for answer in [&application, refusal, &public, &front, &stranger] {
        let hsts = answer.header("strict-transport-security");
        assert_eq!(hsts, Some("max-age=31536000; includeSubDomains"), "{}", answer.url);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_refused_for_how_often_their_address_signs_in() {
    let stage = Stage::start().await;
    let browser = stage.browser();
    let (login, callback) = (format!("{PUBLIC}/login"), format!("{PUBLIC}/callback/entra"));
    let mut statuses = BTreeSet::new();
    for url in [&login, &callback].into_iter().cycle().take(600) {
        statuses.insert(browser.get(url).await.status);
    }
    assert_eq!(statuses, BTreeSet::from([303, 400]), "neither Traefik nor Gatepost says 429");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_access_log_holds_no_code_no_ticket_and_no_address_of_a_person() {
    let stage = Stage::start().await;
    stage.signed_in("alice", &format!("{CHAT}/?private=1")).await;
    let log = until("the access log", Duration::from_secs(10), async || {
        let log = stage.traefik.log();
        log.contains("\"RequestPath\":\"/.gatepost/enter\"").then_some(log)
    })
    .await;
    for secret in ["code=", "?t=", "state=", "private", "alice", "__Host-gatepost"] {
        assert!(!log.contains(secret), "{secret} is in the access log");
    }
}
