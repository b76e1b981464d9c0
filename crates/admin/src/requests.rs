//! Requests for access: what administrators decide, and what the webhook is told.

use super::{Context, SessionError};
use gatepost_core::access_request::Remark;
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::AccessRequestId;
use gatepost_runtime::webhook::Webhook;
use gatepost_store::directory::changes::{DeclineRequest, GrantRequest, RequestEvent};
use gatepost_store::directory::{AccessRequest, Actor, Conditions, DirectoryError, Done};
use std::time::Duration;

/// How long access lasts that is granted without another end.
pub const DEFAULT_GRANT: Duration = Duration::from_hours(30 * 24);

impl Context {
    /// Tells the webhook of requests for access. They are in the directory, whether it can be told or not.
    pub(super) async fn tell(&self, event: &RequestEvent) {
        let (ids, tell): (_, fn(&Webhook, &AccessRequest)) = match event {
            RequestEvent::Made(ids) => (ids.as_slice(), Webhook::requested),
            RequestEvent::Decided(id) => (std::slice::from_ref(id), Webhook::decided),
        };
        for id in ids.iter().filter(|_| self.webhook.is_configured()) {
            match self.stores.directory.find_request(&Scope::System, *id).await {
                Ok(request) => request.iter().for_each(|request| tell(&self.webhook, request)),
                Err(error) => tracing::warn!(error = %Chain(&error), "the webhook was not told of a request"),
            }
        }
    }

    /// Gives a person what they asked for, until `until`. The outcome is the request as it was.
    ///
    /// # Errors
    /// `Overtaken`, `UnknownRequest` (also if the actor may not decide it), `RequestDecided`, `EndsInThePast`.
    pub async fn grant_request(
        &self,
        id: AccessRequestId,
        until: Timestamp,
        conditions: Conditions,
        actor: &Actor,
    ) -> Result<Done<AccessRequest>, SessionError> {
        let request = self.find_request(id, actor).await?;
        let change = GrantRequest { id, wanted: request.wanted.clone(), until };
        let Done { changed, version, .. } = self.carry_out(&change, conditions, actor).await?;
        Ok(Done { changed, version, outcome: request })
    }

    /// Declines a request, with a word to the person. The outcome is the request as it was.
    ///
    /// # Errors
    /// As [`Context::grant_request`].
    pub async fn decline_request(
        &self,
        id: AccessRequestId,
        answer: Remark,
        conditions: Conditions,
        actor: &Actor,
    ) -> Result<Done<AccessRequest>, SessionError> {
        let request = self.find_request(id, actor).await?;
        let change = DeclineRequest { id, wanted: request.wanted.clone(), answer };
        let Done { changed, version, .. } = self.carry_out(&change, conditions, actor).await?;
        Ok(Done { changed, version, outcome: request })
    }

    /// The request, as far as it exists for the actor.
    ///
    /// # Errors
    /// `UnknownRequest`.
    pub async fn find_request(
        &self,
        id: AccessRequestId,
        actor: &Actor,
    ) -> Result<AccessRequest, SessionError> {
        let scope = self.scope_of(actor).await?;
        let found = self.stores.directory.find_request(&scope, id).await?;
        Ok(found.ok_or(DirectoryError::UnknownRequest(id))?)
    }
}
