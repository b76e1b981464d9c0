//! Looks up an API key that is not cached, for the gate and for the API.

use crate::authn::{self, LoadError};
use crate::failing::FailingCredentials;
use crate::session_cache::{CacheKey, CachedKey, SessionCache};
use gatepost_core::api_key::KeyDenial;
use gatepost_core::secret::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::time::timeout;

/// Why there is no key.
#[derive(Debug)]
pub enum Unfound {
    /// It is unknown, or too many keys of the address were.
    Denied(KeyDenial),
    /// The directory did not answer in time.
    CannotKnow(Arc<LoadError>),
}

/// Finds a key in the directory, within [`authn::DEADLINE`]. The look-up is counted for the client's address before it
/// begins, and given back when the key counts: whoever found one that was revoked has no more look-ups than a stranger.
///
/// # Errors
/// [`Unfound`].
pub async fn look_up_key(
    cache: &Arc<SessionCache>,
    failing: &FailingCredentials,
    address: Option<IpAddr>,
    (key, digest): (CacheKey, Hash),
) -> Result<Arc<CachedKey>, Unfound> {
    let attempt = failing.begin(address).map_err(|wait| Unfound::Denied(KeyDenial::TooMany(wait)))?;
    let found = match timeout(authn::DEADLINE, cache.find_key(key, digest)).await {
        Ok(found) => found,
        Err(_) => Err(Arc::new(LoadError::Deadline)),
    };
    let fails = |key: &Option<Arc<CachedKey>>| key.as_ref().is_none_or(|key| key.proof.limits.is_ended);
    if !found.as_ref().is_ok_and(fails) {
        attempt.give_back();
    }
    found.map_err(Unfound::CannotKnow)?.ok_or(Unfound::Denied(KeyDenial::Unknown))
}
