//! Signing out, from an application's page and from another site's link.

use super::picture;
use super::site::{ELSEWHERE, Site, arrive, pick, url, wait_for_picker};
use crate::world::{APP, OTHER, PUBLIC, Pair};
use gatepost_kit::browser::Browser;

async fn assert_asks_everywhere(browser: &Browser) {
    for host in [APP, OTHER, PUBLIC] {
        browser.open(&url(host, "/")).await;
        wait_for_picker(browser).await;
    }
}

both_pairs! {
    async fn sign_out_of_an_application_is_sign_out_everywhere(pair) {
        let site = Site::start(pair).await;
        let browser = site.signed_in("alice").await;
        browser.open(&url(OTHER, "/")).await;
        arrive(&browser, "Hello, Alice").await;
        browser.click("Sign out").await;
        arrive(&browser, "You are signed out").await;
        assert_eq!(browser.url().await.as_str(), url(PUBLIC, "/logged-out"));
        picture(&browser, "signed-out").await;
        assert!(site.entra.list_sids("alice").is_empty(), "the provider's session is over too");
        assert_asks_everywhere(&browser).await;
        site.assert_quiet(&browser).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_link_shows_a_question_and_the_button_signs_out() {
    let site = Site::start(Pair::Embedded).await;
    let browser = site.signed_in("alice").await;
    let links = [
        ("Sign out of the application", "confirm-sign-out-application"),
        ("Sign out of everything", "confirm-sign-out-public"),
    ];
    for (link, name) in links {
        browser.open(&url(ELSEWHERE, "/")).await;
        browser.click(link).await;
        arrive(&browser, "Sign out?").await;
        picture(&browser, name).await;
        browser.click("Stay signed in").await;
        arrive(&browser, "Alice").await;

        browser.open(&url(ELSEWHERE, "/")).await;
        browser.click(link).await;
        arrive(&browser, "Sign out?").await;
        browser.click("Sign out").await;
        arrive(&browser, "You are signed out").await;
        assert!(site.entra.list_sids("alice").is_empty(), "the provider's session is over too");
        assert_asks_everywhere(&browser).await;
        browser.open(&url(APP, "/")).await;
        pick(&browser, "alice").await;
        arrive(&browser, "Hello, Alice").await;
    }
    site.assert_quiet(&browser).await;
}
