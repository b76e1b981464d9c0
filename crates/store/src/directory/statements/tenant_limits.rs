//! How much a tenant may have, and how much it has. Whoever adds something locks the tenant's row before they count: of two
//! who add the last one, only one does.

use super::{Connection, Result, Store, tiers};
use crate::directory::error::DirectoryError;
use crate::directory::records::Excess;
use gatepost_core::administration::{Matter, Scope};
use gatepost_core::ids::{TenantId, TierId};
use gatepost_core::tier::{Allowances, HOSTS, KEYS, MEMBERS};

row! {
    struct OwnRow {
        tier: Option<TierId>,
        own: Allowances,
    }
}

/// What is counted.
#[derive(Clone, Copy)]
pub(super) enum Counted {
    Members,
    Keys,
    Hosts,
}

impl Counted {
    const ALL: [Self; 3] = [Self::Members, Self::Keys, Self::Hosts];

    const fn limit(self) -> &'static str {
        match self {
            Self::Members => MEMBERS,
            Self::Keys => KEYS,
            Self::Hosts => HOSTS,
        }
    }

    const fn sql(self) -> &'static str {
        match self {
            Self::Members => "SELECT count(*) FROM current_tenant_members WHERE tenant_id = $1",
            Self::Keys => concat!(
                "SELECT count(*) FROM keys WHERE tenant_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ",
                present!(),
                ")"
            ),
            Self::Hosts => "SELECT count(*) FROM tenant_hosts WHERE tenant_id = $1 AND state <> 'refused'",
        }
    }

    pub(super) async fn count(self, connection: &mut Connection, tenant: &TenantId) -> Result<u64> {
        let count: i64 = sqlx::query_scalar(self.sql()).bind(tenant.as_str()).fetch_one(connection).await?;
        Ok(count.unsigned_abs())
    }
}

impl Store {
    /// How many members, keys and hosts a tenant has, of one that the reader administers, each with the name of its limit.
    pub(in crate::directory) async fn count_limited(
        &self,
        scope: &Scope,
        tenant: &TenantId,
    ) -> Result<Vec<(&'static str, u64)>> {
        scope.allows(&Matter::Tenant(tenant.clone()))?;
        reading!(self, |connection| {
            let mut counts = Vec::new();
            for what in Counted::ALL {
                counts.push((what.limit(), what.count(&mut *connection, tenant).await?));
            }
            Ok(counts)
        })
    }
}

/// What counts for a tenant: its own, else its tier's. Locks its row.
pub(super) async fn lock(connection: &mut Connection, tenant: &TenantId) -> Result<Allowances> {
    let sql = for_update!("SELECT tier, features, limits FROM tenants WHERE id = $1");
    let found: Option<OwnRow> =
        sqlx::query_as(sql).bind(tenant.as_str()).fetch_optional(&mut *connection).await?;
    let OwnRow { tier, own } = found.ok_or_else(|| DirectoryError::UnknownTenant(tenant.clone()))?;
    of(connection, tier.as_ref(), &own).await
}

/// What counts for a tenant in this tier that has this by itself.
pub(super) async fn of(
    connection: &mut Connection,
    tier: Option<&TierId>,
    own: &Allowances,
) -> Result<Allowances> {
    match tier {
        Some(tier) => Ok(tiers::find(connection, tier).await?.terms.allowances.overridden_by(own)),
        None => Ok(own.clone()),
    }
}

/// Demands that a tenant may have one more of something. Returns what it may have.
pub(super) async fn demand_room(
    connection: &mut Connection,
    tenant: &TenantId,
    what: Counted,
) -> Result<Allowances> {
    let allowances = lock(connection, tenant).await?;
    if let Some(most) = allowances.limits.limit(what.limit())
        && what.count(connection, tenant).await? >= most
    {
        return Err(DirectoryError::LimitReached(tenant.clone(), what.limit(), most));
    }
    Ok(allowances)
}

/// What a tenant has more of than it may have.
pub(super) async fn excess(
    connection: &mut Connection,
    tenant: &TenantId,
    allowances: &Allowances,
) -> Result<Vec<Excess>> {
    let mut excess = Vec::new();
    for what in Counted::ALL {
        let Some(most) = allowances.limits.limit(what.limit()) else { continue };
        let present = what.count(&mut *connection, tenant).await?;
        if present > most {
            excess.push(Excess { limit: what.limit(), most, present });
        }
    }
    Ok(excess)
}
