//! A tenant that somebody proposes, in a browser: the form, the pages of the administrator, and what becomes of it.

use super::picture;
use super::requests::assert_narrow;
use super::site::{Site, arrive, url};
use crate::world::{PUBLIC, Pair};

#[tokio::test(flavor = "multi_thread")]
async fn somebody_proposes_a_tenant_and_administers_it_once_it_is_approved() {
    let on = ("GATEPOST_TENANTS__SELF_SERVICE".to_owned(), "true".to_owned());
    let site = Site::start_with(Pair::Embedded, vec![on]).await;
    let bob = site.signed_in("bob").await;
    bob.open(&url(PUBLIC, "/")).await;
    bob.click("Propose a tenant").await;
    arrive(&bob, "What it is for").await;
    assert_narrow(&bob, "the form").await;
    picture(&bob, "proposal-new").await;
    bob.type_into("id", "acme corp").await;
    bob.type_into("name", "ACME Corporation").await;
    bob.type_into("reason", "Our team needs a place for its tools.").await;
    bob.click("Propose it").await;
    arrive(&bob, "is not a tenant id").await;
    picture(&bob, "proposal-wrong").await;
    bob.evaluate("document.querySelector('#id').value = ''").await;
    bob.type_into("id", "acme-corp").await;
    bob.click("Propose it").await;
    arrive(&bob, "You have proposed a tenant.").await;
    picture(&bob, "account-proposed").await;

    site.entra.forget_browsers();
    let alice = site.signed_in("alice").await;
    site.cli(&["admin", "grant", "alice@example.com"]).await;
    alice.open(&url(PUBLIC, "/admin/requests")).await;
    arrive(&alice, "1 proposed tenant waits for an answer.").await;
    alice.reach_by_keyboard("Decide about proposed tenants").await;
    let list = arrive(&alice, "Waiting for an answer").await;
    assert!(list.contains("bob@example.com") && list.contains("a place for its tools"), "{list}");
    assert_narrow(&alice, "the list").await;
    picture(&alice, "admin-proposals").await;
    alice.click("acme-corp").await;
    arrive(&alice, "bob@example.com proposes the tenant acme-corp").await;
    assert_narrow(&alice, "a proposal").await;
    picture(&alice, "admin-proposal").await;
    alice.click("Approve").await;
    arrive(&alice, "The tenant is created.").await;
    picture(&alice, "admin-proposal-approved").await;

    bob.open(&url(PUBLIC, "/")).await;
    arrive(&bob, "approved").await;
    bob.click("acme-corp").await;
    arrive(&bob, "ACME Corporation").await;
    site.assert_quiet(&bob).await;
    site.assert_quiet(&alice).await;
}
