//! How many requests each caller has: 20 a second, and 60 at once after a pause. A replica counts for itself.
//!
//! A request is counted before any work is done for it. The caller is whom the sealed cookie names, so strangers cannot
//! fill the memory, and what they send costs no look-up.

use gatepost_core::clock::BootTime;
use gatepost_core::ids::UserId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One request more each.
const INTERVAL: Duration = Duration::from_millis(50);
/// Requests at once after a pause.
const BURST: u32 = 60;
/// The time in which a caller who sends nothing gets all of them back.
const WINDOW: Duration = Duration::from_secs(3);
/// Callers that are remembered. A caller who is forgotten early gets a new burst.
const MOST_CALLERS: usize = 16_384;

/// When each caller will have all requests again (GCRA).
#[derive(Debug, Default)]
pub struct Rate(Mutex<HashMap<UserId, BootTime>>);

/// What a caller has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) requests: u32,
    /// Until the caller has all requests again.
    pub(super) full_in: Duration,
    /// `None`: the request may pass.
    pub(super) wait: Option<Duration>,
}

impl Rate {
    /// Counts a request.
    pub(super) fn count(&self, caller: UserId, now: BootTime) -> Left {
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= MOST_CALLERS && !callers.contains_key(&caller) {
            callers.retain(|_, full_at| *full_at > now);
            if callers.len() >= MOST_CALLERS {
                let soonest = callers.iter().min_by_key(|(_, full_at)| **full_at).map(|(id, _)| *id);
                soonest.map(|id| callers.remove(&id));
            }
        }
        let full_at = callers.get(&caller).copied().filter(|full_at| *full_at > now).unwrap_or(now);
        let next = full_at.plus(INTERVAL);
        let used = nanos_between(now, next);
        if used > WINDOW {
            return Left {
                requests: 0,
                full_in: nanos_between(now, full_at),
                wait: Some(used.saturating_sub(WINDOW)),
            };
        }
        callers.insert(caller, next);
        let requests = WINDOW.saturating_sub(used).as_nanos() / INTERVAL.as_nanos();
        Left { requests: u32::try_from(requests).unwrap_or(BURST), full_in: used, wait: None }
    }
}

fn nanos_between(earlier: BootTime, later: BootTime) -> Duration {
    Duration::from_nanos(later.nanos().saturating_sub(earlier.nanos()))
}

impl Left {
    /// `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11 section 3).
    pub(super) fn policy() -> String {
        format!("\"api\";q={BURST};w={}", WINDOW.as_secs())
    }

    /// `RateLimit` (section 4).
    pub(super) fn limit(self) -> String {
        format!("\"api\";r={};t={}", self.requests, seconds(self.full_in))
    }

    /// `Retry-After`.
    pub(super) fn retry_after(wait: Duration) -> String {
        seconds(wait).max(1).to_string()
    }
}

/// Whole seconds, rounded up.
const fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + if duration.subsec_nanos() > 0 { 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: BootTime = BootTime::from_nanos(1_000_000_000_000);

    #[test]
    fn a_caller_has_a_burst_and_then_one_request_per_interval() {
        let (rate, caller) = (Rate::default(), UserId::generate());
        for left in (0..BURST).rev() {
            assert_eq!(
                (rate.count(caller, START).requests, rate.count(UserId::generate(), START).wait),
                (left, None)
            );
        }
        let refused = rate.count(caller, START);
        assert_eq!(
            (refused.requests, refused.wait, refused.limit().as_str()),
            (0, Some(INTERVAL), "\"api\";r=0;t=3")
        );
        let later = START.plus(INTERVAL);
        assert_eq!(rate.count(caller, later).wait, None);
        assert_eq!(rate.count(caller, later).wait, Some(INTERVAL), "a refused request took nothing");
        assert_eq!(rate.count(caller, later.plus(WINDOW)).requests, BURST - 1);
    }

    #[test]
    fn more_callers_than_are_remembered_take_no_more_memory() {
        let rate = Rate::default();
        for _ in 0..MOST_CALLERS + 10 {
            assert_eq!(rate.count(UserId::generate(), START).wait, None);
        }
        assert_eq!(rate.0.lock().expect("no panic").len(), MOST_CALLERS);
        rate.count(UserId::generate(), START.plus(WINDOW));
        assert_eq!(
            rate.0.lock().expect("no panic").len(),
            1,
            "those who have all requests again need no place"
        );
    }
}
