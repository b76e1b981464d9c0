//! Quotas of tenants that all replicas share.

use super::QUOTA_MARK;
use super::sessions::Sessions;
use super::store::StoreError;
pub use super::store::{Draw, Drawn, Tally};
use gatepost_core::clock::Day;
use gatepost_core::ids::TenantId;
use gatepost_core::secret;
use std::time::Duration;

/// The lifetime of the mark. Drawing renews it.
const MARK_TTL: Duration = Duration::from_hours(30 * 24);

impl Sessions {
    /// Draws units of a tenant's requests of one day.
    ///
    /// # Errors
    /// [`StoreError`]: whether anything was drawn is not known. Repeated with the same id, nothing is drawn twice.
    pub async fn draw(&self, tenant: &TenantId, day: Day, draw: &Draw) -> Result<Drawn, StoreError> {
        // The braces make a cluster of Redis keep everything of one tenant on one node.
        let key = format!("{{t:{}}}:day:{}", tenant.as_str(), day.compact());
        self.store.draw(key.as_bytes(), draw).await
    }

    /// What is another value after the store has lost its data.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn quota_mark(&self) -> Result<Vec<u8>, StoreError> {
        if let Some(mark) = self.store.find(QUOTA_MARK).await? {
            return Ok(mark);
        }
        let mut mark = [0; 16];
        secret::fill_random(&mut mark);
        Ok(self.store.create(QUOTA_MARK, &mark, MARK_TTL).await?.unwrap_or_else(|| mark.to_vec()))
    }
}
