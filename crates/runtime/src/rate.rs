//! How many requests each holder may send (GCRA). A replica counts for itself.
//!
//! A request is counted before any work is done for it. The memory is bounded: a holder who is forgotten early gets a new
//! burst.

use gatepost_core::clock::BootTime;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Holders that are remembered.
const MOST_HOLDERS: usize = 16_384;

/// How many requests a holder has.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    /// The time after which a holder gets one request more.
    pub interval: Duration,
    /// Requests at once after a pause.
    pub burst: u32,
}

impl Quota {
    /// One request each `interval`, and `burst` at once.
    pub const fn new(interval: Duration, burst: u32) -> Self {
        Self { interval, burst }
    }

    /// So many requests a minute, all of which may come at once.
    pub const fn per_minute(requests: u32) -> Self {
        let requests = if requests == 0 { 1 } else { requests };
        Self::new(Duration::from_nanos(60_000_000_000 / requests as u64), requests)
    }

    /// The time in which a holder who sends nothing gets all requests back.
    pub const fn window(self) -> Duration {
        self.interval.saturating_mul(self.burst)
    }
}

/// When each holder will have all requests again.
#[derive(Debug)]
pub struct Rate<K>(Mutex<HashMap<K, BootTime>>);

impl<K> Default for Rate<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// What a holder has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Requests that may be sent at once.
    pub requests: u32,
    /// Until the holder has all requests again.
    pub full_in: Duration,
    /// `None`: the request may pass.
    pub wait: Option<Duration>,
}

impl<K: Copy + Eq + Hash> Rate<K> {
    /// Counts a request.
    pub fn count(&self, holder: K, quota: Quota, now: BootTime) -> Left {
        let mut holders = self.lock();
        if holders.len() >= MOST_HOLDERS && !holders.contains_key(&holder) {
            holders.retain(|_, full_at| *full_at > now);
            if holders.len() >= MOST_HOLDERS {
                let soonest = holders.iter().min_by_key(|(_, full_at)| **full_at).map(|(id, _)| *id);
                soonest.map(|id| holders.remove(&id));
            }
        }
        let full_at = holders.get(&holder).copied().filter(|full_at| *full_at > now).unwrap_or(now);
        let next = full_at.plus(quota.interval);
        let (used, window) = (nanos_between(now, next), quota.window());
        if used > window {
            return Left {
                requests: 0,
                full_in: nanos_between(now, full_at),
                wait: Some(used.saturating_sub(window)),
            };
        }
        holders.insert(holder, next);
        let requests = window.saturating_sub(used).as_nanos() / quota.interval.as_nanos().max(1);
        Left { requests: u32::try_from(requests).unwrap_or(quota.burst), full_in: used, wait: None }
    }

    /// Whether requests of this holder were counted and are not forgotten. Their number may be back to the full one.
    pub fn remembers(&self, holder: &K) -> bool {
        self.lock().contains_key(holder)
    }

    /// Forgets a holder, who has all requests again.
    pub fn forget(&self, holder: &K) {
        self.lock().remove(holder);
    }

    /// Gives a request back that was counted.
    pub fn give_back(&self, holder: K, quota: Quota) {
        if let Some(full_at) = self.lock().get_mut(&holder) {
            *full_at = BootTime::from_nanos(full_at.nanos().saturating_sub(nanos(quota.interval)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, BootTime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn nanos_between(earlier: BootTime, later: BootTime) -> Duration {
    Duration::from_nanos(later.nanos().saturating_sub(earlier.nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_core::ids::UserId;

    const START: BootTime = BootTime::from_nanos(1_000_000_000_000);
    const QUOTA: Quota = Quota::new(Duration::from_millis(50), 60);

    #[test]
    fn a_holder_has_a_burst_and_then_one_request_per_interval() {
        let (rate, holder) = (Rate::default(), UserId::generate());
        for left in (0..QUOTA.burst).rev() {
            assert_eq!(
                (
                    rate.count(holder, QUOTA, START).requests,
                    rate.count(UserId::generate(), QUOTA, START).wait
                ),
                (left, None)
            );
        }
        let refused = rate.count(holder, QUOTA, START);
        assert_eq!((refused.requests, refused.wait), (0, Some(QUOTA.interval)));
        let later = START.plus(QUOTA.interval);
        assert_eq!(rate.count(holder, QUOTA, later).wait, None);
        assert_eq!(
            rate.count(holder, QUOTA, later).wait,
            Some(QUOTA.interval),
            "a refused request took nothing"
        );
        rate.give_back(holder, QUOTA);
        assert_eq!(rate.count(holder, QUOTA, later).wait, None, "what was given back counts again");
        assert_eq!(rate.count(holder, QUOTA, later.plus(QUOTA.window())).requests, QUOTA.burst - 1);
        assert!(rate.remembers(&holder));
        rate.forget(&holder);
        assert!(!rate.remembers(&holder));
    }

    #[test]
    fn a_quota_per_minute_may_come_at_once() {
        let (rate, quota) = (Rate::default(), Quota::per_minute(120));
        assert_eq!((quota.interval, quota.window()), (Duration::from_millis(500), Duration::from_mins(1)));
        let passed = (0..200).filter(|_| rate.count(1, quota, START).wait.is_none()).count();
        assert_eq!(passed, 120);
        let later = START.plus(Duration::from_secs(30));
        assert_eq!((0..200).filter(|_| rate.count(1, quota, later).wait.is_none()).count(), 60);
    }

    #[test]
    fn more_holders_than_are_remembered_take_no_more_memory() {
        let rate = Rate::default();
        for _ in 0..MOST_HOLDERS + 10 {
            assert_eq!(rate.count(UserId::generate(), QUOTA, START).wait, None);
        }
        assert_eq!(rate.lock().len(), MOST_HOLDERS);
        rate.count(UserId::generate(), QUOTA, START.plus(QUOTA.window()));
        assert_eq!(rate.lock().len(), 1, "those who have all requests again need no place");
    }
}
