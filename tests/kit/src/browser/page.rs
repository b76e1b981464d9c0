//! What the current tab shows, waiting for it with a deadline, and how it is shown: dark, as on a phone.

use serde_json::{Value, json};
use thirtyfour::By;
use url::Url;

use super::{Browser, PATIENCE};
use crate::process::until;

impl Browser {
    /// Address of the current page.
    pub async fn url(&self) -> Url {
        self.driver().current_url().await.expect("a page has an address")
    }

    /// Title of the current page.
    pub async fn title(&self) -> String {
        self.driver().title().await.expect("a page has a title")
    }

    /// What a person can read on the current page; empty while it changes.
    pub async fn text(&self) -> String {
        match self.driver().find(By::Tag("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Waits until the page shows `part` and returns its text.
    ///
    /// # Panics
    /// After 20 s; the message holds what the page showed instead.
    pub async fn wait_for_text(&self, part: &str) -> String {
        let seen = self.wait(async || Some(self.text().await).filter(|text| text.contains(part))).await;
        self.expect(seen, &format!("the text {part:?}")).await
    }

    /// Waits until the address satisfies `wanted` and returns it.
    ///
    /// # Panics
    /// After 20 s.
    pub async fn wait_for_url(&self, what: &str, wanted: impl Fn(&Url) -> bool) -> Url {
        let seen = self.wait(async || self.driver().current_url().await.ok().filter(|url| wanted(url))).await;
        self.expect(seen, what).await
    }

    /// Waits until the title is `wanted`.
    ///
    /// # Panics
    /// After 20 s.
    pub async fn wait_for_title(&self, wanted: &str) {
        let seen = self.wait(async || self.driver().title().await.ok().filter(|title| title == wanted)).await;
        self.expect(seen, &format!("the title {wanted:?}")).await;
    }

    async fn wait<T>(&self, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
        let end = std::time::Instant::now() + PATIENCE;
        until("the browser", PATIENCE * 2, async || match look().await {
            Some(seen) => Some(Some(seen)),
            None if std::time::Instant::now() > end => Some(None),
            None => None,
        })
        .await
    }

    async fn expect<T>(&self, seen: Option<T>, what: &str) -> T {
        if let Some(seen) = seen {
            return seen;
        }
        panic!("waited for {what}; {} shows:\n{}", self.url().await, self.text().await)
    }

    /// Clicks the link or button with this text.
    ///
    /// # Panics
    /// When there is none after 20 s.
    pub async fn click(&self, text: &str) {
        let path = format!(
            "//a[normalize-space()='{text}'] | //button[normalize-space()='{text}'] | //input[@type='submit'][@value='{text}']"
        );
        let clicked = self
            .wait(async || self.driver().find(By::XPath(path.as_str())).await.ok()?.click().await.ok())
            .await;
        self.expect(clicked, &format!("a link or button {text:?}")).await;
    }

    /// Shows pages to a person who prefers dark colours, or no longer.
    pub async fn set_dark_mode(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Shows pages as on a phone, 360 points wide.
    pub async fn use_phone(&self) {
        let metrics = json!({ "width": 360, "height": 780, "deviceScaleFactor": 2, "mobile": true });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Shows pages as on a desk again.
    pub async fn use_desk(&self) {
        self.devtools("Emulation.clearDeviceMetricsOverride", json!({})).await;
    }

    /// Sends a command of the Chrome `DevTools` Protocol to the current tab.
    pub async fn devtools(&self, method: &str, parameters: Value) -> Value {
        self.driver()
            .cdp()
            .send_raw(method, parameters)
            .await
            .unwrap_or_else(|error| panic!("{method}: {error}"))
    }
}
