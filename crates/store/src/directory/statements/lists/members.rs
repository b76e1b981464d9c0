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
    /// Who says that a person is a member.
    struct SourcesRow {
        user_id: UserId,
        /// `manual`, `scim`.
        by_hand: BTreeSet<String>,
        /// When the last of those ends, if all do.
        until: Option<Timestamp>,
        version: Option<Version>,
        /// Providers, whose memberships have no end here.
        by_providers: BTreeSet<String>,
    }
}

/// The sources of these people's memberships in a group. Each person is asked by the index, which a subquery of each row
/// alone makes sure of: the view of memberships, a list of people with `IN`, and a join have a database read the whole
/// group. Postgres takes a group of everybody for one of average size.
const SOURCES: &str = concat!(
    "SELECT people.value AS user_id, (SELECT ",
    json_list!("m.source"),
    " FROM manual_memberships m WHERE m.user_id = people.value AND m.group_id = $2 AND coalesce(m.until > ",
    present!(),
    ", true)) AS by_hand, (SELECT CASE WHEN count(*) = count(m.until) THEN max(m.until) END \
     FROM manual_memberships m WHERE m.user_id = people.value AND m.group_id = $2 AND coalesce(m.until > ",
    present!(),
    ", true)) AS until, (SELECT m.version FROM manual_memberships m WHERE m.user_id = people.value \
     AND m.group_id = $2 AND m.source = 'manual' AND coalesce(m.until > ",
    present!(),
    ", true)) AS version, (SELECT ",
    json_list!("p.provider"),
    " FROM provider_memberships m CROSS JOIN provider_groups p WHERE m.user_id = people.value \
     AND p.id = m.provider_group_id AND p.group_id = $2) AS by_providers FROM (SELECT value FROM ",
    each!("$1"),
    ") AS people"
);

/// Adds who says that they are members, and until when. A membership of several sources ends with the last of them.
async fn add_sources(
    connection: &mut Connection,
    group: GroupId,
    people: Vec<Named>,
) -> Result<Vec<MemberRecord>> {
    let ids = json_texts(people.iter().map(|person| person.id));
    let query = sqlx::query_as(SOURCES).bind(ids).bind(group.number());
    let rows: Vec<SourcesRow> = query.fetch_all(connection).await?;
    let mut rows: HashMap<UserId, SourcesRow> = rows.into_iter().map(|row| (row.user_id, row)).collect();
    // Whoever left the group between the two statements is left out.
    let member = |Named { id, email, name }| {
        let SourcesRow { by_hand: mut sources, until: given_until, version, by_providers, .. } =
            rows.remove(&id)?;
        let until = given_until.filter(|_| by_providers.is_empty());
        sources.extend(by_providers);
        let record = MemberRecord { id, email, name, sources, until, given_until, version };
        (!record.sources.is_empty()).then_some(record)
    };
    Ok(people.into_iter().filter_map(member).collect())
}
