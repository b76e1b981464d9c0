//! What applications keep in the browser: gone for the next person, kept for the same one. Chromium decides what that
//! takes, so it is asked about each kind of storage, in tabs that stay open, and with a service worker in between.

use super::site::{Site, arrive, pick, url};
use crate::world::{APP, OTHER, PUBLIC, Pair};
use gatepost_kit::browser::Browser;
use serde_json::{Value, json};

/// Puts a token into everything that a page can write.
const STORE: &str = "(async () => {
    window.token = localStorage.token = sessionStorage.token = 'hers';
    document.cookie = 'token=hers; path=/; secure';
    await (await caches.open('hers')).put('/kept', new Response('hers'));
    await new Promise((done, failed) => {
        const asked = indexedDB.open('hers');
        asked.onupgradeneeded = () => asked.result.createObjectStore('tokens');
        asked.onsuccess = () => { asked.result.close(); done(); };
        asked.onerror = () => failed(asked.error);
    });
    return (await found()).stored;
})()";

/// What a page finds of it: stored, and in its own memory.
const FOUND: &str = "window.found = async () => ({
    stored: [
        localStorage.token && 'localStorage',
        sessionStorage.token && 'sessionStorage',
        (await caches.keys()).length && 'caches',
        (await indexedDB.databases()).length && 'indexedDB',
        (await navigator.serviceWorker.getRegistrations()).length && 'worker',
    ].filter(Boolean),
    memory: window.token ?? null,
    cookie: document.cookie,
})";

async fn evaluate(browser: &Browser, expression: &str) -> Value {
    browser.evaluate(FOUND).await;
    let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
    let mut answer = browser.devtools("Runtime.evaluate", parameters).await;
    assert!(answer["exceptionDetails"].is_null(), "{answer}");
    answer["result"]["value"].take()
}

async fn found(browser: &Browser) -> Value {
    evaluate(browser, "found()").await
}

/// The application of this host keeps a token of Alice's, a service worker too.
async fn store(browser: &Browser, host: &str) {
    browser.open(&url(host, "/sw")).await;
    browser.wait_for_title("controlled").await;
    let all = json!(["localStorage", "sessionStorage", "caches", "indexedDB", "worker"]);
    assert_eq!(evaluate(browser, STORE).await, all);
}

/// Alice leaves by the account page; this person comes to the application in the same tab.
async fn sign_in_after_alice(site: &Site, browser: &Browser, who: &str) {
    browser.open(&url(PUBLIC, "/")).await;
    arrive(browser, "Your account").await;
    browser.click("Sign out").await;
    arrive(browser, "You are signed out").await;
    site.entra.forget_browsers();
    browser.open(&url(APP, "/deep?x=1")).await;
    pick(browser, who).await;
    arrive(browser, "You asked for GET /deep?x=1").await;
    assert_eq!(browser.url().await.as_str(), url(APP, "/deep?x=1"));
}

both_pairs! {
    async fn the_next_person_at_a_browser_finds_nothing_that_the_last_one_left_in_its_storage(pair) {
        let site = Site::start(pair).await;
        let browser = site.signed_in("alice").await;
        store(&browser, OTHER).await;
        store(&browser, APP).await;
        let open = browser.tab().await;

        browser.new_tab().await;
        sign_in_after_alice(&site, &browser, "bob").await;
        let clean = json!({ "stored": [], "memory": null, "cookie": "token=hers" });
        assert_eq!(found(&browser).await, clean, "an application's own cookies stay");

        browser.switch(&open).await;
        let left = json!({ "stored": [], "memory": "hers", "cookie": "token=hers" });
        assert_eq!(found(&browser).await, left, "a tab that is open keeps its memory");
        browser.open(&url(APP, "/")).await;
        arrive(&browser, "Hello, Bob").await;
        assert_eq!(found(&browser).await, clean);

        browser.open(&url(OTHER, "/")).await;
        arrive(&browser, "Hello, Bob").await;
        assert_eq!(found(&browser).await, clean, "the other host's goes when he comes there");
        site.assert_quiet(&browser).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_person_finds_theme_and_drafts_again() {
    let site = Site::start(Pair::Embedded).await;
    let browser = site.signed_in("alice").await;
    store(&browser, APP).await;
    sign_in_after_alice(&site, &browser, "alice").await;
    let stored = &found(&browser).await["stored"];
    assert_eq!(*stored, json!(["localStorage", "sessionStorage", "caches", "indexedDB", "worker"]));
    site.assert_quiet(&browser).await;
}
