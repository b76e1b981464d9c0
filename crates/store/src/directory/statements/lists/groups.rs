//! Groups with their links, tenants and numbers of people.

use super::naming::{ProviderGroup, provider_group_columns};
use super::{Connection, Result, Store, containing, counted, json_texts, limit_of, row_limit, typed};
use crate::directory::count::Count;
use crate::directory::lists::{GroupFilter, GroupState, Page, Place, UnlinkedGroup};
use crate::directory::records::{GroupKey, GroupLink, GroupRecord};
use gatepost_core::access::Role;
use gatepost_core::administration::{Scope, Version};
use gatepost_core::ids::{GroupId, GroupName, TenantId};
use std::collections::BTreeMap;

/// How many people are read to find groups that many have, and how many people of each of these are counted.
const SAMPLE: i64 = 1_000;

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

/// `$1` is the number of memberships that are counted for each group.
macro_rules! select_groups {
    ($rest:literal) => {
        concat!(
            "SELECT g.id, g.version, g.name, ",
            counted!("SELECT m.user_id FROM resolved_memberships m WHERE m.group_id = g.id", "$1"),
            " AS members, (SELECT ",
            json_list!("t.tenant_id || ' ' || t.role"),
            " FROM group_tenants t WHERE t.group_id = g.id) AS tenants FROM groups g ",
            $rest
        )
    };
}

/// `$2` is the place, `$3` a pattern of the name, `$4` what was typed, `$5` the number of rows, `$6` the state.
const FOUND: &str = select_groups!(
    "WHERE g.name > $2 AND ($4 IS NULL OR lower(g.name) LIKE $3 ESCAPE '\\' OR CAST(g.id AS text) = $4 \
     OR EXISTS (SELECT 1 FROM provider_groups p WHERE p.external_id = $4 AND p.group_id = g.id) \
     OR ($6 = 'unlinked' AND EXISTS (SELECT 1 FROM provider_groups p WHERE p.group_id = g.id \
     AND lower(p.display_name) LIKE $3 ESCAPE '\\'))) \
     AND ($6 IS NULL OR CASE $6 \
     WHEN 'named' THEN NOT EXISTS (SELECT 1 FROM provider_groups p WHERE p.group_id = g.id AND p.source = 'auto') \
     WHEN 'linked' THEN EXISTS (SELECT 1 FROM provider_groups p WHERE p.group_id = g.id AND p.source <> 'auto') \
     WHEN 'unlinked' THEN EXISTS (SELECT 1 FROM provider_groups p WHERE p.group_id = g.id AND p.source = 'auto') \
     ELSE NOT EXISTS (SELECT 1 FROM resolved_memberships m WHERE m.group_id = g.id) END) \
     ORDER BY g.name LIMIT $5"
);

impl Store {
    pub(in crate::directory) async fn search_groups(
        &self,
        scope: &Scope,
        filter: &GroupFilter,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<GroupRecord>> {
        if limit_of(scope).is_some() {
            return Ok(Page::empty());
        }
        let found = reading!(self, |connection| {
            let q = typed(filter.q.as_deref());
            let rows: Vec<GroupRow> = sqlx::query_as(FOUND)
                .bind(row_limit(filter.counted))
                .bind(after.map(|place| place.0.as_str()).unwrap_or_default())
                .bind(q.as_deref().map(containing))
                .bind(q.as_deref())
                .bind(i64::from(limit) + 1)
                .bind(filter.state.map(GroupState::as_str))
                .fetch_all(&mut *connection)
                .await?;
            complete(connection, rows).await
        })?;
        Ok(Page::of(found, limit, |group| Place(group.name.to_string())))
    }

    pub(in crate::directory) async fn find_group(
        &self,
        scope: &Scope,
        key: &GroupKey,
    ) -> Result<Option<GroupRecord>> {
        if limit_of(scope).is_some() {
            return Ok(None);
        }
        reading!(self, |connection| {
            let counted = row_limit(Count::OF_ONE);
            let query = match key {
                GroupKey::Id(id) => {
                    sqlx::query_as(select_groups!("WHERE g.id = $2")).bind(counted).bind(id.number())
                }
                GroupKey::Name(name) => {
                    sqlx::query_as(select_groups!("WHERE g.name = $2")).bind(counted).bind(name.as_str())
                }
            };
            let rows: Vec<GroupRow> = query.fetch_all(&mut *connection).await?;
            Ok(complete(connection, rows).await?.pop())
        })
    }

    pub(in crate::directory) async fn list_unlinked_groups(
        &self,
        scope: &Scope,
        limit: u32,
    ) -> Result<Vec<UnlinkedGroup>> {
        if limit_of(scope).is_some() {
            return Ok(Vec::new());
        }
        let rows: Vec<UnlinkedRow> = reading!(self, |connection| {
            let query = sqlx::query_as(UNLINKED).bind(SAMPLE).bind(i64::from(limit));
            Ok(query.fetch_all(connection).await?)
        })?;
        let unlinked = |UnlinkedRow { group, people }: UnlinkedRow| UnlinkedGroup {
            group: GroupId::from_number(group.group_id),
            link: group.into_link(),
            people: Count::of(people),
        };
        Ok(rows.into_iter().map(unlinked).collect())
    }
}

row! {
    struct UnlinkedRow {
        group: ProviderGroup,
        people: i64,
    }
}

const UNLINKED: &str = concat!(
    "WITH often AS MATERIALIZED (SELECT m.provider_group_id AS id, count(*) AS people \
     FROM (SELECT u.id FROM users u ORDER BY u.id DESC LIMIT $1) AS last \
     JOIN provider_memberships m ON m.user_id = last.id \
     JOIN provider_groups p ON p.id = m.provider_group_id WHERE p.source = 'auto' \
     GROUP BY m.provider_group_id ORDER BY people DESC, id LIMIT $2) SELECT ",
    provider_group_columns!(),
    ", ",
    counted!("SELECT m.user_id FROM provider_memberships m WHERE m.provider_group_id = p.id", "$1"),
    " AS people FROM often JOIN provider_groups p ON p.id = often.id ORDER BY often.people DESC, p.id",
);

async fn complete(connection: &mut Connection, rows: Vec<GroupRow>) -> Result<Vec<GroupRecord>> {
    let mut links = list_links(connection, &rows).await?;
    let record = |GroupRow { id, version, name, members, tenants }| {
        let links = links.remove(&id.number()).unwrap_or_default();
        GroupRecord { id, version, name, links, members: Count::of(members), tenants }
    };
    Ok(rows.into_iter().map(record).collect())
}

async fn list_links(
    connection: &mut Connection,
    groups: &[GroupRow],
) -> Result<BTreeMap<i64, Vec<GroupLink>>> {
    let numbers = groups.iter().map(|group| group.id.number());
    let rows: Vec<ProviderGroup> = sqlx::query_as(concat!(
        "SELECT ",
        provider_group_columns!(),
        " FROM provider_groups p WHERE p.group_id IN (SELECT CAST(value AS bigint) FROM ",
        each!("$1"),
        ") ORDER BY p.provider, p.kind, p.external_id"
    ))
    .bind(json_texts(numbers))
    .fetch_all(connection)
    .await?;
    let mut links: BTreeMap<i64, Vec<GroupLink>> = BTreeMap::new();
    for row in rows {
        links.entry(row.group_id).or_default().push(row.into_link());
    }
    Ok(links)
}
