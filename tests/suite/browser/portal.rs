//! The portal as people use it: the flows by clicks and by the keyboard alone, without scripts, and every page in four
//! states in light, in dark and at 320 points, where axe-core finds nothing.
//!
//! A new page is one line in [`pages`], and a form that can be wrong one line in [`wrong_forms`].

mod accessible;
mod places;
mod printed;
mod programs;
mod tenants;

use super::picture;
use super::site::{Site, arrive, url};
use crate::world::{APP, PUBLIC, Pair};
use gatepost_kit::browser::Browser;
use gatepost_kit::entra::Person;

/// The narrowest screen does not scroll sideways.
pub async fn assert_fits(browser: &Browser, name: &str) {
    let overhang = browser.evaluate("document.documentElement.scrollWidth - window.innerWidth").await;
    assert!(
        overhang.as_i64().is_some_and(|points| points <= 0),
        "{name} is {overhang} too wide for 320 points"
    );
}

/// A browser in which Root is signed in, who administers the system.
async fn administrator(site: &Site) -> Browser {
    site.entra.add(Person::named("root").name("Root Administrator"));
    let browser = site.signed_in("root").await;
    site.cli(&["admin", "grant", "root@example.com"]).await;
    browser
}

async fn open(browser: &Browser, path: &str, text: &str) {
    browser.open(&url(PUBLIC, path)).await;
    arrive(browser, text).await;
}

/// Searches from the first page, and opens the person.
async fn open_person(browser: &Browser, who: &str) {
    open(browser, "/admin", "What needs attention").await;
    browser.type_into("q", &format!("{who}\n")).await;
    arrive(browser, "All people that match").await;
    browser.click(&format!("{who}@example.com")).await;
    arrive(browser, "Add to a group").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_gets_a_group_until_friday_with_four_clicks() {
    let site = Site::start(Pair::Shared).await;
    site.entra.add(Person::named("carol"));
    let carol = site.signed_in("carol").await;
    site.cli(&["group", "create", "MCP-GitHub"]).await;
    site.entra.forget_browsers();
    let root = administrator(&site).await;
    open(&root, "/admin", "What needs attention").await;
    root.type_into("q", "carol").await;
    root.click("Search").await;
    arrive(&root, "All people that match").await;
    root.click("carol@example.com").await;
    arrive(&root, "Add to a group").await;
    root.type_into("group", "MCP-GitHub").await;
    root.evaluate("document.querySelector('[value=friday]').parentElement.id = 'until-friday'").await;
    root.click_id("until-friday").await;
    root.click("Add").await;
    arrive(&root, "carol@example.com is in MCP-GitHub until Friday ").await;
    let shown = arrive(&root, ", 23:59 UTC").await;
    assert!(shown.contains("An administrator"), "{shown}");
    picture(&root, "portal-person-joined").await;
    carol.open(&url("team.example.test", "/")).await;
    arrive(&carol, "You asked for GET /").await;
    site.assert_quiet(&root).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaver_is_disabled_by_one_button_without_scripts() {
    let site = Site::start(Pair::Embedded).await;
    let alice = site.signed_in("alice").await;
    site.entra.forget_browsers();
    let root = administrator(&site).await;
    root.set_scripts(false).await;
    open_person(&root, "alice").await;
    root.click("Disable").await;
    arrive(&root, "This ends 1 session at once.").await;
    picture(&root, "portal-disable").await;
    root.click("Disable").await;
    let shown = arrive(&root, "0 sessions: the person is signed in nowhere.").await;
    assert!(
        shown.contains("The person is disabled: all sessions have ended, and no key of theirs works."),
        "{shown}"
    );
    picture(&root, "portal-leaver").await;
    alice.open(&url(APP, "/")).await;
    super::site::wait_for_picker(&alice).await;
    site.assert_quiet(&root).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_alone_finds_and_disables_a_person_on_a_narrow_screen() {
    let site = Site::start(Pair::Embedded).await;
    site.signed_in("alice").await;
    site.entra.forget_browsers();
    let root = administrator(&site).await;
    root.use_narrow().await;
    open(&root, "/admin", "What needs attention").await;
    root.reach_by_keyboard("Menu").await;
    root.reach_by_keyboard("People").await;
    arrive(&root, "Search for people").await;
    root.reach_by_keyboard("alice@example.com").await;
    arrive(&root, "Add to a group").await;
    root.reach_by_keyboard("Skip to the content").await;
    assert_eq!(root.url().await.fragment(), Some("main"));
    root.reach_by_keyboard("Disable").await;
    arrive(&root, "This ends 1 session at once.").await;
    root.reach_by_keyboard("Disable").await;
    arrive(&root, "0 sessions").await;
    assert_fits(&root, "a person").await;
    site.assert_quiet(&root).await;
}
