//! Chromium opens the pages of a test's own hosts.

use gatepost_kit::browser::{Browser, Rules};
use gatepost_kit::echo::{Echo, Pages};
use gatepost_kit::edge::{Edge, Route};
use gatepost_kit::process::{Authority, until};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

#[tokio::test]
async fn chromium_opens_a_page_over_tls_and_takes_its_picture() {
    let authority = Authority::new();
    let app = Echo::with_pages(Pages { title: "Wiki".into(), links: Vec::new() }).await;
    let edge =
        Edge::builder().tls(&authority).route("app.example.test", Route::open(app.addr())).start().await;
    let edge = edge.expect("a free port");
    let browser = Browser::builder().map("*.example.test:443", edge.addr()).trust(&authority).start().await;

    browser.open("https://app.example.test/deep?x=1").await;
    let text = browser.wait_for_text("behind the gate").await;
    assert!(text.contains("/deep?x=1"), "{text}");
    let navigation =
        app.requests().into_iter().find(|request| request.uri == "/deep?x=1").expect("the navigation");
    assert_eq!(navigation.header("sec-fetch-dest"), Some("document"));

    let pictures = TempDir::new().expect("a folder");
    let (light, dark) = (pictures.path().join("a/light.png"), pictures.path().join("a/dark.png"));
    browser.screenshot(&light).await;
    browser.set_dark_mode(true).await;
    browser.use_phone().await;
    browser.screenshot(&dark).await;
    let (light, dark) = (std::fs::read(light).expect("a picture"), std::fs::read(dark).expect("a picture"));
    assert!(light.starts_with(b"\x89PNG") && dark.starts_with(b"\x89PNG") && light != dark);

    app.forget();
    browser.open("https://app.example.test/sw").await;
    browser.wait_for_title("controlled").await;
    browser.open("https://app.example.test/through-the-worker").await;
    browser.wait_for_text("/through-the-worker").await;
    let fetched =
        app.requests().into_iter().find(|request| request.uri == "/through-the-worker").expect("a request");
    assert_eq!(
        (fetched.header("sec-fetch-mode"), fetched.header("sec-fetch-dest")),
        (Some("navigate"), Some("empty"))
    );

    browser.open("https://app.example.test/").await;
    browser.wait_for_text("behind the gate").await;
    let wrong = "<main><h1>A</h1><img src=/a><p style='color:#bbb;background:#fff'>pale</p></main>";
    browser
        .evaluate(&format!("document.body.innerHTML = \"{wrong}\"; document.documentElement.lang = 'en'"))
        .await;
    let broken = async |rules| -> Vec<String> {
        browser.violations(rules).await.into_iter().map(|found| found.rule).collect()
    };
    assert_eq!(broken(Rules::All).await, ["color-contrast", "image-alt"]);
    assert_eq!(broken(Rules::Colours).await, ["color-contrast"]);

    let tabs = browser.open_at_once(&["https://app.example.test/1", "https://app.example.test/2"]).await;
    for (tab, path) in tabs.iter().zip(["/1", "/2"]) {
        browser.switch(tab).await;
        browser.wait_for_text(&format!("GET {path}")).await;
    }
    browser.close().await;
}

#[tokio::test]
async fn a_browser_that_is_dropped_leaves_no_process() {
    let browser = Browser::builder().start().await;
    let profile = browser.profile().to_owned();
    assert!(count_processes(&profile) > 0);
    drop(browser);
    let end = async || (count_processes(&profile) == 0).then_some(());
    until("Chromium to end", Duration::from_secs(20), end).await;
}

/// How many processes have this profile.
fn count_processes(profile: &Path) -> usize {
    let profile = profile.display().to_string();
    let has_profile = |process: &std::fs::DirEntry| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&profile)
    };
    std::fs::read_dir("/proc").expect("processes").flatten().filter(has_profile).count()
}
