//! The two stores, with the metrics of what is done there.

use gatepost_core::ids::ProviderId;
use gatepost_store::directory::Directory;
use gatepost_store::session::Sessions;
use gatepost_telemetry::{Metrics, ProviderMetrics, Store, StoreOperation, StoreOutcome};
use std::sync::Arc;
use tokio::time::Instant;

/// The two stores.
#[derive(Debug)]
pub struct Stores {
    /// Session records: who signed in.
    pub sessions: Sessions,
    /// People, groups, tenants, admins, ended sessions: who may.
    pub directory: Directory,
    /// The metrics of this process.
    pub metrics: Arc<Metrics>,
}

impl Stores {
    /// Runs one operation of a store; counts and times it.
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

    /// Counts something in the metrics of a provider, if it is still configured.
    pub fn count(&self, provider: &ProviderId, count: impl FnOnce(&ProviderMetrics)) {
        if let Some(metrics) = self.metrics.provider(provider) {
            count(metrics);
        }
    }
}
