//! Which tenants have nearly used up their requests of a day, for people who look.

use super::Quotas;
use crate::authn::LoadError;
use gatepost_core::administration::{Matter, Scope};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::TenantId;
use std::cmp::Reverse;

/// The part of a day's requests from which on a tenant is listed, in percent.
const LISTED_FROM: u64 = 80;

/// How much a tenant has used of its requests of today.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpentDay {
    /// The tenant.
    pub tenant: TenantId,
    /// Requests that were counted, and those that replicas hold for it: at most 0.5 % of the limit each.
    pub used: u64,
    /// How many it may send in a day.
    pub limit: u64,
}

impl SpentDay {
    /// The part of the limit that is used, in percent.
    pub const fn percent(&self) -> u64 {
        self.used.saturating_mul(100) / self.limit
    }
}

impl Quotas {
    /// The tenants of a scope that have used at least 80 % of their requests of today (UTC), the greatest part first.
    ///
    /// # Errors
    /// As [`Self::list_days`].
    pub async fn list_spent(&self, scope: &Scope) -> Result<Vec<SpentDay>, LoadError> {
        let mut days = self.list_days(scope).await?;
        days.retain(|day| day.percent() >= LISTED_FROM);
        Ok(days)
    }

    /// How much the tenants of a scope that have a limit have used of their requests of today (UTC), the greatest part first. A limit
    /// of 0 is none that anybody uses up.
    ///
    /// # Errors
    /// [`LoadError`]: the limits or the counters cannot be read.
    pub async fn list_days(&self, scope: &Scope) -> Result<Vec<SpentDay>, LoadError> {
        let read = self.limits.current().await?;
        let is_own = |tenant: &TenantId| scope.allows(&Matter::Tenant(tenant.clone())).is_ok();
        let limited: Vec<(&TenantId, u64)> = read
            .0
            .iter()
            .filter_map(|(tenant, limits)| Some((tenant, limits.per_day.filter(|limit| *limit > 0)?)))
            .filter(|(tenant, _)| is_own(tenant))
            .collect();
        let tenants: Vec<&TenantId> = limited.iter().map(|(tenant, _)| *tenant).collect();
        let used = self.stores.sessions.list_used(&tenants, Timestamp::now().day()).await?;
        let days = limited.into_iter().zip(used);
        let days = days.map(|((tenant, limit), used)| SpentDay { tenant: tenant.clone(), used, limit });
        let mut spent: Vec<SpentDay> = days.collect();
        spent.sort_by_key(|day| Reverse(day.percent()));
        Ok(spent)
    }
}
