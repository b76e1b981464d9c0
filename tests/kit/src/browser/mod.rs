//! A real, headless Chromium with its own profile, controlled through `ChromeDriver`. It resolves the hosts of a test
//! to this machine, trusts the key of the test's authority, and is killed by its process id.

#![expect(
    clippy::missing_panics_doc,
    reason = "a kit for tests: a browser that does not obey is a failed test"
)]

mod axe;
mod launch;
mod page;
mod witness;

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;
use thirtyfour::{WebDriver, WindowHandle};

use crate::process::{Running, reaper};
pub use axe::{Rules, Violation};
pub use launch::BrowserBuilder;
pub use witness::ConsoleMessage;

/// How long a test waits for a page to show something.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A running browser. It is killed when this value is dropped.
#[derive(Debug)]
pub struct Browser {
    driver: WebDriver,
    process: Option<Pid>,
    _chromedriver: Running,
    profile: TempDir,
}

/// A tab of the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab(WindowHandle);

impl Browser {
    /// Returns a builder for a browser.
    pub fn builder() -> BrowserBuilder {
        BrowserBuilder::default()
    }

    /// The driver, for everything that has no method here: elements, scripts, cookies.
    pub fn driver(&self) -> &WebDriver {
        &self.driver
    }

    /// Opens an address in the current tab and waits until it is loaded. A refused connection is not an error.
    pub async fn open(&self, url: &str) {
        self.driver.goto(url).await.unwrap_or_else(|error| panic!("{url} does not open: {error}"));
    }

    /// The current tab.
    pub async fn tab(&self) -> Tab {
        Tab(self.driver.window().await.expect("a window is open"))
    }

    /// Opens an empty tab, which becomes the current one.
    pub async fn new_tab(&self) -> Tab {
        let tab = self.driver.new_tab().await.expect("a tab opens");
        self.driver.switch_to_window(tab.clone()).await.expect("the new tab is there");
        Tab(tab)
    }

    /// Opens each address in its own tab, as if typed in the address bar. All tabs load at the same time.
    pub async fn open_at_once(&self, urls: &[&str]) -> Vec<Tab> {
        let mut tabs = Vec::new();
        for url in urls {
            let target = self.devtools("Target.createTarget", json!({ "url": url })).await;
            let id = target["targetId"].as_str().expect("a new target has an id");
            // ChromeDriver's window handles are Chromium's target ids.
            tabs.push(Tab(WindowHandle::from(id.to_owned())));
        }
        tabs
    }

    /// Makes `tab` the current one.
    pub async fn switch(&self, tab: &Tab) {
        self.driver.switch_to_window(tab.0.clone()).await.expect("the tab is open");
    }

    /// All open tabs, in the order of `ChromeDriver`.
    pub async fn tabs(&self) -> Vec<Tab> {
        self.driver.windows().await.expect("windows can be listed").into_iter().map(Tab).collect()
    }

    /// The folder of its profile.
    pub fn profile(&self) -> &Path {
        self.profile.path()
    }

    /// Saves a screenshot of the whole page in the current tab. Creates folders as needed.
    pub async fn screenshot(&self, path: &Path) {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).expect("a folder for screenshots");
        }
        let picture = self.devtools("Page.captureScreenshot", json!({ "captureBeyondViewport": true })).await;
        let picture = picture["data"].as_str().and_then(|data| STANDARD.decode(data).ok());
        std::fs::write(path, picture.expect("a picture is Base64")).expect("the folder is there");
    }

    /// Closes the browser, so that it saves its profile. If it does not close, it is killed when this value is dropped.
    pub async fn close(mut self) {
        if self.driver.clone().quit().await.is_ok()
            && let Some(process) = self.process.take()
        {
            reaper::ended(process.as_raw_nonzero().get().unsigned_abs());
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Otherwise dropping the last handle would end the session with a blocking call.
        let _ = self.driver.clone().leak();
        if let Some(process) = self.process {
            let _ = kill_process(process, Signal::KILL);
            reaper::ended(process.as_raw_nonzero().get().unsigned_abs());
        }
    }
}
