//! Requests for access in a browser: somebody is refused and asks, an administrator decides on their pages.

use super::picture;
use super::site::{Site, TEAM, arrive, url};
use crate::world::{PUBLIC, Pair};
use gatepost_kit::browser::Browser;
use gatepost_kit::process::until;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(20);

/// Bob, who is refused at `TEAM`, asks for its group.
async fn ask(site: &Site) -> Browser {
    let bob = site.signed_in("bob").await;
    bob.open(&url(TEAM, "/board")).await;
    arrive(&bob, "You may not open this page").await;
    bob.click("Ask for access").await;
    until("the refusal to be stored", DEADLINE, async || {
        let page = bob.text().await;
        if page.contains("Load the page again") {
            bob.reload().await;
        }
        page.contains("What you need it for").then_some(())
    })
    .await;
    bob.evaluate("document.querySelector('textarea').id = 'note'").await;
    bob.type_into("note", "I look after the board while Alice is away.").await;
    picture(&bob, "request-new").await;
    bob.click("Ask for access").await;
    arrive(&bob, "You have asked for access.").await;
    bob
}

/// No page may be wider than the narrowest screen.
pub async fn assert_narrow(browser: &Browser, name: &str) {
    let metrics = serde_json::json!({ "width": 320, "height": 640, "deviceScaleFactor": 2, "mobile": true });
    browser.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    let overhang = browser.evaluate("document.documentElement.scrollWidth - window.innerWidth").await;
    assert!(overhang.as_i64().is_some_and(|points| points <= 0), "{name} is {overhang} too wide");
    browser.use_desk().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_grants_what_somebody_asks_for() {
    let anybody = ("GATEPOST_REQUESTS__ANYBODY".to_owned(), "true".to_owned());
    let site = Site::start_with(Pair::Embedded, vec![anybody]).await;
    let bob = ask(&site).await;
    site.entra.forget_browsers();
    let alice = site.signed_in("alice").await;
    site.cli(&["admin", "grant", "alice@example.com"]).await;

    alice.open(&url(PUBLIC, "/admin/requests")).await;
    let list = arrive(&alice, "Waiting for an answer").await;
    assert!(list.contains("MCP-GitHub") && list.contains("while Alice is away"), "{list}");
    picture(&alice, "admin-requests").await;
    assert_narrow(&alice, "the list").await;
    alice.click("bob@example.com").await;
    arrive(&alice, "bob@example.com asks for group MCP-GitHub").await;
    picture(&alice, "admin-request").await;
    assert_narrow(&alice, "a request").await;
    alice.click("Decline").await;
    arrive(&alice, "Tell the person why.").await;
    picture(&alice, "admin-request-wrong").await;
    alice.click("Grant").await;
    let granted = arrive(&alice, "The access is granted.").await;
    assert!(granted.contains("alice@example.com") && !granted.contains("Decline"), "{granted}");
    picture(&alice, "admin-request-granted").await;
    assert_narrow(&alice, "a decided request").await;
    site.assert_quiet(&alice).await;

    until("the access to count", DEADLINE, async || {
        bob.open(&url(TEAM, "/board")).await;
        bob.text().await.contains("You asked for GET /board").then_some(())
    })
    .await;
    bob.open(&url(PUBLIC, "/")).await;
    arrive(&bob, "Granted until").await;
    picture(&bob, "account-request-granted").await;
    site.assert_quiet(&bob).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_alone_declines_and_a_page_that_is_too_late_says_so() {
    let anybody = ("GATEPOST_REQUESTS__ANYBODY".to_owned(), "true".to_owned());
    let site = Site::start_with(Pair::Embedded, vec![anybody]).await;
    let bob = ask(&site).await;
    site.entra.forget_browsers();
    let alice = site.signed_in("alice").await;
    site.cli(&["admin", "grant", "alice@example.com"]).await;
    alice.open(&url(PUBLIC, "/admin/requests")).await;
    alice.reach_by_keyboard("bob@example.com").await;
    arrive(&alice, "Who else may decide").await;
    let page = alice.url().await;
    let late = alice.tab().await;
    let tab = alice.new_tab().await;
    alice.switch(&tab).await;
    alice.open(page.as_str()).await;
    arrive(&alice, "Who else may decide").await;
    alice.type_into("answer", "Ask again when the audit begins.").await;
    alice.reach_by_keyboard("Decline").await;
    arrive(&alice, "The request is declined.").await;
    alice.switch(&late).await;
    alice.click("Grant").await;
    arrive(&alice, "You have decided this request already.").await;
    picture(&alice, "admin-request-overtaken").await;
    bob.open(&url(PUBLIC, "/")).await;
    arrive(&bob, "Ask again when the audit begins.").await;
    bob.open(&url(TEAM, "/board")).await;
    arrive(&bob, "You may not open this page").await;
    site.assert_quiet(&bob).await;
    site.assert_quiet(&alice).await;
}
