//! A real `PgBouncer` in front of a Postgres. It refuses to run as root, so it runs as the same user as the server.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tempfile::TempDir;

use super::postgres::{empty_folder, unprivileged};
use super::{Postgres, Running, free_port, port_is_open};

const START: Duration = Duration::from_secs(30);

/// A pooler through which everybody connects as the server's superuser.
#[derive(Debug)]
pub struct PgBouncer {
    port: u16,
    running: Running,
    _folder: TempDir,
}

impl PgBouncer {
    /// Starts it with its defaults and with these lines in `pgbouncer.ini`.
    ///
    /// # Panics
    /// If `PgBouncer` is not installed or does not start.
    pub async fn start(postgres: &Postgres, settings: &[&str]) -> Self {
        let (folder, port) = (empty_folder(), free_port());
        let server = postgres.addr();
        let configuration = format!(
            "[databases]\n* = host={} port={} user={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\n{}\n",
            server.ip(),
            server.port(),
            Postgres::USER,
            settings.join("\n"),
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, configuration).expect("the folder can be written");
        let mut command = unprivileged("pgbouncer");
        command.arg(&file);
        let running = Running::start("pgbouncer", command);
        let pooler = Self { port, running, _folder: folder };
        pooler.running.ready(START, async || port_is_open(pooler.addr()).await.then_some(())).await;
        pooler
    }

    /// The address of the pooler.
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The URL of a database of the server, through the pooler.
    pub fn through(&self, postgres: &Postgres, url: &str) -> String {
        url.replace(&postgres.addr().to_string(), &self.addr().to_string())
    }
}
