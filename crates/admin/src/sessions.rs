//! Ending people's sessions. The directory is written first: a session that it records as ended is invalid, whatever
//! the session store still contains.

use super::Context;
use gatepost_core::administration::{Denied, Scope, Version};
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::UserId;
use gatepost_core::secret::Hash;
use gatepost_runtime::authn::LoadError;
use gatepost_runtime::revocation;
use gatepost_store::directory::changes::{EndSession, EndSessions, Once, Repeat};
use gatepost_store::directory::{Actor, Conditions, DirectoryError, Done, UserKey, Who};
use gatepost_store::retry::retry;
use gatepost_store::session::store::StoreError;
use gatepost_telemetry::EndCause;
use gatepost_telemetry::labels::Label;
use std::time::Duration;

/// Why sessions were not ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("the sessions cannot be read")]
    Sessions(#[from] StoreError),
    #[error("the session was not ended")]
    End(#[from] LoadError),
    #[error("there is no session {0}: it may have ended or expired")]
    UnknownSession(Hash),
}

/// All sessions of a person have ended.
#[derive(Clone, Copy, Debug)]
pub struct EndedSessions {
    pub user: UserId,
    /// How many there were. `None`: the session store does not answer; they have ended all the same.
    pub found: Option<usize>,
    /// The version of the person.
    pub version: Option<Version>,
}

impl Context {
    /// Ends one session. The outcome is the person.
    ///
    /// # Errors
    /// `UnknownSession` (also for one that the actor may not end), `Overtaken`, [`StoreError`].
    pub async fn end_session(
        &self,
        hash: &Hash,
        conditions: Conditions,
        actor: &Actor,
    ) -> Result<Done<UserId>, SessionError> {
        let found = retry(async || self.stores.sessions.find_by_hash(hash).await).await?;
        let record = found.ok_or(SessionError::UnknownSession(*hash))?;
        let change = EndSession {
            session: *hash,
            user: record.user,
            provider: record.provider,
            expires_at: revocation::kept_until(&self.revocation),
            reason: EndCause::Administrator.as_str(),
        };
        let done = match self.carry_out(&change, conditions, actor).await {
            // A session that somebody may not end does not exist for them.
            Err(
                DirectoryError::Denied(Denied::SystemOnly | Denied::Hidden) | DirectoryError::UnknownUser(_),
            ) => {
                return Err(SessionError::UnknownSession(*hash));
            }
            done => done?,
        };
        if !conditions.is_dry_run {
            let cause = done.changed.then_some(EndCause::Administrator);
            revocation::forget_ended(&self.revocation, (hash, record.user), cause, actor).await;
        }
        Ok(done)
    }

    /// Ends all sessions of a person. Sessions that started in earlier seconds end by their start time, even if the
    /// store does not show them now; those of this second end one by one, so that a new sign-in right after this is
    /// valid.
    ///
    /// # Errors
    /// `UnknownUser`, `Denied`, `Overtaken`, [`LoadError`].
    pub async fn end_sessions(
        &self,
        user: &UserKey,
        conditions: Conditions,
        actor: &Actor,
    ) -> Result<EndedSessions, SessionError> {
        let now = self.stores.directory.clock().await?;
        let change = EndSessions { user: user.clone(), started_before: now };
        let Done { outcome: user, mut version, .. } = self.carry_out(&change, conditions, actor).await?;
        let found = retry(async || self.stores.sessions.list_of_user(user).await).await.ok();
        if conditions.is_dry_run {
            return Ok(EndedSessions { user, found: found.map(|found| found.len()), version });
        }
        if let Some(sessions) = &found {
            for (hash, record) in sessions {
                self.end(hash, record.user, actor).await?;
            }
        } else {
            let later = now.plus(Duration::from_secs(1));
            let change = EndSessions { user: UserKey::Id(user), started_before: later };
            version = self.carry_out(&change, Conditions::default(), actor).await?.version;
        }
        Ok(EndedSessions { user, found: found.map(|found| found.len()), version })
    }

    /// As [`Context::end_sessions`], for a request that may come again: its answer is stored with the change. Therefore
    /// the change alone ends everything, also what has started in this second.
    ///
    /// # Errors
    /// `UnknownUser`, `Denied`, `Overtaken`, `Repeated`.
    pub async fn end_sessions_once(
        &self,
        user: UserId,
        (repeat, answer): (Repeat, impl Fn(&EndedSessions) -> String + Send + Sync),
        conditions: Conditions,
        actor: &Actor,
    ) -> Result<EndedSessions, SessionError> {
        let later = self.stores.directory.clock().await?.plus(Duration::from_secs(1));
        let sessions = retry(async || self.stores.sessions.list_of_user(user).await).await.ok();
        let found = sessions.as_ref().map(Vec::len);
        let ended = |done: &Done<UserId>| EndedSessions { user, found, version: done.version };
        let change = EndSessions { user: UserKey::Id(user), started_before: later };
        let once = Once { change: &change, repeat, answer: |done: &Done<UserId>| answer(&ended(done)) };
        let done = self.carry_out(&once, conditions, actor).await?;
        if !conditions.is_dry_run {
            for (hash, record) in sessions.iter().flatten() {
                if let Err(error) = self.end(hash, record.user, actor).await {
                    tracing::warn!(error = %Chain(&error), session = %hash, "an ended session stays in the session store until it expires");
                }
            }
        }
        Ok(ended(&done))
    }

    /// Deletes the records of the sessions of a person who does not exist any more: they are not valid.
    pub async fn forget_sessions(&self, user: UserId) {
        if let Err(error) = retry(async || self.stores.sessions.forget_all(user).await).await {
            tracing::warn!(error = %Chain(&error), user.id = %user, "the sessions of an erased person stay in the session store until they expire");
        }
    }

    async fn end(&self, hash: &Hash, user: UserId, actor: &Actor) -> Result<(), LoadError> {
        Box::pin(revocation::end_session(&self.revocation, *hash, user, EndCause::Administrator, actor)).await
    }

    /// What the actor may administer now. Who acts by a key has what the key has.
    pub(super) async fn scope_of(&self, actor: &Actor) -> Result<Scope, LoadError> {
        if let Some(key) = actor.key {
            let caller = self.stores.directory.find_key_caller(key).await?;
            return Ok(caller.map_or(Scope::NONE, |caller| caller.scope));
        }
        match &actor.who {
            Who::CommandLine(_) => Ok(Scope::System),
            Who::Person(id) => {
                let standing = gatepost_runtime::authn::load_person(&self.stores, *id).await?;
                Ok(standing.map_or(Scope::NONE, |standing| Scope::of(&standing)))
            }
            _ => Ok(Scope::NONE),
        }
    }
}
