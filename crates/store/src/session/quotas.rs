//! Quotas of tenants that all replicas share.

use super::sessions::Sessions;
pub use super::store::{Draw, Drawn, Tally};
use super::store::{StoreError, read_counter};
use gatepost_core::clock::Day;
use gatepost_core::ids::TenantId;
use gatepost_core::secret;
use std::borrow::Cow;
use std::time::Duration;

/// The lifetime of a mark. Drawing renews it.
const MARK_TTL: Duration = Duration::from_hours(30 * 24);

/// The key of a mark: of one for all tenants, or on a Cluster of one for each.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MarkKey(Cow<'static, [u8]>);

impl Sessions {
    /// Draws units of a tenant's requests of one day.
    ///
    /// # Errors
    /// [`StoreError`]: whether anything was drawn is not known. Repeated with the same id, nothing is drawn twice.
    pub async fn draw(&self, tenant: &TenantId, day: Day, draw: &Draw) -> Result<Drawn, StoreError> {
        self.store.draw(&counter(tenant, day), draw).await
    }

    /// How many units of one day each of these tenants has used, or a replica holds for it; in the same order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_used(&self, tenants: &[&TenantId], day: Day) -> Result<Vec<u64>, StoreError> {
        let keys: Vec<Vec<u8>> = tenants.iter().map(|tenant| counter(tenant, day)).collect();
        let counters = self.store.find_many(&keys).await?;
        Ok(counters
            .iter()
            .map(|counter| counter.as_deref().map_or(0, |text| read_counter(text).used()))
            .collect())
    }

    /// Which mark shows that the counters of a tenant were lost.
    pub fn quota_mark_key(&self, tenant: &TenantId) -> MarkKey {
        MarkKey(self.store.mark_of(tag(tenant).as_bytes()))
    }

    /// A value that is another one after the store has lost its data.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn quota_mark(&self, MarkKey(key): &MarkKey) -> Result<Vec<u8>, StoreError> {
        if let Some(mark) = self.store.find(key).await? {
            return Ok(mark);
        }
        let mut mark = [0; 16];
        secret::fill_random(&mut mark);
        Ok(self.store.create(key, &mark, MARK_TTL).await?.unwrap_or_else(|| mark.to_vec()))
    }
}

/// The name of the counter of a tenant's requests of one day.
fn counter(tenant: &TenantId, day: Day) -> Vec<u8> {
    format!("{}:day:{}", tag(tenant), day.compact()).into_bytes()
}

/// The braces make a Cluster of Redis keep everything of one tenant in one slot.
fn tag(tenant: &TenantId) -> String {
    format!("{{t:{}}}", tenant.as_str())
}
