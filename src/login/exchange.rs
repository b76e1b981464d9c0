//! A code becomes a session: redeem and verify, commit to the directory, then the session.

use super::begin::{callback_address, go_on};
use super::end::{Ending, end_session};
use super::{Problem, Step, Visitor};
use crate::directory::{SignInContext, SignInOutcome};
use crate::domain::clock::Timestamp;
use crate::domain::identity::{AddressRule, RefusedAddress};
use crate::domain::ids::{ProviderId, UserId};
use crate::domain::secret::{Hash, Secret};
use crate::oidc::{Callback, Expected, OidcError, Provider, SignIn, TokenError};
use crate::principal::Principal;
use crate::session::record::{SessionRecord, Token};
use crate::session::values::{LoginState, SessionId};
use crate::session::{Handover, Session, Started};
use crate::state::State;
use crate::telemetry::{Chain, EndCause, ProviderMetrics, Store, StoreOperation};
use std::sync::Arc;

/// A code that is to become a session.
pub(super) struct Exchange {
    pub(super) state: Arc<State>,
    pub(super) visitor: Visitor,
    pub(super) provider: Arc<Provider>,
    pub(super) login: LoginState,
    pub(super) code: String,
    pub(super) issuer: Option<String>,
    pub(super) session_state: Option<String>,
}

impl Exchange {
    /// The code's session. `None`: the provider did not ask the person again.
    pub(super) async fn run(&self) -> Result<Option<Started>, Problem> {
        let sign_in = match self.redeem().await {
            Ok(sign_in) if self.login.auth_after.is_none_or(|before| sign_in.auth_time > before) => sign_in,
            // It does not know `max_age`, or ignores it.
            Ok(_)
            | Err(OidcError::Token(TokenError::WrongAuthTime | TokenError::MissingClaim("auth_time"))) => {
                return Ok(None);
            }
            Err(OidcError::Refused(refusal)) => {
                return Err(Problem::Refused { provider: self.provider.id().clone(), refusal });
            }
            Err(source) => return Err(Problem::Provider { provider: self.provider.id().clone(), source }),
        };
        let existing = self.visitor.live(&self.state).await?;
        let new = SessionId::generate();
        let announced = match &sign_in.sid {
            Some(sid) => Some(self.state.sessions.announce(self.provider.id(), sid).await?),
            None => None,
        };
        let current_session =
            existing.as_ref().map(|principal| (principal.session.record.user, principal.session.id.hash()));
        let context = self.context(&sign_in, new.hash(), current_session);
        let (user, begun_at) = self.admit(&sign_in, &context).await?;
        let (mine, others) = match existing {
            Some(principal) if principal.session.record.user == user => (Some(principal), None),
            other => (None, other),
        };
        let mut record = self.record(user, &sign_in, begun_at);
        if let Some(mine) = &mine {
            record.begun_at = mine.session.record.begun_at;
        }
        let session = mine.as_ref().map_or(new, |principal| principal.session.id.clone());
        let starting = self.state.sessions.start(&self.login.bind, session, record, announced.as_ref());
        let started = self.state.ask(Store::Session, StoreOperation::StartSession, starting).await?;
        if let Some(other) = others {
            self.end_other(&other).await?;
        }
        // The provider may have signed the person out after the directory admitted them and before there was a session to
        // be ended.
        let subject = &sign_in.identity.subject;
        if started.is_over || self.state.directory.is_ended_at_provider(subject, &context).await? {
            let over = Ending::of(&self.state, &started.session.id.hash(), &started.session.record);
            end_session(&self.state, &over, EndCause::ProviderSignOut, &self.visitor.actor("provider"))
                .await?;
            return Err(Problem::EndedAtProvider);
        }
        self.note(&started.session, mine.is_some());
        Ok(Some(started))
    }

    async fn redeem(&self) -> Result<SignIn, OidcError> {
        let callback = Callback {
            code: &self.code,
            issuer: self.issuer.as_deref(),
            session_state: self.session_state.as_deref(),
        };
        let expected = Expected {
            redirect_uri: &callback_address(&self.state, self.provider.id()),
            code_verifier: &self.login.code_verifier(),
            nonce: &self.login.nonce(),
            max_age: self.login.request.max_age(),
            min_auth_time: None,
        };
        self.provider.redeem(&callback, &expected).await
    }

    /// Lets those go on who wait for this exchange. What fails here only makes them wait longer.
    pub(super) async fn tell(&self, handover: Option<&Handover>) {
        let (sessions, login) = (&self.state.sessions, &self.login);
        let publishing = async {
            match handover {
                Some(handover) => sessions.publish_exchange(&login.id, handover).await,
                None => sessions.publish_failure(&login.id).await,
            }
        };
        let (done, told) = tokio::join!(sessions.set_complete(&login.bind), publishing);
        if let Err(error) = done.and(told) {
            tracing::debug!(error = %Chain(&error), "those who wait for a sign-in are not told");
        }
    }

