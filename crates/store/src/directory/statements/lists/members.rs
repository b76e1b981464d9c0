//! Members of a group.

use super::group_changes::find_known;
use super::people::People;
use super::set::{Set, searched};
use super::{Connection, Result, Store, json_texts, limit_of, typed};
use crate::directory::error::DirectoryError;
use crate::directory::lists::{Page, Place};
use crate::directory::records::{GroupKey, MemberRecord};
use gatepost_core::administration::{Scope, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupId, UserId};
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
    /// One source of a person's membership.
    struct SourceRow {
        user_id: UserId,
        source: String,
        until: Option<Timestamp>,
        version: Option<Version>,
    }
}

/// The sources of these people's memberships in a group. People come first, and each is asked by the index: the view of
/// memberships, and a list of people with `IN`, have a database read the whole group.
const SOURCES: &str = concat!(
    "SELECT m.user_id, m.source, m.until, CASE WHEN m.source = 'manual' THEN m.version END AS version \
     FROM (SELECT value FROM ",
    each!("$1"),
    ") AS people CROSS JOIN manual_memberships m \
     WHERE m.user_id = people.value AND m.group_id = $2 AND coalesce(m.until > ",
    present!(),
    ", true) UNION ALL SELECT m.user_id, p.provider, NULL, NULL FROM (SELECT value FROM ",
    each!("$1"),
    ") AS people CROSS JOIN provider_memberships m CROSS JOIN provider_groups p \
     WHERE m.user_id = people.value AND p.id = m.provider_group_id AND p.group_id = $2"
);

/// Adds who says that they are members, and until when. A membership of several sources ends with the last of them.
async fn add_sources(
    connection: &mut Connection,
    group: GroupId,
    people: Vec<Named>,
) -> Result<Vec<MemberRecord>> {
    let ids = json_texts(people.iter().map(|person| person.id));
    let query = sqlx::query_as(SOURCES).bind(ids).bind(group.number());
    let rows: Vec<SourceRow> = query.fetch_all(connection).await?;
    let mut sources: HashMap<UserId, Vec<SourceRow>> = HashMap::new();
    for row in rows {
        sources.entry(row.user_id).or_default().push(row);
    }
    // Whoever left the group between the two statements is left out.
    let member = |Named { id, email, name }| {
        let rows = sources.remove(&id)?;
        let ends: Option<Vec<Timestamp>> = rows.iter().map(|row| row.until).collect();
        let version = rows.iter().find_map(|row| row.version);
        let until = ends.and_then(|ends| ends.into_iter().max());
        let sources: BTreeSet<String> = rows.into_iter().map(|row| row.source).collect();
        Some(MemberRecord { id, email, name, sources, until, version })
    };
    Ok(people.into_iter().filter_map(member).collect())
}
