//! Tenants with their groups and numbers of people, and the members that they have by themselves.

use super::{
    Connection, Db, Result, Store, containing, json_texts, limit_of, push_tenants, row_limit, tenant_hosts,
    tenant_rows, tiers, typed,
};
use crate::directory::count::Count;
use crate::directory::error::DirectoryError;
use crate::directory::lists::{Page, Place, TenantFilter, TenantMember};
use crate::directory::records::{TenantHostRecord, TenantRecord};
use gatepost_core::access::Role;
use gatepost_core::administration::{Matter, Scope, Version};
use gatepost_core::branding::Branding;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupName, ServiceName, TenantId, TierId};
use gatepost_core::tenant::TenantState;
use gatepost_core::tenant_provider::TenantProviderKind;
use gatepost_core::tier::{Allowances, JsonObject};
use sqlx::QueryBuilder;
use std::collections::BTreeMap;

row! {
    struct TenantRow {
        id: TenantId,
        name: Option<String>,
        version: Version,
        created_at: Timestamp,
        state: TenantState,
        suspended_at: Option<Timestamp>,
        suspended_reason: Option<String>,
        deleted_at: Option<Timestamp>,
        updated_at: Timestamp,
        tier: Option<TierId>,
        own: Allowances,
        settings: JsonObject,
        branding: Branding,
        service: Option<ServiceName>,
        provider_kind: Option<TenantProviderKind>,
        provider_label: Option<String>,
        members: i64,
    }
}

/// Between two parts of it stands the number of memberships that are counted for each tenant.
/// The view of memberships would be read whole if it were joined with the groups.
const COUNTED: [&str; 3] = [
    "SELECT t.id, t.name, t.version, t.created_at, t.state, t.suspended_at, t.suspended_reason, t.deleted_at, \
     coalesce(t.updated_at, t.created_at) AS updated_at, t.tier, t.features, t.limits, t.settings, t.branding, t.service, \
     (SELECT p.kind FROM tenant_providers p WHERE p.tenant_id = t.id) AS provider_kind, \
     (SELECT p.label FROM tenant_providers p WHERE p.tenant_id = t.id) AS provider_label, \
     (SELECT CASE WHEN count(*) < ",
    concat!(
        " THEN count(DISTINCT counted.user_id) ELSE -count(DISTINCT counted.user_id) END FROM (\
         SELECT s.user_id FROM current_tenant_members s WHERE s.tenant_id = t.id UNION ALL \
         SELECT m.user_id FROM group_tenants s JOIN manual_memberships m ON m.group_id = s.group_id \
         WHERE s.tenant_id = t.id AND coalesce(m.until > ",
        present!(),
        ", true) UNION ALL SELECT m.user_id FROM group_tenants s JOIN provider_groups p ON p.group_id = s.group_id \
         JOIN provider_memberships m ON m.provider_group_id = p.id WHERE s.tenant_id = t.id LIMIT ",
    ),
    ") AS counted) AS members FROM tenants t WHERE t.id > ",
];

/// Which tenants to read.
struct Wanted<'a> {
    counted: u32,
    only: Option<&'a TenantId>,
    after: Option<&'a Place>,
    filter: &'a TenantFilter,
    rows: u32,
}

impl<'a> Wanted<'a> {
    const fn one(id: &'a TenantId) -> Self {
        const NO_FILTER: &TenantFilter = &TenantFilter { q: None, state: None };
        Self { counted: Count::OF_ONE, only: Some(id), after: None, filter: NO_FILTER, rows: 1 }
    }
}

