//! The look of a tenant: on which pages it is, on which it is not, and how long a change takes.

use crate::answers::Asked;
use crate::tenant_providers::two::{ACME, Two, ZETA, person};
use crate::tenants::settled;
use crate::world::{APP, PUBLIC};
use gatepost_kit::client::Answer;
use gatepost_kit::process::until;
use serde_json::json;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);
const NOTICE: &str = "ACME & Sons: On Monday <b>nobody</b> can sign in.";
/// Of this name, colour and notice.
const LOOKS: [&str; 8] = [
    "--name",
    "ACME & Sons",
    "--accent",
    "#7a1f5c",
    "--notice",
    "On Monday <b>nobody</b> can sign in.",
    "--support",
    "mailto:help@acme.example",
];

async fn looks(two: &Two, looks: &[&str]) {
    let command = [&["tenant", "branding", "acme"][..], looks].concat();
    two.world.cli(&command).await;
    two.world.has_heard().await;
}

/// Demands name and colour, as text and as an attribute, and the public host in the footer.
fn is_branded(page: &Answer) {
    for part in ["<strong>ACME &#38; Sons</strong>", "fill=\"#7a1f5c\"", &format!("Sign-in by {PUBLIC}.")] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(!page.body.contains("<b>nobody"), "{}", page.body);
}

fn is_plain(page: &Answer) {
    for part in ["class=\"brand", "ACME &#38; Sons", "Sign-in by"] {
        assert!(!page.body.contains(part), "{part}: {}", page.body);
    }
}

/// Of a page of the public host: also the notice, and where people get help.
fn has_words(page: &Answer) {
    let notice = NOTICE.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;");
    assert!(page.body.contains(&notice), "{}", page.body);
    let help = "<a href=\"mailto:help@acme.example\" rel=\"noreferrer\">help@acme.example</a>";
    assert!(page.body.contains(help), "{}", page.body);
}

