//! What administrators change about tenants, and about the groups that open them.

use super::group_changes::{self, GroupRow};
use super::users::FIRST;
use super::{Apply, Connection, Result, audit, tenants};
use crate::directory::actor::Actor;
use crate::directory::changes::{CreateTenant, Done, MapGroup, RenameTenant, UnmapGroup};
use crate::directory::error::DirectoryError;
use gatepost_core::access::Role;
use gatepost_core::administration::{Granted, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupId, TenantId};
use gatepost_core::tenant::TenantState;
use serde_json::{Value, json};

row! {
    /// A row of `tenants`.
    #[derive(Debug)]
    pub struct TenantRow {
        pub(super) name: Option<String>,
        pub(super) state: TenantState,
        pub(super) suspended_reason: Option<String>,
        pub(super) is_suspended: bool,
        pub(super) version: Version,
    }
}

impl Apply for CreateTenant {
    type Locked = Option<TenantRow>;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        let found = find_for_update(connection, &self.id).await?;
        let version = found.as_ref().map(|found| found.version);
        Ok((found, version))
    }

    async fn write(
        granted: Granted<&Self>,
        found: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<()>> {
        let Self { id, name } = granted.change();
        if let Some(found) = found {
            tenants::demand_kept(id, found.state)?;
            return Ok(Done::unchanged(Some(found.version), ()));
        }
        sqlx::query("INSERT INTO tenants (id, name, created_at) VALUES ($1, $2, $3)")
            .bind(id.as_str())
            .bind(name)
            .bind(Timestamp::now().unix())
            .execute(&mut *connection)
            .await?;
        note(connection, actor, "tenant.create", id, (None, Some(json!({ "name": name })))).await?;
        Ok(Done::changed(Some(FIRST), ()))
    }
}

impl Apply for RenameTenant {
    type Locked = TenantRow;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        lock_known(connection, &self.id).await
    }

    async fn write(
        granted: Granted<&Self>,
        tenant: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<()>> {
        let Self { id, name } = granted.change();
        tenants::demand_kept(id, tenant.state)?;
        if tenant.name == *name {
            return Ok(Done::unchanged(Some(tenant.version), ()));
        }
        sqlx::query("UPDATE tenants SET name = $2, updated_at = $3, managed_by = NULL WHERE id = $1")
            .bind(id.as_str())
            .bind(name)
            .bind(Timestamp::now().unix())
            .execute(&mut *connection)
            .await?;
        let states = (Some(json!({ "name": tenant.name })), Some(json!({ "name": name })));
        note(connection, actor, "tenant.update", id, states).await?;
        let version = find_for_update(connection, id).await?.map(|found| found.version);
        Ok(Done::changed(version, ()))
    }
}

row! {
    /// A row of `group_tenants`.
    #[derive(Clone, Copy, Debug)]
    pub struct MappingRow {
        role: Role,
        version: Version,
    }
}

impl Apply for MapGroup {
    type Locked = (GroupRow, Option<MappingRow>);

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        let group = group_changes::find_known(connection, &self.group).await?;
        tenants::demand(connection, &self.tenant).await?;
        let mapping = find_mapping(connection, group.id, &self.tenant).await?;
        Ok(((group, mapping), mapping.map(|mapping| mapping.version)))
    }

    async fn write(
        granted: Granted<&Self>,
        (group, before): Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<Option<Role>>> {
        let Self { tenant, role, .. } = granted.change();
        let was = before.map(|before| before.role);
        if was == Some(*role) {
            return Ok(Done::unchanged(before.map(|before| before.version), was));
        }
        sqlx::query(
            "INSERT INTO group_tenants (group_id, tenant_id, role) VALUES ($1, $2, $3) \
             ON CONFLICT (group_id, tenant_id) DO UPDATE SET role = excluded.role, managed_by = NULL",
        )
        .bind(group.id.number())
        .bind(tenant.as_str())
        .bind(role.as_str())
        .execute(&mut *connection)
        .await?;
        // Not for the tenant's administrators: the row names a group, and groups are the platform's.
        let said = |role: Role| json!({ "tenant": tenant, "role": role });
        let entry = audit::Entry {
            action: "tenant.map",
            target: format!("group:{}", group.name),
            before: was.map(said),
            after: Some(said(*role)),
        };
        audit::write(connection, actor, entry).await?;
        let version = find_mapping(connection, group.id, tenant).await?.map(|mapping| mapping.version);
        Ok(Done::changed(version, was))
    }
}

impl Apply for UnmapGroup {
    type Locked = (GroupRow, MappingRow);

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        let group = group_changes::find_known(connection, &self.group).await?;
        let mapping = find_mapping(connection, group.id, &self.tenant).await?;
        let mapping =
            mapping.ok_or_else(|| DirectoryError::NotMapped(group.name.clone(), self.tenant.clone()))?;
        Ok(((group, mapping), Some(mapping.version)))
    }

    async fn write(
        granted: Granted<&Self>,
        (group, mapping): Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<Role>> {
        let tenant = &granted.change().tenant;
        sqlx::query("DELETE FROM group_tenants WHERE group_id = $1 AND tenant_id = $2")
            .bind(group.id.number())
            .bind(tenant.as_str())
            .execute(&mut *connection)
            .await?;
        let entry = audit::Entry {
            action: "tenant.unmap",
            target: format!("group:{}", group.name),
            before: Some(json!({ "tenant": tenant, "role": mapping.role })),
            after: None,
        };
        audit::write(connection, actor, entry).await?;
        Ok(Done::changed(None, mapping.role))
    }
}

pub(super) async fn find_for_update(connection: &mut Connection, id: &TenantId) -> Result<Option<TenantRow>> {
    let sql = for_update!(
        "SELECT name, state, suspended_reason, suspended_at IS NOT NULL AS is_suspended, version \
         FROM tenants WHERE id = $1"
    );
    Ok(sqlx::query_as(sql).bind(id.as_str()).fetch_optional(connection).await?)
}

pub(super) async fn lock_known(
    connection: &mut Connection,
    id: &TenantId,
) -> Result<(TenantRow, Option<Version>)> {
    let found = find_for_update(connection, id).await?;
    let found = found.ok_or_else(|| DirectoryError::UnknownTenant(id.clone()))?;
    let version = found.version;
    Ok((found, Some(version)))
}

async fn find_mapping(
    connection: &mut Connection,
    group: GroupId,
    tenant: &TenantId,
) -> Result<Option<MappingRow>> {
    let sql = for_update!("SELECT role, version FROM group_tenants WHERE group_id = $1 AND tenant_id = $2");
    let query = sqlx::query_as(sql).bind(group.number()).bind(tenant.as_str());
    Ok(query.fetch_optional(connection).await?)
}

pub(super) async fn note(
    connection: &mut Connection,
    actor: &Actor,
    action: &str,
    id: &TenantId,
    (before, after): (Option<Value>, Option<Value>),
) -> Result<()> {
    let entry = audit::Entry { action, target: format!("tenant:{id}"), before, after };
    audit::write_for_tenant(connection, actor, id, entry).await
}
