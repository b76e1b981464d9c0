//! The tool servers and their rules, held in memory. Rules change seldom, so each change of them has everything read again.

use super::grants::Grants;
use super::server::GateServer;
use crate::invalidation::directory_copy::{DirectoryCopy, ReadWhole};
use crate::site::Site;
use gatepost_core::host::HostName;
use gatepost_core::mcp::endpoint::{is_plain, longest_prefix};
use gatepost_store::directory::{Directory, DirectoryError, ToolRule, ToolServer};
use std::collections::HashMap;
use std::sync::Arc;

/// Tool servers by their addresses, and what callers may use of them.
#[derive(Debug)]
pub struct Addresses {
    by_host: HashMap<HostName, Vec<Arc<GateServer>>>,
    /// Ends with these servers and rules.
    grants: Grants,
}

/// The tool servers of this process.
pub type ToolServers = DirectoryCopy<Addresses>;

impl ReadWhole for Addresses {
    async fn read(_: &Site, directory: &Directory) -> Result<Self, DirectoryError> {
        Ok(Self::new(directory.read_tool_servers().await?))
    }
}

impl Addresses {
    /// Arranges what was read from the directory.
    pub fn new(read: Vec<(ToolServer, Vec<ToolRule>)>) -> Self {
        let mut by_host: HashMap<HostName, Vec<Arc<GateServer>>> = HashMap::new();
        for (server, rules) in read {
            let host = server.settings.url.host().clone();
            by_host.entry(host).or_default().push(Arc::new(GateServer::new(server, &rules)));
        }
        Self { by_host, grants: Grants::default() }
    }

    /// The server that a request for this path is for. `None` also for a path that programs could read differently: the
    /// server behind the gate may take it for another one.
    pub fn find(&self, host: &HostName, path: &[u8]) -> Option<&Arc<GateServer>> {
        let servers = self.by_host.get(host)?;
        // The address of a server is plain, and nothing longer begins its path.
        if let Some(server) = servers.iter().find(|server| server.url.path().as_bytes() == path) {
            return Some(server);
        }
        let path = std::str::from_utf8(path).ok().filter(|path| is_plain(path))?;
        longest_prefix(servers.iter().map(|server| (server.url.path(), server)), path)
    }

    /// The server with exactly this path; without one the host's only server, or the only one that is marked.
    pub fn named(&self, host: &HostName, path: Option<&str>) -> Option<&Arc<GateServer>> {
        let servers = self.by_host.get(host)?;
        let only = |servers: Vec<_>| if let [server] = servers[..] { Some(server) } else { None };
        match path {
            Some(path) => servers.iter().find(|server| server.url.path() == path),
            None => only(servers.iter().collect())
                .or_else(|| only(servers.iter().filter(|server| server.is_default).collect())),
        }
    }

    /// What callers may use of these servers.
    pub(super) const fn grants(&self) -> &Grants {
        &self.grants
    }
}
