//! Every page of the portal in four states: empty, full, wrong, with the longest words. In each it has pictures in light
//! and in dark, fits on 320 points, and axe-core finds nothing.

use super::{administrator, arrive, assert_fits, open};
use crate::browser::keep_picture;
use crate::browser::site::{DEBUG, Site, url};
use crate::world::Pair;
use gatepost_kit::browser::{Browser, Rules};
use gatepost_kit::entra::{Group, Person};

/// A form that is sent with something wrong: the name of its picture, the path of its page, the path that it is sent to,
/// and the fields with their values.
pub type WrongForm = (&'static str, String, String, &'static [(&'static str, &'static str)]);

/// The pages, each by the name of its pictures and its path. `person` is the path of a person.
fn pages(person: &str) -> Vec<(&'static str, String)> {
    vec![
        ("home", "/admin".to_owned()),
        ("home-found", "/admin?q=e".to_owned()),
        ("home-nothing-found", "/admin?q=zzz".to_owned()),
        ("people", "/admin/users".to_owned()),
        ("people-nothing-found", "/admin/users?q=zzz".to_owned()),
        ("ends", "/admin/ends".to_owned()),
        ("refusals", "/admin/refusals".to_owned()),
        ("refusals-nothing-found", "/admin/refusals?reason=zzz".to_owned()),
        ("refusals-wrong", "/admin/refusals?number=zzz".to_owned()),
        ("person", person.to_owned()),
        ("person-disable", format!("{person}/disable")),
        ("person-release", format!("{person}/release-address")),
        ("person-erase", format!("{person}/erase")),
    ]
}

/// The forms that can be wrong.
fn wrong_forms(person: &str) -> Vec<WrongForm> {
    let to = |verb: &str| format!("{person}/{verb}");
    vec![
        ("people-wrong", "/admin/users".to_owned(), "/admin/users".to_owned(), &[("email", "no address")]),
        ("person-wrong-group", person.to_owned(), to("join"), &[("group", ""), ("end", "other"), ("at", "")]),
        ("person-new-group", person.to_owned(), to("join"), &[("group", "Search"), ("end", "never")]),
        ("person-wrong-decision", person.to_owned(), to("decide"), &[("end", "other"), ("at", "")]),
        ("person-erase-wrong", to("erase"), to("erase"), &[("name", "somebody")]),
        ("person-overtaken", to("disable"), to("disable"), &[("version", "v999")]),
        ("person-refused", person.to_owned(), to("leave"), &[("version", "x")]),
    ]
}

/// Keeps pictures of the current page, and holds it against the rules in light, in dark and on the narrowest screen. In dark
/// the colours alone are different.
pub async fn assert_accessible(browser: &Browser, name: &str) {
    let look = async |kind: &str, rules: Rules| {
        keep_picture(browser, &format!("portal-{name}-{kind}")).await;
        // What is folded is on the page too.
        let unfold = "document.querySelectorAll('details').forEach(folded => { folded.open = true })";
        browser.evaluate(unfold).await;
        let violations = browser.violations(rules).await;
        assert!(violations.is_empty(), "{name}, {kind}: {violations:#?}");
    };
    look("light", Rules::All).await;
    browser.set_dark_mode(true).await;
    look("dark", Rules::Colours).await;
    browser.use_narrow().await;
    look("320-dark", Rules::Colours).await;
    browser.set_dark_mode(false).await;
    look("320-light", Rules::All).await;
    assert_fits(browser, name).await;
    browser.use_desk().await;
}

async fn tour(browser: &Browser, state: &str, person: &str) {
    for (name, path) in pages(person) {
        open(browser, &path, "The same through the API").await;
        assert_accessible(browser, &format!("{state}-{name}")).await;
    }
}

/// The path of the page of a person.
pub(super) async fn path_of(browser: &Browser, who: &str) -> String {
    open(browser, &format!("/admin/users?q={who}"), "Search for people").await;
    browser.click(&format!("{who}@example.com")).await;
    arrive(browser, "Last changes").await;
    browser.url().await.path().to_owned()
}

