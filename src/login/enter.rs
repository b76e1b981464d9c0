//! `/.gatepost/enter` on a protected host: the ticket becomes the host's cookie, once.

use super::begin::login_address;
use super::{bound, counts};
use crate::domain::clock::Timestamp;
use crate::domain::decision;
use crate::domain::host::Origin;
use crate::principal::{self, DEADLINE, LoadError};
use crate::session::cookie::Held;
use crate::session::sealed::{Opened, Purpose};
use crate::session::values::{HostValue, LoginRequest, Target, Ticket};
use crate::state::State;
use crate::telemetry::{Store, StoreOperation};
use crate::verify::forwarded::is_return_uri;
use crate::verify::passes::{self, Pass, PassKey};
use std::sync::Arc;
use tokio::time::timeout;

/// Where the browser goes next on a protected host.
#[derive(Debug)]
pub enum Entered {
    /// 303, with or without a cookie.
    Redirect {
        /// An absolute address.
        to: String,
        /// `Set-Cookie`.
        cookie: Option<String>,
    },
    /// A page: two unseen tries did not help.
    GaveUp {
        /// Where it was to end.
        uri: String,
        /// As far as it can be told.
        cause: Cause,
    },
}

/// Why a ticket did not become a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The browser did not send the cookie that the sign-in began with.
    CookieMissing,
    /// Too old.
    Expired,
    /// Somebody was faster.
    Used,
}

/// Takes a ticket, within the deadline of `/verify` for all of it.
///
/// # Errors
/// [`LoadError`]: a store that does not answer burns nothing. One that is only too slow may have burnt the ticket; then the
/// next try recovers unseen.
pub async fn enter(
    state: &Arc<State>,
    origin: &Origin,
    held: Option<&Held<HostValue>>,
    sealed: &str,
) -> Result<Entered, LoadError> {
    let Ok(opened) = state.ring.open_any_age::<Ticket>(Purpose::Ticket, origin.host().as_str(), sealed)
    else {
        return Ok(home(origin));
    };
    let taking = take(Arc::clone(state), origin.clone(), held.cloned(), opened);
    timeout(DEADLINE, state.tasks.run(taking)).await.map_err(|_| LoadError::Deadline)?
}

fn home(origin: &Origin) -> Entered {
    Entered::Redirect { to: format!("{origin}/"), cookie: None }
}

async fn take(
    state: Arc<State>,
    origin: Origin,
    held: Option<Held<HostValue>>,
    opened: Opened<Ticket>,
) -> Result<Entered, LoadError> {
    let (state, held) = (&*state, held.as_ref());
    let ticket = opened.value;
    let Target::Host { uri, bind, .. } = &ticket.request.target else { return Ok(home(&origin)) };
    // Checked when it was sealed; checked again because another release may have sealed it.
    let uri = if is_return_uri(uri) { uri.as_str() } else { "/" };
    let value = HostValue { session: ticket.session.clone(), user: ticket.user, auth_time: ticket.auth_time };
    let counts_now = |pass: &Pass| {
        decision::live(&pass.standing, &pass.times(), &state.lifetimes, Timestamp::now()).is_ok()
    };
    let pass = passes::find_new(state, &value).await?.filter(|pass| counts_now(pass));
    let burning = state.sessions.burn(&ticket.id);
    let is_first = state.ask(Store::Session, StoreOperation::BurnTicket, burning).await?;
    let is_bound = held.is_some_and(|held| held.bind() == *bind);
    if let Some(pass) = pass.filter(|_| is_first && !opened.is_expired && is_bound) {
        let cookie = state.ring.seal(Purpose::HostCookie, origin.host().as_str(), &value);
        // The request that follows at once need not ask for what is known here.
        passes::hold(state, PassKey::of(origin.host().as_str(), &cookie), &pass);
        let cookie = state.cookies.for_session(&cookie, ticket.expires_at.since(Timestamp::now()));
        return Ok(Entered::Redirect { to: format!("{origin}{uri}"), cookie: Some(cookie) });
    }
    if has_live_session(state, held).await? {
        return Ok(Entered::Redirect { to: format!("{origin}{uri}"), cookie: None });
    }
    let cause = match (is_bound, opened.is_expired) {
        (false, _) => Cause::CookieMissing,
        (true, true) => Cause::Expired,
        (true, false) => Cause::Used,
    };
    Ok(start_over(state, &ticket.request, held)
        .unwrap_or_else(|| Entered::GaveUp { uri: uri.to_owned(), cause }))
}

/// The same request once more, bound to the cookie that the browser has or gets now.
fn start_over(state: &State, request: &LoginRequest, held: Option<&Held<HostValue>>) -> Option<Entered> {
    let restarted = request.restarted()?;
    let Target::Host { host, uri, .. } = restarted.target else { return None };
    let (bind, cookie) = bound(state, held);
    let request = LoginRequest { target: Target::Host { host, uri, bind }, ..restarted };
    Some(Entered::Redirect { to: login_address(state, &request), cookie })
}

async fn has_live_session(state: &State, held: Option<&Held<HostValue>>) -> Result<bool, LoadError> {
    let Some(value) = held.and_then(|held| held.value.as_ref()) else { return Ok(false) };
    let principal = principal::load(state, &value.session, value.user).await?;
    Ok(principal.is_some_and(|principal| counts(state, &principal.standing, &principal.session.record)))
}
