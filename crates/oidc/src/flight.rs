//! Single flight: of many who want the same thing fetched, one fetches and all hear how it went.

use super::error::OidcError;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A failure is not tried again within this time: a provider that is down must not be called once per visitor.
const FAILURE_SHARED_FOR: Duration = Duration::from_secs(1);

/// The last attempt, under the lock that the next one holds.
#[derive(Debug, Default)]
pub(super) struct Flight(Mutex<Option<(Instant, Result<(), OidcError>)>>);

impl Flight {
    /// Runs `attempt`, unless one that ended after this call began, or just failed, answers for it.
    pub async fn share(&self, attempt: impl Future<Output = Result<(), OidcError>>) -> Result<(), OidcError> {
        let asked_at = Instant::now();
        let mut last = self.0.lock().await;
        if let Some((ended_at, outcome)) = &*last
            && (*ended_at >= asked_at || (outcome.is_err() && ended_at.elapsed() < FAILURE_SHARED_FOR))
        {
            return outcome.clone();
        }
        let outcome = attempt.await;
        *last = Some((Instant::now(), outcome.clone()));
        outcome
    }
}
