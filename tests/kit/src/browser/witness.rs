//! Reads what the browser logged: console messages, policy violations, and the address of every request.

use serde_json::Value;
use url::Url;

use super::Browser;

pub(super) const CONSOLE: &str = "browser";
pub(super) const NETWORK: &str = "performance";

/// A console message, from a script of a page or from the browser itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleMessage {
    /// The level, as `ChromeDriver` names it: `INFO`, `WARNING`, `SEVERE`, ...
    pub level: String,
    /// The source: `network`, `security`, `console-api`, ...
    pub source: String,
    /// The text, which begins with the address of the page or resource.
    pub text: String,
}

impl Browser {
    /// Console messages of all tabs since the last call.
    pub async fn take_console(&self) -> Vec<ConsoleMessage> {
        let entries = self.driver().get_log(CONSOLE).await.expect("the console is logged");
        let message = |entry: thirtyfour::BrowserLogEntry| ConsoleMessage {
            level: entry.level,
            source: entry.source.unwrap_or_default(),
            text: entry.message,
        };
        entries.into_iter().map(message).collect()
    }

    /// The addresses of all requests of all tabs since the last call, including redirects and resources.
    pub async fn take_requests(&self) -> Vec<Url> {
        let addresses = self.take_events("Network.requestWillBeSent", "/request/url").await;
        addresses.iter().filter_map(|url| Url::parse(url).ok()).collect()
    }

    /// The `WebSocket` frames that all tabs received since the last call. It also discards the logged requests.
    pub async fn take_frames(&self) -> Vec<String> {
        self.take_events("Network.webSocketFrameReceived", "/response/payloadData").await
    }

    /// One field of each event of this kind.
    async fn take_events(&self, method: &str, text: &str) -> Vec<String> {
        let entries = self.driver().get_log(NETWORK).await.expect("the network is logged");
        let find = |entry: &thirtyfour::BrowserLogEntry| {
            let event: Value = serde_json::from_str(&entry.message).ok()?;
            let event = &event["message"];
            event["params"].pointer(text)?.as_str().filter(|_| event["method"] == method).map(str::to_owned)
        };
        entries.iter().filter_map(find).collect()
    }
}
