//! Tenants, and the groups whose members may enter them.

use super::{Connection, Result, Store};
use crate::directory::error::DirectoryError;
use crate::directory::records::TenantRecord;
use gatepost_core::access::Role;
use gatepost_core::administration::Version;
use gatepost_core::ids::{GroupName, TenantId};
use std::collections::BTreeMap;

row! {
    /// A tenant with one of its groups, if it has any.
    struct TenantRow {
        id: TenantId,
        name: Option<String>,
        version: Version,
        group_name: Option<GroupName>,
        role: Option<Role>,
    }
}

impl Store {
    pub(in crate::directory) async fn list_tenants(&self) -> Result<Vec<TenantRecord>> {
        self.tenants(None).await
    }

    pub(in crate::directory) async fn find_tenant(&self, id: &TenantId) -> Result<Option<TenantRecord>> {
        Ok(self.tenants(Some(id)).await?.pop())
    }

    /// Lists all tenants, or the one of this id.
    async fn tenants(&self, only: Option<&TenantId>) -> Result<Vec<TenantRecord>> {
        let rows: Vec<TenantRow> = reading!(self, |connection| {
            Ok(sqlx::query_as(
                    "SELECT t.id, t.name, t.version, g.name AS group_name, m.role FROM tenants t LEFT JOIN group_tenants m ON m.tenant_id = t.id \
                     LEFT JOIN groups g ON g.id = m.group_id WHERE $1 IS NULL OR t.id = $1 ORDER BY t.id, g.name",
                )
                .bind(only.map(TenantId::as_str))
                .fetch_all(connection)
                .await?)
        })?;
        let mut tenants: Vec<TenantRecord> = Vec::new();
        for TenantRow { id, name, version, group_name, role } in rows {
            if tenants.last().is_none_or(|last| last.id != id) {
                tenants.push(TenantRecord { id, name, version, groups: BTreeMap::new() });
            }
            if let (Some(last), Some(group), Some(role)) = (tenants.last_mut(), group_name, role) {
                last.groups.insert(group, role);
            }
        }
        Ok(tenants)
    }

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
