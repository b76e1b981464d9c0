//! What people meet: a real Chromium, through a real Traefik over TLS, before the real binary and a fake Entra that asks
//! for an account. Each test has a site of its own. At its end nothing may stand in the browser's console, and no page
//! may have asked a host that is not the site's. With `KEEP_SCREENSHOTS=1` pictures of every page are left in
//! `screenshots` of the target folder: they take a third of the time, and only a person looks at them.

mod account;
mod branding;
mod debugger;
mod development;
mod invitations;
mod loader;
mod outages;
mod portal;
mod proposals;
mod refusals;
mod requests;
mod sign_in;
mod sign_out;
mod site;
mod storage;

use gatepost_kit::browser::Browser;
use std::path::Path;

/// Keeps a picture of the page as it is shown now, if somebody wants to look at them.
#[expect(clippy::disallowed_methods, reason = "the suite has no configuration but its environment")]
pub async fn keep_picture(browser: &Browser, name: &str) {
    if std::env::var_os("KEEP_SCREENSHOTS").is_some() {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        browser.screenshot(&folder.join(format!("{name}.png"))).await;
    }
}

/// Keeps a picture of the page in light, in dark and as on a phone, where it must not be wider than the screen.
pub async fn picture(browser: &Browser, name: &str) {
    keep_picture(browser, &format!("{name}-light")).await;
    browser.set_dark_mode(true).await;
    keep_picture(browser, &format!("{name}-dark")).await;
    browser.set_dark_mode(false).await;
    browser.use_phone().await;
    keep_picture(browser, &format!("{name}-phone")).await;
    let overhang = browser.evaluate("document.documentElement.scrollWidth - window.innerWidth").await;
    assert!(overhang.as_i64().is_some_and(|points| points <= 0), "{name} is {overhang} too wide for a phone");
    browser.use_desk().await;
}

/// Nothing of ours complained, and nothing but `hosts` and the provider on loopback was asked.
pub async fn assert_quiet(browser: &Browser, hosts: &[&str]) {
    let is_expected = |text: &str| {
        text.contains("the server responded with a status of")
            || text.contains("Cleared data types: \"storage\".")
    };
    let complaints: Vec<_> =
        browser.take_console().await.into_iter().filter(|m| !is_expected(&m.text)).collect();
    assert!(complaints.is_empty(), "the console says: {complaints:#?}");
    let asked = browser.take_requests().await;
    assert!(asked.len() > 2, "the browser's requests are not seen: {asked:?}");
    for url in asked.iter().filter(|url| url.scheme().starts_with("http")) {
        let host = url.host_str().unwrap_or_default();
        assert!(hosts.contains(&host) || host == "127.0.0.1", "a page asked {url}");
    }
}
