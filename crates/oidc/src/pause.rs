//! A pause that the token endpoint asked for by `Retry-After` when it answered a refresh.
//!
//! Refreshes wait for its end: many sessions are due at once, and each of them lives on meanwhile. Sign-ins do not wait,
//! because a person is there who can decide to try again. An answer to a sign-in starts no pause: anybody can send codes
//! that mean nothing, and must not keep the sessions of others from being refreshed. After a pause none begins for as long
//! as it lasted: at a provider that limits by person, one person's sessions must not do that either.

use super::transport::CallError;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Pause(Mutex<Option<Until>>);

#[derive(Clone, Copy, Debug)]
struct Until {
    /// The status of the answer that asked for the pause.
    status: u16,
    end: Instant,
    /// No other pause begins before.
    next: Instant,
}

impl Pause {
    /// Begins the pause that `error` asks for, if it asks for one and one may begin.
    pub fn note(&self, error: &CallError, now: Instant) {
        let CallError::Status { status, retry_after: Some(wait) } = error else { return };
        let mut current = self.current();
        if current.is_none_or(|until| until.next <= now) {
            let end = now + *wait;
            *current = Some(Until { status: *status, end, next: end + *wait });
        }
    }

    /// While the pause lasts, gives the error that asked for it, with the time that is left.
    pub fn check(&self, now: Instant) -> Result<(), CallError> {
        match *self.current() {
            Some(Until { status, end, .. }) if end > now => {
                Err(CallError::Status { status, retry_after: Some(end - now) })
            }
            _ => Ok(()),
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Until>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_pause_lasts_as_long_as_requested() {
        let (pause, start) = (Pause::default(), Instant::now());
        let later = |seconds| start + Duration::from_secs(seconds);
        assert!(pause.check(start).is_ok());
        pause.note(&CallError::Timeout, start);
        pause.note(&CallError::Status { status: 500, retry_after: None }, start);
        assert!(pause.check(start).is_ok());
        pause.note(&CallError::Status { status: 429, retry_after: Some(Duration::from_secs(30)) }, start);
        let error = pause.check(later(10)).expect_err("a pause");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(20)));
        assert_eq!(error.to_string(), "the answer has status 429, the provider asks to wait 20 s");
        assert!(pause.check(later(30)).is_ok());
    }

    #[test]
    fn one_person_who_is_throttled_again_and_again_leaves_others_half_of_the_time() {
        let (pause, start) = (Pause::default(), Instant::now());
        let throttled = CallError::Status { status: 429, retry_after: Some(Duration::from_secs(1)) };
        let mut free = 0;
        for tenth in 0..100 {
            let now = start + Duration::from_millis(100) * tenth;
            if pause.check(now).is_ok() {
                free += 1;
                pause.note(&throttled, now);
            }
        }
        assert!((40..=60).contains(&free), "{free} of 100");
    }
}
