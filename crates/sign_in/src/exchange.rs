//! Exchanges a code for a session: redeem and verify, commit to the directory, start the session.

use super::addresses::login_address;
use super::begin::continue_sign_in;
use super::issue_ticket::public_cookie;
use super::provider_session::{sid_hash, unnamed_hash};
use super::{Browser, Context, Destination, Problem};
use gatepost_core::auth_time::AuthTime;
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use gatepost_core::identity::{AddressRule, AssertedGroups, RefusedAddress};
use gatepost_core::ids::UserId;
use gatepost_core::secret::{Hash, Secret};
use gatepost_oidc::{Callback, Expected, OidcError, Provider, SignIn};
use gatepost_runtime::authn::Principal;
use gatepost_runtime::refresh::address_change;
use gatepost_runtime::revocation::{end_excess, end_session, revoke_refresh_token};
use gatepost_store::directory::{SignInContext, SignInOutcome, Who};
use gatepost_store::session::record::{SessionRecord, Token};
use gatepost_store::session::tokens::{LoginState, SessionId};
use gatepost_store::session::{Announcement, ExchangeLock, Handover, Session, Started};
use gatepost_telemetry::{EndCause, ProviderMetrics, Store, StoreOperation};
use std::sync::Arc;

/// The exchange of one code.
pub(super) struct Exchange {
    pub(super) context: Arc<Context>,
    pub(super) browser: Browser,
    pub(super) provider: Arc<Provider>,
    pub(super) login: LoginState,
    pub(super) code: String,
    pub(super) issuer: Option<String>,
    pub(super) session_state: Option<String>,
}

/// The result of an exchange.
pub(super) enum Redeemed {
    /// A session whose sign-in is as recent as the router demands.
    Session(Box<Started>),
    /// A session that does not meet the router's `max_age`: the provider does not know that parameter, or ignores it.
    OldSession(Box<Started>),
    /// As [`Self::OldSession`], but the browser already has a session, which stays as it is.
    NotRecent(AuthTime),
}

impl Exchange {
    /// Redeems the code and starts a session.
    pub(super) async fn run(&self) -> Result<Redeemed, Problem> {
        let sign_in = self.redeem().await.map_err(|source| self.failed(source))?;
        let is_recent = self.login.is_met_by(sign_in.auth_time, Timestamp::now());
        let existing = self.browser.live(&self.context).await?;
        // Whoever runs the provider of a tenant could have any browser sign in there unseen, and end the session in it.
        let is_other = |found: &Principal| found.session.record.provider != *self.provider.id();
        if self.provider.id().tenant().is_some() && existing.as_ref().is_some_and(is_other) {
            return Err(Problem::SignedInElsewhere(self.provider.id().clone()));
        }
        if !is_recent && existing.is_some() {
            return Ok(Redeemed::NotRecent(sign_in.auth_time));
        }
        let started = Box::new(self.start(&sign_in, existing).await?);
        Ok(if is_recent { Redeemed::Session(started) } else { Redeemed::OldSession(started) })
    }

    async fn redeem(&self) -> Result<SignIn, OidcError> {
        let callback = Callback {
            code: &self.code,
            issuer: self.issuer.as_deref(),
            session_state: self.session_state.as_deref(),
        };
        let expected = Expected {
            redirect_uri: &self.context.site.callback_address(self.provider.id()),
            code_verifier: &self.login.code_verifier(),
            nonce: &self.login.nonce(),
        };
        self.provider.redeem(&callback, &expected).await
    }

    fn failed(&self, source: OidcError) -> Problem {
        let provider = self.provider.id().clone();
        match source {
            OidcError::Refused(refusal) => Problem::Refused { provider, refusal },
            source => Problem::Provider { provider, source },
        }
    }

    /// Commits to the directory, then starts a session, or continues the one that the same person has in this browser.
    async fn start(&self, sign_in: &SignIn, existing: Option<Principal>) -> Result<Started, Problem> {
        let new = SessionId::generate();
        let announced = self.announce(sign_in).await?;
        let context = self.sign_in_context(sign_in, new.hash(), existing.as_ref());
        let (user, at) = self.admit(sign_in, &context).await?;
        let (own, replaced) = match existing {
            Some(principal) if principal.session.record.user == user => (Some(principal.session), None),
            other => (None, other),
        };
        let is_again = own.is_some();
        let (id, started_at) = own.map_or((new, at), |own| (own.id, own.record.started_at));
        let record = self.record(user, sign_in, started_at);
        let started = self.write(id, record, announced.as_ref()).await?;
        if let Some(replaced) = replaced {
            self.end_previous_session(&replaced).await?;
        }
        self.end_if_ended_at_provider(sign_in, &context, &started).await?;
        self.log_signed_in(&started.session, is_again);
        self.end_excess(&started).await;
        Ok(started)
    }

