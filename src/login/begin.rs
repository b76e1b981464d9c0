//! `/login`: a live session goes straight on; everybody else goes to a provider.

use super::{Problem, Step, Visitor, bound, public_address, refresh, waiting};
use crate::principal::Principal;
use crate::state::State;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::Check;
use gatepost_core::error_chain::Chain;
use gatepost_core::host::{HostName, Origin};
use gatepost_core::ids::ProviderId;
use gatepost_core::secret::Secret;
use gatepost_oidc::{AuthorizationRequest, Prompt, Provider};
use gatepost_store::session::Session;
use gatepost_store::session::sealed::Purpose;
use gatepost_store::session::values::{LoginRequest, LoginState, OneTimeId, Target, Ticket};
use gatepost_telemetry::RefreshOutcome;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use url::Url;

/// Hand-overs of one person to one host in a minute; above it redirects go round.
const MAX_HANDOVERS: u64 = 30;

/// How long a sign-in waits for a check that somebody else has begun.
const CHECK_WAIT: Duration = Duration::from_secs(6);
const CHECK_POLL: Duration = Duration::from_millis(50);

/// A login request for a protected host, as the address that its `/verify` sends the browser to.
pub fn login_address(state: &State, request: &LoginRequest) -> String {
    let to = state.ring.seal(Purpose::LoginRequest, "", request);
    public_address(state, "/login", &[("to", &to)]).into()
}

/// As [`login_address`], for somebody who wants to be somebody else.
pub fn other_account_address(state: &State, request: &LoginRequest) -> String {
    let to = state.ring.seal(Purpose::LoginRequest, "", request);
    public_address(state, "/login", &[("to", &to), ("prompt", "select_account")]).into()
}

/// What `/login` was asked with.
#[derive(Clone, Copy, Debug, Default)]
pub struct BeginQuery<'a> {
    /// A sealed [`LoginRequest`]; without one the sign-in ends at the account page.
    pub to: Option<&'a str>,
    /// The chosen provider.
    pub provider: Option<&'a str>,
    /// The person wants to be somebody else: the provider asks which account.
    pub other_account: bool,
}

/// Begins, or goes straight on.
///
/// # Errors
/// [`Problem`].
pub async fn begin(state: &State, visitor: &Visitor, query: &BeginQuery<'_>) -> Result<Step, Problem> {
    let request = match query.to {
        Some(to) => {
            let opened =
                state.ring.open_any_age(Purpose::LoginRequest, "", to).map_err(|_| Problem::Unreadable)?;
            if opened.is_expired {
                return begin_anew(state, &opened.value);
            }
            opened.value
        }
        None => LoginRequest { target: Target::Account, max_age: None, restarts: 0 },
    };
    if query.other_account {
        return match choose(state, query.provider, None)? {
            Some(provider) => authorize(state, visitor, request, provider, Intent::OtherAccount).await,
            None => Ok(choice(state, &request, true)),
        };
    }
    go_on(state, visitor, request, query.provider).await
}

/// A request lives an hour (SIGN-IN.md, "Values"); where it came from can make a new one.
fn begin_anew(state: &State, request: &LoginRequest) -> Result<Step, Problem> {
    let Target::Host { host, uri, .. } = &request.target else {
        return Ok(Step::redirect(public_address(state, "/login", &[])));
    };
    let origin = find_origin(state, host).ok_or(Problem::UnknownHost)?;
    Ok(Step::redirect(waiting::return_address(&origin, uri)))
}

fn choice(state: &State, request: &LoginRequest, other_account: bool) -> Step {
    let host = match &request.target {
        Target::Host { host, .. } => host.parse().ok(),
        Target::Account => None,
    };
    Step::Choose { to: Some(state.ring.seal(Purpose::LoginRequest, "", request)), host, other_account }
}

