//! The stores' time limits are made for `/verify`; whoever waits at a terminal may wait longer.

use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A person waits for a command at least so long.
const PATIENCE: Duration = Duration::from_secs(3);
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// Asks again for a while: a command's first question also has to connect.
pub async fn patiently<T, E>(ask: impl AsyncFn() -> Result<T, E>) -> Result<T, E> {
    let end = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Err(_) if Instant::now() < end => sleep(BETWEEN_TRIES).await,
            answer => return answer,
        }
    }
}
