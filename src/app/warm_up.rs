//! What a replica does after its start before requests come to it: it connects to its stores, and reads what it holds in memory.
//!
//! A proxy with several replicas asks a ready one at once, with its share of all requests. None of them is in memory there, so
//! each makes a look-up with a limit in which no connection can be made as well.

use super::State;
use gatepost_config::StoresConfig;
use gatepost_core::clock::BootTime;
use gatepost_runtime::readiness::Readiness;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Then requests come anyway: a store that is away is away for all replicas, and clients get Gatepost's own 503.
const LIMIT: Duration = Duration::from_secs(5);
/// Between two attempts, and between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Has requests come once this replica can answer as one that has served for long. A file has one process and no connections:
/// nobody else could answer meanwhile.
pub(super) async fn admit_requests(state: Arc<State>) {
    if matches!(state.site.config.stores, StoresConfig::Embedded { .. }) {
        return state.readiness.connected();
    }
    until(async || state.readiness.is_prepared()).await;
    admit_after(&state.readiness, connect(&state)).await;
}

async fn admit_after(readiness: &Readiness, connecting: impl Future<Output = ()>) {
    if timeout(LIMIT, connecting).await.is_err() {
        tracing::warn!(
            "a store or a provider does not answer: requests come before this replica is connected"
        );
    }
    readiness.connected();
}

async fn connect(state: &State) {
    let (directory, sessions) = (&state.stores.directory, &state.stores.sessions);
    tokio::join!(
        until(async || directory.warm_up(LIMIT).await.is_ok()),
        until(async || sessions.ping().await.is_ok()),
        // Until then nothing that is cached counts, and each request makes a look-up.
        until(async || state.lease.holds(BootTime::now())),
    );
    let (gate, providers) = (&state.gate, &state.sign_in.providers);
    tokio::join!(
        until(async || gate.hosts.read_ahead().await.is_ok()),
        until(async || gate.tool_servers.current().await.is_ok()),
        until(async || gate.quotas.read_limits().await.is_ok()),
        until(async || providers.read_ahead().await.is_ok()),
        // A sign-in fetches a provider's documents, and an access token does not.
        until(async || {
            !state.site.accepts_access_tokens
                || state.site.providers.iter().all(|provider| provider.is_known())
        }),
    );
}

async fn until(is_done: impl AsyncFn() -> bool) {
    while !is_done().await {
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use tokio::time::Instant;

    fn prepared() -> Readiness {
        let readiness = Readiness::default();
        readiness.set(None);
        readiness
    }

    #[tokio::test(start_paused = true)]
    async fn requests_come_to_a_replica_that_is_connected_and_not_before() {
        let readiness = prepared();
        assert_eq!(readiness.reason_not_ready().as_deref(), Some("connecting to the stores"));
        let begun = Instant::now();
        admit_after(&readiness, ready(())).await;
        assert_eq!((readiness.reason_not_ready(), begun.elapsed()), (None, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_does_not_answer_keeps_requests_away_for_the_limit_alone() {
        let readiness = prepared();
        let begun = Instant::now();
        admit_after(&readiness, pending()).await;
        assert_eq!((readiness.reason_not_ready(), begun.elapsed()), (None, LIMIT));
    }

    #[tokio::test(start_paused = true)]
    async fn another_reason_counts_also_for_a_replica_that_is_connected() {
        let readiness = Readiness::default();
        admit_after(&readiness, ready(())).await;
        assert!(readiness.reason_not_ready().is_some(), "the schema is not checked yet");
        readiness.set(None);
        assert_eq!(readiness.reason_not_ready(), None);
    }
}
