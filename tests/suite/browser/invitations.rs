//! An invitation to a tenant, from the form that makes its link to the person who accepts.

use super::picture;
use super::site::{Site, arrive, pick, url};
use crate::world::{PUBLIC, Pair};

#[tokio::test(flavor = "multi_thread")]
async fn a_link_leads_whoever_was_invited_into_the_tenant_and_nobody_else() {
    let site = Site::start(Pair::Embedded).await;
    site.cli_all(&[
        &["tenant", "create", "acme", "--name", "ACME Corporation"],
        &["tenant", "add-member", "acme", "alice@example.com", "--role", "admin"],
    ])
    .await;
    let alice = site.signed_in("alice").await;
    alice.open(&url(PUBLIC, "/admin/tenants/acme/invitations")).await;
    arrive(&alice, "Nobody is invited.").await;
    alice.type_into("email", "bob@example.com").await;
    alice.click("Make a link").await;
    arrive(&alice, "this page shows it once").await;
    picture(&alice, "invitation-made").await;
    let link = alice.evaluate("document.querySelector('#to-copy').value").await;
    let link = link.as_str().unwrap();
    assert!(link.starts_with(&url(PUBLIC, "/invitations/")), "{link}");
    alice.open(link).await;
    let page = arrive(&alice, "This invitation is for another address").await;
    assert!(!page.contains("ACME") && !page.contains("bob@"), "{page}");
    picture(&alice, "invitation-of-somebody-else").await;
    site.assert_quiet(&alice).await;

    let bob = site.browser().await;
    bob.open(link).await;
    pick(&bob, "bob").await;
    arrive(&bob, "You are invited").await;
    picture(&bob, "invitation").await;
    bob.click("Accept the invitation").await;
    arrive(&bob, "You have accepted the invitation.").await;
    bob.open(link).await;
    arrive(&bob, "This invitation counts no more").await;
    picture(&bob, "invitation-over").await;
    site.assert_quiet(&bob).await;
}
