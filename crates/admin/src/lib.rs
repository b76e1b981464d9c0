//! Administration: every change that an administrator makes goes through here, whether it comes from the command line,
//! the API or a page. Front ends parse and render, nothing else.
//!
//! A change is a type of [`gatepost_store::directory::changes`]. [`Context::carry_out`] makes it in one transaction: the
//! caller's scope, row lock, version, decision, write, audit and notification. Who may make it is decided in
//! [`gatepost_core::administration`], by what the directory says at that moment.

pub mod access;
pub mod audit;
pub mod explain;
mod health;
mod invitations;
mod keys;
mod requests;
mod sessions;
mod stores;
mod tenant_check;
mod tenant_data;
mod tenant_hosts;
mod tenant_proposals;
mod tenant_providers;
mod tool_servers;
mod usage;
mod usage_span;
pub mod views;

pub use health::Health;
pub use requests::DEFAULT_GRANT;
pub use sessions::{EndedSessions, SessionError};
pub use tenant_check::{TenantCheck, TenantFinding, TenantSeverity};
pub use tenant_hosts::ProofError;
pub use tenant_providers::TrialError;
pub use usage_span::{MOST_DAYS, SpanError, UsageSpan, UsageStep};

use gatepost_runtime::hosts::Hosts;
use gatepost_runtime::leadership::Leadership;
use gatepost_runtime::quotas::Quotas;
use gatepost_runtime::revocation;
use gatepost_runtime::site::Site;
use gatepost_runtime::stores::Stores;
use gatepost_runtime::webhook::Webhook;
use gatepost_store::directory::{Actor, Applicable, Conditions, DirectoryError, Done};
use std::sync::Arc;

/// What administration needs.
#[derive(Debug)]
pub struct Context {
    /// What is configured.
    pub site: Arc<Site>,
    /// The protected hosts.
    pub hosts: Arc<Hosts>,
    /// The directory and the sessions.
    pub stores: Arc<Stores>,
    /// Ends sessions.
    pub revocation: Arc<revocation::Context>,
    /// Which replica leads.
    pub leadership: Arc<Leadership>,
    /// How many requests tenants may send, and have sent.
    pub quotas: Arc<Quotas>,
    /// Tells a chat about requests for access.
    pub webhook: Webhook,
}

impl Context {
    /// Makes a change, and tells the webhook what it did to requests for access.
    ///
    /// # Errors
    /// `Denied`, `Overtaken`, `LastAdmin`, and those that the change names.
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub async fn carry_out<C: Applicable>(
        &self,
        change: &C,
        conditions: Conditions,
        actor: &Actor,
    ) -> Result<Done<C::Outcome>, DirectoryError> {
        let done = self.stores.directory.carry_out(change, conditions, actor).await?;
        if done.changed && !conditions.is_dry_run {
            let request_id = actor.request_id.map(tracing::field::display);
            tracing::info!(request.id = request_id, actor = %actor.who, via = actor.via.as_str(), change = C::NAME, "a change was made");
            if let Some(event) = change.request_event(&done.outcome) {
                self.tell(&event).await;
            }
        }
        Ok(done)
    }
}
