//! A history of what was sent, answered and acknowledged, and whether each answer fits: no request that was sent 1 s after a
//! change was acknowledged may be answered as before it.

use std::time::{Duration, Instant};

/// A change binds within this time after it was acknowledged.
pub const BOUND: Duration = Duration::from_secs(1);

/// A request that passed, from when it was sent to when its answer was read.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    /// When it was sent.
    pub sent: Instant,
    /// When the answer was read.
    pub answered: Instant,
    /// The number of the replica that answered.
    pub replica: usize,
}

/// Somebody may not pass, from the acknowledgement of one change to the beginning of the next.
#[derive(Clone, Copy, Debug)]
pub struct Out {
    /// When the change was acknowledged.
    pub acknowledged: Instant,
    /// When the next change began.
    pub over: Instant,
}

impl Out {
    /// How long before the request the change was acknowledged, if the answer should have been as after it.
    pub fn forbids(&self, sent: Instant, answered: Instant) -> Option<Duration> {
        (sent > self.acknowledged + BOUND && answered < self.over).then(|| sent - self.acknowledged)
    }
}

/// Nobody whose request was sent 1 s after they were put out is let in before they are back.
///
/// # Panics
/// If somebody was.
pub fn assert_bound(passed: &[Passed], outs: &[Out]) {
    for one in passed {
        let late = outs.iter().find_map(|out| out.forbids(one.sent, one.answered));
        assert!(
            late.is_none(),
            "replica {} let somebody in {late:?} after the change was acknowledged",
            one.replica
        );
    }
}

/// A small generator (xorshift), so that a seed means the same schedule everywhere. The seed is not 0.
#[derive(Clone, Copy, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}
