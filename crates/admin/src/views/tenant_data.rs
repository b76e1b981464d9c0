//! Everything that is held about one tenant.

use super::{
    AccessRequest, AuditEntry, Invitation, Key, Tenant, TenantMember, TenantProvider, ToolRule, ToolServer,
    UsagePeriod,
};
use gatepost_store::directory::AuditRecord;
use serde::Serialize;
use utoipa::ToSchema;

/// Everything that Gatepost holds about a tenant. No secret is in it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TenantData {
    /// When this was written.
    #[schema(format = DateTime)]
    pub exported_at: String,
    /// What is said about it, with its hosts, limits and the look of its pages.
    pub tenant: Tenant,
    /// The provider that it brings, without its secret.
    pub provider: Option<TenantProvider>,
    /// The members that it has by itself.
    pub members: Vec<TenantMember>,
    /// Invitations that nobody has accepted yet.
    pub invitations: Vec<Invitation>,
    /// Its API keys, without their secrets. Revoked ones are among them as long as their records stay.
    pub keys: Vec<Key>,
    pub tool_servers: Vec<ToolServerData>,
    /// Who asked for access to it in the last 90 days.
    pub requests: Vec<AccessRequest>,
    /// What it used, day by day.
    pub usage: Vec<UsagePeriod>,
    /// The audit that its administrators may read, newest first. People are in it with their ids alone. It is the last member: it may
    /// be long.
    pub audit: Vec<AuditEntry>,
}

/// A tool server with its rules.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ToolServerData {
    #[serde(flatten)]
    pub server: ToolServer,
    /// Who may use which of its tools.
    pub rules: Vec<ToolRule>,
}

impl AuditEntry {
    /// The entry as it leaves with the data of a tenant: of people their ids alone.
    pub fn for_tenant(entry: &AuditRecord) -> Self {
        Self { actor_email: None, address: None, target_email: None, ..Self::from(entry) }
    }
}
