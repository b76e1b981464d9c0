//! Reads what the directory holds of what files can declare.

use super::{Connection, Result, Store, present};
use crate::directory::files::{
    Held, HeldAdmin, HeldGroup, HeldLink, HeldMapping, HeldTenant, Holder, UsedBy,
};
use gatepost_core::access::Role;
use gatepost_core::administration::Version;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{GroupName, TenantId};
use std::collections::BTreeMap;

row! {
    /// A row of `groups`, and who else uses it.
    struct GroupRow {
        name: GroupName,
        version: Version,
        is_managed: bool,
        used_by: String,
        people: i64,
    }
}

row! {
    /// A link that an administrator made.
    struct LinkRow {
        external: ExternalGroup,
        group_name: GroupName,
        is_managed: bool,
    }
}

row! {
    /// A row of `tenants`.
    struct TenantRow {
        id: TenantId,
        name: Option<String>,
        version: Version,
        is_managed: bool,
        people: i64,
    }
}

row! {
    /// A row of `group_tenants`.
    struct MappingRow {
        tenant_id: TenantId,
        group_name: GroupName,
        role: Role,
        version: Version,
        is_managed: bool,
    }
}

row! {
    /// A manual membership that counts now.
    struct MemberRow {
        group_name: GroupName,
        holder: Holder,
    }
}

row! {
    /// A decision about an administrator that counts now.
    struct AdminRow {
        is_admin: bool,
        holder: Holder,
    }
}

impl Store {
    /// With the members of groups, or with those alone that are managed.
    pub(in crate::directory) async fn find_held(&self, with_members: bool) -> Result<Held> {
        reading!(self, |connection| read(connection, with_members).await)
    }
}

pub(super) async fn read(connection: &mut Connection, with_members: bool) -> Result<Held> {
    let mut groups = list_groups(connection).await?;
    for MemberRow { group_name, holder } in list_members(connection, with_members).await? {
        if let Some(group) = groups.get_mut(&group_name) {
            group.members.push(holder);
        }
    }
    Ok(Held {
        groups,
        links: list_links(connection).await?,
        tenants: list_tenants(connection).await?,
        admins: list_admins(connection).await?,
        now: present(connection).await?,
    })
}

async fn list_groups(connection: &mut Connection) -> Result<BTreeMap<GroupName, HeldGroup>> {
    let rows: Vec<GroupRow> = sqlx::query_as(
        "SELECT g.name, g.version, coalesce(g.managed_by = 'apply', false) AS is_managed, \
         CASE WHEN EXISTS (SELECT 1 FROM admin_groups a WHERE a.name = g.name) OR EXISTS \
         (SELECT 1 FROM provider_groups p WHERE p.group_id = g.id AND p.source = 'config') THEN 'configuration' \
         WHEN g.id IN (SELECT group_id FROM automatic_names) THEN 'unlinked' WHEN EXISTS \
         (SELECT 1 FROM provider_groups p WHERE p.group_id = g.id AND p.source IN ('auto', 'trusted')) \
         THEN 'provider' ELSE 'nobody' END AS used_by, \
         CASE WHEN g.managed_by IS NULL THEN 0 ELSE (SELECT count(DISTINCT m.user_id) FROM resolved_memberships m \
         WHERE m.group_id = g.id) END AS people FROM groups g",
    )
    .fetch_all(connection)
    .await?;
    let group = |GroupRow { name, version, is_managed, used_by, people }| {
        let used_by = match used_by.as_str() {
            "configuration" => UsedBy::Configuration,
            "unlinked" => UsedBy::Unlinked,
            "provider" => UsedBy::Provider,
            _ => UsedBy::Nobody,
        };
        let people = people.unsigned_abs();
        (name, HeldGroup { version, is_managed, used_by, people, members: Vec::new() })
    };
    Ok(rows.into_iter().map(group).collect())
}

async fn list_links(connection: &mut Connection) -> Result<BTreeMap<ExternalGroup, HeldLink>> {
    let rows: Vec<LinkRow> = sqlx::query_as(
        "SELECT p.provider, p.kind, p.external_id, g.name AS group_name, \
         coalesce(p.managed_by = 'apply', false) AS is_managed \
         FROM provider_groups p JOIN groups g ON g.id = p.group_id WHERE p.source = 'manual'",
    )
    .fetch_all(connection)
    .await?;
    let link =
        |LinkRow { external, group_name, is_managed }| (external, HeldLink { group: group_name, is_managed });
    Ok(rows.into_iter().map(link).collect())
}

async fn list_tenants(connection: &mut Connection) -> Result<BTreeMap<TenantId, HeldTenant>> {
    let rows: Vec<TenantRow> = sqlx::query_as(
        "SELECT t.id, t.name, t.version, coalesce(t.managed_by = 'apply', false) AS is_managed, \
         (SELECT count(*) FROM current_tenant_members m WHERE m.tenant_id = t.id) AS people FROM tenants t WHERE t.state <> 'deleted'",
    )
    .fetch_all(&mut *connection)
    .await?;
    let tenant = |TenantRow { id, name, version, is_managed, people }| {
        let people = people.unsigned_abs();
        (id, HeldTenant { name, version, is_managed, people, groups: BTreeMap::new() })
    };
    let mut tenants: BTreeMap<TenantId, HeldTenant> = rows.into_iter().map(tenant).collect();
    let mappings: Vec<MappingRow> = sqlx::query_as(
        "SELECT t.tenant_id, g.name AS group_name, t.role, t.version, \
         coalesce(t.managed_by = 'apply', false) AS is_managed \
         FROM group_tenants t JOIN groups g ON g.id = t.group_id",
    )
    .fetch_all(connection)
    .await?;
    for MappingRow { tenant_id, group_name, role, version, is_managed } in mappings {
        if let Some(tenant) = tenants.get_mut(&tenant_id) {
            tenant.groups.insert(group_name, HeldMapping { role, version, is_managed });
        }
    }
    Ok(tenants)
}

/// The columns of a [`Holder`] of a row `m` of a user `u`.
macro_rules! holder_columns {
    () => {
        concat!(
            "m.user_id, u.email, m.until, m.version, coalesce(m.managed_by = 'apply', false) AS is_managed, (SELECT ",
            json_list!("i.email"),
            " FROM identities i WHERE i.user_id = m.user_id AND i.email IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM users o WHERE o.email = i.email)) AS asserted"
        )
    };
}

async fn list_members(connection: &mut Connection, all: bool) -> Result<Vec<MemberRow>> {
    Ok(sqlx::query_as(concat!(
        "SELECT g.name AS group_name, ",
        holder_columns!(),
        " FROM manual_memberships m JOIN users u ON u.id = m.user_id JOIN groups g ON g.id = m.group_id \
         WHERE m.source = 'manual' AND ($1 OR m.managed_by = 'apply') AND (m.until IS NULL OR m.until > ",
        present!(),
        ") ORDER BY u.email, m.user_id"
    ))
    .bind(all)
    .fetch_all(connection)
    .await?)
}

async fn list_admins(connection: &mut Connection) -> Result<Vec<HeldAdmin>> {
    let rows: Vec<AdminRow> = sqlx::query_as(concat!(
        "SELECT m.is_admin, ",
        holder_columns!(),
        " FROM admin_overrides m JOIN users u ON u.id = m.user_id WHERE m.until IS NULL OR m.until > ",
        present!(),
        " ORDER BY u.email, m.user_id"
    ))
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|AdminRow { is_admin, holder }| HeldAdmin { holder, is_admin }).collect())
}
