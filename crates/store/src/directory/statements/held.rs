//! Reads what the directory holds of what files can declare.

use super::key_rows::key_columns;
use super::{Connection, Result, Store, present};
use crate::directory::error::DirectoryError;
use crate::directory::files::{
    DeclaredKey, DeclaredRule, Held, HeldAdmin, HeldGroup, HeldKey, HeldLink, HeldMapping, HeldRule,
    HeldTenant, HeldTier, Holder, KeyEnd, KeyPlace, UsedBy,
};
use crate::directory::keys::KeyRecord;
use crate::directory::tool_servers;
use gatepost_core::access::Role;
use gatepost_core::administration::Version;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{GroupName, TenantId, TierId, ToolRuleId, ToolServerId};
use gatepost_core::mcp::pattern::{Kind, Subject};
use gatepost_core::tier::TierTerms;
use gatepost_core::tool_pattern::ToolPattern;
use std::collections::{BTreeMap, BTreeSet};

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

row! {
    /// A row of `tiers`.
    struct TierRow {
        id: TierId,
        terms: TierTerms,
        version: Version,
        is_managed: bool,
        is_used: bool,
    }
}

row! {
    /// A row of `tool_rules`.
    struct RuleRow {
        id: ToolRuleId,
        tool_server_id: ToolServerId,
        subject: Subject,
        group_name: Option<GroupName>,
        kind: Kind,
        pattern: ToolPattern,
        is_managed: bool,
    }
}

row! {
    /// A row of `keys`.
    struct KeyRow {
        record: KeyRecord,
        is_managed: bool,
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
        tiers: list_tiers(connection).await?,
        rules: list_rules(connection).await?,
        servers: list_servers(connection).await?,
        keys: list_keys(connection).await?,
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

async fn list_tiers(connection: &mut Connection) -> Result<BTreeMap<TierId, HeldTier>> {
    let rows: Vec<TierRow> = sqlx::query_as(
        "SELECT id, features, limits, prices, version, coalesce(managed_by = 'apply', false) AS is_managed, \
         EXISTS (SELECT 1 FROM tenants t WHERE t.tier = tiers.id) AS is_used FROM tiers",
    )
    .fetch_all(connection)
    .await?;
    let tier = |TierRow { id, terms, version, is_managed, is_used }| {
        (id, HeldTier { terms, version, is_managed, is_used })
    };
    Ok(rows.into_iter().map(tier).collect())
}

/// The rules of the servers of all tenants but those that were deleted.
async fn list_rules(connection: &mut Connection) -> Result<Vec<HeldRule>> {
    let rows: Vec<RuleRow> = sqlx::query_as(
        "SELECT r.id, r.tool_server_id, r.subject, r.group_id, g.name AS group_name, r.kind, r.pattern, \
         coalesce(r.managed_by = 'apply', false) AS is_managed FROM tool_rules r \
         JOIN tool_servers s ON s.id = r.tool_server_id JOIN tenants t ON t.id = s.tenant_id AND t.state <> 'deleted' \
         LEFT JOIN groups g ON g.id = r.group_id ORDER BY r.id",
    )
    .fetch_all(connection)
    .await?;
    let rule = |RuleRow { id, tool_server_id: server, subject, group_name, kind, pattern, is_managed }| {
        let holder = tool_servers::holder(&subject, group_name.as_ref());
        HeldRule { id, rule: DeclaredRule { server, kind, holder, pattern }, is_managed }
    };
    Ok(rows.into_iter().map(rule).collect())
}

async fn list_servers(connection: &mut Connection) -> Result<BTreeSet<ToolServerId>> {
    let sql = "SELECT s.id FROM tool_servers s JOIN tenants t ON t.id = s.tenant_id AND t.state <> 'deleted'";
    let ids: Vec<String> = sqlx::query_scalar(sql).fetch_all(connection).await?;
    ids.iter().map(|id| id.parse().map_err(DirectoryError::unreadable)).collect()
}

/// The keys without an owner that count, and whose tenant was not deleted. Those of people are theirs.
async fn list_keys(connection: &mut Connection) -> Result<Vec<HeldKey>> {
    let rows: Vec<KeyRow> = sqlx::query_as(concat!(
        "SELECT ",
        key_columns!(),
        ", coalesce(k.managed_by = 'apply', false) AS is_managed FROM keys k WHERE k.owner_id IS NULL \
         AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ",
        present!(),
        ") AND NOT EXISTS (SELECT 1 FROM tenants t WHERE t.id = k.tenant_id AND t.state = 'deleted') ORDER BY k.id"
    ))
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(held_key).collect())
}

fn held_key(KeyRow { record, is_managed }: KeyRow) -> HeldKey {
    let limits = record.limits;
    let end = match limits.expires_at {
        Some(at) => KeyEnd::At(at),
        None => KeyEnd::Never(record.endless_reason.unwrap_or_default()),
    };
    let key = DeclaredKey {
        scopes: limits.scopes.into_iter().collect(),
        groups: record.groups.into_iter().collect(),
        hosts: limits.hosts.into_iter().collect(),
        networks: limits.networks.into_iter().collect(),
        tools: limits.tools.into_iter().collect(),
        requests_per_minute: limits.requests_per_minute,
        end,
    };
    let place = KeyPlace { tenant: record.tenant_id, name: record.name };
    HeldKey { id: record.id, place, key, version: record.version, is_managed }
}
