//! The account page: what it says, ending sessions from it, and the keyboard.

use super::picture;
use super::site::{Site, arrive, pick, url, wait_for_picker};
use crate::world::{APP, PUBLIC, Pair};
use gatepost_kit::browser::Browser;
use gatepost_kit::entra::Person;

async fn open_account(browser: &Browser) -> String {
    browser.open(&url(PUBLIC, "/")).await;
    arrive(browser, "Your account").await
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_ended_from_the_list_of_another_browser() {
    let site = Site::start(Pair::Shared).await;
    site.cli(&["tenant", "create", "github", "--name", "GitHub tools"]).await;
    site.cli(&["tenant", "map", "MCP-GitHub", "github", "--role", "member"]).await;
    let (mine, other) = (site.signed_in("alice").await, site.signed_in("alice").await);
    let account = open_account(&mine).await;
    for part in ["alice@example.com", "MCP-GitHub", "github", "this one", "End all other sessions"] {
        assert!(account.contains(part), "{part}: {account}");
    }
    picture(&mine, "account").await;
    mine.click("End").await;
    arrive(&mine, "The session has ended.").await;
    picture(&mine, "account-session-ended").await;
    other.open(&url(APP, "/")).await;
    arrive(&other, "Hello, Alice").await;
    other.open(&url(PUBLIC, "/")).await;
    arrive(&other, "Your account").await;

    open_account(&mine).await;
    mine.click("End all other sessions").await;
    let account = arrive(&mine, "All other sessions have ended.").await;
    assert!(!account.contains("End all other sessions"), "{account}");
    site.entra.forget_browsers();
    other.open(&url(APP, "/")).await;
    wait_for_picker(&other).await;
    mine.open(&url(APP, "/mine")).await;
    arrive(&mine, "You asked for GET /mine").await;
    site.assert_quiet(&mine).await;
    site.assert_quiet(&other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_alone_signs_out() {
    let site = Site::start(Pair::Embedded).await;
    let browser = site.signed_in("alice").await;
    open_account(&browser).await;
    browser.reach_by_keyboard("Sign out").await;
    arrive(&browser, "You are signed out").await;
    browser.reach_by_keyboard("Sign in again").await;
    pick(&browser, "alice").await;
    arrive(&browser, "Your account").await;
    browser.reach_by_keyboard("Skip to the content").await;
    assert_eq!(browser.url().await.fragment(), Some("main"));
    site.assert_quiet(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_of_250_groups_has_a_readable_page() {
    let site = Site::start(Pair::Embedded).await;
    site.entra.add(Person::named("carol").name("Carol Konstantinopolitanska-Überlingen").many_groups(250));
    let browser = site.signed_in("carol").await;
    site.cli(&["admin", "grant", "carol@example.com"]).await;
    let account = open_account(&browser).await;
    assert!(account.contains("250 groups"), "{account}");
    picture(&browser, "account-250-groups").await;
    site.assert_quiet(&browser).await;
}
