//! Decides about a request that carries an API key. The steps are those of [`super::decide`]: from the cache alone where
//! that suffices, else from the directory.

use super::assertion::{self, Claims, SignedAssertion};
use super::case::{Case, Verdict};
use super::context::Context;
use super::credential::HashedKey;
use super::identity_headers;
use super::session_cache::CachedKey;
use super::tools::{ToolKey, ToolPassage};
use crate::authn::{self, LoadError};
use crate::permits::holder_of;
use crate::rate::Quota;
use gatepost_core::api_key::{KeyDenial, KeyUse};
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::decision::{self, Denial};
use hyper::HeaderMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How many look-ups of unknown keys one address may cause: one each six seconds, and ten at once.
const WRONG_KEYS: Quota = Quota::new(Duration::from_secs(6), 10);

/// Decides from the cache alone. `None`: the key is not cached.
pub(super) fn from_cache(
    context: &Context,
    case: &Case<'_>,
    presented: HashedKey,
    now: Timestamp,
) -> Option<Verdict> {
    let key = context.cache.fresh(&presented.key)?;
    Some(judge(context, case, &key, presented, now))
}

/// Decides from the directory, within [`authn::DEADLINE`]. The look-up is counted for the client's address before it
/// begins, and given back when the key exists.
pub(super) async fn from_directory(context: &Context, case: &Case<'_>, presented: HashedKey) -> Verdict {
    // Without an address the proxy is not Traefik, and all clients share one quota.
    let address = case.forwarded.client_address().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let holder = holder_of(address);
    if let Some(wait) = context.wrong_keys.count(holder, WRONG_KEYS, BootTime::now()).wait {
        return Verdict::nobody(Denial::Key(KeyDenial::TooMany(wait)));
    }
    let find = context.cache.find_key(presented.key, presented.digest);
    let found = match timeout(authn::DEADLINE, find).await {
        Ok(found) => found,
        Err(_) => Err(Arc::new(LoadError::Deadline)),
    };
    if !matches!(found, Ok(None)) {
        context.wrong_keys.give_back(holder, WRONG_KEYS);
    }
    match found {
        Ok(Some(key)) => judge(context, case, &key, presented, Timestamp::now()),
        Ok(None) => Verdict::nobody(Denial::Key(KeyDenial::Unknown)),
        Err(error) => Verdict::CannotKnow(error),
    }
}

fn judge(
    context: &Context,
    case: &Case<'_>,
    key: &CachedKey,
    presented: HashedKey,
    now: Timestamp,
) -> Verdict {
    let limits = &key.proof.limits;
    let request = KeyUse { now, host: case.origin.host(), client: case.forwarded.client_address() };
    let permit = match decision::decide_key(case.requirement, &key.standing, limits, &request) {
        Ok(permit) => permit,
        Err(denial) => return Verdict::nobody(denial),
    };
    let quota = limits.requests_per_minute.map(Quota::per_minute);
    let left = quota.map(|quota| context.key_rates.count(key.proof.id, quota, BootTime::now()));
    if let Some(wait) = left.and_then(|left| left.wait) {
        return Verdict::nobody(Denial::Key(KeyDenial::TooMany(wait)));
    }
    context.seen_requirements.note(case.origin.host(), case.query, now);
    let mut headers = HeaderMap::with_capacity(12);
    identity_headers::write(&mut headers, &permit, &key.headers, case.forwarded, context.site.cookies);
    if key.headers.is_cut() {
        context.stores.metrics.groups_truncated();
    }
    if case.requirement.mcp.is_some() {
        let host = case.origin.host();
        let claims = case.requirement.assertion.then(|| Claims::of(&permit, host, &context.site, now));
        let access = Arc::clone(&key.standing.access);
        let passage = ToolPassage::new(headers, (&permit, access), claims, &context.site);
        let key = ToolKey { id: key.proof.id, limits: Arc::clone(limits) };
        return Verdict::AskTools(Box::new(passage.of_key(key)));
    }
    if case.requirement.assertion {
        let sign =
            || SignedAssertion::new(&permit, case.origin.host(), &context.site, &context.assertion_keys, now);
        headers.insert(assertion::HEADER, context.cache.assertion(presented.key, key, now, sign));
    }
    Verdict::Allow(headers)
}
