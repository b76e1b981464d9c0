//! One process among several of Redis: a node of a Cluster, or a Sentinel.

use super::{Authority, Running, free_port};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use tempfile::TempDir;

/// It has a folder of its own, and a file of settings there, into which it writes what it learns.
#[derive(Debug)]
pub(super) struct RedisNode {
    port: u16,
    tls_port: Option<u16>,
    running: Running,
    _folder: TempDir,
}

impl RedisNode {
    /// Starts it with these lines of settings. With an authority it also accepts TLS; `tls` are the lines for that.
    pub fn start(kind: Kind, settings: &[String], authority: Option<&Authority>, tls: &[&str]) -> Self {
        let (folder, port) = (TempDir::new().expect("a folder for a node"), free_port());
        let mut lines = settings.to_vec();
        lines.extend([
            "bind 127.0.0.1".to_owned(),
            format!("port {port}"),
            format!("dir {}", folder.path().display()),
        ]);
        let tls_port = authority.map(|authority| {
            let port = free_port();
            lines.extend(authority.redis_settings(folder.path(), port).map(|setting| setting.join(" ")));
            lines.extend(tls.iter().map(|line| (*line).to_owned()));
            port
        });
        let file = folder.path().join("node.conf");
        std::fs::write(&file, lines.join("\n")).expect("a file for a node");
        let mut command = Command::new("redis-server");
        command.arg(&file);
        if kind == Kind::Sentinel {
            command.arg("--sentinel");
        }
        Self { port, tls_port, running: Running::start("redis-server", command), _folder: folder }
    }

    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// # Panics
    /// If it speaks no TLS.
    pub fn tls_addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.tls_port.expect("a port for TLS")).into()
    }

    pub fn running(&self) -> &Running {
        &self.running
    }
}

/// What the process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    ClusterNode,
    Sentinel,
}
