//! What tenants use, and their bills.

use super::Context;
use super::usage_span::UsageSpan;
use super::views::{TenantBill, TenantUsage};
use gatepost_core::clock::Timestamp;
use gatepost_core::usage::{Bill, Month, Prices, TenantMonths};
use gatepost_store::directory::{DirectoryError, TenantRecord, Usage};

impl Context {
    /// What a tenant used.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn read_usage(
        &self,
        tenant: &TenantRecord,
        span: UsageSpan,
    ) -> Result<TenantUsage, DirectoryError> {
        let usage = self.stores.directory.read_usage(&tenant.id, (span.from, span.to)).await?;
        Ok(TenantUsage::new(&tenant.id, span, &usage))
    }

    /// What a tenant owes for a month, by the prices that its tier has now. A month before it was created, after it was deleted or in
    /// the future has no price of its own.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn read_bill(&self, tenant: &TenantRecord, month: Month) -> Result<TenantBill, DirectoryError> {
        Ok(self.read_month(tenant, month).await?.1)
    }

    /// What a tenant used on the days of a month, and the bill of that.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn read_month(
        &self,
        tenant: &TenantRecord,
        month: Month,
    ) -> Result<(Usage, TenantBill), DirectoryError> {
        let directory = &self.stores.directory;
        let usage = directory.read_usage(&tenant.id, (month.first_day(), month.last_day())).await?;
        let now = Timestamp::now();
        let is_own = TenantMonths::new(tenant.created_at, tenant.deleted_at, now).contains(month);
        let prices = directory.find_prices(&tenant.id).await?;
        let prices = if is_own { prices } else { prices.map(Prices::without_base) };
        let bill = Bill::new(&usage.of_month(), prices.as_ref());
        let bill = TenantBill::new((&tenant.id, tenant.tier.as_ref()), month, &bill, now.day());
        Ok((usage, bill))
    }
}