    /// Step-up without a newer sign-in: once more with `prompt=login`, then a page.
    pub(super) async fn again(&self) -> Result<Step, Problem> {
        let max_age = self.login.request.max_age().unwrap_or_default();
        let not_recent = || Problem::NotRecent { provider: self.provider.id().clone(), max_age };
        if self.login.request.restarts > 0 {
            return Err(not_recent());
        }
        let request = self.login.request.restarted().ok_or_else(not_recent)?;
        go_on(&self.state, &self.visitor, request, None).await
    }

    fn context(
        &self,
        sign_in: &SignIn,
        new_session: Hash,
        current_session: Option<(UserId, Hash)>,
    ) -> SignInContext {
        let provider = self.provider.id();
        SignInContext {
            new_session,
            current_session,
            sid_hash: sign_in.sid.as_deref().map(|sid| (provider.clone(), sid_hash(provider, sid))),
            issued_at: sign_in.issued_at,
            now: Timestamp::now(),
        }
    }

    /// Who it is, and since when by the directory's clock.
    async fn admit(&self, sign_in: &SignIn, context: &SignInContext) -> Result<(UserId, Timestamp), Problem> {
        let provider = self.provider.id();
        let actor = self.visitor.actor("sign-in");
        let names = self.provider.config().group_names;
        let admitting = self.state.directory.sign_in(&sign_in.identity, names, context, &actor);
        match self.state.ask(Store::Directory, StoreOperation::SignIn, admitting).await? {
            SignInOutcome::Admitted { user_id, at, lost_all_groups, .. } => {
                if let Some(RefusedAddress { rule, .. }) = &sign_in.identity.refused {
                    tracing::info!(user.id = %user_id, provider.id = %provider, %rule, "a person keeps their address: what the provider asserts now does not count");
                }
                if lost_all_groups {
                    self.state.metrics_of(provider).for_each(ProviderMetrics::groups_lost);
                    tracing::warn!(user.id = %user_id, "a person of some groups signed in with none");
                }
                Ok((user_id, at))
            }
            SignInOutcome::Disabled => Err(Problem::Disabled),
            SignInOutcome::NoAddress => {
                let refused = sign_in.identity.refused.as_ref();
                let rule = refused.map_or(AddressRule::Present, |refused| refused.rule);
                Err(Problem::NoAddress { provider: provider.clone(), rule })
            }
            SignInOutcome::AddressHeld(email) => Err(Problem::AddressHeld(email)),
            SignInOutcome::GroupsUnknown => Err(Problem::GroupsUnknown),
            SignInOutcome::SessionEndedAtProvider => Err(Problem::EndedAtProvider),
        }
    }

    fn record(&self, user: UserId, sign_in: &SignIn, begun_at: Timestamp) -> SessionRecord {
        let now = Timestamp::now();
        SessionRecord {
            user,
            provider: self.provider.id().clone(),
            subject: sign_in.identity.subject.clone(),
            sid: sign_in.sid.clone(),
            begun_at,
            issued_at: Some(sign_in.issued_at),
            auth_time: sign_in.auth_time.min(now),
            last_seen_at: now,
            checked_at: now,
            unreachable_at: None,
            public_secret: Secret::generate().digest(),
            replaced_secret: None,
            refresh_token: sign_in.refresh_token.clone().map(Token::new),
            nonce: self.login.nonce(),
            id_token: sign_in.id_token.clone().map(Token::new),
            logout_hint: sign_in.logout_hint.clone(),
            user_agent: self.visitor.user_agent.clone(),
            address: self.visitor.address,
        }
    }

    /// Another person at the same browser: the one before is signed out.
    async fn end_other(&self, other: &Principal) -> Result<(), Problem> {
        let actor = self.visitor.actor(&other.standing.person.id.to_string());
        let ending = Ending::of(&self.state, &other.session.id.hash(), &other.session.record);
        Ok(end_session(&self.state, &ending, EndCause::Replaced, &actor).await?)
    }

    fn note(&self, session: &Session, is_again: bool) {
        let provider = self.provider.id();
        tracing::info!(
            request.id = %self.visitor.request_id,
            user.id = %session.record.user,
            provider.id = %provider,
            session.hash = %session.id.hash(),
            client.address = ?self.visitor.address,
            is_again,
            "signed in"
        );
    }
}

/// How the directory names a provider's session: sids are not secret, but nobody else's business either.
pub fn sid_hash(provider: &ProviderId, sid: &str) -> Hash {
    Hash::of(&[provider.as_str().as_bytes(), sid.as_bytes()])
}