/// With a session that satisfies the request, on to the host; else to a provider.
pub(super) async fn go_on(
    state: &State,
    visitor: &Visitor,
    request: LoginRequest,
    provider: Option<&str>,
) -> Result<Step, Problem> {
    let (live, rechecked) = match look(state, visitor).await? {
        Found::Nobody => (None, None),
        Found::Checked(principal) => (Some(principal), None),
        Found::Unchecked(principal) => match stand_by(state, principal).await? {
            StandIn::Stays(principal) => (Some(principal), None),
            StandIn::Goes(principal) => (None, Some(principal)),
        },
    };
    if let Some(principal) = &live
        && is_recent_enough(principal, &request)
    {
        return hand_over(state, &principal.session, request).await.map(Step::redirect);
    }
    let previous = live.as_ref().or(rechecked.as_ref());
    let previous = previous.map(|principal| &principal.session.record.provider);
    let Some(provider) = choose(state, provider, previous)? else {
        return Ok(choice(state, &request, false));
    };
    let intent = match (&live, &rechecked) {
        (Some(principal), _) => Intent::StepUp(principal),
        (None, Some(principal)) => Intent::Recheck(principal),
        (None, None) => Intent::SignIn,
    };
    authorize(state, visitor, request, provider, intent).await
}

/// Why the browser goes to the provider.
#[derive(Clone, Copy)]
enum Intent<'a> {
    SignIn,
    /// This session is too old for what was asked.
    StepUp(&'a Principal),
    /// The provider shall confirm this session, unseen where it can.
    Recheck(&'a Principal),
    OtherAccount,
}

/// The live session, after the provider was asked about it where that must come first.
///
/// # Errors
/// [`Problem::Unavailable`].
pub async fn checked(state: &State, visitor: &Visitor) -> Result<Option<Principal>, Problem> {
    match look(state, visitor).await? {
        Found::Checked(principal) => Ok(Some(principal)),
        // A visit of the account page may as well wait until the session has to be checked first.
        Found::Unchecked(principal) if check(state, &principal) == Check::AtNavigation => Ok(Some(principal)),
        Found::Unchecked(_) | Found::Nobody => Ok(None),
    }
}

/// Who is at this browser.
enum Found {
    Nobody,
    /// Their session counts now.
    Checked(Principal),
    /// Their session would count, but its provider must say so again, and cannot be asked from here.
    Unchecked(Principal),
}

fn check(state: &State, principal: &Principal) -> Check {
    let record = &principal.session.record;
    state.times_of(record, record.auth_time).check(Timestamp::now(), &state.lifetimes)
}

async fn look(state: &State, visitor: &Visitor) -> Result<Found, Problem> {
    let give_up_at = Instant::now() + CHECK_WAIT;
    loop {
        let Some(principal) = visitor.live(state).await? else { return Ok(Found::Nobody) };
        match check(state, &principal) {
            Check::NotDue | Check::InBackground => return Ok(Found::Checked(principal)),
            Check::AtNavigation => return Ok(Found::Unchecked(principal)),
            Check::First if principal.session.record.refresh_token.is_none() => {
                return Ok(Found::Unchecked(principal));
            }
            Check::First => {}
        }
        match refresh::run(state, &principal.session).await {
            // The standing may have changed with the groups.
            RefreshOutcome::Refreshed => {
                return Ok(visitor.live(state).await?.map_or(Found::Nobody, Found::Checked));
            }
            // Another tab asks already, or the request that `/verify` has just sent here.
            RefreshOutcome::Busy if Instant::now() < give_up_at => sleep(CHECK_POLL).await,
            RefreshOutcome::Ended => return Ok(Found::Nobody),
            // The provider decides about a session that was not used for so long; it cannot be asked in the
            // background, so the person goes there.
            RefreshOutcome::Unreachable | RefreshOutcome::Busy => return Ok(Found::Unchecked(principal)),
        }
    }
}

/// What becomes of a session that its provider must confirm.
enum StandIn {
    /// The provider does not answer: an outage ends nothing for an hour.
    Stays(Principal),
    /// The browser goes to the provider.
    Goes(Principal),
}

/// A browser that is sent to a provider which is down does not come back, so the provider is asked first whether it is
/// there. (What was refreshed in vain has been asked already.)
async fn stand_by(state: &State, principal: Principal) -> Result<StandIn, Problem> {
    if principal.session.record.refresh_token.is_some() {
        return Ok(StandIn::Goes(principal));
    }
    let Some(provider) = state.providers.find(&principal.session.record.provider) else {
        return Ok(StandIn::Goes(principal));
    };
    let Err(error) = provider.reach().await else { return Ok(StandIn::Goes(principal)) };
    tracing::warn!(error = %Chain(&error), provider.id = %provider.id(), "the provider could not be asked");
    let standing = principal.standing.clone();
    let Some(session) = refresh::note_outage(state, principal.session.clone()).await? else {
        return Ok(StandIn::Goes(principal));
    };
    let noted = Principal { session, standing };
    let rides_out = check(state, &noted) == Check::NotDue;
    Ok(if rides_out { StandIn::Stays(noted) } else { StandIn::Goes(noted) })
}

fn is_recent_enough(principal: &Principal, request: &LoginRequest) -> bool {
    let auth_time = principal.session.record.auth_time;
    request.max_age().is_none_or(|max_age| auth_time.is_within(max_age, Timestamp::now()))
}

/// The named provider, the only one, or the one that signed this person in last time; `None`: the person chooses.
fn choose<'a>(
    state: &'a State,
    named: Option<&str>,
    previous: Option<&ProviderId>,
) -> Result<Option<&'a Arc<Provider>>, Problem> {
    if let Some(named) = named {
        let provider = named.parse().ok().and_then(|id| state.providers.find(&id));
        return provider.map(Some).ok_or(Problem::UnknownProvider);
    }
    let mut all = state.providers.iter();
    match (all.next(), all.next()) {
        (only, None) => Ok(only),
        _ => Ok(previous.and_then(|id| state.providers.find(id))),
    }
}

