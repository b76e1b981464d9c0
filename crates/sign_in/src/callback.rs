//! `/callback/<provider>`: exchanges the code for a session, once.
//!
//! The order of the steps makes it secure: check the binding to the browser, lock the code while checking that the
//! directory takes writes, run the [`Exchange`], set the cookie. Taking the lock is a write, so it shows that the session
//! store takes writes. It is released if the directory does not. A callback that does not belong to this browser, or has
//! expired, restarts the sign-in without a page and leaves its code unused.

use super::addresses::login_address;
use super::begin::continue_sign_in;
use super::exchange::{Exchange, Redeemed};
use super::issue_ticket::{issue_ticket, public_cookie};
use super::limit::{ExchangePermit, ExchangeRequest};
use super::{Browser, Context, Destination, Problem};
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::ProviderId;
use gatepost_oidc::{ErrorResponse, Provider};
use gatepost_runtime::authn;
use gatepost_runtime::site::Site;
use gatepost_store::directory::DirectoryError;
use gatepost_store::session::sealed::Purpose;
use gatepost_store::session::tokens::{LoginRequest, LoginState};
use gatepost_store::session::{ExchangeLock, Exchanged, Handover, Session, Started};
use gatepost_telemetry::{Store, StoreOperation};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a repeated callback waits for the result of the first one.
const RETRY_WAIT: Duration = Duration::from_secs(6);
/// How long to wait until the browser has received the answers to its other tabs.
const SETTLE: Duration = Duration::from_millis(300);
const RETRY_POLL: Duration = Duration::from_millis(50);
/// The greatest length of a code in bytes. Entra's have about 1,500.
const MAX_CODE: usize = 4096;

/// The parameters of the callback; each may occur once.
#[expect(missing_debug_implementations, reason = "a code is a secret until it is spent")]
#[derive(Default, Deserialize)]
pub struct CallbackQuery {
    /// RFC 6749 section 4.1.2.
    pub code: Option<String>,
    /// The sealed [`LoginState`].
    pub state: Option<String>,
    /// RFC 9207.
    pub iss: Option<String>,
    /// RFC 6749 section 4.1.2.1.
    pub error: Option<String>,
    /// An explanation of the error for people.
    pub error_description: Option<String>,
    /// The session at the provider (OpenID Connect Session Management 1.0). Stands in for `sid` at Entra if that claim is not
    /// configured.
    pub session_state: Option<String>,
}

/// Completes a sign-in: exchanges the code, starts the session, and redirects to the host.
///
/// # Errors
/// [`Problem`].
pub async fn complete_sign_in(
    context: &Arc<Context>,
    browser: &Browser,
    called: &ProviderId,
    query: CallbackQuery,
) -> Result<Destination, Problem> {
    let provider = context.providers.find(called).await?.ok_or(Problem::UnknownProvider)?;
    let sealed = query.state.as_deref().ok_or(Problem::Unreadable)?;
    let opened = context
        .site
        .ring
        .open_any_age::<LoginState>(Purpose::State, "", sealed)
        .map_err(|_| Problem::Unreadable)?;
    let login = opened.value;
    if login.provider != *called {
        return Err(Problem::MixedUp { called: called.clone(), began: login.provider });
    }
    let is_bound = browser.held.as_ref().is_some_and(|held| held.binding() == login.bind);
    if opened.is_expired || !is_bound {
        return recover(context, browser, login.request, Instant::now() + RETRY_WAIT).await;
    }
    if let Some(error) = &query.error {
        return Err(refused(&provider, error, &query));
    }
    let code = query.code.filter(|code| is_code(code)).ok_or(Problem::Unreadable)?;
    let request = ExchangeRequest {
        browser: login.bind,
        is_known: browser.held.as_ref().is_some_and(|held| held.value.is_some()),
        address: browser.address,
        provider: provider.id(),
        code: &code,
    };
    let permit = context.limits.admit(&request).await.map_err(|wait| {
        context.stores.metrics.sign_in_limited();
        Problem::Limited(wait)
    })?;
    let exchange = Exchange {
        context: Arc::clone(context),
        browser: browser.clone(),
        provider: Arc::clone(&provider),
        login,
        code,
        issuer: query.iss,
        session_state: query.session_state,
    };
    // Runs to its end even if the browser disconnects: the code is used up, and a retry gets the result.
    context.tasks.run(run_once(exchange, permit)).await
}

