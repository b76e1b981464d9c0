use super::assertion::AssertionKeys;
use super::refusals::Refusals;
use super::session_cache::SessionCache;
use super::unknown_requirements::UnknownRequirements;
use crate::refresh;
use crate::site::Site;
use crate::stores::Stores;
use crate::tasks::Tasks;
use gatepost_store::session::uses::Uses;
use std::sync::Arc;

/// What judging a request needs.
#[derive(Debug)]
pub struct Context {
    /// What is configured.
    pub site: Arc<Site>,
    /// Both stores, and the metrics.
    pub stores: Arc<Stores>,
    /// Refreshes a session at its provider.
    pub refresh: Arc<refresh::Context>,
    /// Who holds which cookie, as far as memory knows.
    pub cache: Arc<SessionCache>,
    /// Signs `X-User-Assertion`.
    pub assertion_keys: Arc<AssertionKeys>,
    /// Uses of sessions that wait to be written.
    pub uses: Uses,
    /// Refusals that wait to be written.
    pub refusals: Refusals,
    /// Groups and tenants that routers require and that do not exist.
    pub unknown: UnknownRequirements,
    /// Runs what no request waits for.
    pub tasks: Arc<Tasks>,
}
