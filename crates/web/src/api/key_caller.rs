//! The API key of a request: whether it counts, and what it may do now.

use super::rate;
use super::refused::{Refused, unavailable};
use crate::callers::KeyScope;
use crate::fault::Fault;
use crate::presented_key::Presented;
use crate::problem_document::{Flaw, Problem, ProblemCode};
use crate::request::{browser, data};
use actix_web::HttpRequest;
use gatepost_core::administration::Caller;
use gatepost_core::api_key::{ApiKey, KeyDenial, KeyId};
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::decision;
use gatepost_core::error_chain::sentence;
use gatepost_runtime::key_look_up::{KeyLookUps, Unfound, look_up_key};
use gatepost_runtime::key_uses::KeyUses;
use gatepost_runtime::rate::{Quota, Rate};
use gatepost_runtime::session_cache::{CacheKey, CachedKey};
use gatepost_sign_in::Context;
use std::sync::Arc;

/// A key that counts for an operation.
pub(super) struct CallingKey {
    pub(super) id: KeyId,
    /// Its owner, and what it may administer now.
    pub(super) caller: Caller,
}

/// Checks the key of a request: its text, that it exists, its end and its networks, how many requests it has sent, the
/// scope, and what it may do now.
///
/// # Errors
/// 400, 401, 403, 429 or 503.
pub(super) async fn check(
    request: &HttpRequest,
    presented: Presented<'_>,
    scope: KeyScope,
) -> Result<CallingKey, Fault> {
    let key = match presented {
        Presented::Key(key) => key,
        Presented::NotAKey(error) => return Err(invalid(error.into())),
        Presented::Several => return Err(several()),
    };
    let found = find(request, &key).await?;
    let (id, limits) = (found.proof.id, &found.proof.limits);
    let (now, client) = (Timestamp::now(), browser(request).address);
    limits.check_client(now, client).map_err(invalid)?;
    decision::require_active(&found.standing.access).map_err(|denial| suspended(&denial))?;
    rate::count(request, id.machine())?;
    if let Some(requests) = limits.requests_per_minute {
        let left = data::<Rate<KeyId>>(request).count(id, Quota::per_minute(requests), BootTime::now());
        left.wait.map_or(Ok(()), |wait| Err(rate::too_many(wait)))?;
    }
    if !limits.has(&scope.of_keys()) {
        return Err(lacks(scope));
    }
    let caller = data::<Context>(request).stores.directory.find_key_caller(id).await;
    let caller = caller.map_err(|error| Refused::from(error).into_fault())?;
    match caller.ok_or_else(|| invalid(KeyDenial::Unknown))? {
        nobody if nobody == Caller::NOBODY => Err(orphaned()),
        caller => {
            data::<KeyUses>(request).note_pass(&found, client, now);
            Ok(CallingKey { id, caller })
        }
    }
}

/// Finds a key, in the cache of the gate or in the directory, where it counts together with those at the gate.
async fn find(request: &HttpRequest, key: &ApiKey<'_>) -> Result<Arc<CachedKey>, Fault> {
    let Context { cache, site, .. } = &***data::<Context>(request);
    let place = CacheKey::of_credential("key", site.config.public_url.host().as_str(), key.expose());
    if let Some(known) = cache.fresh(&place) {
        return Ok(known);
    }
    let (look_ups, address) = (data::<KeyLookUps>(request), browser(request).address);
    look_up_key(cache, look_ups, address, (place, key.digest())).await.map_err(|unfound| match unfound {
        Unfound::Denied(KeyDenial::TooMany(wait)) => rate::too_many(wait),
        Unfound::Denied(denial) => invalid(denial),
        Unfound::CannotKnow(error) => unavailable(&*error).into_fault(),
    })
}

/// The key is worth nothing. The answer says why: whoever holds it must know (RFC 6750 section 3.1).
fn invalid(denial: KeyDenial) -> Fault {
    let challenge = format!("Bearer error=\"invalid_token\", error_description=\"{denial}\"");
    let problem = Problem::new(ProblemCode::Unauthenticated, sentence(&denial.to_string()));
    problem.because("invalid_key").with("www-authenticate", challenge).into()
}

fn lacks(scope: KeyScope) -> Fault {
    let scope = scope.as_str();
    let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
    let problem = Problem::new(ProblemCode::Forbidden, format!("The key lacks the scope {scope}."));
    problem.because("insufficient_scope").with("www-authenticate", challenge).into()
}

fn suspended(denial: &KeyDenial) -> Fault {
    Problem::new(ProblemCode::TenantSuspended, sentence(&denial.to_string())).into()
}

fn orphaned() -> Fault {
    let detail = "Whoever made the key may no longer do what the key was made for.";
    Problem::new(ProblemCode::Forbidden, detail).because("maker_lacks_rights").into()
}

fn several() -> Fault {
    let detail = "The request carries several keys.";
    Problem::invalid(vec![Flaw::of_header("Authorization", "repeated", detail)]).into()
}
