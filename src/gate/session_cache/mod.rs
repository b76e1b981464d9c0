//! The session cache: answers of the stores, kept in the process, and counted under a [`Lease`].
//!
//! Guarantees: bounded by memory; a session is in it only for a cookie that opened and a session that counted, so that
//! garbage costs neither a look-up nor a place; any number of requests for one cookie make one look-up; what is served
//! misses no change that was acknowledged 1 s before the request was sent.

mod cached_session;
mod look_up;
mod shared;
mod single_flight;

pub use cached_session::{CacheKey, CachedSession};

use super::assertion::Made;
use crate::invalidation::lease::Lease;
use crate::site::Site;
use crate::stores::Stores;
use crate::tasks::Tasks;
use gatepost_core::clock::{BootTime, Timestamp};
use hyper::header::HeaderValue;
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Weighter};
use shared::Shared;
use single_flight::SingleFlight;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Estimated bytes of one cached session; for sizing only.
const TYPICAL_WEIGHT: u64 = 520;
/// A directory that failed a look-up is not queried again for so long while a cached answer may stand in for it. Less
/// than the second within which a change must bind.
const FAILING: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug)]
struct ByMemory;

impl Weighter<CacheKey, Arc<CachedSession>> for ByMemory {
    fn weight(&self, _key: &CacheKey, session: &Arc<CachedSession>) -> u64 {
        session.weight()
    }
}

/// All sessions that are cached in the process.
#[derive(Debug)]
pub struct SessionCache {
    site: Arc<Site>,
    stores: Arc<Stores>,
    tasks: Arc<Tasks>,
    lease: Arc<Lease>,
    /// `None`: every request queries the stores.
    cache: Option<Cache<CacheKey, Arc<CachedSession>, ByMemory, DefaultHashBuilder>>,
    shared: Shared,
    look_ups: SingleFlight,
    failing_until: AtomicU64,
}

impl SessionCache {
    /// An empty cache of `GATEPOST_VERIFY__CACHE_MEMORY` bytes; 0: none.
    pub fn new(site: Arc<Site>, stores: Arc<Stores>, lease: Arc<Lease>, tasks: Arc<Tasks>) -> Self {
        let memory = site.config.verify.cache_memory;
        let items = usize::try_from(memory / TYPICAL_WEIGHT).unwrap_or(usize::MAX);
        let cache = (memory > 0).then(|| Cache::with_weighter(items, memory, ByMemory));
        Self {
            site,
            stores,
            tasks,
            lease,
            cache,
            shared: Shared::default(),
            look_ups: SingleFlight::default(),
            failing_until: AtomicU64::new(0),
        }
    }

    /// The cached session, if it counts for a request that is being served now.
    pub fn fresh(&self, key: &CacheKey) -> Option<Arc<CachedSession>> {
        self.known(key).filter(|session| self.lease.counts(session.stamp, bits(session), BootTime::now))
    }

    /// The cached session, whether it counts or not.
    fn known(&self, key: &CacheKey) -> Option<Arc<CachedSession>> {
        self.cache.as_ref()?.get(key)
    }

    /// Whether the cached session may stand in for a directory that cannot be reached; never an admin's.
    fn stands_in(&self, session: &CachedSession) -> bool {
        let stale = self.site.config.verify.stale_if_error;
        !session.standing.access.is_admin
            && self.lease.outlives(session.stamp, bits(session), stale, BootTime::now)
    }

    /// The assertion of a cached session; where there is none, or one that is too old to be sent, `sign` makes it and the
    /// cache keeps it. An entry weighs what it weighed when it came in, so one that grows is inserted anew.
    pub fn assertion(
        &self,
        key: CacheKey,
        session: &CachedSession,
        now: Timestamp,
        sign: impl FnOnce() -> Made,
    ) -> HeaderValue {
        if let Some(kept) = session.assertion.as_ref().filter(|kept| kept.is_fresh(now)) {
            return kept.value();
        }
        let made = sign();
        let value = made.value();
        if let Some(cache) = &self.cache {
            // Only in the place of one that is there: what was removed meanwhile stays so.
            let _ = cache.replace(key, Arc::new(session.with_assertion(made, now)), true);
        }
        value
    }

    fn insert(&self, key: CacheKey, session: Arc<CachedSession>) {
        if let Some(cache) = &self.cache {
            cache.insert(key, session);
        }
    }

    /// The next request with this cookie queries the stores.
    pub fn remove(&self, key: &CacheKey) {
        if let Some(cache) = &self.cache {
            cache.remove(key);
        }
    }

    /// A look-up that began at `started` got no answer from the directory.
    fn note_failure(&self, started: BootTime) {
        self.failing_until.fetch_max(started.plus(FAILING).nanos(), Ordering::Relaxed);
    }

    fn is_failing(&self, now: BootTime) -> bool {
        now.nanos() < self.failing_until.load(Ordering::Relaxed) && !self.lease.holds(now)
    }

    /// How many sessions are cached, and their estimated bytes.
    pub fn size(&self) -> (usize, u64) {
        self.cache.as_ref().map_or((0, 0), |cache| (cache.len(), cache.weight()))
    }
}

fn bits(session: &CachedSession) -> u64 {
    session.standing.person.id.random_bits()
}
