//! The tool servers and their rules, held in memory.
//!
//! Guarantee: what [`ToolServers::current`] returns includes every change that was acknowledged 1 s before it was called. A
//! request costs no query while the lease holds and nothing changed. Rules change seldom, so each change of them has
//! everything read again.

use super::ToolPassage;
use super::grants::{Grant, Grants};
use crate::authn::{DEADLINE, LoadError};
use crate::invalidation::lease::{Entry, LEASE, Lease, Stamp};
use crate::site::Site;
use crate::stores::Stores;
use crate::tasks::Tasks;
use gatepost_core::clock::BootTime;
use gatepost_core::host::HostName;
use gatepost_core::ids::{ProviderId, ServiceName, TenantId, ToolServerId};
use gatepost_core::mcp::Mode;
use gatepost_core::mcp::endpoint::{Endpoint, is_plain, longest_prefix};
use gatepost_core::mcp::rules::RuleSet;
use gatepost_core::requirement::Requirement;
use gatepost_store::directory::{ToolRule, ToolServer};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// After a failure the directory is not queried again for this long.
const RETRY_AFTER_FAILURE: Duration = Duration::from_millis(500);

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
    /// Whether a router means this server. A server of another tenant than the router's has that tenant's rules. A router that
    /// reads headers alone needs a server that compares them with the body.
    pub fn is_meant(&self, requirement: &Requirement, mode: Mode) -> bool {
        let is_of_tenant = requirement.tenants.is_empty() || requirement.tenants.contains(&self.tenant);
        is_of_tenant && (mode == Mode::Body || self.mode == Mode::Headers)
    }
}

/// Tool servers by their addresses.
#[derive(Debug)]
pub struct Addresses(HashMap<HostName, Vec<Arc<GateServer>>>);

/// All tool servers at one moment.
#[derive(Debug)]
pub struct Snapshot {
    addresses: Addresses,
    grants: Grants,
    stamp: Stamp,
    started: BootTime,
}

impl Snapshot {
    /// As [`Addresses::find`].
    pub fn find(&self, host: &HostName, path: &[u8]) -> Option<&Arc<GateServer>> {
        self.addresses.find(host, path)
    }

    /// As [`Addresses::named`].
    pub fn named(&self, host: &HostName, path: Option<&str>) -> Option<&Arc<GateServer>> {
        self.addresses.named(host, path)
    }

    /// As [`ToolPassage::grant`], for a server of this snapshot. What was written before is kept.
    pub fn grant(&self, passage: &ToolPassage, server: &Arc<GateServer>, limit: usize) -> Arc<Grant> {
        self.grants.find(server, passage, limit)
    }

    const fn entry(&self) -> Entry {
        Entry { user: STRIPE, stamp: self.stamp, counts_until: BootTime::MAX }
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

/// The counter that the snapshot shares with some people. What concerns everybody increments the era, which all share.
const STRIPE: u64 = 0;

/// The tool servers of this process.
#[derive(Debug)]
pub struct ToolServers {
    site: Arc<Site>,
    stores: Arc<Stores>,
    lease: Arc<Lease>,
    tasks: Arc<Tasks>,
    snapshot: RwLock<Option<Arc<Snapshot>>>,
    /// Held while they are read, by one request for all. Holds when the directory failed last.
    reading: Arc<Mutex<Option<BootTime>>>,
}

impl ToolServers {
    /// Nothing is read yet.
    pub fn new(site: Arc<Site>, stores: Arc<Stores>, lease: Arc<Lease>, tasks: Arc<Tasks>) -> Self {
        Self { site, stores, lease, tasks, snapshot: RwLock::default(), reading: Arc::default() }
    }

    /// What was read last, whether it still counts or not.
    fn last(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Without a lease nobody reports changes, and what was read counts for as long as an answer to a question may.
    fn counts(&self, snapshot: &Snapshot) -> bool {
        let now = BootTime::now();
        if self.lease.holds(now) {
            self.lease.is_valid(snapshot.entry(), BootTime::now)
        } else {
            now < snapshot.started.plus(LEASE)
        }
    }

    fn fresh(&self) -> Option<Arc<Snapshot>> {
        self.last().filter(|snapshot| self.counts(snapshot))
    }

    /// The tool servers by now.
    ///
    /// # Errors
    /// [`LoadError`]: the directory does not answer, and what was read before counts no more.
    pub async fn current(self: &Arc<Self>) -> Result<Arc<Snapshot>, Arc<LoadError>> {
        match self.fresh() {
            Some(snapshot) => Ok(snapshot),
            None => {
                timeout(DEADLINE, self.read()).await.unwrap_or_else(|_| Err(Arc::new(LoadError::Deadline)))
            }
        }
    }

    /// The tool servers for what tells clients where to sign in: it need not be new.
    pub async fn known(self: &Arc<Self>) -> Option<Arc<Snapshot>> {
        match self.current().await {
            Ok(snapshot) => Some(snapshot),
            Err(_) => self.last(),
        }
    }

    async fn read(self: &Arc<Self>) -> Result<Arc<Snapshot>, Arc<LoadError>> {
        let mut failed_at = self.reading.lock().await;
        if let Some(snapshot) = self.fresh() {
            return Ok(snapshot);
        }
        let stale = self.site.config.verify.stale_if_error;
        let stale = |snapshot: &Arc<Snapshot>| {
            self.lease.is_valid_during_outage(snapshot.entry(), stale, BootTime::now)
        };
        let is_failing = failed_at.is_some_and(|at| BootTime::now() < at.plus(RETRY_AFTER_FAILURE));
        if is_failing {
            return self.last().filter(stale).ok_or_else(|| Arc::new(LoadError::Deadline));
        }
        let (stamp, started) = (self.lease.stamp(STRIPE), BootTime::now());
        // On the runtime of the stores' connections.
        let stores = Arc::clone(&self.stores);
        let read =
            self.tasks.run(async move { timeout(DEADLINE, stores.directory.read_tool_servers()).await });
        let error = match read.await {
            Ok(Ok(read)) => {
                let snapshot = Arc::new(Snapshot {
                    addresses: Addresses::new(read),
                    grants: Grants::default(),
                    stamp,
                    started,
                });
                *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&snapshot));
                *failed_at = None;
                return Ok(snapshot);
            }
            Ok(Err(error)) => LoadError::Directory(error),
            Err(_) => LoadError::Deadline,
        };
        *failed_at = Some(started);
        self.last().filter(stale).ok_or_else(|| Arc::new(error))
    }
}