/// `1*VSCHAR` (RFC 6749 appendix A.11).
fn is_code(code: &str) -> bool {
    (1..=MAX_CODE).contains(&code.len()) && code.bytes().all(|byte| matches!(byte, 0x20..=0x7E))
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

/// The request in a `state`, sealed again, so that a page can offer to retry the sign-in.
pub fn sealed_request(site: &Site, sealed: Option<&str>) -> Option<String> {
    let opened = site.ring.open_any_age::<LoginState>(Purpose::State, "", sealed?).ok()?;
    Some(site.ring.seal(Purpose::LoginRequest, "", &opened.value.request))
}

/// Locks the code, exchanges it, and publishes the result for repeated callbacks.
async fn run_once(exchange: Exchange, permit: ExchangePermit) -> Result<Destination, Problem> {
    let Exchange { context, browser, login, .. } = &exchange;
    let lock = match lock_code(context, login).await {
        Ok(Some(lock)) => lock,
        not_locked => {
            permit.refund();
            not_locked?;
            return join(context, browser, login).await;
        }
    };
    match Box::pin(exchange.run()).await {
        Ok(Redeemed::Session(started)) => {
            permit.succeed();
            let Started { handover, session, .. } = *started;
            let completing = redirect_with_session(context, &handover, &session, login.request.clone());
            tokio::join!(completing, exchange.publish(&lock, Some(&handover))).0
        }
        Ok(Redeemed::OldSession(started)) => {
            permit.succeed();
            exchange.publish(&lock, Some(&started.handover)).await;
            exchange.restart_with_session(&started)
        }
        Ok(Redeemed::NotRecent(auth_time)) => {
            permit.refund();
            tokio::join!(exchange.restart(auth_time), exchange.publish(&lock, None)).0
        }
        Err(problem) => {
            // The code was valid if only a store or reading the groups failed.
            if matches!(problem, Problem::Unavailable(_) | Problem::GroupsUnknown) {
                permit.refund();
            }
            exchange.publish(&lock, None).await;
            Err(problem)
        }
    }
}

/// Takes the lock for the exchange of this code. `None`: another request holds it.
async fn lock_code(context: &Context, login: &LoginState) -> Result<Option<ExchangeLock>, Problem> {
    // Both at once saves a round trip. If the directory takes no writes, the code can be sent again after the unlock.
    let locking = context.stores.sessions.lock_exchange(&login.id, &login.bind);
    let (writable, locked) = tokio::join!(directory_takes_writes(context), locking);
    let lock = locked?;
    if let Err(problem) = writable {
        if let Some(lock) = lock {
            context.stores.sessions.unlock_exchange(&lock).await?;
        }
        return Err(problem);
    }
    Ok(lock)
}

/// Waits for the result of an earlier request with this `state`: the proxy or the browser has repeated the GET.
async fn join(context: &Context, browser: &Browser, login: &LoginState) -> Result<Destination, Problem> {
    let give_up_at = Instant::now() + RETRY_WAIT;
    while Instant::now() < give_up_at {
        match context.stores.sessions.find_exchange(&login.id).await? {
            Some(Exchanged::Into(handover)) => {
                let loaded = authn::load_public(&context.stores, &handover.value).await?;
                let principal = loaded.ok_or(Problem::EndedAtProvider)?;
                return redirect_with_session(context, &handover, &principal.session, login.request.clone())
                    .await;
            }
            Some(Exchanged::Failed) => break,
            None => {}
        }
        sleep(RETRY_POLL).await;
    }
    // There is no result after all this time, so the replica that ran the exchange has stopped.
    recover(context, browser, login.request.clone(), give_up_at).await
}

/// Continues with the browser's session if it has one, else restarts the sign-in without a page, else returns a problem.
///
/// Usually the callback belongs to one of many tabs that started together: each answer set another cookie, and the last
/// one stays. So this waits until pending answers have arrived, and for a tab that is completing its sign-in. Then the
/// browser starts again at `/login`, which binds to the cookie that it has by then.
async fn recover(
    context: &Context,
    browser: &Browser,
    request: LoginRequest,
    give_up_at: Instant,
) -> Result<Destination, Problem> {
    if browser.live(context).await?.is_some() {
        return continue_sign_in(context, browser, request, None).await;
    }
    sleep(SETTLE).await;
    let request = if another_tab_completed(context, browser, give_up_at).await? {
        request
    } else {
        request.restarted().ok_or(Problem::RestartedTooOften)?
    };
    Ok(Destination::redirect(login_address(&context.site, &request)))
}

/// Waits while another tab of this browser completes its sign-in. Returns whether there was one.
async fn another_tab_completed(
    context: &Context,
    browser: &Browser,
    give_up_at: Instant,
) -> Result<bool, Problem> {
    let Some(held) = &browser.held else { return Ok(false) };
    let browser = held.binding();
    let mut has_waited = false;
    while Instant::now() < give_up_at && context.stores.sessions.is_completing(&browser).await? {
        has_waited = true;
        sleep(RETRY_POLL).await;
    }
    Ok(has_waited)
}

/// Sets the session's cookie and redirects to the host.
async fn redirect_with_session(
    context: &Context,
    handover: &Handover,
    session: &Session,
    request: LoginRequest,
) -> Result<Destination, Problem> {
    let cookie = public_cookie(context, handover, session);
    // A failure is reported at the next step, `/login`: a page could not set the cookie, which replaces the earlier one.
    let again = login_address(&context.site, &request);
    let to = match issue_ticket(context, session, request).await {
        Ok(to) => to,
        Err(problem) => {
            tracing::debug!(error = %Chain(&problem), "a sign-in is complete, but no ticket could be issued");
            again
        }
    };
    Ok(Destination::Redirect { to, cookie: Some(cookie) })
}

/// Fails if the directory takes no writes: a code can be used once, so it is not used if the result could not be stored.
async fn directory_takes_writes(context: &Context) -> Result<(), Problem> {
    if context
        .stores
        .query(Store::Directory, StoreOperation::Ping, context.stores.directory.is_writable())
        .await?
    {
        Ok(())
    } else {
        Err(DirectoryError::ReadOnly.into())
    }
}
