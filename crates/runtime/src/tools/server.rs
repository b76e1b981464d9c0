//! One tool server, as the gate decides about it.

use crate::usage::{DayCounter, Usage};
use gatepost_core::ids::{ProviderId, ServiceName, TenantId, ToolServerId};
use gatepost_core::mcp::Mode;
use gatepost_core::mcp::endpoint::Endpoint;
use gatepost_core::mcp::rules::RuleSet;
use gatepost_core::requirement::Requirement;
use gatepost_store::directory::{ToolRule, ToolServer};
use std::sync::{Arc, OnceLock};

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
    /// Counts its calls. Found at the first one.
    pub(super) calls: OnceLock<Arc<DayCounter>>,
}

impl GateServer {
    /// From what was read from the directory.
    pub fn new(server: ToolServer, rules: &[ToolRule]) -> Self {
        let settings = server.settings;
        Self {
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
            calls: OnceLock::new(),
        }
    }

    /// The counter of its calls.
    pub fn calls(&self, usage: &Usage) -> &Arc<DayCounter> {
        self.calls.get_or_init(|| usage.calls_of(&self.tenant, &self.id))
    }

    /// Whether a router means this server, for everybody. A router that reads headers alone needs a server that compares them
    /// with the body.
    pub fn is_meant(&self, requirement: &Requirement, mode: Mode) -> bool {
        self.is_of(requirement) && (mode == Mode::Body || self.mode == Mode::Headers)
    }

    /// Whether a router and its host are of the tenant of this server. A server of another one has that tenant's rules.
    pub fn is_of(&self, requirement: &Requirement) -> bool {
        let is_of_router = requirement.tenants.is_empty() || requirement.tenants.contains(&self.tenant);
        let is_of_host = requirement.host_tenant.as_ref().is_none_or(|tenant| *tenant == self.tenant);
        is_of_router && is_of_host
    }
}
