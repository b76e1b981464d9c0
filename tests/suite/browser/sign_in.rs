//! Signing in, with the account picker and without being asked.

use super::picture;
use super::site::{BANK, Site, arrive, pick, submit_form, url, wait_for_picker};
use crate::long_links::{WAITING, link};
use crate::world::{APP, OTHER, PUBLIC, Pair};
use gatepost_kit::browser::Browser;
use gatepost_kit::entra::{Endpoint, Entra, Person};
use gatepost_kit::process::until;
use serde_json::json;
use std::time::Duration;

both_pairs! {
    async fn a_deep_link_is_reached_after_one_sign_in_in_the_account_picker(pair) {
        let site = Site::start(pair).await;
        let browser = site.browser().await;
        browser.open(&url(APP, "/deep?x=1&y=%2F")).await;
        wait_for_picker(&browser).await;
        assert!(site.app.requests().is_empty(), "the application hears of nobody who is not signed in");
        pick(&browser, "alice").await;
        arrive(&browser, "You asked for GET /deep?x=1&y=%2F").await;
        assert_eq!(browser.url().await.as_str(), url(APP, "/deep?x=1&y=%2F"));

        browser.evaluate("document.cookie = 'own=1; path=/; secure'").await;
        let forged = json!({ "X-User-Email": "eve@example.com", "X-User-Admin": "true", "X-User-Groups": "MCP-Admin" });
        browser.add_headers(forged).await;
        browser.open(&url(APP, "/forged")).await;
        arrive(&browser, "You asked for GET /forged").await;
        for path in ["/deep?x=1&y=%2F", "/forged"] {
            let received = site.received("GET", path);
            let values = |name| received.values(name).collect::<Vec<_>>();
            assert_eq!(values("x-user-email"), ["alice@example.com"]);
            assert_eq!(values("x-user-groups"), ["MCP-GitHub"]);
            assert_eq!(values("x-user-admin"), ["false"]);
        }
        assert_eq!(site.received("GET", "/deep?x=1&y=%2F").header("cookie"), None);
        assert_eq!(site.received("GET", "/forged").header("cookie"), Some("own=1"));
        assert_eq!(site.entra.count(Endpoint::SignIn), 1);
        site.assert_quiet(&browser).await;
    }
}

/// What the picker's own page cannot keep: a form of the provider's leads on from it.
#[tokio::test(flavor = "multi_thread")]
async fn a_fragment_survives_a_sign_in_without_a_question() {
    let site = Site::start(Pair::Embedded).await;
    site.entra.at_the_browser(Some("alice"));
    let browser = site.browser().await;
    for (host, path) in [(APP, "/deep?x=1#part"), (OTHER, "/other?y=2#section=3")] {
        browser.open(&url(host, path)).await;
        arrive(&browser, "Hello, Alice").await;
        assert_eq!(browser.url().await.as_str(), url(host, path));
    }
    site.assert_quiet(&browser).await;
}

