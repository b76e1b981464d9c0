//! What was erased: the ids of people, and tenants by id and creation.

use super::{Connection, Result, Store};
use crate::directory::erasures::Erasure;
use crate::directory::error::DirectoryError;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{TenantId, UserId};

impl Store {
    pub(in crate::directory) async fn is_erased(&self, id: UserId) -> Result<bool> {
        reading!(self, |connection| is_erased(connection, id).await)
    }

    pub(in crate::directory) async fn list_erasures(&self) -> Result<Vec<Erasure>> {
        let (users, tenants) = reading!(self, |connection| {
            let sql = "SELECT user_id, at FROM erasures ORDER BY at, user_id";
            let users: Vec<(String, i64)> = sqlx::query_as(sql).fetch_all(&mut *connection).await?;
            let sql =
                "SELECT tenant_id, created_at, at FROM tenant_erasures ORDER BY at, tenant_id, created_at";
            let tenants: Vec<(String, i64, i64)> = sqlx::query_as(sql).fetch_all(connection).await?;
            Ok((users, tenants))
        })?;
        let mut erasures = Vec::with_capacity(users.len() + tenants.len());
        for (id, at) in users {
            let id = id.parse().map_err(DirectoryError::unreadable)?;
            erasures.push(Erasure::User { id, at: Timestamp::from_unix(at) });
        }
        for (id, created_at, at) in tenants {
            let id = TenantId::from_stored(&id).map_err(DirectoryError::unreadable)?;
            let (created_at, at) = (Timestamp::from_unix(created_at), Timestamp::from_unix(at));
            erasures.push(Erasure::Tenant { id, created_at, at });
        }
        Ok(erasures)
    }

    pub(in crate::directory) async fn created_at(&self) -> Result<Timestamp> {
        let at: i64 = reading!(self, |connection| {
            Ok(sqlx::query_scalar(created_at!()).fetch_one(connection).await?)
        })?;
        Ok(Timestamp::from_unix(at))
    }
}

pub(super) async fn is_erased(connection: &mut Connection, id: UserId) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM erasures WHERE user_id = $1)";
    Ok(sqlx::query_scalar(sql).bind(id.to_string()).fetch_one(connection).await?)
}

/// Notes people, or placeholders that had become part of one. Whoever was noted before keeps that time.
pub(super) async fn note_users(connection: &mut Connection, ids: &[UserId], at: Timestamp) -> Result<()> {
    for id in ids {
        let sql = "INSERT INTO erasures (user_id, at) VALUES ($1, $2) ON CONFLICT (user_id) DO NOTHING";
        sqlx::query(sql).bind(id.to_string()).bind(at.unix()).execute(&mut *connection).await?;
    }
    Ok(())
}

pub(super) async fn note_tenant(
    connection: &mut Connection,
    id: &TenantId,
    created_at: Timestamp,
    at: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO tenant_erasures (tenant_id, created_at, at) VALUES ($1, $2, $3) \
         ON CONFLICT (tenant_id, created_at) DO NOTHING",
    )
    .bind(id.as_str())
    .bind(created_at.unix())
    .bind(at.unix())
    .execute(connection)
    .await?;
    Ok(())
}
