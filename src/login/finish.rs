//! `/callback/<provider>`: the code becomes a session, once.
//!
//! The order is the security of it: bind, both stores reachable and lock, exchange, verify, commit, session, cookie. The
//! lock is itself the first word to the session store, and a write; it is taken back where the directory cannot keep what
//! would come of the code. A callback that does not fit recovers unseen, its code unused.

use super::begin::{callback_address, go_on, hand_over, login_address};
use super::end::{Ending, end_session};
use super::{Problem, Step, Visitor};
use crate::directory::{DirectoryError, SignInContext, SignInOutcome};
use crate::domain::clock::Timestamp;
use crate::domain::ids::{ProviderId, UserId};
use crate::domain::secret::{Hash, Secret};
use crate::oidc::{Callback, ErrorResponse, Expected, OidcError, Provider, SignIn, TokenError};
use crate::principal::{self, Principal};
use crate::session::record::{SessionRecord, Token};
use crate::session::sealed::Purpose;
use crate::session::values::{LoginRequest, LoginState, SessionId};
use crate::session::{Exchanged, Handover, Session, Started};
use crate::state::State;
use crate::telemetry::{Chain, EndCause, ProviderMetrics, Store, StoreOperation};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a retried callback waits for what comes of the first.
const RETRY_WAIT: Duration = Duration::from_secs(6);
/// How long answers to other tabs may take to land.
const SETTLE: Duration = Duration::from_millis(300);
const RETRY_POLL: Duration = Duration::from_millis(50);

/// What the provider sent the browser back with; each at most once.
#[expect(missing_debug_implementations, reason = "a code is a secret until it is spent")]
#[derive(Default)]
pub struct CallbackQuery {
    /// RFC 6749 section 4.1.2.
    pub code: Option<String>,
    /// Ours.
    pub state: Option<String>,
    /// RFC 9207.
    pub iss: Option<String>,
    /// RFC 6749 section 4.1.2.1.
    pub error: Option<String>,
    /// For people.
    pub error_description: Option<String>,
    /// Entra: the provider's own session, where the `sid` claim is not configured.
    pub session_state: Option<String>,
}

/// Finishes a sign-in.
///
/// # Errors
/// [`Problem`].
pub async fn finish(
    state: &Arc<State>,
    visitor: &Visitor,
    called: &ProviderId,
    query: CallbackQuery,
) -> Result<Step, Problem> {
    let provider = state.providers.find(called).ok_or(Problem::UnknownProvider)?;
    let sealed = query.state.as_deref().ok_or(Problem::Unreadable)?;
    let opened =
        state.ring.open_any_age::<LoginState>(Purpose::State, "", sealed).map_err(|_| Problem::Unreadable)?;
    let login = opened.value;
    if login.provider != *called {
        return Err(Problem::MixedUp { called: called.clone(), began: login.provider });
    }
    let is_bound = visitor.held.as_ref().is_some_and(|held| held.bind() == login.bind);
    if opened.is_expired || !is_bound {
        return recover(state, visitor, login.request, Instant::now() + RETRY_WAIT).await;
    }
    if let Some(error) = &query.error {
        return Err(refused(provider, error, &query));
    }
    let code = query.code.ok_or(Problem::Unreadable)?;
    if let Some(wait) = state.limits.wait(visitor.address) {
        state.metrics.sign_in_limited();
        return Err(Problem::Limited(wait));
    }
    let exchange = Exchange {
        state: Arc::clone(state),
        visitor: visitor.clone(),
        provider: Arc::clone(provider),
        login,
        code,
        issuer: query.iss,
        session_state: query.session_state,
    };
    // To its end, whether or not this browser waits for it: the code is spent, and a retry joins what came of it.
    state.tasks.run(exchange.run_once()).await
}

/// A code is good once: it is used only where what comes of it can be kept, and looked up as fast as `/verify` asks.
async fn directory_takes_writes(state: &State) -> Result<(), Problem> {
    if state.ask(Store::Directory, StoreOperation::Ping, state.directory.is_writable()).await? {
        Ok(())
    } else {
        Err(DirectoryError::ReadOnly.into())
    }
}

/// The provider sent the browser back with an error (OpenID Connect Core section 3.1.2.6).
fn refused(provider: &Provider, error: &str, query: &CallbackQuery) -> Problem {
    let response = ErrorResponse {
        error,
        description: query.error_description.as_deref(),
        issuer: query.iss.as_deref(),
    };
    let id = provider.id().clone();
    match provider.provider_refusal(&response) {
        Ok(refusal) => Problem::Refused { provider: id, refusal: Box::new(refusal) },
        Err(source) => Problem::Provider { provider: id, source },
    }
}

/// The sealed request of a `state`, so that a page can offer to begin again where it was to end.
pub fn sealed_request(state: &State, sealed: Option<&str>) -> Option<String> {
    let opened = state.ring.open_any_age::<LoginState>(Purpose::State, "", sealed?).ok()?;
    Some(state.ring.seal(Purpose::LoginRequest, "", &opened.value.request))
}

