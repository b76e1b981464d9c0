//! Members of a group.

use super::group_changes::find_known;
use super::people::People;
use super::set::{Set, searched};
use super::{Connection, Db, Result, Store, limit_of, typed};
use crate::directory::error::DirectoryError;
use crate::directory::lists::{Page, Place};
use crate::directory::records::{GroupKey, MemberRecord};
use gatepost_core::administration::{Scope, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupId, UserId};
use sqlx::QueryBuilder;
use std::collections::{BTreeSet, HashMap};

impl Store {
    pub(in crate::directory) async fn list_members(
        &self,
        scope: &Scope,
        group: &GroupKey,
        q: Option<&str>,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<MemberRecord>> {
        if limit_of(scope).is_some() {
            return Err(DirectoryError::UnknownGroup(group.clone()));
        }
        let found: Vec<MemberRecord> = reading!(self, |connection| {
            let group = find_known(connection, group).await?.id;
            let sets = typed(q).map(|text| searched(&text)).unwrap_or_default();
            let sets = sets.into_iter().chain([Set::Group(group)]).collect();
            let people = People { select: "SELECT u.id, u.email, u.name FROM users u", sets };
            let found: Vec<Named> = people.fetch(&mut *connection, after, limit).await?;
            add_sources(connection, group, found).await
        })?;
        Ok(Page::of(found, limit, |member| Place(member.id.to_string())))
    }
}

row! {
    struct Named {
        id: UserId,
        email: Option<EmailAddress>,
        name: Option<String>,
    }
}

row! {
    struct SourcesRow {
        user_id: UserId,
        sources: BTreeSet<String>,
        until: Option<Timestamp>,
        version: Option<Version>,
    }
}

/// Each person is asked by the index; a list of people would have Postgres read the whole group.
const SOURCES: [&str; 4] = [
    concat!(
        "SELECT u.id AS user_id, (SELECT ",
        json_list!("m.source"),
        " FROM resolved_memberships m WHERE m.user_id = u.id AND m.group_id = "
    ),
    ") AS sources, (SELECT CASE WHEN count(*) = count(m.until) THEN max(m.until) END FROM resolved_memberships m \
     WHERE m.user_id = u.id AND m.group_id = ",
    ") AS until, (SELECT m.version FROM manual_memberships m WHERE m.user_id = u.id AND m.source = 'manual' \
     AND m.group_id = ",
    concat!(" AND coalesce(m.until > ", present!(), ", true)) AS version FROM users u WHERE u.id IN ("),
];

/// Adds who says that they are members, and until when. A membership of several sources ends with the last of them.
async fn add_sources(
    connection: &mut Connection,
    group: GroupId,
    people: Vec<Named>,
) -> Result<Vec<MemberRecord>> {
    let [before_sources, before_until, before_version, before_people] = SOURCES;
    let mut query = QueryBuilder::<Db>::new(before_sources);
    query.push_bind(group.number()).push(before_until).push_bind(group.number()).push(before_version);
    query.push_bind(group.number()).push(before_people);
    let mut list = query.separated(", ");
    list.push("''");
    for person in &people {
        list.push_bind(person.id.to_string());
    }
    query.push(")");
    let rows: Vec<SourcesRow> = query.build_query_as().fetch_all(connection).await?;
    let mut sources: HashMap<UserId, SourcesRow> = rows.into_iter().map(|row| (row.user_id, row)).collect();
    // Whoever left the group between the two statements is left out.
    let member = |Named { id, email, name }| {
        let SourcesRow { sources, until, version, .. } =
            sources.remove(&id).filter(|row| !row.sources.is_empty())?;
        Some(MemberRecord { id, email, name, sources, until, version })
    };
    Ok(people.into_iter().filter_map(member).collect())
}
