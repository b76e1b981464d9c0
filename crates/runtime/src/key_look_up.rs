//! Looks up an API key that is not cached, for the gate and for the API, and limits what keys cost that do not count.
//!
//! A key that may be unknown costs the address that sends it. One that this process knows to have ended costs itself, also
//! when it counts again: whoever else is at its address takes none of its look-ups, so it passes soon. One that is in memory
//! as one that counts costs nothing: its look-up ends that, or it is right.

use crate::authn::{self, LoadError};
use crate::failing::{Attempt, FailingCredentials};
use crate::rate::{Quota, Rate};
use crate::session_cache::{CacheKey, CachedKey, SessionCache};
use gatepost_core::api_key::KeyDenial;
use gatepost_core::clock::BootTime;
use gatepost_core::secret::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How many look-ups a key has that has ended. The interval is less than the second in which it must count again.
const ENDED: Quota = Quota::new(Duration::from_millis(500), 64);

/// Why there is no key.
#[derive(Debug)]
pub enum Unfound {
    /// It is unknown, or there were too many look-ups.
    Denied(KeyDenial),
    /// The directory did not answer in time.
    CannotKnow(Arc<LoadError>),
}

/// The look-ups that keys had which do not count.
#[derive(Debug, Default)]
pub struct KeyLookUps {
    /// Of those that may be unknown, by address.
    unknown: FailingCredentials,
    /// Of those that are known to have ended, by the hash of their text.
    ended: Rate<[u8; 32]>,
}

/// Whose look-up it is.
#[derive(Debug)]
enum Cost<'a> {
    OfAddress(Attempt<'a>),
    OfKey,
    Nothing,
}

impl KeyLookUps {
    /// Counts a look-up before it costs anything. `is_known`: the key is in memory as one that counts.
    fn begin(&self, is_known: bool, address: Option<IpAddr>, digest: &Hash) -> Result<Cost<'_>, Duration> {
        let key = *digest.as_bytes();
        if self.ended.remembers(&key) {
            let wait = self.ended.count(key, ENDED, BootTime::now()).wait;
            return wait.map_or(Ok(Cost::OfKey), Err);
        }
        if is_known { Ok(Cost::Nothing) } else { self.unknown.begin(address).map(Cost::OfAddress) }
    }

    /// Notes what was found. An address that found a key which has ended pays for that once.
    fn end(&self, cost: Cost<'_>, digest: &Hash, found: Result<Option<&CachedKey>, ()>) {
        let key = *digest.as_bytes();
        match (found, cost) {
            (Ok(Some(found)), cost) if !found.counts() => {
                if !matches!(cost, Cost::OfKey) {
                    self.ended.count(key, ENDED, BootTime::now());
                }
            }
            (Ok(Some(_)) | Err(()), Cost::OfAddress(attempt)) => attempt.give_back(),
            (Ok(Some(_)), Cost::OfKey) => {
                self.ended.forget(&key);
                self.ended.count(key, ENDED, BootTime::now());
            }
            (Ok(None), Cost::OfKey) => self.ended.forget(&key),
            (Err(()), Cost::OfKey) => self.ended.give_back(key, ENDED),
            (Ok(None), Cost::OfAddress(_)) | (_, Cost::Nothing) => {}
        }
    }
}

/// Finds a key in the directory, within [`authn::DEADLINE`]. The look-up is counted before it begins.
///
/// # Errors
/// [`Unfound`].
pub async fn look_up_key(
    cache: &Arc<SessionCache>,
    look_ups: &KeyLookUps,
    address: Option<IpAddr>,
    (key, digest): (CacheKey, Hash),
) -> Result<Arc<CachedKey>, Unfound> {
    let cost = look_ups
        .begin(cache.is_known_to_count(&key), address, &digest)
        .map_err(|wait| Unfound::Denied(KeyDenial::TooMany(wait)))?;
    let found = match timeout(authn::DEADLINE, cache.find_key(key, digest)).await {
        Ok(found) => found,
        Err(_) => Err(Arc::new(LoadError::Deadline)),
    };
    look_ups.end(cost, &digest, found.as_ref().map(Option::as_deref).map_err(|_| ()));
    found.map_err(Unfound::CannotKnow)?.ok_or(Unfound::Denied(KeyDenial::Unknown))
}
