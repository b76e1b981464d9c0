//! What every row stands on: cores, binaries, the provider; and the bare servers.

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
/// A process that needs less of a core than this is at rest.
const REST: f64 = 0.03;
const LOOK: Duration = Duration::from_millis(250);

/// What every row stands on.
#[derive(Clone, Debug)]
pub struct Ground {
    /// Who runs where.
    pub cores: Cores,
    /// The measured binary.
    pub gatepost: PathBuf,
    /// The bare servers.
    pub bare: PathBuf,
    /// The provider.
    pub entra: Entra,
}

/// A bare server; killed when it drops.
#[derive(Debug)]
pub struct Bare {
    /// Where it listens.
    pub addr: SocketAddr,
    running: Running,
}

impl Bare {
    /// What it costs.
    pub fn watched(&self, name: &str) -> Watched {
        Watched::new(name, self.running.pid())
    }
}

impl Ground {
    /// Runs what `start` starts on the server's core; everything of our own stays on the other.
    ///
    /// # Errors
    /// The operating system refused.
    pub async fn on_server_core<T>(&self, start: impl Future<Output = T>) -> io::Result<T> {
        cores::pin_here(self.cores.server)?;
        let started = start.await;
        // Threads that read a child's output were born on its core.
        cores::pin(std::process::id(), self.cores.load)?;
        Ok(started)
    }

    /// Starts a gate that answers so.
    ///
    /// # Errors
    /// The operating system refused.
    pub async fn bare_gate(&self, answers: &Answers) -> io::Result<Bare> {
        self.start_bare("gate", &[answers.path()]).await
    }

    /// The same over TLS with HTTP/2 and the certificates in `folder`.
    ///
    /// # Errors
    /// The operating system refused.
    pub async fn bare_gate_tls(&self, folder: &Path, answers: &Answers) -> io::Result<Bare> {
        self.start_bare("gate-tls", &[answers.path(), folder]).await
    }

    /// Starts an application.
    ///
    /// # Errors
    /// The operating system refused.
    pub async fn backend(&self) -> io::Result<Bare> {
        self.start_bare("backend", &[]).await
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

/// Waits until a process has nothing more to do.
///
/// # Errors
/// It is gone.
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
