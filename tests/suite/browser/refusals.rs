//! Who may not: a missing group, a provider's refusal, a disabled person.

use super::picture;
use super::site::{ELSEWHERE, Site, TEAM, arrive, pick, url};
use crate::world::{APP, PUBLIC, Pair};
use gatepost_kit::process::until;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_person_reads_why_and_signs_in_as_somebody_else() {
    let site = Site::start(Pair::Embedded).await;
    let browser = site.signed_in("bob").await;
    browser.open(&url(TEAM, "/board?x=1")).await;
    let page = arrive(&browser, "You may not open this page").await;
    for part in ["bob@example.com", "MCP-GitHub", TEAM] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let request_id = browser.evaluate("document.querySelector('footer code').textContent").await;
    let line = site.gatepost.wait_for_line(request_id.as_str().unwrap()).await;
    assert!(line.contains("bob@example.com") && line.contains("MCP-GitHub"), "{line}");
    picture(&browser, "refused").await;

    browser.click("Use another account").await;
    pick(&browser, "alice").await;
    arrive(&browser, "You asked for GET /board?x=1").await;
    assert_eq!(site.received("GET", "/board?x=1").header("x-user-email"), Some("alice@example.com"));
    site.assert_quiet(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_provider_is_explained_and_can_be_overcome() {
    let site = Site::start(Pair::Embedded).await;
    let browser = site.browser().await;
    let description = "AADSTS50105: Your administrator has configured the application to block users unless they are assigned.";
    site.entra.next_authorize_error("access_denied", description);
    browser.open(&url(APP, "/deep?x=1")).await;
    let page = arrive(&browser, "AADSTS50105").await;
    assert!(page.contains("the administrator of accounts in your organisation"), "{page}");
    assert_eq!(browser.url().await.host_str(), Some(PUBLIC));
    picture(&browser, "refused-by-provider").await;
    browser.click("Use another account").await;
    pick(&browser, "alice").await;
    arrive(&browser, "You asked for GET /deep?x=1").await;
    site.assert_quiet(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_sign_in_can_be_tried_again() {
    let site = Site::start(Pair::Embedded).await;
    let browser = site.browser().await;
    browser.open(&url(APP, "/deep?x=1")).await;
    browser.click_id("cancel").await;
    arrive(&browser, "AADSTS65004").await;
    picture(&browser, "cancelled").await;
    browser.click("Try again").await;
    pick(&browser, "alice").await;
    arrive(&browser, "You asked for GET /deep?x=1").await;
    site.assert_quiet(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_person_reads_so() {
    let site = Site::start(Pair::Embedded).await;
    let browser = site.signed_in("bob").await;
    site.cli(&["user", "disable", "bob@example.com"]).await;
    gatepost_kit::process::until("the word of it to arrive", Duration::from_secs(20), async || {
        browser.open(&url(APP, "/")).await;
        browser.text().await.contains("Your account is disabled here").then_some(())
    })
    .await;
    picture(&browser, "disabled").await;
    browser.click("Use another account").await;
    pick(&browser, "alice").await;
    arrive(&browser, "You asked for GET /").await;
    site.assert_quiet(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_address_of_the_public_host_gets_a_page_that_names_it() {
    let site = Site::start(Pair::Embedded).await;
    let browser = site.browser().await;
    browser.open(&url(PUBLIC, "/nowhere")).await;
    arrive(&browser, "Page not found").await;
    picture(&browser, "not-found").await;
    browser.open(&url(PUBLIC, "/login?to=garbage")).await;
    arrive(&browser, "The sign-in could not be completed").await;
    picture(&browser, "sign-in-broken").await;
    site.assert_quiet(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_pages_run_and_load_nothing_that_is_not_ours() {
    let site = Site::start(Pair::Embedded).await;
    let browser = site.signed_in("bob").await;
    let intrusions = [
        "const s = document.createElement('script'); s.textContent = 'document.title = 1'; document.body.append(s)".to_owned(),
        format!("document.body.append(Object.assign(new Image(), {{ src: '{}' }}))", url(ELSEWHERE, "/spy.png")),
        "document.body.append(Object.assign(document.createElement('style'), { textContent: 'a{}' }))".to_owned(),
    ];
    for (page, shows) in [(url(PUBLIC, "/"), "Your account"), (url(TEAM, "/"), "You may not open this page")]
    {
        browser.open(&page).await;
        arrive(&browser, shows).await;
        site.assert_quiet(&browser).await;
        for intrusion in &intrusions {
            browser.evaluate(intrusion).await;
            until("the browser to complain", Duration::from_secs(20), async || {
                let console = browser.take_console().await;
                console.iter().any(|message| message.text.contains("Content Security Policy")).then_some(())
            })
            .await;
        }
        assert!(browser.title().await.contains(shows), "the script ran");
    }
    assert!(site.app.requests().iter().all(|request| request.uri != "/spy.png"));
}
