//! Requests for access: who makes them, and what administrators decide.

use super::{Context, SessionError};
use gatepost_core::access_request::Remark;
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::AccessRequestId;
use gatepost_store::directory::changes::{DeclineRequest, GrantRequest, RequestAccess};
use gatepost_store::directory::{AccessRequest, Actor, Conditions, DirectoryError, Done};
use std::time::Duration;

/// How long access lasts that is granted without another end.
pub const DEFAULT_GRANT: Duration = Duration::from_hours(30 * 24);

impl Context {
    /// Asks for access for a person.
    ///
    /// # Errors
    /// Those of [`RequestAccess`].
    pub async fn request_access(&self, change: &RequestAccess, actor: &Actor) -> Result<(), DirectoryError> {
        let ids = self.carry_out(change, Conditions::default(), actor).await?.outcome;
        if ids.is_empty() {
            return Ok(());
        }
        let limit = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        match self.stores.directory.list_requests_of(change.user, limit).await {
            Ok(requests) => {
                let new = requests.iter().filter(|request| ids.contains(&request.id));
                new.for_each(|request| self.webhook.requested(request));
            }
            // What was asked for is in the directory.
            Err(error) => tracing::warn!(error = %Chain(&error), "the webhook was not told of a request"),
        }
        Ok(())
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
        self.tell_decided(&request, Some(until), conditions, actor);
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
        self.tell_decided(&request, None, conditions, actor);
        Ok(Done { changed, version, outcome: request })
    }

    /// Tells the webhook that a request was granted, until a time, or declined.
    pub fn tell_decided(
        &self,
        request: &AccessRequest,
        until: Option<Timestamp>,
        conditions: Conditions,
        actor: &Actor,
    ) {
        if !conditions.is_dry_run {
            self.webhook.decided(request, until, &actor.who);
        }
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
