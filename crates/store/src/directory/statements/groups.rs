//! Groups, as lists for people.

use super::naming::{ProviderGroup, Row, provider_group_columns};
use super::standing::parse_tenants;
use super::{Connection, Result, Store};
use crate::directory::error::DirectoryError;
use crate::directory::records::{GroupLink, GroupRecord, Membership, MembershipSource};
use gatepost_core::ids::{GroupName, UserId};
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

/// All of them, or the one of this name.
async fn list(connection: &mut Connection, only: Option<&GroupName>) -> Result<Vec<GroupRecord>> {
    let only = only.map(GroupName::as_str);
    let mut links = list_links(connection, only).await?;
    let rows: Vec<(i64, String, i64, String)> = sqlx::query_as(concat!(
        "SELECT g.id, g.name, \
         (SELECT count(DISTINCT m.user_id) FROM resolved_memberships m WHERE m.group_id = g.id), (SELECT ",
        json_list!("t.tenant_id || ' ' || t.role"),
        " FROM group_tenants t WHERE t.group_id = g.id) FROM groups g WHERE $1 IS NULL OR g.name = $1 ORDER BY g.name"
    ))
    .bind(only)
    .fetch_all(connection)
    .await?;
    let record = |(id, name, members, tenants): (i64, String, i64, String)| {
        Ok(GroupRecord {
            name: name.parse().map_err(DirectoryError::unreadable)?,
            links: links.remove(&id).unwrap_or_default(),
            members: u64::try_from(members).unwrap_or_default(),
            tenants: parse_tenants(&tenants)?,
        })
    };
    rows.into_iter().map(record).collect()
}

async fn list_links(
    connection: &mut Connection,
    only: Option<&str>,
) -> Result<BTreeMap<i64, Vec<GroupLink>>> {
    let rows: Vec<Row> = sqlx::query_as(concat!(
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
        let row = ProviderGroup::from_row(row)?;
        links.entry(row.group_id).or_default().push(row.into_link());
    }
    Ok(links)
}

async fn list_manual(connection: &mut Connection, user: UserId) -> Result<Vec<Membership>> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT g.name, m.source FROM manual_memberships m JOIN groups g ON g.id = m.group_id \
         WHERE m.user_id = $1 ORDER BY g.name, m.source",
    )
    .bind(user.to_string())
    .fetch_all(connection)
    .await?;
    let membership = |(name, source): (String, String)| {
        let source = if source == "scim" { MembershipSource::Scim } else { MembershipSource::Manual };
        Ok(Membership { group: name.parse().map_err(DirectoryError::unreadable)?, source })
    };
    rows.into_iter().map(membership).collect()
}

async fn list_of_providers(connection: &mut Connection, user: UserId) -> Result<Vec<Membership>> {
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT ",
        provider_group_columns!(),
        " FROM provider_memberships m JOIN provider_groups p ON p.id = m.provider_group_id \
         JOIN groups g ON g.id = p.group_id WHERE m.user_id = $1 ORDER BY g.name, p.provider, p.kind, p.external_id"
    ))
    .bind(user.to_string())
    .fetch_all(connection)
    .await?;
    let membership = |row: Row| {
        let row = ProviderGroup::from_row(row)?;
        let group = row.group_name.parse().map_err(DirectoryError::unreadable)?;
        Ok(Membership { group, source: MembershipSource::Provider(row.into_link()) })
    };
    rows.into_iter().map(membership).collect()
}
