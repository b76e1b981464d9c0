//! What the first page of the portal shows: numbers, and what ends soon.

use super::{Result, Store, limit_of};
use crate::directory::lists::{Ending, EndingThing, Page, PeopleCount, Place};
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupId, GroupName, TenantId, UserId};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Each part reads an index of its own up to the limit. `thing` makes a place of what ends in the same second.
const ENDING: &str = "SELECT e.user_id, u.email, e.until, e.thing, e.group_id, g.name AS group_name, e.tenant_id, e.is_admin \
    FROM (SELECT * FROM (SELECT user_id, until, 'g' || CAST(group_id AS text) AS thing, group_id, \
    CAST(NULL AS text) AS tenant_id, CAST(NULL AS boolean) AS is_admin FROM manual_memberships \
    WHERE until >= $1 AND until <= $2 AND (until, user_id, 'g' || CAST(group_id AS text)) > ($1, $3, $4) \
    ORDER BY until, user_id, thing LIMIT $5) AS m \
    UNION ALL SELECT * FROM (SELECT user_id, until, 't' || tenant_id AS thing, CAST(NULL AS bigint), tenant_id, \
    CAST(NULL AS boolean) FROM tenant_members \
    WHERE until >= $1 AND until <= $2 AND (until, user_id, 't' || tenant_id) > ($1, $3, $4) \
    ORDER BY until, user_id, thing LIMIT $5) AS t \
    UNION ALL SELECT * FROM (SELECT user_id, until, 'a' AS thing, CAST(NULL AS bigint), CAST(NULL AS text), is_admin \
    FROM admin_overrides WHERE until >= $1 AND until <= $2 AND (until, user_id, 'a') > ($1, $3, $4) \
    ORDER BY until, user_id, thing LIMIT $5) AS a) AS e \
    JOIN users u ON u.id = e.user_id LEFT JOIN groups g ON g.id = e.group_id \
    ORDER BY e.until, e.user_id, e.thing LIMIT $5";

row! {
    struct EndingRow {
        user_id: UserId,
        email: Option<EmailAddress>,
        until: Timestamp,
        thing: String,
        group_id: Option<GroupId>,
        group_name: Option<GroupName>,
        tenant_id: Option<TenantId>,
        is_admin: Option<bool>,
    }
}

impl Store {
    pub(in crate::directory) async fn count_people(
        &self,
        scope: &Scope,
        since: Timestamp,
    ) -> Result<Option<PeopleCount>> {
        if limit_of(scope).is_some() {
            return Ok(None);
        }
        reading!(self, |connection| {
            let sql = "SELECT count(*) AS people, \
                count(CASE WHEN last_sign_in_at >= $1 THEN 1 END) AS signed_in, \
                count(disabled_at) AS disabled FROM users";
            Ok(Some(sqlx::query_as(sql).bind(since.unix()).fetch_one(connection).await?))
        })
    }

    pub(in crate::directory) async fn list_ending(
        &self,
        scope: &Scope,
        (from, until): (Timestamp, Timestamp),
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<Ending>> {
        let place = match after.map(|place| read_place(&place.0)) {
            None => (from.plus(SECOND).unix(), "", ""),
            Some(Some(place)) => place,
            Some(None) => return Ok(Page::empty()),
        };
        if limit_of(scope).is_some() {
            return Ok(Page::empty());
        }
        let rows: Vec<EndingRow> = reading!(self, |connection| {
            let (from, user, thing) = place;
            let query = sqlx::query_as(ENDING).bind(from).bind(until.unix()).bind(user).bind(thing);
            Ok(query.bind(i64::from(limit) + 1).fetch_all(connection).await?)
        })?;
        let Page { items, next } = Page::of(rows, limit, |row: &EndingRow| {
            Place(format!("{} {} {}", row.until.unix(), row.user_id, row.thing))
        });
        Ok(Page { items: items.into_iter().filter_map(ending).collect(), next })
    }
}

/// The second, the person and the thing of a row.
fn read_place(place: &str) -> Option<(i64, &str, &str)> {
    let mut parts = place.splitn(3, ' ');
    Some((parts.next()?.parse().ok()?, parts.next()?, parts.next()?))
}

fn ending(row: EndingRow) -> Option<Ending> {
    let EndingRow { user_id, email, until, group_id, group_name, tenant_id, is_admin, .. } = row;
    let thing = match (group_id.zip(group_name), tenant_id, is_admin) {
        (Some((id, name)), ..) => EndingThing::Group(id, name),
        (None, Some(id), _) => EndingThing::Tenant(id),
        (None, None, is_admin) => EndingThing::Decision(is_admin?),
    };
    Some(Ending { user: user_id, email, thing, until })
}
