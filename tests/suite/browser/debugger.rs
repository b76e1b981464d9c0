//! The header debugger as an admin sees it, in both modes.

use super::picture;
use super::site::{DEBUG, Site, arrive, url};
use crate::world::Pair;
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
    for part in ["carol@example.com", "Nothing to change", "X-User-Assertion", "blanked"] {
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