/// Another request with this `state` came first: the same GET, retried by the proxy or the browser.
async fn join(state: &State, visitor: &Visitor, login: &LoginState) -> Result<Step, Problem> {
    let give_up_at = Instant::now() + RETRY_WAIT;
    while Instant::now() < give_up_at {
        match state.sessions.find_exchange(&login.id).await? {
            Some(Exchanged::Into(handover)) => {
                let loaded = principal::load_public(state, &handover.value).await?;
                let principal = loaded.ok_or(Problem::EndedAtProvider)?;
                return complete(state, &handover, &principal.session, login.request.clone()).await;
            }
            Some(Exchanged::Failed) => break,
            None => {}
        }
        sleep(RETRY_POLL).await;
    }
    // Nothing came of it in all that time: its replica is gone, and so is whatever this browser had under way there.
    recover(state, visitor, login.request.clone(), give_up_at).await
}

/// "Everything else recovers": on with the session that is there, else over again unseen, else a page.
///
/// What does not fit is mostly one of many tabs that began at once: each answer set another cookie, and the last one
/// stays. So the answers still under way get a moment to land, a tab that completes the sign-in is waited for, and the
/// browser begins again at `/login`, which binds to the cookie that it holds then.
async fn recover(
    state: &State,
    visitor: &Visitor,
    request: LoginRequest,
    give_up_at: Instant,
) -> Result<Step, Problem> {
    if visitor.live(state).await?.is_some() {
        return go_on(state, visitor, request, None).await;
    }
    sleep(SETTLE).await;
    let request = if another_tab_completed(state, visitor, give_up_at).await? {
        request
    } else {
        request.restarted().ok_or(Problem::RestartedTooOften)?
    };
    Ok(Step::redirect(login_address(state, &request)))
}

/// Waits while another tab of this browser completes its sign-in; tells whether there was one.
async fn another_tab_completed(
    state: &State,
    visitor: &Visitor,
    give_up_at: Instant,
) -> Result<bool, Problem> {
    let Some(held) = &visitor.held else { return Ok(false) };
    let browser = held.bind();
    let mut has_waited = false;
    while Instant::now() < give_up_at && state.sessions.is_completing(&browser).await? {
        has_waited = true;
        sleep(RETRY_POLL).await;
    }
    Ok(has_waited)
}

/// Gives the browser its session and sends it on.
async fn complete(
    state: &State,
    handover: &Handover,
    session: &Session,
    request: LoginRequest,
) -> Result<Step, Problem> {
    let rest = session.record.begun_at.plus(state.lifetimes.absolute).since(Timestamp::now());
    let cookie = state.cookies.for_session(&handover.cookie, rest);
    // What stands in the way is told at the next step: a page sets no cookie, and the value before this one dies.
    let again = login_address(state, &request);
    let to = match hand_over(state, session, request).await {
        Ok(to) => to,
        Err(problem) => {
            tracing::debug!(error = %Chain(&problem), "a sign-in is complete, but not handed over yet");
            again
        }
    };
    Ok(Step::Redirect { to, cookie: Some(cookie) })
}

/// A code that is to become a session.
struct Exchange {
    state: Arc<State>,
    visitor: Visitor,
    provider: Arc<Provider>,
    login: LoginState,
    code: String,
    issuer: Option<String>,
    session_state: Option<String>,
}

impl Exchange {
    async fn run_once(self) -> Result<Step, Problem> {
        let Self { state, visitor, login, .. } = &self;
        // Both at once, for that costs one wait less; whoever was locked in vain may come again with the same code.
        let locking = state.sessions.lock_exchange(&login.id, &login.bind);
        let (writable, locked) = tokio::join!(directory_takes_writes(state), locking);
        let is_first = locked?;
        if let Err(problem) = writable {
            if is_first {
                state.sessions.unlock_exchange(&login.id, &login.bind).await?;
            }
            return Err(problem);
        }
        if !is_first {
            return join(state, visitor, login).await;
        }
        match Box::pin(self.run()).await {
            Ok(Some(Started { handover, session, .. })) => {
                let completing = complete(state, &handover, &session, login.request.clone());
                tokio::join!(completing, self.tell(Some(&handover))).0
            }
            Ok(None) => tokio::join!(self.again(), self.tell(None)).0,
            Err(problem) => {
                self.tell(None).await;
                Err(problem)
            }
        }
    }

    /// `None`: the provider did not ask the person again.
    async fn run(&self) -> Result<Option<Started>, Problem> {
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
    async fn tell(&self, handover: Option<&Handover>) {
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
    async fn again(&self) -> Result<Step, Problem> {
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
                if lost_all_groups {
                    self.state.metrics_of(provider).for_each(ProviderMetrics::groups_lost);
                    tracing::warn!(user.id = %user_id, "a person of some groups signed in with none");
                }
                Ok((user_id, at))
            }
            SignInOutcome::Disabled => Err(Problem::Disabled),
            SignInOutcome::NoAddress => Err(Problem::NoAddress(provider.clone())),
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
