//! The hot path: forwarded request, pass, decision, headers.
//!
//! Load, decide purely, render: [`forwarded`] parses what the proxy says, [`passes`] know who holds the cookie,
//! `domain::decision` decides, [`identity`] renders a permit. Memory may let somebody in or say what they lack; that
//! somebody is nobody any more is said only after the stores were asked.

pub mod arrival;
pub mod assertion;
pub mod checks;
pub mod forwarded;
pub mod headers;
pub mod identity;
pub mod passes;
pub mod refusals;
pub mod reply;
pub mod request;
pub mod unknown;

use crate::principal::{self, LoadError};
use crate::state::State;
use assertion::Made;
use forwarded::Forwarded;
use gatepost_core::access::Standing;
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::decision::{self, Check, Demand, Denial, Permit, Recheck, SessionTimes, SignInReason};
use gatepost_core::email::EmailAddress;
use gatepost_core::host::Origin;
use gatepost_core::ids::UserId;
use gatepost_core::requirement::Requirement;
use gatepost_store::session::cookie::{self, Held};
use gatepost_store::session::values::{HostValue, SessionId};
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use identity::Rendered;
use passes::{Pass, PassKey};
use request::HashedCookie;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How often the session store is asked about a pass in memory.
const ASK_AGAIN: Duration = Duration::from_mins(1);
/// Between two tries of this process to refresh one session.
const REFRESH_PAUSE: Duration = Duration::from_secs(5);

/// What `/verify` found.
#[derive(Debug)]
pub enum Verdict {
    /// 200 with these headers.
    Allow(HeaderMap),
    /// Everything that is not: named, with the person where one is known.
    Deny {
        /// Why.
        denial: Denial,
        /// Who is signed in.
        user: Option<UserId>,
        /// Their address.
        email: Option<EmailAddress>,
    },
    /// 503: neither yes nor no.
    CannotKnow(Arc<LoadError>),
}

/// One request of a protected host, and what its router demands.
#[derive(Debug)]
pub struct Case<'a> {
    /// The request.
    pub forwarded: &'a Forwarded<'a>,
    /// The protected host.
    pub origin: &'a Origin,
    /// What its router demands.
    pub requirement: &'a Requirement,
}

/// Judges a request by memory alone; `None`: memory cannot say, or would send somebody away to sign in.
fn remember(state: &Arc<State>, case: &Case<'_>, cookie: &HashedCookie<'_>) -> Option<Verdict> {
    let &HashedCookie { text, key } = cookie;
    let pass = state.passes.fresh(&key)?;
    let presented = Presented { pass, key, text };
    let now = Timestamp::now();
    match judge(state, case, &presented, now) {
        Verdict::Deny { denial: Denial::SignIn(_) | Denial::CheckFirst | Denial::CheckBySignIn, .. } => None,
        verdict => {
            follow_up(state, case, &presented, now);
            Some(verdict)
        }
    }
}

/// Judges a request by what the stores say, within the deadline. A request that cannot be sent elsewhere first waits for
/// its session's check, where that has to come first; `waited` tells how long. `key`: of the cookie that the browser holds.
pub async fn ask(
    state: &Arc<State>,
    case: &Case<'_>,
    held: Option<&Held<HostValue>>,
    key: impl FnOnce(&str) -> PassKey,
    waited: &mut Duration,
) -> Verdict {
    let opened = held.and_then(|held| held.value.as_ref().map(|value| (held, value)));
    let Some((held, cookie)) = opened else { return Verdict::sign_in(SignInReason::NoSession) };
    let key = key(&held.text);
    let opened = OpenedCookie { key, text: &held.text, value: cookie };
    let verdict = look_up(state, case, &opened, BootTime::default()).await;
    let must_wait = matches!(verdict, Verdict::Deny { denial: Denial::CheckFirst, .. })
        && !reply::may_redirect(case.forwarded.kind(), case.requirement);
    if !must_wait {
        return verdict;
    }
    let started = Instant::now();
    let over = checks::wait(state, &cookie.session, cookie.user).await;
    *waited = started.elapsed();
    match over {
        Some(over) => look_up(state, case, &opened, over).await,
        None => verdict,
    }
}

/// The cookie of this host, with the key of its pass.
struct OpenedCookie<'a> {
    key: PassKey,
    text: &'a str,
    value: &'a HostValue,
}

