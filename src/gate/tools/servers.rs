//! The tool servers and their rules, held in memory. Rules change seldom, so each change of them has everything read again.

use crate::invalidation::directory_copy::{DirectoryCopy, ReadWhole};
use crate::site::Site;
use gatepost_core::host::HostName;
use gatepost_core::ids::{ProviderId, ServiceName, TenantId, ToolServerId};
use gatepost_core::mcp::Mode;
use gatepost_core::mcp::endpoint::{Endpoint, is_plain, longest_prefix};
use gatepost_core::mcp::rules::RuleSet;
use gatepost_core::requirement::Requirement;
use gatepost_store::directory::{Directory, DirectoryError, ToolRule, ToolServer};
use std::collections::HashMap;
use std::sync::Arc;

/// A tool server, as the gate decides about it.
#[derive(Debug)]
pub struct GateServer {
    pub id: ToolServerId,
    pub tenant: TenantId,
    pub url: Endpoint,
    pub name: Option<String>,
    pub provider: Option<ProviderId>,
    pub mode: Mode,
    /// What access tokens for it name as their audience, if that is not its address.
    pub audience: Option<String>,
    /// All of them must be in an access token.
    pub scopes: Vec<String>,
    pub documentation: Option<String>,
    pub is_default: bool,
    /// The upstream at which its lists are filtered.
    pub service: Option<ServiceName>,
    pub rules: RuleSet,
}

impl GateServer {
    /// Whether a router means this server. A server of another tenant than the router's or the host's has that tenant's rules. A
    /// router that reads headers alone needs a server that compares them with the body.
    pub fn is_meant(&self, requirement: &Requirement, mode: Mode) -> bool {
        let is_of_router = requirement.tenants.is_empty() || requirement.tenants.contains(&self.tenant);
        let is_of_host = requirement.host_tenant.as_ref().is_none_or(|tenant| *tenant == self.tenant);
        is_of_router && is_of_host && (mode == Mode::Body || self.mode == Mode::Headers)
    }
}

/// Tool servers by their addresses.
#[derive(Debug)]
pub struct Addresses(HashMap<HostName, Vec<Arc<GateServer>>>);

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
            let settings = server.settings;
            let host = settings.url.host().clone();
            let server = GateServer {
                id: server.id,
                tenant: server.tenant_id,
                url: settings.url,
                name: settings.name,
                provider: settings.provider,
                mode: settings.mode,
                audience: settings.audience,
                scopes: settings.scopes,
                documentation: settings.documentation,
                is_default: settings.is_default,
                service: settings.service,
                rules: RuleSet::new(rules.iter().map(ToolRule::decisive)),
            };
            by_host.entry(host).or_default().push(Arc::new(server));
        }
        Self(by_host)
    }

    /// The server that a request for this path is for. `None` also for a path that programs could read differently: the
    /// server behind the gate may take it for another one.
    pub fn find(&self, host: &HostName, path: &[u8]) -> Option<&Arc<GateServer>> {
        let servers = self.0.get(host)?;
        let path = std::str::from_utf8(path).ok().filter(|path| is_plain(path))?;
        longest_prefix(servers.iter().map(|server| (server.url.path(), server)), path)
    }

    /// The server with exactly this path; without one the host's only server, or the only one that is marked.
    pub fn named(&self, host: &HostName, path: Option<&str>) -> Option<&Arc<GateServer>> {
        let servers = self.0.get(host)?;
        let only = |servers: Vec<_>| if let [server] = servers[..] { Some(server) } else { None };
        match path {
            Some(path) => servers.iter().find(|server| server.url.path() == path),
            None => only(servers.iter().collect())
                .or_else(|| only(servers.iter().filter(|server| server.is_default).collect())),
        }
    }
}
