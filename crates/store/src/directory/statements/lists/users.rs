//! People, as administrators see them.

use super::people::{People, is_visible, visible};
use super::rows::{self, UserRow};
use super::set::{Set, searched};
use super::{Connection, Db, Result, Store, limit_of, push_tenants, typed};
use crate::directory::lists::{By, Page, Place, TenantWay, UserFilter, UserState};
use crate::directory::records::{UserKey, UserRecord, UserSummary};
use gatepost_core::access::Role;
use gatepost_core::administration::{Matter, Scope, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupName, TenantId, UserId};
use sqlx::QueryBuilder;
use std::collections::BTreeMap;

impl Store {
    pub(in crate::directory) async fn search_users(
        &self,
        scope: &Scope,
        filter: &UserFilter,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<UserSummary>> {
        if scope.is_empty() || asks_beyond(scope, filter) {
            return Ok(Page::empty());
        }
        let found: Vec<UserSummary> = reading!(self, |connection| {
            let select = concat!("SELECT ", rows::user_columns!(), " FROM users u");
            let people = People { select, sets: sets(scope, filter) };
            people.fetch(connection, after, limit).await
        })?;
        Ok(Page::of(found, limit, |user| Place(user.id.to_string())))
    }

    pub(in crate::directory) async fn find_user(
        &self,
        scope: &Scope,
        key: &UserKey,
    ) -> Result<Option<UserRecord>> {
        reading!(self, |connection| match rows::find_row(connection, key).await? {
            Some(row) if is_visible(connection, scope, row.id).await? => {
                complete(connection, scope, row).await.map(Some)
            }
            _ => Ok(None),
        })
    }

    pub(in crate::directory) async fn list_tenant_ways(
        &self,
        scope: &Scope,
        user: UserId,
    ) -> Result<Vec<TenantWay>> {
        reading!(self, |connection| ways(connection, scope, user).await)
    }
}

/// Whether an answer would tell the administrator of a tenant what does not exist for them: who of their people is in a group, who
/// administers the system, who may enter another tenant.
fn asks_beyond(scope: &Scope, filter: &UserFilter) -> bool {
    let UserFilter { q: _, email: _, group, tenant, state } = filter;
    let is_foreign = |tenant: &TenantId| scope.allows(&Matter::Tenant(tenant.clone())).is_err();
    !scope.is_system()
        && (group.is_some() || *state == Some(UserState::Admin) || tenant.as_ref().is_some_and(is_foreign))
}

fn sets<'a>(scope: &'a Scope, filter: &'a UserFilter) -> Vec<Set<'a>> {
    let UserFilter { q, email, group, tenant, state } = filter;
    let mut sets: Vec<Set<'a>> = visible(scope).into_iter().collect();
    sets.extend(typed(q.as_deref()).iter().flat_map(|text| searched(text)));
    sets.extend(email.as_ref().map(Set::Email));
    sets.extend(group.map(Set::Group));
    sets.extend(tenant.as_ref().map(|tenant| Set::Tenants {
        tenants: vec![tenant],
        groups: Vec::new(),
        role: None,
    }));
    sets.extend(state.map(|state| match state {
        UserState::Active => Set::Active,
        UserState::Disabled => Set::Disabled,
        UserState::Awaited => Set::Awaited,
        UserState::Admin => Set::Admins { groups: Vec::new(), or_denied: false },
    }));
    sets
}

async fn complete(connection: &mut Connection, scope: &Scope, row: UserRow) -> Result<UserRecord> {
    let id = row.id;
    let mut tenants: BTreeMap<TenantId, Role> = BTreeMap::new();
    for way in ways(connection, scope, id).await? {
        let highest = tenants.entry(way.tenant).or_insert(way.role);
        *highest = way.role.max(*highest);
    }
    let is_limited = limit_of(scope).is_some();
    let groups = if is_limited { BTreeMap::new() } else { list_groups(connection, id).await? };
    let admin =
        if is_limited { None } else { Some(super::admin_overrides::find_standing(connection, id).await?) };
    Ok(UserRecord {
        sessions_not_before: row.sessions_not_before,
        identities: rows::list_identities(connection, id).await?,
        groups,
        tenants,
        admin,
        summary: row.summary(),
    })
}

row! {
    /// A group of a person, and one of the sources of that membership.
    struct GroupSourceRow {
        name: GroupName,
        source: String,
    }
}

async fn list_groups(connection: &mut Connection, id: UserId) -> Result<BTreeMap<GroupName, Vec<String>>> {
    let rows: Vec<GroupSourceRow> = sqlx::query_as(
        "SELECT DISTINCT g.name, m.source FROM resolved_memberships m JOIN groups g ON g.id = m.group_id \
         WHERE m.user_id = $1 ORDER BY g.name, m.source",
    )
    .bind(id.to_string())
    .fetch_all(connection)
    .await?;
    let mut groups: BTreeMap<GroupName, Vec<String>> = BTreeMap::new();
    for GroupSourceRow { name, source } in rows {
        groups.entry(name).or_default().push(source);
    }
    Ok(groups)
}

row! {
    struct WayRow {
        tenant_id: TenantId,
        role: Role,
        group_name: Option<GroupName>,
        until: Option<Timestamp>,
        version: Option<Version>,
    }
}

/// A group that somebody is in by several sources ends with the last of them.
async fn ways(connection: &mut Connection, scope: &Scope, user: UserId) -> Result<Vec<TenantWay>> {
    let mut query = QueryBuilder::<Db>::new(
        "SELECT t.tenant_id, t.role, t.group_name, t.until, t.version FROM (\
         SELECT t.tenant_id, t.role, g.name AS group_name, \
         CASE WHEN count(*) = count(m.until) THEN max(m.until) END AS until, CAST(NULL AS bigint) AS version \
         FROM resolved_memberships m JOIN group_tenants t ON t.group_id = m.group_id \
         JOIN groups g ON g.id = m.group_id WHERE m.user_id = ",
    );
    query.push_bind(user.to_string()).push(
        " GROUP BY t.tenant_id, t.role, g.name UNION ALL \
         SELECT t.tenant_id, t.role, NULL, t.until, t.version FROM current_tenant_members t WHERE t.user_id = ",
    );
    query.push_bind(user.to_string()).push(") AS t");
    let limit = limit_of(scope);
    if let Some(tenants) = limit {
        push_tenants(query.push(" WHERE "), "t.tenant_id", tenants);
    }
    query.push(" ORDER BY t.tenant_id, t.group_name");
    let rows: Vec<WayRow> = query.build_query_as().fetch_all(connection).await?;
    let way = |WayRow { tenant_id: tenant, role, group_name, until, version }| {
        let by = version.map_or_else(|| By::Group(group_name.filter(|_| limit.is_none())), By::Direct);
        TenantWay { tenant, role, by, until }
    };
    Ok(rows.into_iter().map(way).collect())
}
