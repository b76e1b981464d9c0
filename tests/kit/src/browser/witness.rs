//! What the browser saw beside its pages: console messages, violations of policies, and every address it asked.

use serde_json::Value;
use url::Url;

use super::Browser;

pub(super) const CONSOLE: &str = "browser";
pub(super) const NETWORK: &str = "performance";

/// A message of the console, of a page's script or of the browser itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleMessage {
    /// As `ChromeDriver` says: `INFO`, `WARNING`, `SEVERE`, ...
    pub level: String,
    /// `network`, `security`, `console-api`, ...
    pub source: String,
    /// Begins with the page's or the resource's address.
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

    /// Addresses that pages of any tab asked for since the last call, redirects and resources included.
    pub async fn take_requests(&self) -> Vec<Url> {
        let addresses = self.take_events("Network.requestWillBeSent", "/request/url").await;
        addresses.iter().filter_map(|url| Url::parse(url).ok()).collect()
    }

    /// Frames that the sockets of any tab received since the last call; it takes requests too.
    pub async fn take_frames(&self) -> Vec<String> {
        self.take_events("Network.webSocketFrameReceived", "/response/payloadData").await
    }

    /// One text of each event of this kind.
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
