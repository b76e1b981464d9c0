//! Sessions that end, and what is then left in a browser.

use crate::house::House;
use crate::stage::{CHAT, PUBLIC};
use crate::visitor::{Program, TIMEOUT, Visitor, pick};
use gatepost_kit::entra::Endpoint;
use gatepost_kit::process::until;
use serde_json::json;
use std::time::{Duration, Instant};

/// How often the provider is asked about a session in use: short, so that a pause of twice its length is.
pub const REFRESH: Duration = Duration::from_secs(10);

const SIGN_OUT: &str =
    "[...document.querySelectorAll('button')].find((button) => button.innerText.trim() === 'Sign Out')";

async fn sign_out_by_menu(visitor: &Visitor<'_>) {
    let menu = "document.querySelector('button[aria-label=\"User menu\"]')";
    visitor.wait_until(&format!("{menu} !== null")).await;
    visitor.browser.evaluate(&format!("{menu}.click()")).await;
    visitor.wait_until(&format!("{SIGN_OUT} !== undefined")).await;
    visitor.browser.evaluate(&format!("{SIGN_OUT}.click()")).await;
    visitor.browser.wait_for_text("You are signed out").await;
}

async fn sign_out_on_the_account_page(visitor: &Visitor<'_>) {
    visitor.browser.open(&format!("{PUBLIC}/")).await;
    visitor.browser.click("Sign out").await;
    visitor.browser.wait_for_text("You are signed out").await;
}

pub async fn menu(house: &House) {
    let before = house.stage.entra.list_sids("alice");
    let alice = Visitor::signed_in(house, "alice").await;
    sign_out_by_menu(&alice).await;
    assert_eq!(house.stage.entra.list_sids("alice"), before, "the provider's session is over too");
    for url in [CHAT, PUBLIC] {
        alice.browser.open(&format!("{url}/")).await;
        alice.browser.wait_for_text("Pick an account").await;
    }
}

pub async fn next_person(house: &House) {
    let here = Visitor::signed_in(house, "alice").await;
    here.ask("my first secret").await;
    let token = here.browser.evaluate("localStorage.token").await;
    let token = token.as_str().expect("Open WebUI keeps its token in localStorage").to_owned();
    sign_out_on_the_account_page(&here).await;
    here.arrive("bob").await;
    here.browser.take_frames().await;
    let elsewhere = Visitor::signed_in(house, "alice").await;
    elsewhere.ask("my second secret").await;
    let kept = here.browser.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage)").await;
    assert!(!kept.to_string().contains(&token), "her token is still in the browser's storage");
    // One answer of his own: what was sent to his page before it has come.
    here.ask("my own question").await;
    let frames = here.browser.take_frames().await;
    let hers = frames.iter().filter(|frame| frame.contains("secret")).count();
    assert_eq!(hers, 0, "of {} frames in his page were hers", frames.len());
    assert!(!here.browser.text().await.contains("secret"), "{}", here.browser.text().await);
}

pub async fn back(house: &House) {
    let alice = Visitor::signed_in(house, "alice").await;
    for is_by_menu in [true, false] {
        alice.ask("a question for nobody else").await;
        let address = alice.browser.url().await;
        if is_by_menu {
            sign_out_by_menu(&alice).await;
        } else {
            sign_out_on_the_account_page(&alice).await;
        }
        alice.browser.evaluate("history.back()").await;
        alice.browser.wait_for_text("Pick an account").await;
        assert!(!alice.browser.text().await.contains("for nobody else"), "Back shows {address}");
        alice.arrive("alice").await;
    }
}

pub async fn ended(house: &House) {
    let alice = Visitor::signed_in(house, "alice").await;
    alice.ask("before the end").await;
    alice.write("written before the end, sent after it").await;
    house.stage.cli(&["session", "end", "--user", "alice@example.com"]).await;
    house.stage.entra.forget_browsers();
    until("the end to count", TIMEOUT, async || {
        let status = "fetch('/static/loader.js', { method: 'HEAD', cache: 'no-store' }).then((answer) => { window.lastStatus = answer.status })";
        alice.browser.evaluate(status).await;
        (alice.browser.evaluate("window.lastStatus").await == 401).then_some(())
    })
    .await;
    alice.send().await;
    alice.browser.wait_for_text("Your session has ended").await;
    alice.pictures("session-ended").await;
    alice.write("the next question").await;

    let here = alice.browser.tab().await;
    alice.browser.click("Sign in again").await;
    until("the tab of the sign-in", TIMEOUT, async || {
        let tabs = alice.browser.tabs().await;
        let other = tabs.into_iter().find(|tab| *tab != here)?;
        alice.browser.switch(&other).await;
        Some(())
    })
    .await;
    pick(&alice.browser, "alice").await;
    until("that tab to close", TIMEOUT, async || (alice.browser.tabs().await.len() == 1).then_some(())).await;
    alice.browser.switch(&here).await;
    alice.browser.wait_for_text("You said: written before the end, sent after it").await;
    assert!(!alice.browser.text().await.contains("Your session has ended"), "the bar is gone");
    assert_eq!(alice.draft().await, "the next question");
    alice.picture("session-again").await;
}

pub async fn in_use(house: &House) {
    let bob = Visitor::signed_in(house, "bob").await;
    // The page's minutes pass a hundred times as fast.
    let faster = "const real = window.setInterval; window.setInterval = (work, pause, ...rest) => real(work, pause >= 200_000 ? pause / 100 : pause, ...rest)";
    bob.browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": faster })).await;
    bob.browser.reload().await;
    bob.wait_for_input().await;
    let asked = async || {
        let requests = bob.browser.take_requests().await;
        requests.iter().filter(|url| url.path() == "/static/loader.js").count()
    };
    asked().await;
    pass(Duration::from_secs(8)).await;
    assert_eq!(asked().await, 0, "nobody used the page");
    bob.write("x").await;
    until("a question to the gate", TIMEOUT, async || (asked().await > 0).then_some(())).await;
    pass(Duration::from_secs(8)).await;
    assert_eq!(asked().await, 0, "nobody used the page any more");
}

pub async fn pause(house: &House) {
    let alice = Program::signed_in(house, "alice").await;
    let question = json!({ "model": "echo", "messages": [{ "role": "user", "content": "after a pause" }] });
    pass(REFRESH * 2 + Duration::from_secs(1)).await;
    // As far away as a provider is.
    house.stage.entra.delay(Endpoint::Token, Duration::from_millis(600));
    let client = alice.client.impatient();
    let answer = Program { client, token: alice.token }.post("/api/chat/completions", &question).await;
    house.stage.entra.delay(Endpoint::Token, Duration::ZERO);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// Lets so much time pass: that nothing happens, or that a session is not used, cannot be waited for otherwise.
async fn pass(time: Duration) {
    let since = Instant::now();
    until("time to pass", time * 2, async || (since.elapsed() > time).then_some(())).await;
}
