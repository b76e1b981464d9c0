//! A token bucket: allows a burst, then one more per interval.

use std::time::{Duration, Instant};

/// Allows `burst` at once and one more per `interval`.
#[derive(Debug)]
pub struct Bucket {
    burst: u32,
    interval: Duration,
    left: u32,
    refilled_at: Instant,
}

impl Bucket {
    /// Creates a full bucket.
    pub const fn new(burst: u32, interval: Duration, now: Instant) -> Self {
        Self { burst, interval, left: burst, refilled_at: now }
    }

    /// Takes one, if one is left.
    pub fn take(&mut self, now: Instant) -> bool {
        self.refill(now);
        let taken = self.left > 0;
        self.left -= u32::from(taken);
        taken
    }

    /// When the next [`Self::take`] will succeed. May be now.
    pub fn next_at(&mut self, now: Instant) -> Instant {
        self.refill(now);
        if self.left > 0 { now } else { self.refilled_at + self.interval }
    }

    /// Whether the bucket is full again, so that it can be dropped.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.left == self.burst
    }

    /// Puts back one that was taken for a call that failed.
    pub fn put_back(&mut self) {
        self.left = self.burst.min(self.left + 1);
    }

    fn refill(&mut self, now: Instant) {
        while self.left < self.burst && now.saturating_duration_since(self.refilled_at) >= self.interval {
            self.left += 1;
            self.refilled_at += self.interval;
        }
        if self.left == self.burst {
            self.refilled_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_at_once_then_one_per_five_minutes() {
        let interval = Duration::from_mins(5);
        let start = Instant::now();
        let mut bucket = Bucket::new(3, interval, start);
        let later = start + 10 * interval;
        assert_eq!([0; 5].map(|_| bucket.take(later)), [true, true, true, false, false]);
        assert!(!bucket.take(later + Duration::from_secs(299)));
        assert!(bucket.take(later + interval));
        assert!(!bucket.take(later + interval));
        assert_eq!([0; 3].map(|_| bucket.take(later + 3 * interval)), [true, true, false]);
    }
}
