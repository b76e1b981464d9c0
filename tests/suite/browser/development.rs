//! Plain HTTP on `*.localhost`: development without a certificate.

use super::site::{arrive, pick};
use super::{assert_quiet, picture};
use crate::long_links::link;
use crate::world::{Pair, alice, stores};
use gatepost_kit::browser::Browser;
use gatepost_kit::echo::{Echo, Pages};
use gatepost_kit::edge::{Edge, Route};
use gatepost_kit::entra::Entra;
use gatepost_kit::process::Gatepost;
use serde_json::json;

const PUBLIC: &str = "auth.localhost";
const APP: &str = "wiki.localhost";

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_works_on_localhost() {
    let (entra, edge) = (Entra::start().await, Edge::builder().start().await.unwrap());
    entra.add(alice());
    entra.register_redirect_uri(&edge.url(PUBLIC, "/callback/entra"));
    entra.register_redirect_uri(&edge.url(PUBLIC, "/logged-out"));
    let (stores, _) = stores(Pair::Embedded).await;
    let builder = Gatepost::builder(env!("CARGO_BIN_EXE_gatepost"))
        .env("GATEPOST_PUBLIC_URL", edge.url(PUBLIC, ""))
        .env("GATEPOST_HOSTS", edge.url(APP, ""))
        .env("GATEPOST_PROVIDERS__ENTRA__KIND", "entra")
        .env("GATEPOST_PROVIDERS__ENTRA__AUTHORITY", entra.authority())
        .env("GATEPOST_PROVIDERS__ENTRA__TENANT_ID", entra.tid())
        .env("GATEPOST_PROVIDERS__ENTRA__CLIENT_ID", entra.client_id())
        .env("GATEPOST_PROVIDERS__ENTRA__CLIENT_SECRET", entra.client_secret())
        .folder(stores.folder());
    let gatepost = builder.start().await;
    gatepost.wait_ready().await;
    let app = Echo::with_pages(Pages { title: "Wiki".to_owned(), links: Vec::new() }).await;
    edge.set_route(PUBLIC, Route::open(gatepost.public()));
    edge.set_route(APP, Route::gated(gatepost.verify_url(""), app.addr()));

    let browser = Browser::builder().start().await;
    let long = link("plain", 2_000);
    browser.open(&edge.url(APP, &long)).await;
    let waiting = browser.devtools("Storage.getCookies", json!({})).await.to_string();
    assert!(waiting.contains("\"gatepost-return\""), "{waiting}");
    pick(&browser, "alice").await;
    arrive(&browser, "You asked for GET /deep/plain").await;
    assert_eq!(browser.url().await.as_str(), edge.url(APP, &long));
    picture(&browser, "application").await;
    let all = browser.devtools("Storage.getCookies", json!({})).await.to_string();
    assert!(!all.contains("gatepost-return"), "{all}");
    let cookies = browser.devtools("Network.getCookies", json!({})).await;
    let names: Vec<_> = cookies["cookies"].as_array().unwrap().iter().map(|cookie| &cookie["name"]).collect();
    assert_eq!(names, ["gatepost"], "a name without the prefix, which browsers refuse without TLS");
    browser.click("Sign out").await;
    arrive(&browser, "You are signed out").await;
    browser.click("Sign in again").await;
    pick(&browser, "alice").await;
    arrive(&browser, "Your account").await;
    assert_quiet(&browser, &[PUBLIC, APP]).await;

    gatepost.sigterm();
    gatepost.wait_for_line("serving 0 s longer").await;
    assert!(gatepost.wait_exit().await.success());
}