/// Sends a form with these values, whatever the browser thinks of them.
pub async fn send(browser: &Browser, (_, page, action, fields): &WrongForm) {
    open(browser, page, "The same through the API").await;
    browser.evaluate(&format!("form = [...document.forms].find(form => form.action.endsWith('{action}')); form.noValidate = true")).await;
    for (name, value) in *fields {
        let set = format!(
            "field = form.elements['{name}'] ?? form.appendChild(Object.assign(document.createElement('input'), {{ name: '{name}' }})); field.value = '{value}'"
        );
        browser.evaluate(&set).await;
    }
    browser.evaluate("form.submit()").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_accessible_before_anybody_came() {
    let site = Site::start(Pair::Embedded).await;
    let root = administrator(&site).await;
    site.cli(&["user", "create", "nobody@example.com"]).await;
    let person = path_of(&root, "nobody").await;
    tour(&root, "empty", &person).await;
    site.assert_quiet(&root).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_accessible_with_much_on_it_and_when_something_is_wrong() {
    let site = Site::start(Pair::Embedded).await;
    let unlinked = Group::new("00000000-0000-4000-8000-00000000a0ff", "Designers");
    site.entra.update("alice", |alice| alice.groups.push(unlinked.clone()));
    site.entra.update("bob", |bob| bob.groups.push(unlinked));
    let alice = site.signed_in("alice").await;
    site.entra.forget_browsers();
    site.signed_in("bob").await;
    site.entra.forget_browsers();
    let root = administrator(&site).await;
    refuse(&alice).await;
    fill(&site, "alice@example.com", "MCP-Search").await;
    let employees: Vec<String> = (0..6).map(|number| format!("employee-{number:02}@example.com")).collect();
    let create: Vec<[&str; 3]> = employees.iter().map(|employee| ["user", "create", employee]).collect();
    site.cli_all(&create.iter().map(|command| &command[..]).collect::<Vec<_>>()).await;
    let person = path_of(&root, "alice").await;
    open(&root, &person, "lacks admin").await;
    open(&root, "/admin", "has no name here").await;
    tour(&root, "full", &person).await;
    for form in wrong_forms(&person) {
        send(&root, &form).await;
        arrive(&root, "Request").await;
        assert_accessible(&root, form.0).await;
    }
    site.assert_quiet(&root).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_accessible_with_the_longest_words() {
    let site = Site::start(Pair::Embedded).await;
    let (part, label) = ("w".repeat(60), "x".repeat(63));
    let name = "Konstantinopolitanischedudelsackpfeifenmacherin".repeat(4);
    let address = format!("{part}@{label}.{label}.example");
    site.entra.add(Person::named("longest").name(&name));
    let longest = site.signed_in("longest").await;
    site.entra.forget_browsers();
    let root = administrator(&site).await;
    refuse(&longest).await;
    fill(&site, "longest@example.com", &"G".repeat(200)).await;
    site.cli(&["user", "create", &address]).await;
    let person = path_of(&root, "longest").await;
    tour(&root, "longest", &person).await;
    site.assert_quiet(&root).await;
}

/// Is refused where only administrators get in.
async fn refuse(browser: &Browser) {
    browser.open(&url(DEBUG, &format!("/{}", "long-".repeat(30)))).await;
    arrive(browser, "administrator").await;
}

/// A group with an end, a tenant by a group and directly, and a decision about the administrator.
async fn fill(site: &Site, person: &str, group: &str) {
    site.cli_all(&[
        ["group", "add", group, person, "--for", "6d"].as_slice(),
        &["group", "add", "MCP-Forever", person],
        &["tenant", "create", "github", "--name", "GitHub tools"],
        &["tenant", "map", group, "github", "--role", "member"],
        &["tenant", "add-member", "github", person, "--role", "admin", "--for", "6d"],
        &["admin", "grant", person, "--for", "6d"],
    ])
    .await;
}
