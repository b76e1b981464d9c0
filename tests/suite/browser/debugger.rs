//! The header debugger as an admin sees it, in both modes.

use super::picture;
use super::site::{DEBUG, Site, arrive, url};
use crate::world::{APP, PUBLIC, Pair};
use gatepost_kit::entra::Person;

const PATH: &str = "/debug/headers";

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_sees_what_arrives_and_what_to_change() {
    let site = Site::start(Pair::Embedded).await;
    site.entra.add(Person::named("carol").name("Carol Konstantinopolitanska-Überlingen").many_groups(30));
    let browser = site.signed_in("carol").await;
    site.cli(&["admin", "grant", "carol@example.com"]).await;
    browser.open(&url(DEBUG, PATH)).await;
    let page = arrive(&browser, "What an application gets here").await;
    for part in ["carol@example.com", "Nothing to change", "X-User-Assertion", "hidden"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    picture(&browser, "debug-headers").await;
    site.hand_over_none_of(&["X-User-Name", "X-User-Tenants", "Cookie"]).await;
    browser.reload().await;
    let page = arrive(&browser, "To change").await;
    for name in ["X-User-Name", "X-User-Tenants", "Cookie"] {
        assert!(page.contains(&format!("Add {name} to authResponseHeaders")), "{name}: {page}");
    }
    picture(&browser, "debug-headers-to-change").await;
    site.assert_quiet(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_queries_what_the_gate_would_answer() {
    let site = Site::start(Pair::Shared).await;
    site.entra.add(Person::named("carol"));
    let browser = site.signed_in("carol").await;
    site.cli(&["admin", "grant", "carol@example.com"]).await;
    site.signed_in("alice").await;
    browser.open(&url(PUBLIC, "/")).await;
    arrive(&browser, "Your account").await;
    browser.click("Header debugger").await;
    arrive(&browser, "what Gatepost would answer").await;
    picture(&browser, "debug-question").await;
    let fields = [
        ("person", "alice@example.com"),
        ("url", &url(APP, "/wiki")),
        ("requirement", "group=MCP-GitHub&admin=true"),
    ];
    for (name, value) in fields {
        browser.evaluate(&format!("document.querySelector('[name={name}]').value = '{value}'")).await;
    }
    browser.click("Explain").await;
    let page = arrive(&browser, "Step by step").await;
    for part in ["Refused: no admin", "answers 403", "in a required group"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    picture(&browser, "debug-explained-refused").await;
    browser
        .evaluate("document.querySelector('[name=requirement]').value = 'group=MCP-GitHub&assertion=true'")
        .await;
    browser.click("Explain").await;
    let page = arrive(&browser, "Passes").await;
    assert!(page.contains("X-User-Email") && page.contains("answers 200"), "{page}");
    picture(&browser, "debug-explained-passes").await;
    site.assert_quiet(&browser).await;
}
