//! Whether a tenant exists, and in which state it is.

use super::{Connection, Result, Store};
use crate::directory::error::DirectoryError;
use gatepost_core::ids::TenantId;
use gatepost_core::tenant::TenantState;

impl Store {
    pub(in crate::directory) async fn tenant_exists(&self, id: &TenantId) -> Result<bool> {
        hot_read!(self, |connection| exists(connection, id).await)
    }
}

async fn exists(connection: &mut Connection, id: &TenantId) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM tenants WHERE id = $1 AND state <> 'deleted')";
    Ok(sqlx::query_scalar(sql).bind(id.as_str()).fetch_one(connection).await?)
}

/// Demands that a tenant exists and is not deleted.
pub(super) async fn demand(connection: &mut Connection, id: &TenantId) -> Result<()> {
    let state = find_state(connection, id).await?;
    demand_kept(id, state.ok_or_else(|| DirectoryError::UnknownTenant(id.clone()))?)
}

/// Demands that a tenant in this state is not deleted.
pub(super) fn demand_kept(id: &TenantId, state: TenantState) -> Result<()> {
    if state == TenantState::Deleted { Err(DirectoryError::TenantDeleted(id.clone())) } else { Ok(()) }
}

/// Demands that a tenant is not suspended. Its administrators may only read then.
pub(super) async fn demand_active(connection: &mut Connection, id: &TenantId) -> Result<()> {
    match find_state(connection, id).await? {
        Some(TenantState::Suspended) => Err(DirectoryError::TenantSuspended(id.clone())),
        _ => Ok(()),
    }
}

row! {
    struct StateRow {
        state: TenantState,
    }
}

/// Demands that a tenant exists, deleted or not.
pub(super) async fn demand_known(connection: &mut Connection, id: &TenantId) -> Result<()> {
    let state = find_state(connection, id).await?;
    state.map(drop).ok_or_else(|| DirectoryError::UnknownTenant(id.clone()))
}

async fn find_state(connection: &mut Connection, id: &TenantId) -> Result<Option<TenantState>> {
    let query = sqlx::query_as("SELECT state FROM tenants WHERE id = $1").bind(id.as_str());
    let found: Option<StateRow> = query.fetch_optional(connection).await?;
    Ok(found.map(|row| row.state))
}
