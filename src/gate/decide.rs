//! Decides about a request: from the session cache alone where that suffices, else from the stores.

use super::case::{Caller, Case, Verdict};
use super::context::Context;
use super::credential::{Credential, HashedCookie, HashedToken};
use super::pass::{Passing, charge_of_person, complete, count_now, note_person};
use super::reply;
use super::request::{Target, VerifyRequest};
use super::{decide_key, decide_token};
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::decision::{self, Demand, Denial, Permit, Recheck, RefreshDue, SignInReason};
use gatepost_core::requirement::Requirement;
use gatepost_runtime::assertion::SignedAssertion;
use gatepost_runtime::authn::{self, LoadError};
use gatepost_runtime::identity_headers;
use gatepost_runtime::refresh::checks;
use gatepost_runtime::session_cache::{CacheKey, CachedSession};
use gatepost_runtime::site::Site;
use gatepost_store::session::cookie::{self, BrowserCookie};
use gatepost_store::session::tokens::{HostValue, SessionId};
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How often the session store is queried for a cached session.
const REVALIDATE_INTERVAL: Duration = Duration::from_mins(1);
/// The pause between two attempts of this process to refresh one session.
const REFRESH_PAUSE: Duration = Duration::from_secs(5);

/// Decides from the session cache alone, without I/O, and counts what passes. `None`: the session is not cached, the person would
/// have to sign in, the provider would have to confirm the session first, or the request is not for an application.
#[inline]
pub fn decide_from_cache(context: &Arc<Context>, request: &VerifyRequest<'_>) -> Option<Verdict> {
    cached(context, request).map(|verdict| count_now(context, verdict))
}

fn cached(context: &Arc<Context>, request: &VerifyRequest<'_>) -> Option<Verdict> {
    let Target::Application(requirement) = &request.target else { return None };
    let (case, now) = (request.case(requirement), Timestamp::now());
    let &HashedCookie { text, key } = match &request.credential {
        Credential::Cookie(cookie) => cookie,
        Credential::Key(key) => return decide_key::from_cache(context, &case, *key, now),
        Credential::Token(token) => return decide_token::from_cache(context, &case, *token, now),
        Credential::None | Credential::NotAKey(_) => return None,
    };
    let presented = Presented { session: context.cache.fresh(&key)?, key, text };
    match judge(context, &case, &presented, now) {
        Verdict::Deny { denial: Denial::SignIn(_) | Denial::CheckFirst | Denial::CheckBySignIn, .. } => None,
        verdict => {
            follow_up(context, &case, &presented, now);
            Some(verdict)
        }
    }
}

/// Decides from the stores, within [`authn::DEADLINE`]. If the session must be checked at its provider first and the
/// request cannot be redirected, it waits for that check. `waited` is set to the time that it waited.
pub async fn decide_from_stores(
    context: &Arc<Context>,
    request: &VerifyRequest<'_>,
    requirement: &Requirement,
    held: Option<&BrowserCookie<HostValue>>,
    waited: &mut Duration,
) -> Verdict {
    match &request.credential {
        Credential::Key(key) => {
            return decide_key::from_stores(context, &request.case(requirement), *key).await;
        }
        Credential::NotAKey(error) => return Verdict::nobody(Denial::Key((*error).into())),
        Credential::Token(token) => {
            return decide_token::from_directory(context, &request.case(requirement), *token).await;
        }
        Credential::None | Credential::Cookie(_) => {}
    }
    let opened = held.and_then(|held| held.value.as_ref().map(|value| (held, value)));
    let case = request.case(requirement);
    let Some((held, value)) = opened else {
        // A cookie that cannot be opened says nothing about who sends the request. A token does.
        return match HashedToken::of(&context.site, &request.forwarded, request.origin().host()) {
            Some(token) => decide_token::from_directory(context, &case, token).await,
            None => Verdict::sign_in(SignInReason::NoSession),
        };
    };
    let cookie = OpenedCookie { key: request.key_of(&held.text), text: &held.text, value };
    let verdict = look_up(context, &case, &cookie, BootTime::default()).await;
    let must_wait = matches!(verdict, Verdict::Deny { denial: Denial::CheckFirst, .. })
        && !reply::may_redirect(case.forwarded.kind(), requirement);
    if !must_wait {
        return verdict;
    }
    let started = Instant::now();
    let checked = checks::wait(&context.refresh, &value.session, value.user).await;
    *waited = started.elapsed();
    match checked {
        Some(end) => look_up(context, &case, &cookie, end).await,
        None => verdict,
    }
}

/// The host's cookie, decrypted, with its key in the session cache.
struct OpenedCookie<'a> {
    key: CacheKey,
    text: &'a str,
    value: &'a HostValue,
}

/// Decides from the stores. A look-up that began before `since` is not used.
async fn look_up(
    context: &Arc<Context>,
    case: &Case<'_>,
    cookie: &OpenedCookie<'_>,
    since: BootTime,
) -> Verdict {
    let OpenedCookie { key, text, value } = *cookie;
    let session = match timeout(authn::DEADLINE, context.cache.find(key, value, since)).await {
        Ok(Ok(Some(session))) => session,
        Ok(Ok(None)) => return Verdict::sign_in(SignInReason::Ended),
        Ok(Err(error)) => return Verdict::CannotKnow(error),
        Err(_) => return Verdict::CannotKnow(Arc::new(LoadError::Deadline)),
    };
    let presented = Presented { session, key, text };
    let now = Timestamp::now();
    let verdict = judge(context, case, &presented, now);
    if !matches!(verdict, Verdict::Deny { denial: Denial::SignIn(_), .. }) {
        follow_up(context, case, &presented, now);
    }
    verdict
}

