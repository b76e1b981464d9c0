//! Single flight: of several concurrent fetches of the same document one is made, and all callers get its outcome.

use super::error::OidcError;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A failure is not tried again within this time, or within the longer time that the provider asked to wait: a provider that
/// is down must not be called once for each visitor.
const FAILURE_SHARED_FOR: Duration = Duration::from_secs(1);

/// The last attempt: when it ended, and its outcome. A running attempt holds the lock.
#[derive(Debug, Default)]
pub(super) struct Flight(Mutex<Option<(Instant, Result<(), OidcError>)>>);

impl Flight {
    /// Runs `attempt`. If another attempt has ended since this call began, or has failed a short while ago, gives the outcome
    /// of that one instead.
    pub async fn share(&self, attempt: impl Future<Output = Result<(), OidcError>>) -> Result<(), OidcError> {
        let called_at = Instant::now();
        let mut last = self.0.lock().await;
        if let Some((ended_at, outcome)) = &*last
            && (*ended_at >= called_at
                || outcome.as_ref().is_err_and(|error| ended_at.elapsed() < shared_for(error)))
        {
            return outcome.clone();
        }
        let outcome = attempt.await;
        *last = Some((Instant::now(), outcome.clone()));
        outcome
    }
}

fn shared_for(error: &OidcError) -> Duration {
    FAILURE_SHARED_FOR.max(error.retry_after().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::transport::CallError;
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    async fn attempts_after(retry_after: Option<Duration>) -> usize {
        let (flight, attempts) = (Flight::default(), AtomicUsize::new(0));
        for _ in 0..2 {
            let outcome = flight.share(async {
                attempts.fetch_add(1, Ordering::Relaxed);
                Err(CallError::Status { status: 503, retry_after }.into())
            });
            assert!(outcome.await.is_err());
            // Longer ago than a failure without `Retry-After` is shared.
            if let Some((ended_at, _)) = &mut *flight.0.lock().await {
                *ended_at -= FAILURE_SHARED_FOR;
            }
        }
        attempts.into_inner()
    }

    #[tokio::test]
    async fn a_failure_is_shared_for_as_long_as_the_provider_requests() {
        assert_eq!(attempts_after(None).await, 2);
        assert_eq!(attempts_after(Some(Duration::from_mins(1))).await, 1);
    }
}
