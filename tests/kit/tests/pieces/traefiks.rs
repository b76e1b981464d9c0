//! A real Traefik starts with the kit's configuration, and behaves like the kit's proxy.

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use gatepost_kit::client::{Answer, Client};
use gatepost_kit::echo::Echo;
use gatepost_kit::edge::{Edge, Route};
use gatepost_kit::process::{Application, Dynamic, Traefik};
use reqwest::Method;

/// Accepts requests with `x-open: 1`, and answers others with the headers that it received.
async fn verifier() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let router = Router::new().fallback(async |headers: HeaderMap| {
        if headers.get("x-open").is_some() {
            return (StatusCode::OK, [("x-user-email", "ann@example.test"), ("cookie", "own=1")])
                .into_response();
        }
        let seen: Vec<(String, String)> = headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        (StatusCode::FORBIDDEN, [("set-cookie", "p=1")], axum::Json(seen)).into_response()
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{addr}/verify?group=A")
}

fn request<'a>(client: &'a Client, path: &str) -> gatepost_kit::client::Request<'a> {
    client
        .request(Method::GET, &format!("https://app.example.test{path}"))
        .header("x-forwarded-uri", "/evil")
        .header("x-user-admin", "true")
        .header("x-user-email", "evil@example.test")
        .header("cookie", "gate=1; own=1")
}

/// The headers that `/verify` received, sorted, without those of the connection.
fn seen(answer: &Answer) -> Vec<(String, String)> {
    let mut seen: Vec<(String, String)> = serde_json::from_str(&answer.body).expect("the gate's own answer");
    seen.retain(|(name, _)| name != "host" && name != "accept-encoding");
    seen.sort();
    seen
}

#[tokio::test]
async fn the_edge_queries_and_answers_as_traefik_does() {
    let (app, verify) = (Echo::start().await, verifier().await);
    let gated =
        Application { host: "app.example.test".into(), backend: app.addr(), verify: Some(verify.clone()) };
    let dynamic = Dynamic::default().public_host("auth.example.test", &[app.addr()]).application(&gated);
    let traefik = Traefik::start(dynamic.yaml()).await;
    let edge = Edge::builder()
        .tls(traefik.authority())
        .route("app.example.test", Route::gated(verify, app.addr()))
        .start()
        .await
        .expect("a free port");
    let real = Client::builder().trust(traefik.authority()).everywhere(traefik.secure()).build();
    let ours = Client::builder().trust(traefik.authority()).everywhere(edge.addr()).build();

    let (refused, same) = (request(&real, "/a?b=c").send().await, request(&ours, "/a?b=c").send().await);
    assert_eq!((refused.status, same.status), (403, 403));
    assert_eq!(seen(&refused), seen(&same));
    assert_eq!(refused.header("set-cookie"), same.header("set-cookie"));

    let allowed = request(&real, "/").header("x-open", "1").send().await.echoed();
    let same = request(&ours, "/").header("x-open", "1").send().await.echoed();
    for received in [allowed, same] {
        assert_eq!(received.values("x-user-email").collect::<Vec<_>>(), ["ann@example.test"]);
        assert_eq!(received.header("x-user-admin"), None);
        assert_eq!(received.header("cookie"), Some("own=1"));
        assert_eq!(received.header("x-forwarded-host"), Some("app.example.test"));
    }
}

#[tokio::test]
async fn a_new_configuration_is_in_force_when_reload_returns() {
    let (one, other) = (Echo::start().await, Echo::start().await);
    let route = |echo: &Echo| Dynamic::default().public_host("auth.example.test", &[echo.addr()]).yaml();
    let traefik = Traefik::start(route(&one)).await;
    for addr in [traefik.secure(), traefik.secure2()] {
        let client = Client::builder().trust(traefik.authority()).everywhere(addr).build();
        assert_eq!(client.get("https://auth.example.test/").await.status, 200);
    }
    let plain = Client::builder().everywhere(traefik.plain()).build();
    assert_eq!(plain.get("http://auth.example.test/").await.status, 200);
    assert_eq!((one.requests().len(), other.requests().len()), (3, 0));
    traefik.reload(&route(&other)).await;
    assert_eq!(plain.get("http://auth.example.test/").await.status, 200);
    assert_eq!(other.requests().len(), 1);
}
