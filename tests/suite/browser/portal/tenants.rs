//! A new client from the form that creates it to its own sign-in: a link, a line of the DNS, a provider, all by its own administrator.

use super::accessible::assert_accessible;
use super::{administrator, arrive, assert_fits, open};
use crate::browser::picture;
use crate::browser::site::{Site, pick, url};
use crate::world::{PUBLIC, Pair};
use gatepost_kit::browser::Browser;
use gatepost_kit::dns::DnsServer;
use gatepost_kit::entra::Entra;

const HOST: &str = "blog.acme.example";

/// The text of a field from which people copy.
async fn text_in(browser: &Browser, id: &str) -> String {
    let text = browser.evaluate(&format!("document.getElementById('{id}').value")).await;
    text.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_client_gets_a_link_proves_its_host_and_brings_its_provider() {
    let (dns, acme) = (DnsServer::start().await, Entra::start_oidc().await);
    let variables = [
        ("GATEPOST_TENANTS__RESOLVER", dns.address().to_string()),
        ("GATEPOST_TENANTS__PROVIDER_NETWORKS", "127.0.0.0/8".to_owned()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let site = Site::start_with(Pair::Embedded, variables).await;
    acme.register_redirect_uri(&url(PUBLIC, "/callback/t-acme"));
    let root = administrator(&site).await;
    open(&root, "/admin/tenants", "Create a tenant").await;
    for (field, text) in
        [("new-id", "acme"), ("new-name", "ACME Corporation"), ("new-admin", "bob@example.com")]
    {
        root.type_into(field, text).await;
    }
    root.click("Create the tenant").await;
    arrive(&root, "this page shows it once").await;
    picture(&root, "portal-tenant-created").await;
    let link = text_in(&root, "to-copy").await;
    site.assert_quiet(&root).await;

    site.entra.forget_browsers();
    let bob = site.browser().await;
    bob.open(&link).await;
    pick(&bob, "bob").await;
    arrive(&bob, "You are invited").await;
    bob.click("Accept the invitation").await;
    arrive(&bob, "You have accepted the invitation.").await;
    open(&bob, "/admin/tenants/acme", "Hosts where its members enter").await;
    bob.set_scripts(false).await;
    bob.click("Hosts where its members enter").await;
    arrive(&bob, "There are none yet.").await;
    bob.type_into("host", HOST).await;
    bob.click("Propose it").await;
    arrive(&bob, "It is proposed.").await;
    bob.click("Look for the record").await;
    arrive(&bob, "No record TXT").await;
    picture(&bob, "portal-tenant-host-unproved").await;
    let record = text_in(&bob, "record-1").await;
    let (name, value) = record.split_once(". IN TXT ").unwrap();
    dns.set(name, &[value.trim_matches('"')]);
    bob.click("Look for the record").await;
    arrive(&bob, "It counts: members of the tenant may enter there.").await;
    bob.set_scripts(true).await;
    assert_accessible(&bob, "tenant-host-proved").await;

    open(&bob, "/admin/tenants/acme/sign-in", "Bring a provider").await;
    assert_eq!(text_in(&bob, "redirect-uri").await, url(PUBLIC, "/callback/t-acme"));
    let hidden = "getComputedStyle(document.getElementById('tenant_id').closest('.of-entra')).display";
    assert_eq!(bob.evaluate(hidden).await.as_str(), Some("none"), "of the two kinds one is asked about");
    for (field, text) in [
        ("issuer", acme.issuer()),
        ("client_id", acme.client_id()),
        ("client_secret", "a wrong one".to_owned()),
        ("allowed_domains", "acme.example".to_owned()),
        ("label", "ACME".to_owned()),
    ] {
        bob.type_into(field, &text).await;
    }
    bob.click("Ask the provider, and keep it").await;
    let refused = arrive(&bob, "The provider refuses the client or its secret").await;
    assert!(refused.contains("invalid_client"), "{refused}");
    assert_accessible(&bob, "tenant-provider-refused").await;
    bob.type_into("client_secret", &acme.client_secret()).await;
    bob.click("Ask the provider, and keep it").await;
    let kept = arrive(&bob, "The provider accepted the client, and is kept.").await;
    assert!(kept.contains("_gatepost.acme.example") && !kept.contains(&acme.client_secret()), "{kept}");
    assert_accessible(&bob, "tenant-provider-kept").await;
    turns_green(&bob, &dns).await;
    open(&bob, "/admin/tenants/acme/sign-in/remove", "are revoked for good").await;
    assert_accessible(&bob, "tenant-provider-remove").await;
    open(&bob, "/admin/tenants/acme/settings", "Administrators of the system change this.").await;
    bob.use_narrow().await;
    assert_fits(&bob, "the settings of a tenant").await;
    site.assert_quiet(&bob).await;
}

/// The check says what is left to do, and then that nothing is. Without scripts, and on a narrow screen too.
async fn turns_green(bob: &Browser, dns: &DnsServer) {
    open(bob, "/admin/tenants/acme", "Find what is wrong or missing").await;
    bob.set_scripts(false).await;
    bob.click("Find what is wrong or missing").await;
    arrive(bob, "What is checked").await;
    bob.click("Check it now").await;
    let found = arrive(bob, "2 errors, 1 warning").await;
    for part in ["The DNS has no address of the host.", "No domain of the provider counts", "domain-unproved"]
    {
        assert!(found.contains(part), "{part}: {found}");
    }
    bob.set_scripts(true).await;
    assert_accessible(bob, "tenant-check-errors").await;
    dns.add_host(HOST);
    bob.click("Sign-in of the tenant").await;
    arrive(bob, "Domains of its addresses").await;
    let record = text_in(bob, "record-1").await;
    let (name, value) = record.split_once(". IN TXT ").unwrap();
    dns.set(name, &[value.trim_matches('"')]);
    bob.click("Look for the record").await;
    arrive(bob, "It counts: the provider may assert its addresses.").await;
    open(bob, "/admin/tenants/acme/check", "What is checked").await;
    bob.click("Check it now").await;
    arrive(bob, "Nothing is wrong or missing").await;
    picture(bob, "portal-tenant-check").await;
    assert_accessible(bob, "tenant-check-green").await;
}
