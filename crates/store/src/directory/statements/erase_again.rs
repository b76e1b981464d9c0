//! Erasing again what a restored dump has brought back.

use super::tenant_life::{self, FirstErased};
use super::{Connection, Result, Store, admins, ended_keys, erasures, forget, users};
use crate::directory::actor::Actor;
use crate::directory::erasures::{ErasedAgain, Erasure};
use crate::directory::error::DirectoryError;
use crate::directory::records::UserKey;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{TenantId, UserId};
use serde_json::json;
use std::time::Duration;

/// A tenant with all that belongs to it goes in one transaction. Nobody uses the directory meanwhile.
const TIMEOUT: Duration = Duration::from_mins(10);

impl Store {
    pub(in crate::directory) async fn erase_again(
        &self,
        erasure: &Erasure,
        is_dry_run: bool,
        actor: &Actor,
    ) -> Result<ErasedAgain> {
        transaction!(within TIMEOUT, self, &[admins::lock_of_admins()], !is_dry_run, |connection| {
            match erasure {
                Erasure::User { id, at } => erase_user(connection, *id, *at, actor).await,
                Erasure::Tenant { id, created_at, at } => {
                    erase_tenant(connection, id, (*created_at, *at), actor).await
                }
            }
        })
    }

    pub(in crate::directory) async fn has_administrator(&self) -> Result<bool> {
        reading!(self, |connection| match admins::demand_one(connection).await {
            Err(DirectoryError::LastAdmin) => Ok(false),
            result => result.map(|()| true),
        })
    }
}

async fn erase_user(
    connection: &mut Connection,
    id: UserId,
    at: Timestamp,
    actor: &Actor,
) -> Result<ErasedAgain> {
    erasures::note_users(connection, &[id], at).await?;
    if users::find_for_change(connection, &UserKey::Id(id)).await?.is_none() {
        return Ok(ErasedAgain::Absent);
    }
    let gone = forget::delete(connection, id).await?;
    erasures::note_users(connection, &gone.merged, at).await?;
    ended_keys::note(connection, actor, &gone.keys, "owner_erased").await?;
    let after = json!({ "first_erased_at": at });
    users::note(connection, actor, "user.erase", id, None, Some(after)).await?;
    Ok(ErasedAgain::Erased)
}

async fn erase_tenant(
    connection: &mut Connection,
    id: &TenantId,
    (created_at, at): (Timestamp, Timestamp),
    actor: &Actor,
) -> Result<ErasedAgain> {
    erasures::note_tenant(connection, id, created_at, at).await?;
    let sql = for_update!("SELECT id FROM tenants WHERE id = $1 AND created_at = $2");
    let query = sqlx::query_scalar(sql).bind(id.as_str()).bind(created_at.unix());
    let found: Option<String> = query.fetch_optional(&mut *connection).await?;
    if found.is_none() {
        return Ok(ErasedAgain::Absent);
    }
    tenant_life::erase(connection, actor, id, Some(FirstErased(at))).await?;
    Ok(ErasedAgain::Erased)
}
