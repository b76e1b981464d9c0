//! What a page of the portal looks like on paper: what one reads is there, in black on white, and what one clicks is not.

use super::{administrator, open};
use crate::browser::site::Site;
use crate::world::Pair;
use gatepost_kit::browser::Browser;
use serde_json::{Value, json};

/// Shows pages as they are printed, also to somebody who prefers dark colours.
async fn print_in_the_dark(browser: &Browser) {
    let features = json!([{ "name": "prefers-color-scheme", "value": "dark" }]);
    let media = json!({ "media": "print", "features": features });
    browser.devtools("Emulation.setEmulatedMedia", media).await;
}

/// The selectors of which something that is on the page can be seen.
async fn seen(browser: &Browser, selectors: &[&str]) -> Vec<String> {
    let list = json!(selectors);
    let expression = format!(
        "{list}.filter(one => [...document.querySelectorAll(one)].some(found => found.checkVisibility() \
         && found.getClientRects().length > 0))"
    );
    let found: Value = browser.evaluate(&expression).await;
    let found = found.as_array().expect("a list").iter();
    found.map(|one| one.as_str().expect("a text").to_owned()).collect()
}

/// What one clicks or fills in.
const CLICKED: [&str; 8] =
    ["form", "button", "input", ".side", ".skip", ".search", ".go", "[data-label=Change]"];

#[tokio::test(flavor = "multi_thread")]
async fn a_printed_page_shows_what_one_reads_and_nothing_that_one_clicks() {
    let site = Site::start(Pair::Embedded).await;
    let root = administrator(&site).await;
    let create: Vec<String> = (0..70).map(|number| format!("printed-{number:02}@example.com")).collect();
    let create: Vec<[&str; 3]> = create.iter().map(|email| ["user", "create", email]).collect();
    site.cli_all(&create.iter().map(|command| &command[..]).collect::<Vec<_>>()).await;
    let person = super::accessible::path_of(&root, "root").await;
    for (path, text, read) in [
        ("/admin", "What needs attention", &["h1", ".numbers", ".chart"][..]),
        ("/admin/users", "printed-00@example.com", &["h1", "table", "thead", "tbody td"]),
        (person.as_str(), "Last changes", &["h1", "h2", ".facts dd"]),
        ("/admin/system", "Providers", &["h1", "table", "thead"]),
    ] {
        root.devtools("Emulation.setEmulatedMedia", json!({ "media": "", "features": [] })).await;
        open(&root, path, text).await;
        let on_screen = seen(&root, &CLICKED).await;
        assert!(on_screen.contains(&".side".to_owned()), "{path}: {on_screen:?}");
        print_in_the_dark(&root).await;
        assert_eq!(seen(&root, &CLICKED).await, Vec::<String>::new(), "{path}");
        assert_eq!(seen(&root, read).await, read, "{path}");
        let colours = "[getComputedStyle(document.body).color, getComputedStyle(document.documentElement).colorScheme, \
             getComputedStyle(document.body).backgroundColor]";
        let colours = root.evaluate(colours).await;
        assert_eq!(colours, json!(["rgb(0, 0, 0)", "light", "rgb(255, 255, 255)"]), "{path}");
        assert_is_whole(&root, path).await;
    }
    site.assert_quiet(&root).await;
}

/// That nothing is wider than an A4 sheet, and that a sheet is made.
async fn assert_is_whole(browser: &Browser, path: &str) {
    let a4 = json!({ "width": 718, "height": 1047, "deviceScaleFactor": 1, "mobile": false });
    browser.devtools("Emulation.setDeviceMetricsOverride", a4).await;
    let overhang = browser.evaluate("document.documentElement.scrollWidth - window.innerWidth").await;
    assert!(overhang.as_i64().is_some_and(|points| points <= 0), "{path} is {overhang} too wide for A4");
    browser.use_desk().await;
    let printed = browser.devtools("Page.printToPDF", json!({ "printBackground": false })).await;
    let pdf = printed["data"].as_str().expect("a PDF in base64");
    assert!(pdf.starts_with("JVBERi0"), "{path}: %PDF- in base64");
}
