//! Looks up the person of a verified word in the stores, once for all requests that need it at the same time.

use super::cached_caller::{CacheKey, CachedCaller};
use super::single_flight::Found;
use super::word_proof::WordProof;
use super::{CachedWord, SessionCache};
use crate::authn::{self, Absent, LoadError};
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::ids::TenantId;
use gatepost_oidc::Word;
use std::sync::Arc;
use std::time::Duration;

/// The session store is queried again after this time, as it is for a cookie's session.
const REVALIDATE_INTERVAL: Duration = Duration::from_mins(1);

/// A verified word, and how far it counts.
#[derive(Clone, Debug)]
pub struct VerifiedWord {
    /// What it says.
    pub word: Word,
    /// The person must have a valid session.
    pub needs_session: bool,
    /// The only tenants in which the key may act; `None`: all of the person's.
    pub within: Option<Vec<TenantId>>,
}

impl SessionCache {
    /// Finds the person of a word. `None`: nobody who has signed in and may still do so holds the address.
    ///
    /// # Errors
    /// [`LoadError`]. An unavailable store is never reported as `None`.
    pub async fn find_person(
        self: &Arc<Self>,
        key: CacheKey,
        verified: &VerifiedWord,
    ) -> Result<Option<Arc<CachedWord>>, Arc<LoadError>> {
        if let Some(found) = self.stale(&key) {
            return Ok(Some(found));
        }
        let look_up = || self.tasks.run(look_up(Arc::clone(self), key, verified.clone()));
        self.word_look_ups.join(key, BootTime::default(), look_up).await
    }
}

/// The counters must be read before the person is, and whose counter it is the address says.
async fn look_up(cache: Arc<SessionCache>, key: CacheKey, verified: VerifiedWord) -> Found<WordProof> {
    let started = BootTime::now();
    let found = load(&cache, &verified, started).await.inspect_err(|error| {
        if matches!(error, LoadError::Directory(_)) {
            cache.note_failure(started);
        }
    });
    cache.settle(key, found)
}

async fn load(
    cache: &SessionCache,
    verified: &VerifiedWord,
    started: BootTime,
) -> Result<Option<Arc<CachedWord>>, LoadError> {
    let VerifiedWord { word, needs_session, within } = verified;
    let Some(user) = authn::find_holder(&cache.stores, &word.email).await? else { return Ok(None) };
    let stamp = cache.lease.stamp(user.random_bits());
    let loaded = authn::load_absent(&cache.site, &cache.stores, user, &word.email, *needs_session).await?;
    let Ok(Absent { mut standing, session }) = loaded else { return Ok(None) };
    standing.access = standing.access.for_speaker(within.as_deref()).into();
    let left = word.expires_at.since(Timestamp::now()).min(REVALIDATE_INTERVAL);
    standing.counts_until = standing.counts_until.min(started.plus(left));
    let (standing, headers, interned_bytes) = cache.interner.intern(standing, &cache.site.config.verify);
    Ok(Some(Arc::new(CachedCaller::new(WordProof { session }, standing, headers, interned_bytes, stamp))))
}
