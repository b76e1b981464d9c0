//! How many requests each tenant may send, as the gate reads it.

use super::{Result, Store, tiers};
use gatepost_core::ids::{TenantId, TierId};
use gatepost_core::quota::RequestLimits;
use gatepost_core::tier::{API_REQUESTS_PER_DAY, Allowances, JsonObject, REQUESTS_PER_MINUTE};

/// A tenant that is deleted sends nothing.
const PRESENT: &str =
    "SELECT id, tier, limits FROM tenants WHERE state <> 'deleted' AND (tier IS NOT NULL OR limits <> '{}')";

row! {
    struct LimitsRow {
        id: TenantId,
        tier: Option<TierId>,
        limits: JsonObject,
    }
}

impl Store {
    pub(in crate::directory) async fn read_request_limits(&self) -> Result<Vec<(TenantId, RequestLimits)>> {
        let (rows, tiers): (Vec<LimitsRow>, _) = hot_read!(self, |connection| {
            let rows = sqlx::query_as(PRESENT).fetch_all(&mut *connection).await?;
            Ok((rows, tiers::list(connection).await?))
        })?;
        let limits_of = |row: LimitsRow| {
            let tier = row.tier.and_then(|tier| tiers.get(&tier));
            let own = Allowances { limits: row.limits, ..Allowances::default() };
            let allowed =
                tier.map_or_else(|| own.clone(), |tier| tier.terms.allowances.overridden_by(&own)).limits;
            let per_minute = allowed.limit(REQUESTS_PER_MINUTE);
            let limits = RequestLimits {
                per_day: allowed.limit(API_REQUESTS_PER_DAY),
                per_minute: per_minute.map(|most| u32::try_from(most).unwrap_or(u32::MAX)),
            };
            (limits != RequestLimits::default()).then_some((row.id, limits))
        };
        Ok(rows.into_iter().filter_map(limits_of).collect())
    }
}
