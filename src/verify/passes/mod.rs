//! The pass cache: answers of the stores, kept in the process under a [`lease`].
//!
//! Guarantees: bounded by memory; a pass is there only for a cookie that opened and a session that counted, so that
//! garbage costs neither a look-up nor a place; any number of requests for one cookie make one look-up; what is served
//! misses no change that was acknowledged 1 s before the request was sent.

mod flights;
mod keeper;
mod lease;
mod look_up;
mod pass;
mod shared;
mod sync;

pub use keeper::keep;
pub use look_up::{find, find_new, hold, revalidate};
pub use pass::{Pass, PassKey};

use super::assertion::Made;
use flights::Flights;
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::ids::UserId;
use hyper::header::HeaderValue;
use lease::Lease;
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Weighter};
use shared::Shared;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counters of changes that people share: 128 KiB.
const STRIPES: usize = 1 << 14;
/// For sizing only.
const TYPICAL_WEIGHT: u64 = 520;
/// A directory that failed a look-up is not asked again for so long while an answer in memory may stand in for it. Less
/// than the second within which a change must bind.
const FAILING: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug)]
struct ByMemory;

impl Weighter<PassKey, Arc<Pass>> for ByMemory {
    fn weight(&self, _key: &PassKey, pass: &Arc<Pass>) -> u64 {
        pass.weight()
    }
}

/// All passes of the process.
#[derive(Debug)]
pub struct Passes {
    /// `None`: every request asks the stores.
    cache: Option<Cache<PassKey, Arc<Pass>, ByMemory, DefaultHashBuilder>>,
    lease: Lease,
    shared: Shared,
    flights: Flights,
    failing_until: AtomicU64,
    stale_if_error: Duration,
}

impl Passes {
    /// Holds about `memory` bytes of passes; 0: none. They outlive an unreachable directory by `stale_if_error`.
    pub fn new(memory: u64, stale_if_error: Duration) -> Self {
        let items = usize::try_from(memory / TYPICAL_WEIGHT).unwrap_or(usize::MAX);
        let cache = (memory > 0).then(|| Cache::with_weighter(items, memory, ByMemory));
        Self {
            cache,
            lease: Lease::new(STRIPES),
            shared: Shared::default(),
            flights: Flights::default(),
            failing_until: AtomicU64::new(0),
            stale_if_error,
        }
    }

    /// The pass in memory, if it counts for a request that is being served now.
    pub fn fresh(&self, key: &PassKey) -> Option<Arc<Pass>> {
        self.known(key).filter(|pass| self.lease.counts(pass.stamp, bits(pass), BootTime::now))
    }

    /// The pass in memory, whether it counts or not.
    fn known(&self, key: &PassKey) -> Option<Arc<Pass>> {
        self.cache.as_ref()?.get(key)
    }

    /// The pass, where it may stand in for a directory that cannot be reached; never an admin's.
    fn stand_in(&self, pass: &Pass) -> bool {
        !pass.standing.access.is_admin
            && self.lease.outlives(pass.stamp, bits(pass), self.stale_if_error, BootTime::now)
    }

    fn insert(&self, key: PassKey, pass: Arc<Pass>) {
        if let Some(cache) = &self.cache {
            cache.insert(key, pass);
        }
    }

    /// The assertion of a pass; where there is none, or one that is too old to be sent, `sign` makes it and memory
    /// keeps it. A pass weighs what it weighed when it came in, so one that grows is put there anew.
    pub fn assertion(
        &self,
        key: PassKey,
        pass: &Pass,
        now: Timestamp,
        sign: impl FnOnce() -> Made,
    ) -> HeaderValue {
        if let Some(kept) = pass.assertion.as_ref().filter(|kept| kept.is_fresh(now)) {
            return kept.value();
        }
        let made = sign();
        let value = made.value();
        if let Some(cache) = &self.cache {
            // Only in the place of one that is there: what was removed meanwhile stays so.
            let _ = cache.replace(key, Arc::new(pass.with_assertion(made, now)), true);
        }
        value
    }

    /// The next request asks the stores.
    pub fn remove(&self, key: &PassKey) {
        if let Some(cache) = &self.cache {
            cache.remove(key);
        }
    }

    /// Somebody's access changed: the next request asks the stores.
    pub fn forget_user(&self, user: UserId) {
        self.lease.forget(bits_of(user));
    }

    /// A look-up that began at `started` found no directory.
    fn note_failure(&self, started: BootTime) {
        self.failing_until.fetch_max(started.plus(FAILING).nanos(), Ordering::Relaxed);
    }

    fn is_failing(&self, now: BootTime) -> bool {
        now.nanos() < self.failing_until.load(Ordering::Relaxed) && !self.lease.holds(now)
    }

    /// How many passes are in memory, and their estimated bytes.
    pub fn size(&self) -> (usize, u64) {
        self.cache.as_ref().map_or((0, 0), |cache| (cache.len(), cache.weight()))
    }
}

fn bits(pass: &Pass) -> u64 {
    bits_of(pass.standing.person.id)
}

const fn bits_of(user: UserId) -> u64 {
    user.random_bits()
}