    /// Announces the session before the directory admits the person: see [`Self::end_if_ended_at_provider`].
    async fn announce(&self, sign_in: &SignIn) -> Result<Option<Announcement>, Problem> {
        let Some(sid) = &sign_in.sid else { return Ok(None) };
        Ok(Some(self.context.stores.sessions.announce(self.provider.id(), sid).await?))
    }

    fn sign_in_context(
        &self,
        sign_in: &SignIn,
        new_session: Hash,
        existing: Option<&Principal>,
    ) -> SignInContext {
        let provider = self.provider.id();
        SignInContext {
            new_session,
            current_session: existing
                .map(|principal| (principal.session.record.user, principal.session.id.hash())),
            sid_hash: Some((
                provider.clone(),
                match &sign_in.sid {
                    Some(sid) => sid_hash(provider, sid),
                    None => unnamed_hash(provider, &sign_in.identity.subject),
                },
            )),
            issued_at: sign_in.issued_at,
            now: Timestamp::now(),
        }
    }

    /// Commits the sign-in to the directory. Returns the person, and the time by the directory's clock.
    async fn admit(&self, sign_in: &SignIn, context: &SignInContext) -> Result<(UserId, Timestamp), Problem> {
        let provider = self.provider.id();
        if sign_in.identity.groups == AssertedGroups::Unknown {
            self.context.stores.count(provider, ProviderMetrics::groups_unknown);
        }
        let actor = self.browser.actor(Who::SignIn);
        let policy =
            self.context.site.config.identity_policy_for(self.provider.config(), &sign_in.identity.subject);
        let admitting = self.context.stores.directory.sign_in(&sign_in.identity, &policy, context, &actor);
        match self.context.stores.query(Store::Directory, StoreOperation::SignIn, admitting).await? {
            SignInOutcome::Admitted { user_id, at, address, lost_all_groups, .. } => {
                address_change::log(user_id, provider, &address);
                if let Some(RefusedAddress { rule, .. }) = &sign_in.identity.refused {
                    tracing::info!(user.id = %user_id, provider.id = %provider, %rule, "a person keeps their address: what the provider asserts now does not count");
                }
                if lost_all_groups {
                    self.context.stores.count(provider, ProviderMetrics::groups_lost);
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
            SignInOutcome::AddressHeld(email) => Err(match provider.tenant() {
                Some(tenant) => Problem::AddressHeldElsewhere { tenant, email },
                None => Problem::AddressHeld(email),
            }),
            SignInOutcome::KeptAddressRefused(email) => {
                Err(Problem::KeptAddressRefused { provider: provider.clone(), email })
            }
            SignInOutcome::GroupsUnknown => Err(Problem::GroupsUnknown),
            SignInOutcome::SessionEndedAtProvider => Err(Problem::EndedAtProvider),
            SignInOutcome::ProviderChanged => Err(Problem::ProviderChanged(provider.clone())),
        }
    }

    fn record(&self, user: UserId, sign_in: &SignIn, started_at: Timestamp) -> SessionRecord {
        let now = Timestamp::now();
        SessionRecord {
            user,
            provider: self.provider.id().clone(),
            subject: sign_in.identity.subject.clone(),
            sid: sign_in.sid.clone(),
            started_at,
            issued_at: Some(sign_in.issued_at),
            auth_time: sign_in.auth_time.min(AuthTime::at(now)),
            last_seen_at: now,
            checked_at: now,
            unreachable_at: None,
            public_secret: Secret::generate().digest(),
            replaced_secret: None,
            refresh_token: sign_in.refresh_token.clone().map(Token::new),
            nonce: self.login.nonce(),
            id_token: sign_in.id_token.clone().map(Token::new),
            logout_hint: sign_in.logout_hint.clone(),
            user_agent: self.browser.user_agent.clone(),
            address: self.browser.address,
        }
    }

    /// Writes the session to the session store.
    async fn write(
        &self,
        id: SessionId,
        record: SessionRecord,
        announced: Option<&Announcement>,
    ) -> Result<Started, Problem> {
        let starting = self.context.stores.sessions.start(&self.login.bind, id, record, announced);
        Ok(self.context.stores.query(Store::Session, StoreOperation::StartSession, starting).await?)
    }

    /// Ends the session of another person in the same browser.
    async fn end_previous_session(&self, other: &Principal) -> Result<(), Problem> {
        let actor = self.browser.actor(Who::Person(other.standing.person.id));
        let (hash, user) = (other.session.id.hash(), other.session.record.user);
        end_session(&self.context.revocation, hash, user, EndCause::Replaced, &actor).await?;
        revoke_refresh_token(&self.context.revocation, &other.session.record);
        Ok(())
    }

    /// Ends the session again if the provider ended it after the directory admitted the person and before the session
    /// existed.
    async fn end_if_ended_at_provider(
        &self,
        sign_in: &SignIn,
        context: &SignInContext,
        started: &Started,
    ) -> Result<(), Problem> {
        let subject = &sign_in.identity.subject;
        if !started.is_over && !self.context.stores.directory.is_ended_at_provider(subject, context).await? {
            return Ok(());
        }
        let (hash, user) = (started.session.id.hash(), started.session.record.user);
        let (cause, actor) = (EndCause::ProviderSignOut, self.browser.actor(Who::Provider));
        end_session(&self.context.revocation, hash, user, cause, &actor).await?;
        Err(Problem::EndedAtProvider)
    }

    fn log_signed_in(&self, session: &Session, is_again: bool) {
        let provider = self.provider.id();
        if session.record.refresh_token.is_none() {
            self.context.stores.count(provider, ProviderMetrics::signed_in_without_refresh_token);
            if self.provider.should_log_missing_refresh_token() {
                tracing::warn!(provider.id = %provider, "sign-ins bring no refresh token: sessions are checked by sending people through the provider (docs/providers.md)");
            }
        }
        tracing::info!(
            request.id = %self.browser.request_id,
            user.id = %session.record.user,
            provider.id = %provider,
            session.hash = %session.id.hash(),
            client.address = self.browser.address.map(tracing::field::display),
            is_again,
            "signed in"
        );
    }

    /// Ends the person's sessions above the limit, least recently used first. A failure is only logged: the sign-in
    /// succeeds.
    async fn end_excess(&self, started: &Started) {
        if started.of_person <= self.context.site.config.session.max_per_person as u64 {
            return;
        }
        let user = started.session.record.user;
        let actor = self.browser.actor(Who::Person(user));
        if let Err(error) = end_excess(&self.context.revocation, user, &actor).await {
            tracing::warn!(error = %Chain(&error), user.id = %user, "a person has more sessions than they may until their next sign-in");
        }
    }

    /// Publishes the result to repeated callbacks that wait for it. If this fails they only wait longer.
    pub(super) async fn publish(&self, lock: &ExchangeLock, handover: Option<&Handover>) {
        let sessions = &self.context.stores.sessions;
        let published = match handover {
            Some(handover) => sessions.publish_exchange(lock, handover).await,
            None => sessions.publish_failure(lock).await,
        };
        if let Err(error) = published {
            tracing::debug!(error = %Chain(&error), "the result of a sign-in was not published");
        }
    }

    /// Restarts a sign-in that is not recent enough with `prompt=login`, once. After that it is a problem.
    pub(super) async fn restart(&self, auth_time: AuthTime) -> Result<Destination, Problem> {
        if self.login.request.restarts > 0 {
            return Err(self.not_recent(auth_time));
        }
        let request = self.login.request.restarted().ok_or_else(|| self.not_recent(auth_time))?;
        continue_sign_in(&self.context, &self.browser, request, None).await
    }

    /// As [`Self::restart`], for a session that has just started. It is valid for routers that demand no recent sign-in, so
    /// this sets its cookie first. `/login` then restarts the sign-in.
    pub(super) fn restart_with_session(&self, started: &Started) -> Result<Destination, Problem> {
        let restarted = self.login.request.restarted();
        let request = restarted.ok_or_else(|| self.not_recent(started.session.record.auth_time))?;
        let cookie = public_cookie(&self.context, &started.handover, &started.session);
        Ok(Destination::Redirect { to: login_address(&self.context.site, &request), cookie: Some(cookie) })
    }

    fn not_recent(&self, auth_time: AuthTime) -> Problem {
        let max_age = self.login.request.max_age().unwrap_or_default();
        Problem::NotRecent { provider: self.provider.id().clone(), max_age, auth_time }
    }
}
