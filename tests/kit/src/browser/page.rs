//! Reads the current tab, waits for its content with a deadline, and emulates dark mode and phones.

use serde_json::{Value, json};
use thirtyfour::{By, Key};
use url::Url;

use super::{Browser, TIMEOUT};
use crate::process::until;

impl Browser {
    /// The address of the current page.
    pub async fn url(&self) -> Url {
        self.driver().current_url().await.expect("a page has an address")
    }

    /// The title of the current page.
    pub async fn title(&self) -> String {
        self.driver().title().await.expect("a page has a title")
    }

    /// The visible text of the current page; empty while the page changes.
    pub async fn text(&self) -> String {
        match self.driver().find(By::Tag("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Waits until the page shows `part`, and returns its text.
    ///
    /// # Panics
    /// After 20 s. The message contains the text of the page.
    pub async fn wait_for_text(&self, part: &str) -> String {
        let seen = self.wait(async || Some(self.text().await).filter(|text| text.contains(part))).await;
        self.expect(seen, &format!("the text {part:?}")).await
    }

    /// Waits until the page shows one of these parts, and returns its text.
    ///
    /// # Panics
    /// After 20 s. The message contains the text of the page.
    pub async fn wait_for_any_text(&self, parts: &[&str]) -> String {
        let shows = |text: &String| parts.iter().any(|part| text.contains(part));
        let seen = self.wait(async || Some(self.text().await).filter(shows)).await;
        self.expect(seen, &format!("one of the texts {parts:?}")).await
    }

    /// Reloads the page. If a form led to it, the form is sent again.
    pub async fn reload(&self) {
        self.driver().refresh().await.expect("the page can be loaded again");
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
        let end = std::time::Instant::now() + TIMEOUT;
        until("the browser", TIMEOUT * 2, async || match look().await {
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
    /// If there is none after 20 s.
    pub async fn click(&self, text: &str) {
        let path = format!(
            "//a[normalize-space()='{text}'] | //button[normalize-space()='{text}'] | //input[@type='submit'][@value='{text}']"
        );
        let clicked = self
            .wait(async || self.driver().find(By::XPath(path.as_str())).await.ok()?.click().await.ok())
            .await;
        self.expect(clicked, &format!("a link or button {text:?}")).await;
    }

    /// Clicks the element with this id.
    ///
    /// # Panics
    /// If there is none after 20 s.
    pub async fn click_id(&self, id: &str) {
        let clicked = self.wait(async || self.driver().find(By::Id(id)).await.ok()?.click().await.ok()).await;
        self.expect(clicked, &format!("an element #{id}")).await;
    }

    /// Types into the element with this id. A newline presses Enter.
    ///
    /// # Panics
    /// If there is none after 20 s.
    pub async fn type_into(&self, id: &str, text: &str) {
        let keys = text.replace('\n', &Key::Enter.value().to_string());
        let typed = self
            .wait(async || self.driver().find(By::Id(id)).await.ok()?.send_keys(keys.as_str()).await.ok())
            .await;
        self.expect(typed, &format!("an element #{id} to type into")).await;
    }

    /// Presses Tab until the link or button with this text has the focus, then presses Enter.
    ///
    /// # Panics
    /// If it does not have the focus after fifty presses.
    pub async fn reach_by_keyboard(&self, text: &str) {
        for _ in 0..50 {
            self.press(Key::Tab).await;
            let focused = self.driver().active_element().await.expect("something has the focus");
            if focused.text().await.is_ok_and(|own| own == text) {
                return self.press(Key::Enter).await;
            }
        }
        panic!("the tab key does not reach {text:?} on {}", self.url().await);
    }

    /// Presses Tab until the field with this id has the focus, then types in place of what it holds, which Tab selects.
    ///
    /// # Panics
    /// If it does not have the focus after fifty presses.
    pub async fn fill_by_keyboard(&self, id: &str, text: &str) {
        for _ in 0..50 {
            self.press(Key::Tab).await;
            let focused = self.driver().active_element().await.expect("something has the focus");
            if focused.id().await.is_ok_and(|own| own.as_deref() == Some(id)) {
                return self
                    .driver()
                    .action_chain()
                    .send_keys(text)
                    .perform()
                    .await
                    .expect("keys are pressed");
            }
        }
        panic!("the tab key does not reach #{id} on {}", self.url().await);
    }

    async fn press(&self, key: Key) {
        self.driver().action_chain().send_keys(key).perform().await.expect("a key is pressed");
    }

    /// Evaluates an expression as in the console. The page's policy for scripts does not apply.
    pub async fn evaluate(&self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true });
        self.devtools("Runtime.evaluate", parameters).await["result"]["value"].take()
    }

    /// Adds these headers to every request of the current tab, as a client that forges headers.
    pub async fn add_headers(&self, headers: Value) {
        self.devtools("Network.enable", json!({})).await;
        self.devtools("Network.setExtraHTTPHeaders", json!({ "headers": headers })).await;
    }

    /// Turns the preference for dark colours on or off.
    pub async fn set_dark_mode(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Emulates a phone with a screen 390 points wide.
    pub async fn use_phone(&self) {
        let metrics = json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Emulates the narrowest screen that WCAG 2.2 knows (criterion 1.4.10): 320 points wide.
    pub async fn use_narrow(&self) {
        let metrics = json!({ "width": 320, "height": 640, "deviceScaleFactor": 2, "mobile": true });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Turns scripts of pages on or off, from the next page on.
    pub async fn set_scripts(&self, on: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": !on })).await;
    }

    /// Stops emulating a screen.
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
