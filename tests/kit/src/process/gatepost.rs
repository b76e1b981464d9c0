//! Runs the real Gatepost binary with only the environment variables that the test sets.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output};
use std::sync::Arc;
use std::time::Duration;

use super::{Running, find_ok, free_addr};

const START: Duration = Duration::from_secs(20);

/// The options of a replica. Clone it to start several replicas with the same options.
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
    /// Runs this program instead, which runs the binary in its turn.
    #[must_use]
    pub fn through(mut self, program: impl Into<PathBuf>) -> Self {
        self.binary = program.into();
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Sets several environment variables.
    #[must_use]
    pub fn envs(
        mut self,
        variables: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Self {
        self.variables.extend(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Removes an environment variable.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// Adds an argument. Without arguments the binary runs `serve`.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets the working directory, which has `gatepost.toml` and the embedded file.
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

    /// Uses new free addresses, for another replica.
    #[must_use]
    pub fn elsewhere(self) -> Self {
        Self { internal: None, public: None, ..self }
    }

    /// Sets the health listener's address, because the internal listener refuses clients without a certificate.
    #[must_use]
    pub fn health(mut self, addr: SocketAddr) -> Self {
        self.health = Some(addr);
        self.env("GATEPOST_HEALTH_ADDR", addr.to_string())
    }

    /// Also writes the process's log to this file.
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

    /// Runs a subcommand and waits until it ends.
    pub async fn run(&self) -> Output {
        // Who stops waiting for a change must not meet it later.
        let mut command = tokio::process::Command::from(self.command());
        command.kill_on_drop(true).output().await.expect("the binary starts")
    }

    /// Starts the process without waiting, for tests in which it must refuse to start.
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

/// A running replica. It is killed when this value is dropped.
#[derive(Debug)]
pub struct Gatepost {
    running: Running,
    internal: SocketAddr,
    public: SocketAddr,
    health: SocketAddr,
}

impl Gatepost {
    /// Returns a builder for a replica of `binary`.
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

    /// The address of the internal listener, for Traefik and Prometheus.
    pub fn internal(&self) -> SocketAddr {
        self.internal
    }

    /// The address of the public listener, for browsers.
    pub fn public(&self) -> SocketAddr {
        self.public
    }

    /// The address of the listener for health checks; without one of its own, the internal listener's.
    pub fn health(&self) -> SocketAddr {
        self.health
    }

    /// The URL of `/verify` with the requirement in `query` (`""`, `"group=A"`).
    pub fn verify_url(&self, query: &str) -> String {
        let separator = if query.is_empty() { "" } else { "?" };
        format!("http://{}/verify{separator}{query}", self.internal)
    }

    /// Waits until `/readyz` answers 200.
    pub async fn wait_ready(&self) {
        self.running.ready(START, async || find_ok(self.health, "/readyz").await).await;
    }

    /// The log so far.
    pub fn logs(&self) -> Vec<String> {
        self.running.lines()
    }

    /// Waits for the first log line that contains `part`.
    pub async fn wait_for_line(&self, part: &str) -> String {
        self.running.wait_for_line(part, START).await
    }

    /// Sends SIGTERM.
    pub fn sigterm(&self) {
        self.running.sigterm();
    }

    /// Kills the process, and waits until it has ended.
    pub fn sigkill(&self) {
        self.running.sigkill();
    }

    /// Pauses the process with SIGSTOP.
    pub fn sigstop(&self) {
        self.running.sigstop();
    }

    /// Continues a paused process.
    pub fn sigcont(&self) {
        self.running.sigcont();
    }

    /// Waits until the process ends.
    pub async fn wait_exit(&self) -> ExitStatus {
        self.running.wait_exit(START).await
    }

    /// The process, for everything that has no method here.
    pub fn running(&self) -> &Running {
        &self.running
    }
}
