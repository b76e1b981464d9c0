//! Retries for the command line and for long answers. The stores' time limits suit `/verify`; a person at a terminal can
//! wait longer.

use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a read is tried.
const RETRY_TIME: Duration = Duration::from_secs(3);
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Retries `attempt` until it succeeds or three seconds have passed. The first query of a command also has to connect.
pub async fn retry<T, E>(attempt: impl AsyncFn() -> Result<T, E>) -> Result<T, E> {
    let end = Instant::now() + RETRY_TIME;
    loop {
        match attempt().await {
            Err(_) if Instant::now() < end => sleep(RETRY_INTERVAL).await,
            answer => return answer,
        }
    }
}
