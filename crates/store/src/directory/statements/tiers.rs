//! Tiers: those that come with Gatepost, and the rows that replace or add to them.

use super::users::FIRST;
use super::{Apply, Connection, Result, Store, audit};
use crate::directory::actor::Actor;
use crate::directory::changes::{DeleteTier, Done, SetTier};
use crate::directory::error::DirectoryError;
use crate::directory::records::TierRecord;
use gatepost_core::administration::{Granted, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::TierId;
use gatepost_core::tier::{BUILT_IN, TierTerms, built_in};
use gatepost_core::usage::Prices;
use serde_json::{Value, json};
use std::collections::BTreeMap;

row! {
    struct TierRow {
        id: TierId,
        terms: TierTerms,
        version: Version,
    }
}

/// All tiers, by id.
pub(super) async fn list(connection: &mut Connection) -> Result<BTreeMap<TierId, TierRecord>> {
    let rows: Vec<TierRow> = sqlx::query_as("SELECT id, features, limits, prices, version FROM tiers")
        .fetch_all(connection)
        .await?;
    let mut tiers = BTreeMap::new();
    for id in BUILT_IN {
        let id: TierId = id.parse().map_err(DirectoryError::unreadable)?;
        tiers.extend(coming(&id).map(|tier| (id, tier)));
    }
    for TierRow { id, terms, version } in rows {
        let is_built_in = built_in(id.as_str()).is_some();
        tiers.insert(id.clone(), TierRecord { id, terms, is_built_in, version: Some(version) });
    }
    Ok(tiers)
}

/// A tier as it comes with Gatepost.
fn coming(id: &TierId) -> Option<TierRecord> {
    let terms = built_in(id.as_str())?.into();
    Some(TierRecord { id: id.clone(), terms, is_built_in: true, version: None })
}

pub(super) async fn find(connection: &mut Connection, id: &TierId) -> Result<TierRecord> {
    let found = list(connection).await?.remove(id);
    found.ok_or_else(|| DirectoryError::UnknownTier(id.clone()))
}

async fn lock(connection: &mut Connection, id: &TierId) -> Result<Option<Version>> {
    let sql = for_update!("SELECT version FROM tiers WHERE id = $1");
    let found: Option<i64> = sqlx::query_scalar(sql).bind(id.as_str()).fetch_optional(connection).await?;
    Ok(found.map(Version::from_number))
}

impl Store {
    pub(in crate::directory) async fn list_tiers(&self) -> Result<Vec<TierRecord>> {
        reading!(self, |connection| Ok(list(connection).await?.into_values().collect()))
    }

    pub(in crate::directory) async fn find_tier(&self, id: &TierId) -> Result<TierRecord> {
        reading!(self, |connection| find(connection, id).await)
    }
}

impl Apply for SetTier {
    type Locked = Option<TierRecord>;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        let version = lock(connection, &self.id).await?;
        Ok((list(connection).await?.remove(&self.id), version))
    }

    async fn write(
        granted: Granted<&Self>,
        before: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<TierRecord>> {
        let Self { id, terms } = granted.change();
        if let Some(before) = before.as_ref().filter(|before| before.terms == *terms) {
            return Ok(Done::unchanged(before.version, before.clone()));
        }
        sqlx::query(
            "INSERT INTO tiers (id, features, limits, prices, created_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (id) DO UPDATE SET features = excluded.features, limits = excluded.limits, \
             prices = excluded.prices, updated_at = $5, managed_by = NULL",
        )
        .bind(id.as_str())
        .bind(terms.allowances.features.to_string())
        .bind(terms.allowances.limits.to_string())
        .bind(terms.prices.as_ref().map(Prices::to_string))
        .bind(Timestamp::now().unix())
        .execute(&mut *connection)
        .await?;
        let was = before.map(|before| said(&before.terms));
        note(connection, actor, "tier.set", id, (was, Some(said(terms)))).await?;
        let tier = find(connection, id).await?;
        Ok(Done::changed(tier.version.or(Some(FIRST)), tier))
    }
}

impl Apply for DeleteTier {
    type Locked = TierRecord;

    async fn lock(&self, connection: &mut Connection) -> Result<(TierRecord, Option<Version>)> {
        let version = lock(connection, &self.id).await?;
        Ok((find(connection, &self.id).await?, version))
    }

    async fn write(
        granted: Granted<&Self>,
        before: TierRecord,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<()>> {
        let id = &granted.change().id;
        if before.version.is_none() {
            return Ok(Done::unchanged(None, ()));
        }
        let sql = "SELECT EXISTS (SELECT 1 FROM tenants WHERE tier = $1)";
        let is_used: bool = sqlx::query_scalar(sql).bind(id.as_str()).fetch_one(&mut *connection).await?;
        if is_used && !before.is_built_in {
            return Err(DirectoryError::TierInUse(id.clone()));
        }
        sqlx::query("DELETE FROM tiers WHERE id = $1").bind(id.as_str()).execute(&mut *connection).await?;
        note(connection, actor, "tier.delete", id, (Some(said(&before.terms)), None)).await?;
        Ok(Done::changed(None, ()))
    }
}

/// Without prices, if there are none: the audit of tiers has no row that would differ for it.
fn said(TierTerms { allowances, prices }: &TierTerms) -> Value {
    let mut said = json!({ "features": allowances.features, "limits": allowances.limits });
    if let Some(prices) = prices {
        said["prices"] = json!(prices);
    }
    said
}

async fn note(
    connection: &mut Connection,
    actor: &Actor,
    action: &str,
    id: &TierId,
    (before, after): (Option<Value>, Option<Value>),
) -> Result<()> {
    audit::write(connection, actor, audit::Entry { action, target: format!("tier:{id}"), before, after })
        .await
}
