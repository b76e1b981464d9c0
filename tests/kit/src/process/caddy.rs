//! A real Caddy (Debian package `caddy`) with one port for TLS.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::{Authority, Running, SYSTEM_PATH, free_addr};

const START: Duration = Duration::from_secs(30);

/// A running Caddy. It is killed when this value is dropped.
#[derive(Debug)]
pub struct Caddy {
    running: Running,
    secure: SocketAddr,
    _folder: TempDir,
}

impl Caddy {
    /// Starts Caddy with this Caddyfile, beside which lies `tenants.caddy`. Its snippet `own` gets the certificate of
    /// `authority`, and the address.
    pub async fn start(caddyfile: &str, tenants: &str, authority: &Authority) -> Self {
        let folder = TempDir::new().expect("a folder for Caddy");
        let (certificate, key) = authority.write(folder.path());
        let (secure, plain) = (free_addr(), free_addr());
        std::fs::write(folder.path().join("tenants.caddy"), tenants).expect("the folder is ours");
        let (ports, tls) = (
            format!("http_port {}\nhttps_port {}", plain.port(), secure.port()),
            format!("bind {}\ntls {} {}", secure.ip(), certificate.display(), key.display()),
        );
        let options = format!("{{\nadmin off\nauto_https disable_redirects\n{ports}\n}}\n");
        let own = "(own) {\n";
        assert!(caddyfile.contains(own), "{caddyfile}");
        let file = format!("{options}{}", caddyfile.replace(own, &format!("{own}{tls}\n")));
        let path = folder.path().join("Caddyfile");
        std::fs::write(&path, file).expect("the folder is ours");
        let mut command = Command::new("caddy");
        command.env_clear().env("HOME", folder.path()).current_dir(folder.path());
        command.env("PATH", SYSTEM_PATH);
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&path);
        let running = Running::start("caddy", command);
        running.ready(START, async || TcpStream::connect(secure).await.ok().map(drop)).await;
        Self { running, secure, _folder: folder }
    }

    /// The port with TLS.
    pub fn secure(&self) -> SocketAddr {
        self.secure
    }

    /// What Caddy has written.
    pub fn log(&self) -> String {
        self.running.log()
    }
}
