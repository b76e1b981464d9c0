//! Deletes what has ended: memberships, tenants' members and decisions about admins whose `until` has passed. No view
//! returns these rows any more, so nothing depends on when they are deleted. Each has an audit row.
//!
//! The leader deletes while changes of the same person do too: only the one whose statement returns a row writes its audit
//! row. A row that somebody renews meanwhile stays, because the database tests the end again after the wait for the row's lock.

use super::{Connection, Result, Store, audit, users};
use crate::directory::actor::{Actor, Who};
use crate::directory::lease::Term;
use crate::directory::records::Ends;
use gatepost_core::access::Role;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupName, TenantId, UserId};
use serde_json::json;

row! {
    struct MembershipRow {
        user_id: UserId,
        group_name: GroupName,
        source: String,
        until: Timestamp,
    }
}

row! {
    struct DecisionRow {
        user_id: UserId,
        is_admin: bool,
        until: Timestamp,
    }
}

row! {
    struct TenantMemberRow {
        user_id: UserId,
        tenant_id: TenantId,
        role: Role,
        until: Timestamp,
    }
}

/// Statements that delete what has ended of the rows that meet a condition.
macro_rules! delete_memberships {
    ($which:literal) => {
        concat!(
            "DELETE FROM manual_memberships WHERE ",
            $which,
            " AND until <= ",
            present!(),
            " RETURNING user_id, (SELECT name FROM groups WHERE id = group_id) AS group_name, source, until"
        )
    };
}
macro_rules! delete_decisions {
    ($which:literal) => {
        concat!(
            "DELETE FROM admin_overrides WHERE ",
            $which,
            " AND until <= ",
            present!(),
            " RETURNING user_id, is_admin, until"
        )
    };
}
macro_rules! delete_tenant_members {
    ($which:literal) => {
        concat!(
            "DELETE FROM tenant_members WHERE ",
            $which,
            " AND until <= ",
            present!(),
            " RETURNING user_id, tenant_id, role, until"
        )
    };
}

impl Store {
    /// Deletes what has ended by `now`, at most `limit` rows of each kind. Returns how many were deleted.
    pub(in crate::directory) async fn delete_ended(
        &self,
        term: Term,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64> {
        let (now, limit) = (now.unix(), i64::from(limit));
        leading!(self, term, |connection| {
            let memberships = delete_memberships!(
                "(user_id, group_id, source) IN (SELECT user_id, group_id, source FROM manual_memberships \
                 WHERE until <= $1 ORDER BY until, user_id, group_id, source LIMIT $2)"
            );
            let memberships =
                sqlx::query_as(memberships).bind(now).bind(limit).fetch_all(&mut *connection).await?;
            let decisions = delete_decisions!(
                "user_id IN (SELECT user_id FROM admin_overrides WHERE until <= $1 ORDER BY until, user_id LIMIT $2)"
            );
            let decisions =
                sqlx::query_as(decisions).bind(now).bind(limit).fetch_all(&mut *connection).await?;
            let members = delete_tenant_members!(
                "(tenant_id, user_id) IN (SELECT tenant_id, user_id FROM tenant_members \
                 WHERE until <= $1 ORDER BY until, tenant_id, user_id LIMIT $2)"
            );
            let members = sqlx::query_as(members).bind(now).bind(limit).fetch_all(&mut *connection).await?;
            note(connection, Ended { memberships, decisions, members }).await
        })
    }
}

row! {
    struct NamedEnd {
        name: String,
        until: Timestamp,
    }
}

impl Store {
    /// Of several memberships of one group the last end; none if one of them has no end.
    pub(in crate::directory) async fn list_ends(&self, user: UserId) -> Result<Ends> {
        let groups = "SELECT g.name, max(m.until) AS until FROM resolved_memberships m JOIN groups g ON g.id = m.group_id \
            WHERE m.user_id = $1 GROUP BY g.name HAVING count(*) = count(m.until)";
        let tenants = "SELECT tenant_id AS name, until FROM current_tenant_members WHERE user_id = $1 AND until IS NOT NULL";
        let user = user.to_string();
        let (groups, tenants): (Vec<NamedEnd>, Vec<NamedEnd>) = reading!(self, |connection| {
            let groups = sqlx::query_as(groups).bind(&user).fetch_all(&mut *connection).await?;
            Ok((groups, sqlx::query_as(tenants).bind(&user).fetch_all(connection).await?))
        })?;
        let named = |ends: Vec<NamedEnd>| ends.into_iter().map(|end| (end.name, end.until)).collect();
        Ok(Ends { groups: named(groups), tenants: named(tenants) })
    }
}

/// Deletes what has ended of one person, before something new is written in its place.
pub(super) async fn delete_of_person(connection: &mut Connection, user: UserId) -> Result<()> {
    let user = user.to_string();
    let memberships =
        sqlx::query_as(delete_memberships!("user_id = $1")).bind(&user).fetch_all(&mut *connection).await?;
    let decisions =
        sqlx::query_as(delete_decisions!("user_id = $1")).bind(&user).fetch_all(&mut *connection).await?;
    let members = sqlx::query_as(delete_tenant_members!("user_id = $1"))
        .bind(&user)
        .fetch_all(&mut *connection)
        .await?;
    note(connection, Ended { memberships, decisions, members }).await.map(drop)
}

/// Deletes the memberships of one group that have ended, before its members are counted and the group is deleted.
pub(super) async fn delete_of_group(connection: &mut Connection, group: i64) -> Result<()> {
    let memberships =
        sqlx::query_as(delete_memberships!("group_id = $1")).bind(group).fetch_all(&mut *connection).await?;
    note(connection, Ended { memberships, ..Ended::default() }).await.map(drop)
}

/// The deleted rows.
#[derive(Default)]
struct Ended {
    memberships: Vec<MembershipRow>,
    decisions: Vec<DecisionRow>,
    members: Vec<TenantMemberRow>,
}

/// Writes the audit rows. Returns their number.
async fn note(connection: &mut Connection, ended: Ended) -> Result<u64> {
    let Ended { memberships, decisions, members } = ended;
    let count = memberships.len() + decisions.len() + members.len();
    for MembershipRow { user_id, group_name, source, until } in memberships {
        let before = json!({ "group": group_name, "source": source, "until": until });
        users::note(connection, &nobody(), "membership.end", user_id, Some(before), None).await?;
    }
    for DecisionRow { user_id, is_admin, until } in decisions {
        let before = json!({ "is_admin": is_admin, "until": until });
        users::note(connection, &nobody(), "admin.end", user_id, Some(before), None).await?;
    }
    for TenantMemberRow { user_id, tenant_id, role, until } in members {
        let entry = audit::Entry {
            action: "tenant.end_member",
            target: format!("user:{user_id}"),
            before: Some(json!({ "tenant": tenant_id, "role": role, "until": until })),
            after: None,
        };
        audit::write_for_tenant(connection, &nobody(), &tenant_id, entry).await?;
    }
    Ok(count as u64)
}

/// Whoever wrote the end did so earlier, with an audit row of their own.
fn nobody() -> Actor {
    Actor::internal(Who::Time)
}
