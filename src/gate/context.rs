use super::refusals::Refusals;
use super::seen_requirements::SeenRequirements;
use super::unknown_requirements::UnknownRequirements;
use gatepost_core::api_key::KeyId;
use gatepost_runtime::assertion::AssertionKeys;
use gatepost_runtime::failing::FailingCredentials;
use gatepost_runtime::hosts::Hosts;
use gatepost_runtime::key_look_up::KeyLookUps;
use gatepost_runtime::key_uses::KeyUses;
use gatepost_runtime::quotas::Quotas;
use gatepost_runtime::rate::Rate;
use gatepost_runtime::refresh;
use gatepost_runtime::session_cache::SessionCache;
use gatepost_runtime::site::Site;
use gatepost_runtime::stores::Stores;
use gatepost_runtime::tasks::Tasks;
use gatepost_runtime::tools::ToolServers;
use gatepost_runtime::usage::Usage;
use gatepost_store::session::last_used::LastUsed;
use std::sync::Arc;

/// What deciding about a request needs.
#[derive(Debug)]
pub struct Context {
    /// The configuration.
    pub site: Arc<Site>,
    /// The protected hosts.
    pub hosts: Arc<Hosts>,
    /// Both stores, with the metrics.
    pub stores: Arc<Stores>,
    /// Refreshes sessions at their provider.
    pub refresh: Arc<refresh::Context>,
    /// The cached sessions.
    pub cache: Arc<SessionCache>,
    /// The tool servers and their rules.
    pub tool_servers: Arc<ToolServers>,
    /// How many requests tenants may send.
    pub quotas: Arc<Quotas>,
    /// What tenants use.
    pub usage: Arc<Usage>,
    /// Signs `X-User-Assertion`.
    pub assertion_keys: Arc<AssertionKeys>,
    /// Uses of sessions that are not written yet.
    pub last_used: LastUsed,
    /// Uses of API keys that are not written yet.
    pub key_uses: Arc<KeyUses>,
    /// Refusals that are not written yet.
    pub refusals: Refusals,
    /// What routers require, as far as it is not written yet.
    pub seen_requirements: SeenRequirements,
    /// Groups and tenants that routers require and that do not exist.
    pub unknown_requirements: UnknownRequirements,
    /// Look-ups of API keys that do not count. Shared with the API.
    pub wrong_keys: Arc<KeyLookUps>,
    /// Access tokens that fail, by the client's address.
    pub wrong_tokens: FailingCredentials,
    /// Requests of the API keys that have a limit. Shared with the API.
    pub key_rates: Arc<Rate<KeyId>>,
    /// Runs background tasks.
    pub tasks: Arc<Tasks>,
}
