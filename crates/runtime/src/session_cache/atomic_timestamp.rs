//! A time of day that many threads read and few write.

use gatepost_core::clock::Timestamp;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A timestamp that concurrent requests update. Takes four bytes: seconds since the epoch, until 2106.
#[derive(Debug)]
pub(super) struct AtomicTimestamp(AtomicU32);

impl AtomicTimestamp {
    pub(super) fn new(at: Timestamp) -> Self {
        Self(AtomicU32::new(seconds(at)))
    }

    pub(super) fn get(&self) -> Timestamp {
        Timestamp::from_unix(self.0.load(Ordering::Relaxed).into())
    }

    /// Sets it to a later time. Most requests come in the same second as another and write nothing.
    pub(super) fn advance(&self, to: Timestamp) {
        if self.get() < to {
            self.0.fetch_max(seconds(to), Ordering::Relaxed);
        }
    }

    /// Sets it to `now` if `interval` has passed. Returns `true` to the one caller that set it.
    pub(super) fn take_turn(&self, now: Timestamp, interval: Duration) -> bool {
        let taken = self.0.load(Ordering::Relaxed);
        now.since(Timestamp::from_unix(taken.into())) >= interval
            && self.0.compare_exchange(taken, seconds(now), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.unix().max(0)).unwrap_or(u32::MAX)
}
