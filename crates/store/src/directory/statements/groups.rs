//! Lists of groups and memberships.

use super::naming::{ProviderGroup, provider_group_columns};
use super::{Connection, Result, Store};
use crate::directory::records::{GroupLink, GroupRecord, Membership, MembershipSource};
use gatepost_core::access::Role;
use gatepost_core::administration::Version;
use gatepost_core::ids::{GroupId, GroupName, TenantId, UserId};
use std::collections::BTreeMap;

impl Store {
    pub(in crate::directory) async fn list_groups(&self) -> Result<Vec<GroupRecord>> {
        reading!(self, |connection| list(connection, None).await)
    }

    pub(in crate::directory) async fn find_group(&self, name: &GroupName) -> Result<Option<GroupRecord>> {
        reading!(self, |connection| Ok(list(connection, Some(name)).await?.pop()))
    }

    pub(in crate::directory) async fn list_memberships(&self, user: UserId) -> Result<Vec<Membership>> {
        reading!(self, |connection| {
            let mut memberships = list_manual(connection, user).await?;
            memberships.extend(list_of_providers(connection, user).await?);
            Ok(memberships)
        })
    }

    pub(in crate::directory) async fn group_exists(&self, name: &GroupName) -> Result<bool> {
        hot_read!(self, |connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM groups WHERE name = $1)";
            Ok(sqlx::query_scalar(sql).bind(name.as_str()).fetch_one(connection).await?)
        })
    }
}

row! {
    /// A row of `groups`, with its tenants and the number of its members.
    struct GroupRow {
        id: GroupId,
        version: Version,
        name: GroupName,
        members: i64,
        tenants: BTreeMap<TenantId, Role>,
    }
}

/// Lists all groups, or the one of this name.
async fn list(connection: &mut Connection, only: Option<&GroupName>) -> Result<Vec<GroupRecord>> {
    let only = only.map(GroupName::as_str);
    let mut links = list_links(connection, only).await?;
    let rows: Vec<GroupRow> = sqlx::query_as(concat!(
        "SELECT g.id, g.version, g.name, \
         (SELECT count(DISTINCT m.user_id) FROM resolved_memberships m WHERE m.group_id = g.id) AS members, (SELECT ",
        json_list!("t.tenant_id || ' ' || t.role"),
        " FROM group_tenants t WHERE t.group_id = g.id) AS tenants FROM groups g WHERE $1 IS NULL OR g.name = $1 ORDER BY g.name"
    ))
    .bind(only)
    .fetch_all(connection)
    .await?;
    let record = |GroupRow { id, version, name, members, tenants }| {
        let links = links.remove(&id.number()).unwrap_or_default();
        GroupRecord { id, version, name, links, members: members.unsigned_abs(), tenants }
    };
    Ok(rows.into_iter().map(record).collect())
}

async fn list_links(
    connection: &mut Connection,
    only: Option<&str>,
) -> Result<BTreeMap<i64, Vec<GroupLink>>> {
    let rows: Vec<ProviderGroup> = sqlx::query_as(concat!(
        "SELECT ",
        provider_group_columns!(),
        " FROM provider_groups p JOIN groups g ON g.id = p.group_id WHERE $1 IS NULL OR g.name = $1 \
         ORDER BY p.provider, p.kind, p.external_id"
    ))
    .bind(only)
    .fetch_all(connection)
    .await?;
    let mut links: BTreeMap<i64, Vec<GroupLink>> = BTreeMap::new();
    for row in rows {
        links.entry(row.group_id).or_default().push(row.into_link());
    }
    Ok(links)
}

row! {
    /// A row of `manual_memberships`.
    struct ManualMembershipRow {
        name: GroupName,
        source: String,
    }
}

async fn list_manual(connection: &mut Connection, user: UserId) -> Result<Vec<Membership>> {
    let rows: Vec<ManualMembershipRow> = sqlx::query_as(concat!(
        "SELECT g.name, m.source FROM manual_memberships m JOIN groups g ON g.id = m.group_id \
         WHERE m.user_id = $1 AND (m.until IS NULL OR m.until > ",
        present!(),
        ") ORDER BY g.name, m.source"
    ))
    .bind(user.to_string())
    .fetch_all(connection)
    .await?;
    let membership = |ManualMembershipRow { name: group, source }| {
        let source = if source == "scim" { MembershipSource::Scim } else { MembershipSource::Manual };
        Membership { group, source }
    };
    Ok(rows.into_iter().map(membership).collect())
}

async fn list_of_providers(connection: &mut Connection, user: UserId) -> Result<Vec<Membership>> {
    let rows: Vec<ProviderGroup> = sqlx::query_as(concat!(
        "SELECT ",
        provider_group_columns!(),
        " FROM provider_memberships m JOIN provider_groups p ON p.id = m.provider_group_id \
         JOIN groups g ON g.id = p.group_id WHERE m.user_id = $1 ORDER BY g.name, p.provider, p.kind, p.external_id"
    ))
    .bind(user.to_string())
    .fetch_all(connection)
    .await?;
    let membership = |row: ProviderGroup| {
        let group = row.group_name.clone();
        Membership { group, source: MembershipSource::Provider(row.into_link()) }
    };
    Ok(rows.into_iter().map(membership).collect())
}
