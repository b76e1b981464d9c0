//! Groups, as lists for people.

use super::naming::{ProviderGroup, Row, provider_group_columns};
use super::standing::parse_tenants;
use super::{Connection, Result, Store};
use crate::directory::error::DirectoryError;
use crate::directory::records::{GroupLink, GroupRecord};
use crate::domain::ids::GroupName;
use std::collections::BTreeMap;

impl Store {
    pub(in crate::directory) async fn list_groups(&self) -> Result<Vec<GroupRecord>> {
        reading!(self, |connection| list(connection).await)
    }

    pub(in crate::directory) async fn group_exists(&self, name: &GroupName) -> Result<bool> {
        hot_read!(self, |connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM groups WHERE name = $1)";
            Ok(sqlx::query_scalar(sql).bind(name.as_str()).fetch_one(connection).await?)
        })
    }
}

async fn list(connection: &mut Connection) -> Result<Vec<GroupRecord>> {
    let mut links = list_links(connection).await?;
    let rows: Vec<(i64, String, i64, String)> = sqlx::query_as(concat!(
        "SELECT g.id, g.name, \
         (SELECT count(DISTINCT m.user_id) FROM resolved_memberships m WHERE m.group_id = g.id), (SELECT ",
        json_list!("t.tenant_id || ' ' || t.role"),
        " FROM group_tenants t WHERE t.group_id = g.id) FROM groups g ORDER BY g.name"
    ))
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

async fn list_links(connection: &mut Connection) -> Result<BTreeMap<i64, Vec<GroupLink>>> {
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT ",
        provider_group_columns!(),
        " FROM provider_groups p ORDER BY p.provider, p.kind, p.external_id"
    ))
    .fetch_all(connection)
    .await?;
    let mut links: BTreeMap<i64, Vec<GroupLink>> = BTreeMap::new();
    for row in rows {
        let ProviderGroup { group_id, external, display_name, source, .. } = ProviderGroup::from_row(row)?;
        links.entry(group_id).or_default().push(GroupLink { external, display_name, source });
    }
    Ok(links)
}