/// Judges a request by what the stores say; no answer is read before `since`.
async fn look_up(state: &Arc<State>, case: &Case<'_>, cookie: &OpenedCookie<'_>, since: BootTime) -> Verdict {
    let OpenedCookie { key, text, value } = *cookie;
    let pass = match timeout(principal::DEADLINE, passes::find(state, key, value, since)).await {
        Ok(Ok(Some(pass))) => pass,
        Ok(Ok(None)) => return Verdict::sign_in(SignInReason::Ended),
        Ok(Err(error)) => return Verdict::CannotKnow(error),
        Err(_) => return Verdict::CannotKnow(Arc::new(LoadError::Deadline)),
    };
    let presented = Presented { pass, key, text };
    let now = Timestamp::now();
    let verdict = judge(state, case, &presented, now);
    if !matches!(verdict, Verdict::Deny { denial: Denial::SignIn(_), .. }) {
        follow_up(state, case, &presented, now);
    }
    verdict
}

impl Verdict {
    fn sign_in(reason: SignInReason) -> Self {
        Self::Deny { denial: Denial::SignIn(reason), user: None, email: None }
    }
}

/// Who asks: the person, one session's times, and what they are called in headers.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// Who, and what they may.
    pub standing: &'a Standing,
    /// The session's times.
    pub times: SessionTimes,
    /// The identity headers that do not depend on the request.
    pub headers: &'a Rendered,
}

/// A cookie and whose it is.
struct Presented<'a> {
    pass: Arc<Pass>,
    key: PassKey,
    text: &'a str,
}

fn judge(
    state: &State,
    case: &Case<'_>,
    Presented { pass, key, .. }: &Presented<'_>,
    now: Timestamp,
) -> Verdict {
    let holder = Holder { standing: &pass.standing, times: pass.times(), headers: &pass.headers };
    judge_at(state, case, &holder, now, |permit| {
        state.passes.assertion(*key, pass, now, || Made::new(permit, case.origin.host(), state, now))
    })
}

/// Judges a request of somebody who holds a session, at `now`: the one place where `/verify` and
/// `gatepost explain` decide. `sign` makes the assertion of a permit, where the router asks for one.
#[inline]
pub fn judge_at(
    state: &State,
    case: &Case<'_>,
    holder: &Holder<'_>,
    now: Timestamp,
    sign: impl FnOnce(&Permit<'_>) -> HeaderValue,
) -> Verdict {
    let demand = Demand {
        now,
        requirement: case.requirement,
        is_cross_origin: case.forwarded.is_cross_origin(case.origin, &state.config.allowed_origins),
        // Asked of those alone about whom it decides.
        may_redirect: holder.times.recheck == Recheck::BySignIn
            && reply::may_redirect(case.forwarded.kind(), case.requirement),
    };
    match decision::decide(&demand, holder.standing, &holder.times, &state.lifetimes) {
        Ok(permit) => {
            let mut headers = HeaderMap::with_capacity(12);
            identity::write(&mut headers, &permit, holder.headers, case.forwarded, state);
            if case.requirement.assertion {
                headers.insert(assertion::HEADER, sign(&permit));
            }
            Verdict::Allow(headers)
        }
        Err(denial) => {
            let person = &holder.standing.person;
            Verdict::Deny { denial, user: Some(person.id), email: person.email.clone() }
        }
    }
}

/// What a request sets off beside its answer: its use is noted, a due refresh runs, the session store is asked again.
fn follow_up(state: &Arc<State>, case: &Case<'_>, presented: &Presented<'_>, now: Timestamp) {
    let Presented { pass, text, .. } = presented;
    let key = presented.key;
    let times = pass.times();
    let check = times.check(now, &state.lifetimes);
    let refreshes = check != Check::NotDue
        && times.recheck == Recheck::ByRefresh
        && pass.may_refresh(now, REFRESH_PAUSE.min(state.lifetimes.refresh_interval / 4));
    // Who is asked to wait for the provider has not used the session.
    let notes = check != Check::First && pass.note_use(now, state.lifetimes.touch_interval());
    let asks = pass.is_due(now, ASK_AGAIN);
    if !(refreshes || notes || asks) {
        return;
    }
    // Memory holds nobody's session: what is due now and then opens the cookie.
    let Some(value) = cookie::open_host(text, &state.ring, case.origin.host()) else { return };
    if notes {
        state.uses.note(&value.session, now);
    }
    if refreshes && check == Check::First {
        // Memory lets nobody pass by what it knows, so it need not forget that.
        checks::begin(state, &value.session);
    } else if refreshes {
        state.spawn(refresh_and_forget(Arc::clone(state), value.session.clone(), key));
    }
    if asks {
        state.spawn(passes::revalidate(Arc::clone(state), key, value));
    }
}

/// What the provider said counts from the next request on.
async fn refresh_and_forget(state: Arc<State>, session: SessionId, key: PassKey) {
    if checks::run(&state, &session).await.is_some() {
        state.passes.remove(&key);
    }
}
