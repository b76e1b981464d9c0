//! Waiting for a condition with a deadline. Tests wait for what they need to see, never for a time to pass.

use std::time::{Duration, Instant};

const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Looks again and again until `look` sees something.
///
/// # Panics
/// When `deadline` has passed; the message names `what` was waited for.
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
