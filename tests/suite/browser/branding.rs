//! The look of a tenant, as people see it: where they choose how to sign in, where they are refused, in the portal.

use super::picture;
use super::site::{Site, TEAM, arrive, pick, url};
use crate::world::{APP, PUBLIC, Pair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost_kit::entra::Entra;

/// The colour in which the band is shown, and that of its name.
const BAND: &str = "(() => { const band = document.querySelector('.brand'); const box = band.getBoundingClientRect(); \
    const fill = getComputedStyle(band.querySelector('rect')).fill; const name = getComputedStyle(band.querySelector('strong')).color; \
    return [fill, name, box.height > 20, box.width > 200].join(' ') })()";

async fn has_band(browser: &gatepost_kit::browser::Browser, name: &str) {
    for dark in [false, true] {
        browser.set_dark_mode(dark).await;
        let shown = browser.evaluate(BAND).await;
        assert_eq!(
            shown.as_str(),
            Some("rgb(122, 31, 92) rgb(255, 255, 255) true true"),
            "{name}, dark: {dark}"
        );
    }
    browser.set_dark_mode(false).await;
    picture(browser, name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_the_look_of_their_tenant_and_whose_page_it_is() {
    let other = Entra::start_oidc().await;
    let variables = [
        // The host of the tenant is none of the configuration.
        ("GATEPOST_HOSTS", "app.example.test,*.example.org".to_owned()),
        ("GATEPOST_PROVIDERS__OTHER__KIND", "oidc".to_owned()),
        ("GATEPOST_PROVIDERS__OTHER__ISSUER", other.issuer()),
        ("GATEPOST_PROVIDERS__OTHER__CLIENT_ID", other.client_id()),
        ("GATEPOST_PROVIDERS__OTHER__CLIENT_SECRET", other.client_secret()),
        ("GATEPOST_PROVIDERS__OTHER__ALLOWED_DOMAINS", "other.example".to_owned()),
        ("GATEPOST_PROVIDERS__ENTRA__ALLOWED_DOMAINS", "example.com".to_owned()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let site = Site::start_with(Pair::Embedded, variables).await;
    site.cli_all(&[
        &["tenant", "create", "acme", "--name", "ACME Corporation"],
        &["tenant", "add-member", "acme", "alice@example.com", "--role", "admin"],
        &["tenant", "host", "add", "acme", TEAM],
        &["tenant", "host", "approve", "acme", TEAM],
        &[
            "tenant",
            "branding",
            "acme",
            "--name",
            "ACME Corporation",
            "--accent",
            "#7a1f5c",
            "--support",
            "mailto:help@acme.example",
            "--notice",
            "On Monday from 8 to 9 nobody can sign in.",
        ],
    ])
    .await;
    let browser = site.browser().await;
    browser.open(&url(TEAM, "/board?x=1")).await;
    let page = arrive(&browser, "How do you sign in?").await;
    for part in
        ["ACME Corporation: On Monday from 8 to 9", "help@acme.example", &format!("Sign-in by {PUBLIC}.")]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    has_band(&browser, "branded-choice").await;
    let entra = browser.evaluate("[...document.querySelectorAll('.rows a')].find(link => link.href.includes('provider=entra')).id = 'entra'").await;
    assert_eq!(entra.as_str(), Some("entra"));
    browser.click_id("entra").await;
    pick(&browser, "bob").await;
    let page = arrive(&browser, "You may not open this page").await;
    assert!(page.contains(&format!("Sign-in by {PUBLIC}.")) && !page.contains("On Monday"), "{page}");
    has_band(&browser, "branded-refusal").await;
    browser.open(&url(APP, "/")).await;
    arrive(&browser, "You asked for GET /").await;
    site.assert_quiet(&browser).await;

    // A WebP that this browser makes.
    let made = browser.evaluate("(() => { const canvas = document.createElement('canvas'); canvas.width = 96; canvas.height = 40; \
        const pen = canvas.getContext('2d'); pen.fillStyle = '#7a1f5c'; pen.fillRect(8, 8, 40, 24); \
        return canvas.toDataURL('image/webp').split(',')[1] })()").await;
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("logo.webp");
    std::fs::write(&file, STANDARD.decode(made.as_str().unwrap()).unwrap()).unwrap();
    site.cli(&["tenant", "branding", "acme", "--logo", &file.display().to_string()]).await;

    let alice = site.browser().await;
    alice.open(&url(TEAM, "/board?x=1")).await;
    arrive(&alice, "How do you sign in?").await;
    let shown = "(() => { const logo = document.querySelector('.brand img'); return [logo.naturalWidth, logo.naturalHeight, logo.src.endsWith('.webp')].join(' ') })()";
    assert_eq!(alice.evaluate(shown).await.as_str(), Some("96 40 true"));
    has_band(&alice, "branded-choice-with-logo").await;
    alice.open(&url(PUBLIC, "/admin/tenants/acme/branding")).await;
    arrive(&alice, "How do you sign in?").await;
    alice.evaluate("[...document.querySelectorAll('.rows a')].find(link => link.href.includes('provider=entra')).id = 'entra'").await;
    alice.click_id("entra").await;
    pick(&alice, "alice").await;
    arrive(&alice, "As it looks now").await;
    has_band(&alice, "portal-tenant-look").await;
    site.assert_quiet(&alice).await;
}
