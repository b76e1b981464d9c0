//! Tenants, and the groups whose members may enter them.

use super::naming::find_group;
use super::{Connection, Result, Store, audit};
use crate::directory::actor::Actor;
use crate::directory::error::DirectoryError;
use crate::directory::records::TenantRecord;
use gatepost_core::access::Role;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupName, TenantId};
use serde_json::json;
use std::collections::BTreeMap;

row! {
    /// A tenant with one of its groups, if it has any.
    struct TenantRow {
        id: TenantId,
        name: Option<String>,
        group_name: Option<GroupName>,
        role: Option<Role>,
    }
}

impl Store {
    /// `false`: it already exists.
    pub(in crate::directory) async fn create_tenant(
        &self,
        id: &TenantId,
        name: Option<&str>,
        actor: &Actor,
    ) -> Result<bool> {
        transaction!(self, |connection| {
            let created = sqlx::query(
                "INSERT INTO tenants (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING",
            )
            .bind(id.as_str())
            .bind(name)
            .bind(Timestamp::now().unix())
            .execute(&mut *connection)
            .await?;
            if created.rows_affected() == 0 {
                return Ok(false);
            }
            let after = Some(json!({ "name": name }));
            let entry =
                audit::Entry { action: "tenant.create", target: format!("tenant:{id}"), before: None, after };
            audit::write(connection, actor, entry).await?;
            Ok(true)
        })
    }

    /// Sets the role of the group in the tenant.
    pub(in crate::directory) async fn map_group(
        &self,
        group: &GroupName,
        tenant: &TenantId,
        role: Role,
        actor: &Actor,
    ) -> Result<()> {
        transaction!(self, |connection| {
            let id = find_group(connection, group)
                .await?
                .ok_or_else(|| DirectoryError::UnknownGroup(group.clone()))?;
            if !exists(connection, tenant).await? {
                return Err(DirectoryError::UnknownTenant(tenant.clone()));
            }
            let before = find_role(connection, id, tenant).await?;
            if before.as_deref() == Some(role.as_str()) {
                return Ok(());
            }
            sqlx::query(
                "INSERT INTO group_tenants (group_id, tenant_id, role) VALUES ($1, $2, $3) \
                 ON CONFLICT (group_id, tenant_id) DO UPDATE SET role = excluded.role",
            )
            .bind(id)
            .bind(tenant.as_str())
            .bind(role.as_str())
            .execute(&mut *connection)
            .await?;
            let entry = audit::Entry {
                action: "tenant.map",
                target: format!("group:{group}"),
                before: before.map(|role| json!({ "tenant": tenant, "role": role })),
                after: Some(json!({ "tenant": tenant, "role": role })),
            };
            audit::write(connection, actor, entry).await
        })
    }

    pub(in crate::directory) async fn unmap_group(
        &self,
        group: &GroupName,
        tenant: &TenantId,
        actor: &Actor,
    ) -> Result<()> {
        transaction!(self, |connection| {
            let id = find_group(connection, group)
                .await?
                .ok_or_else(|| DirectoryError::UnknownGroup(group.clone()))?;
            let role: Option<String> = sqlx::query_scalar(
                "DELETE FROM group_tenants WHERE group_id = $1 AND tenant_id = $2 RETURNING role",
            )
            .bind(id)
            .bind(tenant.as_str())
            .fetch_optional(&mut *connection)
            .await?;
            let role = role.ok_or_else(|| DirectoryError::NotMapped(group.clone(), tenant.clone()))?;
            let before = Some(json!({ "tenant": tenant, "role": role }));
            let entry = audit::Entry {
                action: "tenant.unmap",
                target: format!("group:{group}"),
                before,
                after: None,
            };
            audit::write(connection, actor, entry).await
        })
    }

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
                    "SELECT t.id, t.name, g.name AS group_name, m.role FROM tenants t LEFT JOIN group_tenants m ON m.tenant_id = t.id \
                     LEFT JOIN groups g ON g.id = m.group_id WHERE $1 IS NULL OR t.id = $1 ORDER BY t.id, g.name",
                )
                .bind(only.map(TenantId::as_str))
                .fetch_all(connection)
                .await?)
        })?;
        let mut tenants: Vec<TenantRecord> = Vec::new();
        for TenantRow { id, name, group_name, role } in rows {
            if tenants.last().is_none_or(|last| last.id != id) {
                tenants.push(TenantRecord { id, name, groups: BTreeMap::new() });
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

async fn find_role(connection: &mut Connection, group: i64, tenant: &TenantId) -> Result<Option<String>> {
    let sql = "SELECT role FROM group_tenants WHERE group_id = $1 AND tenant_id = $2";
    Ok(sqlx::query_scalar(sql).bind(group).bind(tenant.as_str()).fetch_optional(connection).await?)
}
