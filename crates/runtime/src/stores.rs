//! The session store and the directory, with the metrics of the calls to them.

use gatepost_core::ids::ProviderId;
use gatepost_store::directory::Directory;
use gatepost_store::session::Sessions;
use gatepost_telemetry::{Metrics, ProviderMetrics, Store, StoreOperation, StoreOutcome};
use std::sync::Arc;
use tokio::time::Instant;

/// The session store and the directory.
#[derive(Debug)]
pub struct Stores {
    /// Session records: who has signed in.
    pub sessions: Sessions,
    /// People, groups, tenants, admins and ended sessions: who has access.
    pub directory: Directory,
    /// The metrics of this process.
    pub metrics: Arc<Metrics>,
}

impl Stores {
    /// Awaits one operation of a store, and records its outcome and duration in the metrics.
    pub async fn query<T, E>(
        &self,
        store: Store,
        operation: StoreOperation,
        query: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let started = Instant::now();
        let result = query.await;
        let outcome = if result.is_ok() { StoreOutcome::Ok } else { StoreOutcome::Failed };
        self.metrics.store_called(store, operation, outcome, started.elapsed());
        result
    }

    /// Updates the metrics of a provider. Does nothing if the provider is no longer configured.
    pub fn count(&self, provider: &ProviderId, update: impl FnOnce(&ProviderMetrics)) {
        if let Some(metrics) = self.metrics.provider(provider) {
            update(metrics);
        }
    }
}
