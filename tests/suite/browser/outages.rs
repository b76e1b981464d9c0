//! While a store does not answer, and after.

use super::picture;
use super::site::{Site, arrive, submit_form, url};
use crate::world::{APP, PUBLIC, Pair, Stores};
use gatepost_kit::process::until;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_could_not_be_judged_loads_when_the_store_is_back() {
    let site = Site::forgetful(Pair::Shared).await;
    let browser = site.signed_in("alice").await;
    let Stores::Shared { redis, .. } = &site.stores else { unreachable!("this pair has a Redis") };
    redis.sigstop();
    browser.open(&url(PUBLIC, "/")).await;
    browser.wait_for_text("One moment, please").await;
    picture(&browser, "unavailable-public").await;
    browser.open(&url(APP, "/a?b=1")).await;
    browser.wait_for_text("One moment, please").await;
    picture(&browser, "unavailable-application").await;
    redis.sigcont();
    until("Gatepost to reach Redis again", Duration::from_secs(20), async || {
        if browser.text().await.contains("One moment, please") {
            browser.click("Load the page again").await;
        }
        browser.text().await.contains("You asked for GET /a?b=1").then_some(())
    })
    .await;
    assert_eq!(browser.url().await.as_str(), url(APP, "/a?b=1"));
    site.assert_quiet(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_could_not_be_judged_is_sent_again_by_a_reload() {
    let site = Site::forgetful(Pair::Shared).await;
    let browser = site.signed_in("alice").await;
    let Stores::Shared { redis, .. } = &site.stores else { unreachable!("this pair has a Redis") };
    redis.sigstop();
    submit_form(&browser).await;
    let page = browser.wait_for_text("your browser sends your form again").await;
    assert!(!page.contains("Load the page again"), "a link would lose the form: {page}");
    picture(&browser, "unavailable-form").await;
    redis.sigcont();
    browser.reload().await;
    arrive(&browser, "You asked for POST /form").await;
    assert_eq!(site.received("POST", "/form").body, "a=1");
    site.assert_quiet(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_answer_is_named_on_the_page() {
    let site = Site::start(Pair::Embedded).await;
    let browser = site.browser().await;
    site.entra.fail_token(503, "", 10);
    site.entra.at_the_browser(Some("alice"));
    browser.open(&url(APP, "/a")).await;
    browser.wait_for_text("The provider does not answer").await;
    picture(&browser, "provider-unavailable").await;
    site.assert_quiet(&browser).await;
}