async fn authorize(
    state: &State,
    visitor: &Visitor,
    request: LoginRequest,
    provider: &Provider,
    intent: Intent<'_>,
) -> Result<Step, Problem> {
    let (bind, new_cookie) = bound(state, visitor.held.as_ref());
    let previous = match intent {
        Intent::StepUp(principal) | Intent::Recheck(principal) => Some(&principal.session.record),
        Intent::SignIn | Intent::OtherAccount => None,
    };
    let needs_newer = matches!(intent, Intent::StepUp(_));
    let prompt = match intent {
        Intent::OtherAccount => Some(Prompt::SelectAccount),
        Intent::StepUp(_) | Intent::Recheck(_) | Intent::SignIn
            if request.max_age.is_some() && request.restarts > 0 =>
        {
            Some(Prompt::Login)
        }
        Intent::StepUp(_) | Intent::Recheck(_) | Intent::SignIn => None,
    };
    let login = LoginState {
        id: OneTimeId::generate(),
        provider: provider.id().clone(),
        nonce: Secret::generate(),
        code_verifier: Secret::generate(),
        bind,
        auth_after: previous.filter(|_| needs_newer).and_then(|record| record.auth_time.known()),
        request,
    };
    let address = provider
        .authorization_url(&AuthorizationRequest {
            redirect_uri: &callback_address(state, provider.id()),
            state: &state.ring.seal(Purpose::State, "", &login),
            nonce: &login.nonce(),
            code_verifier: &login.code_verifier(),
            max_age: login.request.max_age(),
            prompt,
            login_hint: previous.and_then(|record| record.logout_hint.as_deref()),
        })
        .await
        .map_err(|source| Problem::Provider { provider: provider.id().clone(), source })?;
    Ok(Step::Redirect { to: address.into(), cookie: new_cookie })
}

/// The redirect URI of a provider: one each, so that no provider can answer for another (RFC 9700 section 4.4.2).
pub fn callback_address(state: &State, provider: &ProviderId) -> Url {
    public_address(state, &format!("/callback/{provider}"), &[])
}

/// Carries the session to where the sign-in is to end.
pub(super) async fn hand_over(
    state: &State,
    session: &Session,
    request: LoginRequest,
) -> Result<String, Problem> {
    let Target::Host { host, uri, .. } = &request.target else {
        return Ok(public_address(state, "/", &[]).into());
    };
    let origin = find_origin(state, host).ok_or(Problem::UnknownHost)?;
    let record = &session.record;
    let handovers = state.sessions.count_handover(record.user, host).await?;
    if handovers > MAX_HANDOVERS {
        return Err(Problem::TooManyHandovers(MAX_HANDOVERS));
    }
    let (host, path) = (host.clone(), waiting::enter_path(uri));
    let ticket = Ticket {
        id: OneTimeId::generate(),
        session: session.id.clone(),
        user: record.user,
        auth_time: record.auth_time,
        expires_at: record.begun_at.plus(state.lifetimes.absolute),
        request,
    };
    let sealed = state.ring.seal(Purpose::Ticket, &host, &ticket);
    Ok(format!("{origin}{path}?t={sealed}"))
}

fn find_origin(state: &State, host: &str) -> Option<Origin> {
    state.hosts.find(&host.parse::<HostName>().ok()?).map(Cow::into_owned)
}
