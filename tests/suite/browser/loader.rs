//! `deploy/open-webui/loader.js` on an application's page: what it does when a session ends, and what it leaves alone.
//! `script/open-webui` tries it with the real `Open WebUI`.

use super::picture;
use super::site::{Site, arrive, pick};
use crate::deploy::read;
use crate::world::Pair;
use gatepost_kit::browser::Browser;
use gatepost_kit::process::until;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(20);
const BAR: &str = "Your session has ended";
/// A JSON Web Token with `{"id": "another"}`; who signs in here has no id.
const SOMEBODY_ELSES: &str = "e30.eyJpZCI6ImFub3RoZXIifQ.x";

fn loader() -> String {
    read("deploy/open-webui/loader.js")
}

async fn wait_until(browser: &Browser, expression: &str) {
    until(expression, TIMEOUT, async || (browser.evaluate(expression).await == true).then_some(())).await;
}

/// Alice's page, whose session has ended and which has just sent this request.
async fn with_a_refused_request(site: &Site, request: &str) -> Browser {
    let browser = site.signed_in("alice").await;
    browser.evaluate(&loader()).await;
    site.cli(&["session", "end", "--user", "alice@example.com"]).await;
    site.entra.forget_browsers();
    let is_over = "fetch('/is-it-over'); document.getElementById('gatepost-signed-out') !== null";
    wait_until(&browser, is_over).await;
    browser
        .evaluate(&format!(
            "fetch('/question', {request}).then(async (answer) => {{ window.answer = await answer.text() }})"
        ))
        .await;
    browser
}

/// Signs in by the bar; the tab of it closes by itself.
async fn sign_in_again(browser: &Browser) {
    let here = browser.tab().await;
    browser.click("Sign in again").await;
    let other =
        until("a second tab", TIMEOUT, async || browser.tabs().await.into_iter().find(|tab| *tab != here))
            .await;
    browser.switch(&other).await;
    pick(browser, "alice").await;
    arrive(browser, "Hello, Alice").await;
    browser.evaluate(&format!("setTimeout(() => {{ {} }})", loader())).await;
    until("that tab to close", TIMEOUT, async || (browser.tabs().await.len() == 1).then_some(())).await;
    browser.switch(&here).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_waits_for_a_sign_in_in_another_tab_and_is_sent_again() {
    let site = Site::start(Pair::Embedded).await;
    let browser = with_a_refused_request(&site, "{ method: 'POST', body: 'what I wrote' }").await;
    browser.wait_for_text(BAR).await;
    picture(&browser, "loader-session-ended").await;
    assert_eq!(browser.evaluate("typeof window.answer").await, "undefined");
    sign_in_again(&browser).await;
    wait_until(&browser, "window.answer !== undefined").await;
    let received = site.received("POST", "/question");
    assert_eq!(
        (received.body.as_str(), received.header("x-user-email")),
        ("what I wrote", Some("alice@example.com"))
    );
    assert!(!browser.text().await.contains(BAR));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_somebody_else_is_not_sent_again_and_the_page_is_loaded_anew() {
    let site = Site::start(Pair::Embedded).await;
    let request = format!(
        "{{ method: 'POST', body: 'what I wrote', headers: {{ authorization: 'Bearer {SOMEBODY_ELSES}' }} }}"
    );
    let browser = with_a_refused_request(&site, &request).await;
    browser.evaluate("sessionStorage.draft = 'what I wrote'; window.isOld = true").await;
    sign_in_again(&browser).await;
    wait_until(&browser, "window.isOld === undefined && document.readyState === 'complete'").await;
    assert_eq!(browser.evaluate("sessionStorage.length").await, 0);
    let sent = site.app.requests().into_iter().filter(|request| request.uri == "/question").count();
    assert_eq!(sent, 0, "it was sent as the person who signed in");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_not_the_gates_refusal_pass_untouched() {
    let site = Site::start(Pair::Embedded).await;
    let browser = site.signed_in("alice").await;
    browser.evaluate("window.fetch = async () => new Response(window.body, { status: window.status_, headers: { 'content-type': window.kind } })").await;
    browser.evaluate(&loader()).await;
    let own = "location.origin + '/.gatepost/start?uri=/'";
    let refusal =
        |error: &str, link: &str| format!("JSON.stringify({{ error: '{error}', login_url: {link} }})");
    for (status, kind, body) in [
        (401, "application/json", "'{\"detail\":\"Invalid token\"}'".to_owned()),
        (401, "application/json", refusal("forbidden", own)),
        (
            401,
            "application/json",
            refusal("sign_in_required", "'https://elsewhere.example.org/.gatepost/start?uri=/'"),
        ),
        (401, "application/json", refusal("sign_in_required", "location.origin + '/elsewhere'")),
        (401, "application/json", refusal("sign_in_required", "'javascript:alert(1)'")),
        (401, "application/json", "'no JSON'".to_owned()),
        (401, "text/html", refusal("sign_in_required", own)),
        (200, "application/json", refusal("sign_in_required", own)),
    ] {
        let set = format!(
            "window.status_ = {status}; window.kind = '{kind}'; window.body = {body}; window.seen = undefined"
        );
        browser.evaluate(&set).await;
        browser.evaluate("fetch('/x').then((answer) => { window.seen = answer.status })").await;
        until(&body, TIMEOUT, async || (browser.evaluate("window.seen").await == status).then_some(())).await;
    }
    assert!(!browser.text().await.contains(BAR));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_page_in_use_queries_the_gate_at_intervals() {
    let site = Site::start(Pair::Embedded).await;
    let browser = site.signed_in("alice").await;
    // Its minutes pass two hundred times as fast, and are counted.
    let faster = "window.ticks = 0; const real = setInterval; window.setInterval = (work, pause) => real(() => { work(); ticks++ }, pause / 200)";
    browser.evaluate(faster).await;
    browser.evaluate(&loader()).await;
    let asked =
        || site.app.requests().into_iter().filter(|request| request.uri == "/static/loader.js").count();
    wait_until(&browser, "ticks >= 2").await;
    assert_eq!(asked(), 0, "nobody used the page");
    for used in 1..=2 {
        browser.evaluate("window.dispatchEvent(new KeyboardEvent('keydown')); window.ticks = 0").await;
        until("a question to the gate", TIMEOUT, async || (asked() == used).then_some(())).await;
        wait_until(&browser, "ticks >= 3").await;
        assert_eq!(asked(), used, "nobody used the page any more");
    }
    // As in a tab behind another.
    browser.evaluate("Object.defineProperty(document, 'hidden', { value: true })").await;
    browser.evaluate("window.dispatchEvent(new KeyboardEvent('keydown')); window.ticks = 0").await;
    wait_until(&browser, "ticks >= 2").await;
    assert_eq!(asked(), 2, "the page is hidden");
}