/// A cookie and its session.
struct Presented<'a> {
    session: Arc<CachedSession>,
    key: CacheKey,
    text: &'a str,
}

fn judge(
    context: &Context,
    case: &Case<'_>,
    Presented { session, key, .. }: &Presented<'_>,
    now: Timestamp,
) -> Verdict {
    let caller = Caller { standing: &session.standing, times: session.times(), headers: &session.headers };
    let note = |permit: &Permit<'_>| note_person(context, &session.seen, permit, now);
    let sign = |permit: &Permit<'_>| {
        let sign =
            || SignedAssertion::new(permit, case.origin.host(), &context.site, &context.assertion_keys, now);
        context.cache.assertion(*key, session, now, sign)
    };
    let verdict = judge_at(&context.site, case, &caller, now, (note, sign));
    if matches!(verdict, Verdict::Allow { .. } | Verdict::AskTools(_)) && session.headers.is_cut() {
        context.stores.metrics.groups_truncated();
    }
    match charge_of_person(case, &session.standing.access, now) {
        None => verdict,
        charge => verdict.charged(charge),
    }
}

/// Decides about a request of a person with a session, at `now`. Both `/verify` and `gatepost explain` decide here.
/// `note` is told of a permit. `sign` creates its signed assertion, if the router requires one.
#[inline]
pub fn judge_at(
    site: &Site,
    case: &Case<'_>,
    caller: &Caller<'_>,
    now: Timestamp,
    (note, sign): (impl FnOnce(&Permit<'_>), impl FnOnce(&Permit<'_>) -> HeaderValue),
) -> Verdict {
    let demand = Demand {
        now,
        requirement: case.requirement,
        is_cross_origin: case.forwarded.is_cross_origin(case.origin, &site.config.allowed_origins),
        // The request's kind costs many look-ups of headers, so it is found only if the decision depends on it.
        may_redirect: caller.times.refresh_due(now, &site.lifetimes) == RefreshDue::AtNavigation
            && reply::may_redirect(case.forwarded.kind(), case.requirement),
    };
    match decision::decide(&demand, caller.standing, &caller.times, &site.lifetimes) {
        Ok(permit) => {
            note(&permit);
            let mut headers = HeaderMap::with_capacity(12);
            identity_headers::write(
                &mut headers,
                &permit,
                caller.headers,
                case.forwarded.headers(),
                site.cookies,
            );
            identity_headers::pass_authorization(&mut headers, case.forwarded.headers());
            let passing =
                Passing { permit: &permit, access: &caller.standing.access, headers, now, key: None };
            complete(site, case, passing, std::convert::identity, || sign(&permit))
        }
        Err(denial) => {
            let person = &caller.standing.person;
            let may_request = site.may_request_access(&caller.standing.access);
            Verdict::Deny {
                denial,
                user: Some(person.id),
                email: person.email.clone(),
                may_request,
                via: None,
            }
        }
    }
}

/// Starts what a request causes besides its answer: its use and what its router requires are noted, a due refresh starts, and the cached session is
/// compared with the session store.
fn follow_up(context: &Arc<Context>, case: &Case<'_>, presented: &Presented<'_>, now: Timestamp) {
    let Presented { session, text, .. } = presented;
    let key = presented.key;
    let times = session.times();
    let lifetimes = &context.site.lifetimes;
    context.seen_requirements.note(case.origin.host(), case.query, now);
    let check = times.refresh_due(now, lifetimes);
    let refreshes = check != RefreshDue::NotDue
        && times.recheck == Recheck::ByRefresh
        && session.start_refresh(now, REFRESH_PAUSE.min(lifetimes.refresh_interval / 4));
    // A request that must wait for the provider does not count as a use of the session.
    let notes = check != RefreshDue::First && session.note_use(now, lifetimes.touch_interval());
    let revalidates = session.start_revalidation(now, REVALIDATE_INTERVAL);
    if !(refreshes || notes || revalidates) {
        return;
    }
    // The cache stores no session ids, so the cookie is decrypted here. This is needed only now and then.
    let Some(value) = cookie::open_host(text, &context.site.ring, case.origin.host()) else { return };
    if notes {
        context.last_used.note(&value.session, now);
    }
    if refreshes && check == RefreshDue::First {
        // No request of this session passes from the cache, so its entry can stay.
        checks::begin(&context.refresh, &value.session);
    } else if refreshes {
        context.tasks.spawn(refresh_and_remove(Arc::clone(context), value.session.clone(), key));
    }
    if revalidates {
        context.tasks.spawn(Arc::clone(&context.cache).revalidate(key, value));
    }
}

/// Refreshes the session and removes its cache entry, so that the next request uses the provider's new answer.
async fn refresh_and_remove(context: Arc<Context>, session: SessionId, key: CacheKey) {
    if checks::run(&context.refresh, &session).await.is_some() {
        context.cache.remove(&key);
    }
}
