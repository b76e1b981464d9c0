//! What all rows need: cores, binaries, the provider, and the bare servers.

use super::Answers;
use crate::cores::{self, Cores};
use crate::cpu::Watched;
use gatepost_kit::entra::Entra;
use gatepost_kit::process::{Running, free_addr, port_is_open, until};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const START: Duration = Duration::from_secs(20);
/// A process that uses a smaller share of a core than this is idle.
const REST: f64 = 0.03;
const LOOK: Duration = Duration::from_millis(250);

/// What all rows need.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The assignment of cores.
    pub cores: Cores,
    /// The path of the Gatepost binary.
    pub gatepost: PathBuf,
    /// The path of the program with the bare servers.
    pub bare: PathBuf,
    /// The provider.
    pub entra: Entra,
}

/// A bare server. It is killed when this value is dropped.
#[derive(Debug)]
pub struct Bare {
    /// The address of the server.
    pub addr: SocketAddr,
    running: Running,
}

impl Bare {
    /// The process, for measuring its CPU time.
    pub fn watched(&self, name: &str) -> Watched {
        Watched::new(name, self.running.pid())
    }
}

impl Ground {
    /// Starts a process with `start` on the server's core. Our own threads stay on the other core.
    ///
    /// # Errors
    /// The operating system refused.
    pub async fn on_server_core<T>(&self, start: impl Future<Output = T>) -> io::Result<T> {
        cores::pin_here(self.cores.server)?;
        let started = start.await;
        // Threads that read the child's output were started on its core, and are moved back.
        cores::pin(std::process::id(), self.cores.load)?;
        Ok(started)
    }

    /// Starts a bare server with these answers.
    ///
    /// # Errors
    /// The operating system refused.
    pub async fn bare_gate(&self, answers: &Answers) -> io::Result<Bare> {
        self.start_bare("gate", &[answers.path()]).await
    }

    /// Starts a bare server over TLS with HTTP/2, with the certificates in `folder`.
    ///
    /// # Errors
    /// The operating system refused.
    pub async fn bare_gate_tls(&self, folder: &Path, answers: &Answers) -> io::Result<Bare> {
        self.start_bare("gate-tls", &[answers.path(), folder]).await
    }

    /// Starts a bare application.
    ///
    /// # Errors
    /// The operating system refused.
    pub async fn backend(&self) -> io::Result<Bare> {
        self.start_bare("backend", &[]).await
    }

    /// Starts a bare tool server, which lists [`super::LISTED`] tools.
    ///
    /// # Errors
    /// The operating system refused.
    pub async fn tool_server(&self) -> io::Result<Bare> {
        self.start_bare("tools", &[]).await
    }

    async fn start_bare(&self, what: &str, files: &[&Path]) -> io::Result<Bare> {
        let addr = free_addr();
        let mut command = Command::new(&self.bare);
        command.env_clear().arg(what).arg(addr.to_string()).args(files);
        let running = self.on_server_core(async { Running::start("bare", command) }).await?;
        running.ready(START, async || port_is_open(addr).await.then_some(())).await;
        Ok(Bare { addr, running })
    }
}

/// Waits until a process is idle.
///
/// # Errors
/// The process has ended.
pub async fn until_at_rest(watched: &Watched) -> io::Result<()> {
    let mut before = watched.cost()?;
    until("a process to rest", Duration::from_mins(2), async || {
        tokio::time::sleep(LOOK).await;
        let now = watched.cost().unwrap_or(before);
        let share = now.since(before) as f64 / LOOK.as_nanos() as f64;
        before = now;
        (share < REST).then_some(())
    })
    .await;
    Ok(())
}
