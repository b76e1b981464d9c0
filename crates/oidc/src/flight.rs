//! Single flight: of several concurrent fetches of the same document one is made, and all callers get its outcome.

use super::error::OidcError;
use super::transport::CallError;
use gatepost_core::ids::ProviderId;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, Semaphore};

/// How patient callers are with a provider.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// A failure is not tried again within this time, or within the longer time that the provider asked to wait: a provider
    /// that is down must not be called once for each visitor.
    failure_shared_for: Duration,
    /// How many callers wait for one attempt. More fail at once.
    most_waiting: usize,
}

/// With a provider of the configuration.
const CONFIGURED: Patience =
    Patience { failure_shared_for: Duration::from_secs(1), most_waiting: Semaphore::MAX_PERMITS };
/// With a provider that a tenant brings: whoever runs it can let each attempt take its five seconds, and visitors who wait hold
/// connections that everybody needs.
const OF_TENANT: Patience = Patience { failure_shared_for: Duration::from_secs(10), most_waiting: 32 };

impl Patience {
    pub(super) fn with(provider: &ProviderId) -> Self {
        if provider.tenant().is_some() { OF_TENANT } else { CONFIGURED }
    }
}

/// The attempts to fetch one document.
#[derive(Debug)]
pub(super) struct Flight {
    /// When the last attempt ended, and its outcome. A running attempt holds the lock.
    last: Mutex<Option<(Instant, Result<(), OidcError>)>>,
    waiting: Semaphore,
    failure_shared_for: Duration,
}

impl Default for Flight {
    fn default() -> Self {
        Self::new(CONFIGURED)
    }
}

impl Flight {
    pub fn new(Patience { failure_shared_for, most_waiting }: Patience) -> Self {
        Self { last: Mutex::default(), waiting: Semaphore::new(most_waiting), failure_shared_for }
    }

    /// Runs `attempt`. If another attempt has ended since this call began, or has failed a short while ago, gives the outcome
    /// of that one instead.
    pub async fn share(&self, attempt: impl Future<Output = Result<(), OidcError>>) -> Result<(), OidcError> {
        let called_at = Instant::now();
        let too_many = OidcError::Unavailable(CallError::Unexpected("too many visitors wait for it"));
        let _waiting = self.waiting.try_acquire().map_err(|_| too_many)?;
        let mut last = self.last.lock().await;
        if let Some((ended_at, outcome)) = &*last
            && (*ended_at >= called_at
                || outcome.as_ref().is_err_and(|error| ended_at.elapsed() < self.shared_for(error)))
        {
            return outcome.clone();
        }
        let outcome = attempt.await;
        *last = Some((Instant::now(), outcome.clone()));
        outcome
    }

    fn shared_for(&self, error: &OidcError) -> Duration {
        self.failure_shared_for.max(error.retry_after().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Notify;

    async fn attempts_after(patience: Patience, retry_after: Option<Duration>) -> usize {
        let (flight, attempts) = (Flight::new(patience), AtomicUsize::new(0));
        for _ in 0..2 {
            let outcome = flight.share(async {
                attempts.fetch_add(1, Ordering::Relaxed);
                Err(CallError::Status { status: 503, retry_after }.into())
            });
            assert!(outcome.await.is_err());
            // Longer ago than a failure without `Retry-After` is shared.
            if let Some((ended_at, _)) = &mut *flight.last.lock().await {
                *ended_at -= CONFIGURED.failure_shared_for;
            }
        }
        attempts.into_inner()
    }

    #[tokio::test]
    async fn a_failure_is_shared_for_as_long_as_the_provider_requests() {
        assert_eq!(attempts_after(CONFIGURED, None).await, 2);
        assert_eq!(attempts_after(CONFIGURED, Some(Duration::from_mins(1))).await, 1);
        assert_eq!(attempts_after(OF_TENANT, None).await, 1);
    }

    #[tokio::test]
    async fn few_visitors_wait_for_a_provider_of_a_tenant_that_hangs() {
        let hangs = Notify::new();
        let flight = Flight::new(Patience { most_waiting: 2, ..OF_TENANT });
        let attempt = || {
            flight.share(async {
                hangs.notified().await;
                Ok(())
            })
        };
        let third = async {
            let refused = flight.share(async { Ok(()) }).await;
            hangs.notify_one();
            hangs.notify_one();
            refused
        };
        let (first, second, third) = tokio::join!(attempt(), attempt(), third);
        assert!(first.is_ok() && second.is_ok());
        assert!(third.is_err(), "it does not wait");
        assert!(flight.share(async { Ok(()) }).await.is_ok(), "and later ones are served again");
    }
}
