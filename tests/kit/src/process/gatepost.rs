//! The real Gatepost binary, in an environment that holds nothing but what the test set.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output};
use std::sync::Arc;
use std::time::Duration;

use super::{Running, find_ok, free_addr};

const START: Duration = Duration::from_secs(20);

/// How a replica is to be started. Clone it to start several alike.
#[derive(Debug, Clone)]
pub struct GatepostBuilder {
    binary: PathBuf,
    arguments: Vec<String>,
    variables: BTreeMap<String, String>,
    folder: Option<PathBuf>,
    internal: Option<SocketAddr>,
    public: Option<SocketAddr>,
    health: Option<SocketAddr>,
    log: Option<Arc<File>>,
}

impl GatepostBuilder {
    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Sets several variables.
    #[must_use]
    pub fn envs(
        mut self,
        variables: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Self {
        self.variables.extend(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Takes a variable back.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// Adds an argument; without any the binary gets `serve`.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Folder in which the process runs (`gatepost.toml`, the embedded file).
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Uses this internal address instead of a free one.
    #[must_use]
    pub fn internal(mut self, addr: SocketAddr) -> Self {
        self.internal = Some(addr);
        self
    }

    /// Uses this public address instead of a free one.
    #[must_use]
    pub fn public(mut self, addr: SocketAddr) -> Self {
        self.public = Some(addr);
        self
    }

    /// Uses free addresses again: for one more beside the first.
    #[must_use]
    pub fn elsewhere(self) -> Self {
        Self { internal: None, public: None, ..self }
    }

    /// Lets it answer for its health here too: on the internal address nobody without a certificate is heard.
    #[must_use]
    pub fn health(mut self, addr: SocketAddr) -> Self {
        self.health = Some(addr);
        self.env("GATEPOST_HEALTH_ADDR", addr.to_string())
    }

    /// Writes what the process logs to this file too.
    #[must_use]
    pub fn log(mut self, file: File) -> Self {
        self.log = Some(Arc::new(file));
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.env_clear().envs(&self.variables).args(&self.arguments);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
    }

    /// Runs a subcommand to its end.
    pub async fn run(&self) -> Output {
        tokio::process::Command::from(self.command()).output().await.expect("the binary starts")
    }

    /// Starts the process and does not wait for anything: for what must refuse to start.
    pub fn spawn(&self) -> Gatepost {
        let internal = self.internal.unwrap_or_else(free_addr);
        let public = self.public.unwrap_or_else(free_addr);
        let mut command = self.command();
        command
            .env("GATEPOST_INTERNAL_ADDR", internal.to_string())
            .env("GATEPOST_PUBLIC_ADDR", public.to_string());
        if self.arguments.is_empty() {
            command.arg("serve");
        }
        let running = Running::start_with_log("gatepost", command, self.log.clone());
        Gatepost { running, internal, public, health: self.health.unwrap_or(internal) }
    }

    /// Starts a replica and waits until `/livez` answers 200.
    pub async fn start(&self) -> Gatepost {
        let gatepost = self.spawn();
        gatepost.running.ready(START, async || find_ok(gatepost.health, "/livez").await).await;
        gatepost
    }
}

/// A running replica; killed when it drops.
#[derive(Debug)]
pub struct Gatepost {
    running: Running,
    internal: SocketAddr,
    public: SocketAddr,
    health: SocketAddr,
}

impl Gatepost {
    /// Begins to describe a replica of `binary`.
    pub fn builder(binary: impl Into<PathBuf>) -> GatepostBuilder {
        GatepostBuilder {
            binary: binary.into(),
            arguments: Vec::new(),
            variables: BTreeMap::new(),
            folder: None,
            internal: None,
            public: None,
            health: None,
            log: None,
        }
    }

    /// Address of the listener for Traefik and Prometheus.
    pub fn internal(&self) -> SocketAddr {
        self.internal
    }

    /// Address of the listener for browsers.
    pub fn public(&self) -> SocketAddr {
        self.public
    }

    /// Address of `/verify`, with the requirements of `query` (`""`, `"group=A"`).
    pub fn verify_url(&self, query: &str) -> String {
        let separator = if query.is_empty() { "" } else { "?" };
        format!("http://{}/verify{separator}{query}", self.internal)
    }

    /// Waits until `/readyz` answers 200.
    pub async fn wait_ready(&self) {
        self.running.ready(START, async || find_ok(self.health, "/readyz").await).await;
    }

    /// Every line logged so far.
    pub fn logs(&self) -> Vec<String> {
        self.running.lines()
    }

    /// Waits for the first log line that holds `part`.
    pub async fn wait_for_line(&self, part: &str) -> String {
        self.running.wait_for_line(part, START).await
    }

    /// Asks the process to end.
    pub fn sigterm(&self) {
        self.running.sigterm();
    }

    /// Kills the process and waits for its end.
    pub fn sigkill(&self) {
        self.running.sigkill();
    }

    /// Stops the process where it is.
    pub fn sigstop(&self) {
        self.running.sigstop();
    }

    /// Lets a stopped process go on.
    pub fn sigcont(&self) {
        self.running.sigcont();
    }

    /// Waits for the end of the process.
    pub async fn wait_exit(&self) -> ExitStatus {
        self.running.wait_exit(START).await
    }

    /// The process, for what is not here.
    pub fn running(&self) -> &Running {
        &self.running
    }
}
