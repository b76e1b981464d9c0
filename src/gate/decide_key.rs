//! Decides about a request that carries an API key. The steps are those of [`super::decide`]: from the cache alone where
//! that suffices, else from the directory.

use super::case::{Case, Verdict};
use super::context::Context;
use super::credential::HashedKey;
use super::decide_word;
use super::pass::{Passing, complete, pass};
use gatepost_core::api_key::{KeyDenial, KeyUse, NamedKey};
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::decision::{self, Denial};
use gatepost_runtime::identity_headers::{self, IdentityHeaders};
use gatepost_runtime::key_look_up::{Unfound, look_up_key};
use gatepost_runtime::rate::Quota;
use gatepost_runtime::session_cache::{CachedKey, standing_of};
use gatepost_runtime::site::Site;
use gatepost_runtime::tools::ToolPassage;
use gatepost_store::directory::FoundKey;
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use std::sync::Arc;

/// Decides from the cache alone. `None`: the key is not cached.
pub(super) fn from_cache(
    context: &Context,
    case: &Case<'_>,
    presented: HashedKey,
    now: Timestamp,
) -> Option<Verdict> {
    let key: Arc<CachedKey> = context.cache.fresh(&presented.key)?;
    match decide_word::heard(context, case, &key, now) {
        Ok(None) => Some(judge(context, case, &key, presented, now)),
        Ok(Some(said)) => {
            let verdict = decide_word::from_cache(context, case, &key, &said, now)?;
            Some(count(context, &key).unwrap_or(verdict))
        }
        Err(verdict) => Some(*verdict),
    }
}

/// Decides from the stores.
pub(super) async fn from_stores(context: &Context, case: &Case<'_>, presented: HashedKey) -> Verdict {
    let key = match context.cache.fresh(&presented.key) {
        Some(key) => key,
        None => match find(context, case, presented).await {
            Ok(key) => key,
            Err(verdict) => return verdict,
        },
    };
    let now = Timestamp::now();
    match decide_word::heard(context, case, &key, now) {
        Ok(None) => judge(context, case, &key, presented, now),
        // Counted before the stores are queried about the person.
        Ok(Some(said)) => match count(context, &key) {
            Some(verdict) => verdict,
            None => decide_word::from_stores(context, case, &key, &said).await,
        },
        Err(verdict) => *verdict,
    }
}

/// Finds a key in the directory.
async fn find(context: &Context, case: &Case<'_>, presented: HashedKey) -> Result<Arc<CachedKey>, Verdict> {
    let (key, address) = ((presented.key, presented.digest), case.forwarded.client_address());
    look_up_key(&context.cache, &context.wrong_keys, address, key).await.map_err(|unfound| match unfound {
        Unfound::Denied(denial) => Verdict::nobody(Denial::Key(denial)),
        Unfound::CannotKnow(error) => Verdict::CannotKnow(error),
    })
}

/// Counts a request of a key that has a limit. Returns the refusal if there were too many.
fn count(context: &Context, key: &CachedKey) -> Option<Verdict> {
    let quota = Quota::per_minute(key.proof.limits.requests_per_minute?);
    let wait = context.key_rates.count(key.proof.id, quota, BootTime::now()).wait?;
    Some(Verdict::of_key(Denial::Key(KeyDenial::TooMany(wait)), key.proof.named()))
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
        Err(denial) => return Verdict::of_key(denial, key.proof.named()),
    };
    if let Some(verdict) = count(context, key) {
        return verdict;
    }
    context.key_uses.note_pass(key, case.forwarded.client_address(), now);
    let mut headers = HeaderMap::with_capacity(12);
    identity_headers::write(
        &mut headers,
        &permit,
        &key.headers,
        case.forwarded.headers(),
        context.site.cookies,
    );
    if !presented.is_authorization {
        identity_headers::pass_authorization(&mut headers, case.forwarded.headers());
    }
    let (access, sent) = (&key.standing.access, Some(&key.proof));
    let passing = Passing { permit: &permit, access, headers, now, key: sent };
    pass(context, case, (key, presented.key), passing, |passage| {
        passage.of_machine(key.proof.named(), Arc::clone(limits))
    })
}

/// What would be decided about a request with a key, for an explanation: nothing is counted or noted. If the client is not known,
/// it is in the first of the key's networks.
pub fn explain(site: &Site, case: &Case<'_>, found: &FoundKey, now: Timestamp) -> Verdict {
    let standing = standing_of(site, found);
    let client = case.forwarded.client_address().or_else(|| found.limits.client_within());
    let named = || NamedKey { id: found.id, name: found.name.clone() };
    let request = KeyUse { now, host: case.origin.host(), client };
    let permit = match decision::decide_key(case.requirement, &standing, &found.limits, &request) {
        Ok(permit) => permit,
        Err(denial) => return Verdict::of_key(denial, named()),
    };
    let rendered = IdentityHeaders::new(&standing, &site.config.verify);
    let mut headers = HeaderMap::with_capacity(12);
    identity_headers::write(&mut headers, &permit, &rendered, case.forwarded.headers(), site.cookies);
    let access = &standing.access;
    let passing = Passing { permit: &permit, access, headers, now, key: None };
    let narrow = |passage: ToolPassage| passage.of_machine(named(), found.limits.clone().into());
    complete(site, case, passing, narrow, || HeaderValue::from_static("..."))
}
