//! What the first page of the portal shows: numbers, and what ends soon.

use super::{Result, Store, limit_of};
use crate::directory::lists::{Ending, EndingThing, PeopleCount};
use gatepost_core::administration::Scope;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupId, GroupName, TenantId, UserId};

/// Each part reads an index of its own up to the limit.
const ENDING: &str = "SELECT e.user_id, u.email, e.until, e.group_id, g.name AS group_name, e.tenant_id, e.is_admin FROM (\
    SELECT * FROM (SELECT user_id, until, group_id, CAST(NULL AS text) AS tenant_id, CAST(NULL AS boolean) AS is_admin \
    FROM manual_memberships WHERE until > $1 AND until <= $2 ORDER BY until LIMIT $3) AS m \
    UNION ALL SELECT * FROM (SELECT user_id, until, CAST(NULL AS bigint), tenant_id, CAST(NULL AS boolean) \
    FROM tenant_members WHERE until > $1 AND until <= $2 ORDER BY until LIMIT $3) AS t \
    UNION ALL SELECT * FROM (SELECT user_id, until, CAST(NULL AS bigint), CAST(NULL AS text), is_admin \
    FROM admin_overrides WHERE until > $1 AND until <= $2 ORDER BY until LIMIT $3) AS a) AS e \
    JOIN users u ON u.id = e.user_id LEFT JOIN groups g ON g.id = e.group_id ORDER BY e.until, u.id LIMIT $3";

row! {
    struct EndingRow {
        user_id: UserId,
        email: Option<EmailAddress>,
        until: Timestamp,
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
        after: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Ending>> {
        if limit_of(scope).is_some() {
            return Ok(Vec::new());
        }
        let rows: Vec<EndingRow> = reading!(self, |connection| {
            let query = sqlx::query_as(ENDING).bind(after.unix()).bind(until.unix()).bind(i64::from(limit));
            Ok(query.fetch_all(connection).await?)
        })?;
        Ok(rows.into_iter().filter_map(ending).collect())
    }
}

fn ending(row: EndingRow) -> Option<Ending> {
    let EndingRow { user_id, email, until, group_id, group_name, tenant_id, is_admin } = row;
    let thing = match (group_id.zip(group_name), tenant_id, is_admin) {
        (Some((id, name)), ..) => EndingThing::Group(id, name),
        (None, Some(id), _) => EndingThing::Tenant(id),
        (None, None, is_admin) => EndingThing::Decision(is_admin?),
    };
    Some(Ending { user: user_id, email, thing, until })
}
