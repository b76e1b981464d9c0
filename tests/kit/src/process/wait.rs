//! Waits for a condition with a deadline. Tests wait for conditions, never for a fixed time.

use std::time::{Duration, Instant};

const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Calls `look` until it returns a value.
///
/// # Panics
/// If `deadline` has passed. The message contains `what`.
pub async fn until<T>(what: &str, deadline: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + deadline;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < end, "waited {deadline:?} for {what}");
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}