impl Store {
    pub(in crate::directory) async fn search_tenants(
        &self,
        scope: &Scope,
        filter: &TenantFilter,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<TenantRecord>> {
        let wanted = Wanted { counted: Count::IN_LISTS, only: None, after, filter, rows: limit + 1 };
        let found = reading!(self, |connection| read(connection, scope, &wanted).await)?;
        Ok(Page::of(found, limit, |tenant| Place(tenant.id.to_string())))
    }

    pub(in crate::directory) async fn find_tenant(
        &self,
        scope: &Scope,
        id: &TenantId,
    ) -> Result<Option<TenantRecord>> {
        let wanted = Wanted::one(id);
        reading!(self, |connection| Ok(read(connection, scope, &wanted).await?.pop()))
    }

    pub(in crate::directory) async fn list_tenant_members(
        &self,
        scope: &Scope,
        tenant: &TenantId,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<TenantMember>> {
        if scope.allows(&Matter::Tenant(tenant.clone())).is_err() {
            return Err(DirectoryError::UnknownTenant(tenant.clone()));
        }
        let found: Vec<TenantMember> = reading!(self, |connection| {
            tenant_rows::demand_known(&mut *connection, tenant).await?;
            let sql = "SELECT u.id, u.email, u.name, m.role, m.source, m.until, m.created_at, m.version \
                       FROM current_tenant_members m JOIN users u ON u.id = m.user_id \
                       WHERE m.tenant_id = $1 AND m.user_id > $2 ORDER BY m.user_id LIMIT $3";
            let query = sqlx::query_as(sql)
                .bind(tenant.as_str())
                .bind(after.map(|place| place.0.as_str()).unwrap_or_default())
                .bind(i64::from(limit) + 1);
            Ok(query.fetch_all(connection).await?)
        })?;
        Ok(Page::of(found, limit, |member| Place(member.id.to_string())))
    }
}

/// A tenant, in the transaction of a change.
pub(in super::super) async fn read_tenant(
    connection: &mut Connection,
    id: &TenantId,
) -> Result<Option<TenantRecord>> {
    let wanted = Wanted::one(id);
    Ok(read(connection, &Scope::System, &wanted).await?.pop())
}

async fn read(connection: &mut Connection, scope: &Scope, wanted: &Wanted<'_>) -> Result<Vec<TenantRecord>> {
    let limit = limit_of(scope);
    let [before_count, before_limit, before_place] = COUNTED;
    let counted = row_limit(wanted.counted);
    let mut query = QueryBuilder::<Db>::new(before_count);
    query.push_bind(counted).push(before_limit).push_bind(counted).push(before_place);
    query.push_bind(wanted.after.map(|place| place.0.clone()).unwrap_or_default());
    match (wanted.only, wanted.filter.state) {
        (Some(only), _) => query.push(" AND t.id = ").push_bind(only.as_str().to_owned()),
        (None, Some(state)) => query.push(" AND t.state = ").push_bind(state.as_str()),
        (None, None) => query.push(" AND t.state <> 'deleted'"),
    };
    if let Some(tenants) = limit {
        push_tenants(query.push(" AND "), "t.id", tenants);
    }
    if let Some(part) = typed(wanted.filter.q.as_deref()).as_deref().map(containing) {
        query
            .push(" AND (lower(t.id) LIKE ")
            .push_bind(part.clone())
            .push(" ESCAPE '\\' OR lower(t.name) LIKE ");
        query.push_bind(part).push(" ESCAPE '\\')");
    }
    query.push(" ORDER BY t.id LIMIT ").push_bind(i64::from(wanted.rows));
    let rows: Vec<TenantRow> = query.build_query_as().fetch_all(&mut *connection).await?;
    let mut groups =
        if limit.is_none() { list_groups(&mut *connection, &rows).await? } else { BTreeMap::new() };
    let mut hosts: BTreeMap<TenantId, Vec<TenantHostRecord>> = BTreeMap::new();
    for host in tenant_hosts::list(&mut *connection, &json_texts(rows.iter().map(|row| &row.id))).await? {
        hosts.entry(host.tenant_id.clone()).or_default().push(host);
    }
    let tiers = tiers::list(connection).await?;
    let of_tier = |tier: &Option<TierId>| {
        tier.as_ref()
            .and_then(|tier| tiers.get(tier))
            .map(|tier| tier.terms.allowances.clone())
            .unwrap_or_default()
    };
    let record = |row: TenantRow| TenantRecord {
        updated_at: row.updated_at,
        allowances: of_tier(&row.tier).overridden_by(&row.own),
        tier: row.tier,
        own: row.own,
        settings: row.settings,
        branding: row.branding,
        service: row.service,
        provider: row.provider_kind.zip(row.provider_label),
        hosts: hosts.remove(&row.id).unwrap_or_default(),
        groups: groups.remove(&row.id).unwrap_or_default(),
        id: row.id,
        name: row.name,
        version: row.version,
        created_at: row.created_at,
        state: row.state,
        suspended_at: row.suspended_at,
        suspended_reason: row.suspended_reason,
        deleted_at: row.deleted_at,
        members: Count::of(row.members),
    };
    Ok(rows.into_iter().map(record).collect())
}

row! {
    struct MappingRow {
        tenant_id: TenantId,
        name: GroupName,
        role: Role,
    }
}

type Mappings = BTreeMap<TenantId, BTreeMap<GroupName, Role>>;

async fn list_groups(connection: &mut Connection, tenants: &[TenantRow]) -> Result<Mappings> {
    let rows: Vec<MappingRow> = sqlx::query_as(concat!(
        "SELECT m.tenant_id, g.name, m.role FROM group_tenants m JOIN groups g ON g.id = m.group_id \
         WHERE m.tenant_id IN (SELECT value FROM ",
        each!("$1"),
        ")"
    ))
    .bind(json_texts(tenants.iter().map(|tenant| &tenant.id)))
    .fetch_all(connection)
    .await?;
    let mut mappings = Mappings::new();
    for MappingRow { tenant_id, name, role } in rows {
        mappings.entry(tenant_id).or_default().insert(name, role);
    }
    Ok(mappings)
}
