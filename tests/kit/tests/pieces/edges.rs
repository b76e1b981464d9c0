//! The kit's proxy treats headers, answers and failures as Traefik does.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use gatepost_kit::client::{Answer, Client, Kind, get_request, send_raw};
use gatepost_kit::echo::Echo;
use gatepost_kit::edge::{Edge, Route};
use gatepost_kit::process::{Authority, free_port};
use reqwest::Method;

/// A `/verify` whose answer a test chooses. The header `x-asked` of the answer contains the request.
async fn verifier(answer: impl Fn(HeaderMap) -> Response + Send + Sync + 'static) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let answer = Arc::new(answer);
    let router = Router::new().fallback(move |headers: HeaderMap| {
        let answer = Arc::clone(&answer);
        async move { answer(headers) }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{addr}/verify?group=A")
}

async fn edge(verify: String, backend: &Echo) -> Edge {
    Edge::builder()
        .route("app.localhost", Route::gated(verify, backend.addr()))
        .start()
        .await
        .expect("a free port")
}

fn seen(answer: &Answer) -> Vec<String> {
    answer.values("x-seen").into_iter().map(str::to_owned).collect()
}

/// Refuses every request, and returns the headers that it received.
fn tell(headers: &HeaderMap) -> Response {
    let mut answer = StatusCode::FORBIDDEN.into_response();
    for (name, value) in headers {
        let line = format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()));
        answer.headers_mut().append("x-seen", line.parse().expect("a header value"));
    }
    answer
}

#[tokio::test]
async fn the_sub_request_has_exactly_the_forwarded_headers_of_traefik() {
    let app = Echo::start().await;
    let edge = edge(verifier(|headers| tell(&headers)).await, &app).await;
    let url = edge.url("app.localhost", "/a//b?x=1");
    let answer = Client::builder()
        .build()
        .request(Method::POST, &url)
        .kind(Kind::Program)
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-prefix", "/evil")
        .header("x_forwarded_uri", "/evil")
        .header("x-real-ip", "1.2.3.4")
        .header("x-custom", "kept")
        .body("ignored")
        .send()
        .await;
    let mut seen = seen(&answer);
    seen.sort();
    let port = edge.addr().port();
    let host = format!("app.localhost:{port}");
    let forwarded: Vec<&String> =
        seen.iter().filter(|line| line.starts_with("x-") || line.starts_with("x_")).collect();
    assert_eq!(
        forwarded,
        [
            "x-custom: kept",
            "x-forwarded-for: 127.0.0.1",
            &format!("x-forwarded-host: {host}"),
            "x-forwarded-method: POST",
            &format!("x-forwarded-port: {port}"),
            "x-forwarded-proto: http",
            "x-forwarded-uri: /a//b?x=1",
        ]
    );
    assert!(!seen.iter().any(|line| line.starts_with("content-length")), "{seen:?}");
    assert!(app.requests().is_empty(), "a refused request reached the application");
}

#[tokio::test]
async fn what_connection_lists_is_gone_but_not_the_forwarded_headers() {
    let app = Echo::start().await;
    let edge = edge(verifier(|headers| tell(&headers)).await, &app).await;
    let headers: [(&str, &[u8]); 4] = [
        ("Host", b"app.localhost"),
        ("Cookie", b"a=b"),
        ("X-Kept", b"1"),
        ("Connection", b"Cookie, X-Forwarded-Host"),
    ];
    let answer = send_raw(edge.addr(), &get_request("/", &headers)).await.expect("a connection");
    let text = answer.text();
    assert_eq!(answer.status, Some(403));
    assert!(!text.contains("cookie: a=b"), "{text}");
    assert!(text.contains("x-forwarded-host: app.localhost"), "{text}");
    assert!(text.contains("x-kept: 1"), "{text}");
}

#[tokio::test]
async fn a_permit_replaces_or_deletes_listed_headers_and_touches_no_other() {
    let app = Echo::start().await;
    let verify = verifier(|_| {
        let headers = [
            ("x-user-email", "ann@example.test"),
            ("cookie", "own=1"),
            ("x-unlisted", "1"),
            ("set-cookie", "no=1"),
        ];
        (StatusCode::OK, headers).into_response()
    });
    let edge = edge(verify.await, &app).await;
    let answer = Client::builder()
        .build()
        .request(Method::GET, &edge.url("app.localhost", "/"))
        .header("x-user-email", "evil@example.test")
        .header("x-user-admin", "true")
        .header("x-other", "mine")
        .header("cookie", "gate=secret; own=1")
        .send()
        .await;
    let received = answer.echoed();
    assert_eq!(received.values("x-user-email").collect::<Vec<_>>(), ["ann@example.test"]);
    assert_eq!(received.header("x-user-admin"), None);
    assert_eq!(received.header("x-other"), Some("mine"));
    assert_eq!(received.header("cookie"), Some("own=1"));
    assert_eq!(received.header("x-unlisted"), None);
    assert_eq!(answer.header("set-cookie"), None);
}

#[tokio::test]
async fn a_refusal_reaches_the_browser_whole() {
    let app = Echo::start().await;
    let verify = verifier(|_| {
        let headers = [("location", "https://auth.example.test/login"), ("set-cookie", "p=1")];
        (StatusCode::FOUND, headers, "see there").into_response()
    });
    let edge = edge(verify.await, &app).await;
    let answer = Client::builder().build().get(&edge.url("app.localhost", "/")).await;
    assert_eq!((answer.status, answer.body.as_str()), (302, "see there"));
    assert_eq!(answer.header("location"), Some("https://auth.example.test/login"));
    assert_eq!(answer.header("set-cookie"), Some("p=1"));
}

#[tokio::test]
async fn without_a_gate_nobody_passes() {
    let app = Echo::start().await;
    let edge = edge(format!("http://127.0.0.1:{}/verify", free_port()), &app).await;
    let client = Client::builder().build();
    assert_eq!(client.get(&edge.url("app.localhost", "/")).await.status, 500);
    assert_eq!(client.get(&edge.url("unknown.localhost", "/")).await.status, 404);
    let long = verifier(|_| (StatusCode::OK, "x".repeat(16_385)).into_response()).await;
    edge.set_route("app.localhost", Route::gated(long, app.addr()));
    assert_eq!(client.get(&edge.url("app.localhost", "/")).await.status, 401);
    assert!(app.requests().is_empty());
}

#[tokio::test]
async fn the_edge_speaks_tls_and_passes_bodies_on() {
    let (app, authority) = (Echo::start().await, Authority::new());
    let edge = Edge::builder()
        .tls(&authority)
        .route("app.example.test", Route::open(app.addr()))
        .start()
        .await
        .expect("a free port");
    let client = Client::builder().trust(&authority).everywhere(edge.addr()).build();
    let answer = client.request(Method::POST, "https://app.example.test/in").body("hello").send().await;
    let received = answer.echoed();
    assert_eq!((received.method.as_str(), received.body.as_str()), ("POST", "hello"));
    assert_eq!(received.header("x-forwarded-proto"), Some("https"));
    assert_eq!(received.header("x-forwarded-host"), Some("app.example.test"));
    let distrustful = Client::builder().trust(&Authority::new()).everywhere(edge.addr()).build();
    let refused = distrustful.request(Method::GET, "https://app.example.test/").try_send().await;
    assert!(refused.is_err(), "a foreign authority was trusted");
}
