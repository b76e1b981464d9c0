//! Whether a tenant exists.

use super::{Connection, Result, Store};
use crate::directory::error::DirectoryError;
use gatepost_core::ids::TenantId;

impl Store {
    pub(in crate::directory) async fn tenant_exists(&self, id: &TenantId) -> Result<bool> {
        hot_read!(self, |connection| exists(connection, id).await)
    }
}

async fn exists(connection: &mut Connection, id: &TenantId) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM tenants WHERE id = $1)";
    Ok(sqlx::query_scalar(sql).bind(id.as_str()).fetch_one(connection).await?)
}

/// Demands that a tenant exists.
pub(super) async fn demand(connection: &mut Connection, id: &TenantId) -> Result<()> {
    if exists(connection, id).await? { Ok(()) } else { Err(DirectoryError::UnknownTenant(id.clone())) }
}