/// Opens all at once; each asks for an account, and the last one gets it first.
async fn sign_in_from_the_last<const N: usize>(browser: &Browser, wanted: &[String; N]) {
    let tabs = browser.open_at_once(&wanted.each_ref().map(String::as_str)).await;
    for tab in &tabs {
        browser.switch(tab).await;
        wait_for_picker(browser).await;
    }
    for (tab, wanted) in tabs.iter().zip(wanted).rev() {
        browser.switch(tab).await;
        pick(browser, "alice").await;
        arrive(browser, "Hello, Alice").await;
        assert_eq!(browser.url().await.as_str(), wanted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_tabs_reach_their_pages_though_each_shows_the_account_picker() {
    let site = Site::start(Pair::Shared).await;
    let browser = site.browser().await;
    let wanted = [url(APP, "/tab/1?a=b"), url(OTHER, "/tab/2"), url(APP, "/tab/3")];
    sign_in_from_the_last(&browser, &wanted).await;
    browser.open(&url(PUBLIC, "/")).await;
    let account = arrive(&browser, "Your account").await;
    assert_eq!(account.matches("Signed in ").count(), 1, "one session: {account}");
    site.assert_quiet(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tabs_with_long_links_reach_their_pages_though_each_shows_the_account_picker() {
    let site = Site::start(Pair::Shared).await;
    let browser = site.browser().await;
    let wanted = [(APP, 2_000), (OTHER, 1_200), (APP, 1_999), (APP, 100)]
        .map(|(host, length)| url(host, &link(&length.to_string(), length)));
    sign_in_from_the_last(&browser, &wanted).await;
    let cookies = browser.devtools("Storage.getCookies", json!({})).await;
    let names = cookies["cookies"].as_array().unwrap().iter().map(|cookie| cookie["name"].as_str().unwrap());
    assert_eq!(names.filter(|name| *name == WAITING).count(), 0, "gone at enter");
    site.assert_quiet(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tabs_that_sign_in_at_the_same_moment_end_where_they_wanted() {
    let site = Site::start(Pair::Shared).await;
    site.entra.at_the_browser(Some("alice"));
    let browser = site.browser().await;
    let wanted: Vec<_> =
        (0..3).map(|tab| url(if tab % 2 == 0 { APP } else { OTHER }, &format!("/tab/{tab}"))).collect();
    let addresses: Vec<_> = wanted.iter().map(String::as_str).collect();
    for (tab, wanted) in browser.open_at_once(&addresses).await.iter().zip(&wanted) {
        browser.switch(tab).await;
        arrive(&browser, "Hello, Alice").await;
        assert_eq!(browser.url().await.as_str(), wanted);
    }
    assert!(site.entra.most_presentations_of_a_code() <= 1);
    site.assert_quiet(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_registrable_domains_need_one_sign_in() {
    let site = Site::start(Pair::Embedded).await;
    let browser = site.signed_in("alice").await;
    let asked = site.entra.count(Endpoint::Authorize);
    browser.open(&url(OTHER, "/a?b=1#part")).await;
    arrive(&browser, "You asked for GET /a?b=1").await;
    assert_eq!(browser.url().await.as_str(), url(OTHER, "/a?b=1#part"));
    assert_eq!(site.entra.count(Endpoint::Authorize), asked, "the provider is not asked");
    site.assert_quiet(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn step_up_sends_the_maximum_age_to_the_provider() {
    let site = Site::start(Pair::Embedded).await;
    let browser = site.signed_in("alice").await;
    until("the sign-in to be too old for the bank", Duration::from_secs(20), async || {
        browser.open(&url(BANK, "/transfer?to=bob")).await;
        (browser.title().await == "Pick an account").then_some(())
    })
    .await;
    let asked = site.entra.calls().into_iter().rev().find(|call| call.endpoint == Endpoint::Authorize);
    assert_eq!(asked.unwrap().query_field("max_age"), Some("3"));
    pick(&browser, "alice").await;
    arrive(&browser, "You asked for GET /transfer?to=bob").await;
    browser.open(&url(APP, "/")).await;
    arrive(&browser, "You asked for GET /").await;
    browser.open(&url(PUBLIC, "/")).await;
    let account = arrive(&browser, "Your account").await;
    assert_eq!(account.matches("Signed in ").count(), 1, "the session is the same: {account}");
    site.assert_quiet(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_navigation_that_a_service_worker_fetches_signs_in_again_unseen() {
    let site = Site::start(Pair::Embedded).await;
    let browser = site.signed_in("alice").await;
    browser.open(&url(APP, "/sw")).await;
    browser.wait_for_title("controlled").await;
    site.cli(&["session", "end", "--user", "alice@example.com"]).await;
    let asked = site.entra.count(Endpoint::Authorize);
    until("the ended session to count", Duration::from_secs(20), async || {
        browser.open(&url(APP, "/after?the=end")).await;
        arrive(&browser, "You asked for GET /after?the=end").await;
        (site.entra.count(Endpoint::Authorize) > asked).then_some(())
    })
    .await;
    assert_eq!(browser.url().await.as_str(), url(APP, "/after?the=end"));
    assert_eq!(
        site.received("GET", "/after?the=end").header("sec-fetch-dest"),
        Some("empty"),
        "the worker fetched it"
    );
    assert_eq!(site.entra.count(Endpoint::SignIn), 1, "nobody was asked");
    site.assert_quiet(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sent_after_the_session_ended_is_sent_again_by_a_reload() {
    let site = Site::start(Pair::Embedded).await;
    let browser = site.signed_in("alice").await;
    let form = browser.tab().await;
    site.cli(&["session", "end", "--user", "alice@example.com"]).await;
    submit_form(&browser).await;
    arrive(&browser, "Sign in to continue").await;
    picture(&browser, "form-needs-sign-in").await;
    browser.click("Sign in, in a new tab").await;
    let tabs = until("the new tab", Duration::from_secs(20), async || {
        Some(browser.tabs().await).filter(|tabs| tabs.len() == 2)
    })
    .await;
    browser.switch(tabs.iter().find(|tab| **tab != form).unwrap()).await;
    arrive(&browser, "You asked for GET /form").await;
    browser.switch(&form).await;
    browser.reload().await;
    arrive(&browser, "You asked for POST /form").await;
    assert_eq!(site.received("POST", "/form").body, "a=1");
    site.assert_quiet(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_two_providers_the_person_chooses() {
    let keycloak = Entra::start_oidc().await;
    keycloak.add(Person::named("carol").email("carol@partner.example"));
    keycloak.register_redirect_uri(&url(PUBLIC, "/callback/keycloak"));
    let second = [
        ("KIND", "oidc".to_owned()),
        ("LABEL", "Partner login".to_owned()),
        ("ISSUER", keycloak.issuer()),
        ("CLIENT_ID", keycloak.client_id()),
        ("CLIENT_SECRET", keycloak.client_secret()),
        ("ALLOWED_DOMAINS", "partner.example".to_owned()),
    ];
    let variables = second.map(|(name, value)| (format!("GATEPOST_PROVIDERS__KEYCLOAK__{name}"), value));
    let site = Site::start_with(Pair::Embedded, variables.into()).await;
    let browser = site.browser().await;
    browser.open(&url(APP, "/deep?x=1")).await;
    arrive(&browser, "How do you sign in?").await;
    picture(&browser, "choice").await;
    browser.click("Partner login").await;
    pick(&browser, "carol").await;
    arrive(&browser, "You asked for GET /deep?x=1").await;
    assert_eq!(site.received("GET", "/deep?x=1").header("x-user-email"), Some("carol@partner.example"));
    site.assert_quiet(&browser).await;
}
