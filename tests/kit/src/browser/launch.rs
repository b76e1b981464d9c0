//! Starts `ChromeDriver` and, through it, Chromium.

use std::fs::Permissions;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use rustix::process::Pid;
use tempfile::TempDir;
use thirtyfour::{ChromiumLikeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver};

use super::Browser;
use crate::client::install_crypto;
use crate::process::{Authority, Running, find_ok, free_port, reaper};

const START: Duration = Duration::from_secs(30);

/// Starts Chromium without a window. With one that nobody sees, as `--headless=new` makes it, a start takes three times as long.
/// It opens a page only if it is given an address, and `ChromeDriver` waits for one and passes none on. The program in `PATH`
/// is a script that stays beside Chromium: whoever ends that ends nothing.
const STARTER: &str = "#!/bin/sh\nexec /usr/lib/chromium/chromium-headless-shell \"$@\" about:blank\n";

/// Bytes of shared memory that a browser may take.
const SHARED_MEMORY: u64 = 1 << 30;

/// The network flags keep Chromium from contacting its vendor's hosts at every start.
const FLAGS: [&str; 12] = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--metrics-recording-only",
    "--no-proxy-server",
    "--window-size=1280,900",
];

/// The options with which a browser is started.
#[derive(Debug, Default)]
pub struct BrowserBuilder {
    rules: Vec<String>,
    key: Option<String>,
    javascript_off: bool,
}

impl BrowserBuilder {
    /// Sends connections to hosts that match `pattern` (`*.example.test`, `*.example.test:443`) to `addr`. The first
    /// matching rule applies.
    #[must_use]
    pub fn map(mut self, pattern: &str, addr: SocketAddr) -> Self {
        self.rules.push(format!("MAP {pattern} {addr}"));
        self
    }

    /// Makes the browser trust certificates with the key of this authority's server.
    #[must_use]
    pub fn trust(mut self, authority: &Authority) -> Self {
        self.key = Some(authority.spki_sha256().to_owned());
        self
    }

    /// Turns off the scripts of pages.
    #[must_use]
    pub fn without_javascript(mut self) -> Self {
        self.javascript_off = true;
        self
    }

    /// Starts the browser with an empty profile.
    ///
    /// # Panics
    /// When Chromium or `ChromeDriver` is missing or does not start.
    pub async fn start(self) -> Browser {
        install_crypto();
        let profile = TempDir::with_prefix("gatepost-chromium-").expect("a folder for the profile");
        let port = free_port();
        let mut command = Command::new("chromedriver");
        // HOME too: Chromium writes caches and crash reports there, even with a profile elsewhere.
        command.arg(format!("--port={port}")).env("HOME", profile.path()).env("TMPDIR", profile.path());
        let chromedriver = Running::start("chromedriver", command);
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        chromedriver.ready(START, async || find_ok(addr, "/status").await).await;
        let driver = WebDriver::builder(format!("http://{addr}"), self.capabilities(&profile))
            .request_timeout(START * 2)
            .await
            .unwrap_or_else(|error| panic!("Chromium does not start: {error}\n{}", chromedriver.log()));
        let process = find_process(chromedriver.pid());
        // A killed driver leaves the browser running, and the profile cannot be removed while processes of a killed
        // browser still write to it.
        reaper::folder(profile.path());
        if let Some(process) = process {
            reaper::started(process.as_raw_nonzero().get().unsigned_abs());
        }
        Browser { driver, process, _chromedriver: chromedriver, profile }
    }

    fn capabilities(&self, profile: &TempDir) -> thirtyfour::ChromeCapabilities {
        let starter = profile.path().join("chromium");
        std::fs::write(&starter, STARTER).expect("a folder for the profile");
        std::fs::set_permissions(&starter, Permissions::from_mode(0o700)).expect("a file of ours");
        let mut arguments: Vec<String> = FLAGS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().join("profile").display()));
        if !has_shared_memory() {
            arguments.push("--disable-dev-shm-usage".to_owned());
        }
        if !self.rules.is_empty() {
            arguments.push(format!("--host-resolver-rules={}", self.rules.join(", ")));
        }
        if let Some(key) = &self.key {
            arguments.push(format!("--ignore-certificate-errors-spki-list={key}"));
        }
        if self.javascript_off {
            arguments.push("--blink-settings=scriptEnabled=false".to_owned());
        }
        let mut capabilities = DesiredCapabilities::chrome();
        capabilities.set_binary(&starter.display().to_string()).expect("a path");
        for argument in &arguments {
            capabilities.add_arg(argument).expect("a list of arguments");
        }
        for log in [super::witness::CONSOLE, super::witness::NETWORK] {
            capabilities.set_logging_prefs(log, LoggingPrefsLogLevel::All).expect("a map of logs");
        }
        capabilities
    }
}

/// Whether the folder for shared memory is large enough. In a container it often is not; files on a disk take its place then.
fn has_shared_memory() -> bool {
    let found = rustix::fs::statvfs("/dev/shm");
    found.is_ok_and(|found| found.f_bavail.saturating_mul(found.f_frsize) >= SHARED_MEMORY)
}

/// Finds the id of Chromium's main process, the only one that `ChromeDriver` starts.
fn find_process(chromedriver: u32) -> Option<Pid> {
    let mut processes = std::fs::read_dir("/proc").ok()?.flatten();
    let pid = processes.find_map(|process| {
        // The number, the name in parentheses, the state, the number of the parent (proc(5)).
        let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
        (parent.parse() == Ok(chromedriver)).then(|| process.file_name())
    })?;
    Pid::from_raw(pid.to_str()?.parse().ok()?)
}