both_pairs! {
    async fn a_tenants_look_is_on_its_pages_and_on_no_other(pair) {
        let two = Two::ready(pair).await;
        looks(&two, &LOOKS).await;
        // Nobody but the tenant's people sees more than the page before the sign-in.
        two.done("DELETE", "/tenants/acme/provider").await;
        two.acme.at_the_browser(Some("dana"));
        let provider = json!({
            "kind": "oidc", "issuer": two.acme.issuer(), "client_id": two.acme.client_id(), "client_secret": two.acme.client_secret(),
            "label": "ACME", "allowed_domains": ["acme.example"],
        });
        assert_eq!(two.put("acme", &provider).await.status, 201);
        two.done("POST", "/tenants/acme/provider/domains/acme.example/approve").await;

        let browser = two.world.browser();
        let trip = browser.navigate(&two.world.url(ACME, "/read")).await;
        let choice = trip.end();
        assert_eq!((choice.status, choice.url.host_str()), (200, Some(PUBLIC)), "{}", trip.describe());
        assert!(choice.body.contains("How do you sign in?"), "{}", choice.body);
        is_branded(choice);
        has_words(choice);
        let policy = choice.header("content-security-policy").unwrap();
        assert!(policy.contains("style-src 'self'; img-src 'self'") && !policy.contains("unsafe"), "{policy}");
        is_plain(&browser.get(&two.world.url(PUBLIC, "/login")).await);

        // Who may not enter reads it at the tenant's host, with name and colour alone.
        two.world.entra.at_the_browser(Some("bob"));
        let bob = two.world.signed_in("bob").await;
        let refused = bob.navigate(&two.world.url(ACME, "/")).await;
        assert_eq!(refused.end().status, 403, "{}", refused.describe());
        is_branded(refused.end());
        assert!(!refused.end().body.contains("On Monday") && !refused.end().body.contains("help@acme"), "{}", refused.end().body);
        let refused = bob.navigate(&two.world.url(ZETA, "/")).await;
        assert_eq!(refused.end().status, 403);
        is_plain(refused.end());
        is_plain(&bob.get(&two.world.url(PUBLIC, "/")).await);
        let json = settled(&Two::at(&bob, APP).requiring("tenant=acme"), &two.world.gatepost).await;
        assert!(json.status == 403 && !json.body.contains("ACME"), "{json:?}");

        // The sign-in that fails, and the account of whom it let in.
        two.acme.add(person("eve", "eve@other.example"));
        two.acme.at_the_browser(Some("eve"));
        let start = format!("{}&provider=t-acme", choice.url);
        let failed = two.world.browser().navigate(&start).await;
        assert_eq!(failed.end().status, 403, "{}", failed.describe());
        is_branded(failed.end());
        has_words(failed.end());
        two.acme.at_the_browser(Some("dana"));
        let dana = two.world.browser();
        assert_eq!(dana.navigate(&start).await.end().status, 200);
        let account = dana.get(&two.world.url(PUBLIC, "/")).await;
        assert!(account.body.contains("Your account"), "{}", account.body);
        is_branded(&account);
        has_words(&account);
    }

    async fn another_look_counts_within_a_second_and_an_empty_one_is_none(pair) {
        let two = Two::ready(pair).await;
        let page = async || {
            let stranger = Asked::navigation("/").with("X-Forwarded-Host", ACME).with("X-Forwarded-Method", "POST");
            settled(&stranger, &two.world.gatepost).await
        };
        let before = page().await;
        assert!(before.status == 401 && !before.body.contains("class=\"brand"), "{before:?}");
        looks(&two, &LOOKS).await;
        let branded = until("the look", TIMEOUT, async || Some(page().await).filter(|page| page.body.contains("ACME &#38; Sons"))).await;
        assert!(branded.body.len() < 8192, "{}", branded.body.len());
        looks(&two, &["--name", "Apex"]).await;
        until("the other name", TIMEOUT, async || Some(page().await).filter(|page| page.body.contains("<strong>Apex</strong>"))).await;
        looks(&two, &["--name", "", "--accent", "", "--notice", "", "--support", ""]).await;
        let after = until("no look", TIMEOUT, async || Some(page().await).filter(|page| !page.body.contains("class=\"brand"))).await;
        let of = |page: &crate::answers::Told| page.body.split("<footer>").next().unwrap().to_owned();
        assert_eq!(of(&after), of(&before));
    }

    async fn a_logo_is_served_by_the_public_host_while_pages_show_it_and_without_what_is_no_picture(pair) {
        let two = Two::ready(pair).await;
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/tenant_branding/logo.png");
        let sent = std::fs::read(file).unwrap();
        looks(&two, &["--name", "ACME & Sons", "--logo", file]).await;
        let shown = two.done("GET", "/tenants/acme/branding").await;
        let path = shown["logo"].as_str().unwrap().to_owned();
        let stranger = two.world.browser();
        let url = two.world.url(PUBLIC, &path);
        let logo = until("the logo", TIMEOUT, async || Some(stranger.get(&url).await).filter(|answer| answer.status == 200)).await;
        for (name, value) in [
            ("content-type", "image/png"),
            ("cache-control", "public, max-age=31536000, immutable"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; sandbox; frame-ancestors 'none'"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(logo.header(name), Some(value), "{name}");
        }
        assert!(String::from_utf8_lossy(&sent).contains("<script>") && !logo.body.contains("<script>"), "a text was kept");
        assert!(logo.body.contains("IHDR") && logo.body.contains("IDAT"), "{:?}", logo.body);
        two.acme.at_the_browser(Some("dana"));
        let dana = two.world.browser();
        assert_eq!(dana.navigate(&two.world.url(ACME, "/")).await.end().status, 200);
        let account = dana.get(&two.world.url(PUBLIC, "/")).await;
        assert!(account.body.contains(&format!("<img src=\"{path}\" alt=\"\">")), "{}", account.body);

        let hash = path.strip_prefix("/logos/").unwrap();
        for other in [hash.replace(".png", ".webp"), hash.replace(".png", ".svg"), hash.to_uppercase(), "0".repeat(64) + ".png"] {
            let answer = stranger.get(&two.world.url(PUBLIC, &format!("/logos/{other}"))).await;
            assert_eq!(answer.status, 404, "{other}");
        }
        let at_application = Asked::navigation(&path).with("X-Forwarded-Host", ACME);
        assert_eq!(settled(&at_application, &two.world.gatepost).await.status, 302, "an application's own path");
        two.world.cli(&["tenant", "delete", "acme"]).await;
        until("a deleted tenant to show nothing", TIMEOUT, async || (stranger.get(&url).await.status == 404).then_some(())).await;
        two.world.cli(&["tenant", "restore", "acme"]).await;
        until("it to be back", TIMEOUT, async || (stranger.get(&url).await.status == 200).then_some(())).await;
        looks(&two, &["--logo", ""]).await;
        until("no logo", TIMEOUT, async || (stranger.get(&url).await.status == 404).then_some(())).await;
    }
}
