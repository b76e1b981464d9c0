//! Which groups open which tenants.

use super::{Result, Store, counted, limit_of, row_limit};
use crate::directory::count::Count;
use crate::directory::lists::{GroupTenant, TenantGroup};
use gatepost_core::access::Role;
use gatepost_core::administration::{Scope, Version};
use gatepost_core::ids::{GroupId, GroupName, TenantId};

row! {
    struct MappedRow {
        id: GroupId,
        name: GroupName,
        role: Role,
        version: Version,
        members: i64,
    }
}

const GROUPS: &str = concat!(
    "SELECT g.id, g.name, t.role, t.version, ",
    counted!("SELECT m.user_id FROM resolved_memberships m WHERE m.group_id = g.id", "$2"),
    " AS members FROM group_tenants t JOIN groups g ON g.id = t.group_id WHERE t.tenant_id = $1 ORDER BY g.name",
);

const TENANTS: &str = "SELECT m.tenant_id, t.name, m.role, m.version FROM group_tenants m \
    JOIN tenants t ON t.id = m.tenant_id WHERE m.group_id = $1 ORDER BY m.tenant_id";

impl Store {
    pub(in crate::directory) async fn list_tenant_groups(
        &self,
        scope: &Scope,
        tenant: &TenantId,
    ) -> Result<Vec<TenantGroup>> {
        if limit_of(scope).is_some() {
            return Ok(Vec::new());
        }
        let rows: Vec<MappedRow> = reading!(self, |connection| {
            let query = sqlx::query_as(GROUPS).bind(tenant.as_str()).bind(row_limit(Count::IN_LISTS));
            Ok(query.fetch_all(connection).await?)
        })?;
        let mapped = |MappedRow { id, name, role, version, members }| TenantGroup {
            id,
            name,
            role,
            version,
            members: Count::of(members),
        };
        Ok(rows.into_iter().map(mapped).collect())
    }

    pub(in crate::directory) async fn list_group_tenants(
        &self,
        scope: &Scope,
        group: GroupId,
    ) -> Result<Vec<GroupTenant>> {
        if limit_of(scope).is_some() {
            return Ok(Vec::new());
        }
        reading!(self, |connection| {
            Ok(sqlx::query_as(TENANTS).bind(group.number()).fetch_all(connection).await?)
        })
    }
}
