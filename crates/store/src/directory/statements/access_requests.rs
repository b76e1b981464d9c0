//! Requests for access as they are read, and the rows of one request.

use super::users::UserRow;
use super::{Connection, Result, Store, users};
use crate::directory::access_requests::AccessRequest;
use crate::directory::error::DirectoryError;
use crate::directory::{REQUESTS_TTL, UserKey};
use gatepost_core::access_request::{RequestState, Wanted};
use gatepost_core::administration::{Scope, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{AccessRequestId, GroupId, UserId};

macro_rules! select_request {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.user_id, u.email, u.name, g.name AS group_name, r.tenant_id, r.note, r.state, r.created_at, \
             r.decided_at, r.decided_by, r.answer, r.until FROM access_requests r JOIN users u ON u.id = r.user_id \
             LEFT JOIN groups g ON g.id = r.group_id WHERE ",
            $rest
        )
    };
}

/// Whether a request is in the scope `$2` (all) and `$3` (a JSON array of tenants).
macro_rules! in_scope {
    () => {
        concat!("($2 = 1 OR r.tenant_id IN (SELECT value FROM ", each!("$3"), "))")
    };
}

impl Store {
    /// The open requests that this scope may decide, by id, which is by time, from the one after `after`.
    pub(in crate::directory) async fn list_open_requests(
        &self,
        scope: &Scope,
        after: Option<AccessRequestId>,
        limit: u32,
    ) -> Result<Vec<AccessRequest>> {
        reading!(self, |connection| {
            let (all, tenants) = bounds(scope);
            let sql = concat!(
                select_request!("r.state = 'open' AND r.id > $1 AND "),
                in_scope!(),
                " ORDER BY r.id LIMIT $4"
            );
            Ok(sqlx::query_as(sql)
                .bind(after.map(|id| id.to_string()).unwrap_or_default())
                .bind(all)
                .bind(tenants)
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await?)
        })
    }

    /// A request that this scope may decide, whatever its state.
    pub(in crate::directory) async fn find_request(
        &self,
        scope: &Scope,
        id: AccessRequestId,
    ) -> Result<Option<AccessRequest>> {
        reading!(self, |connection| {
            let (all, tenants) = bounds(scope);
            let sql = concat!(select_request!("r.id = $1 AND "), in_scope!());
            let query = sqlx::query_as(sql).bind(id.to_string()).bind(all).bind(tenants);
            Ok(query.fetch_optional(connection).await?)
        })
    }

    /// A person's own requests, newest first.
    pub(in crate::directory) async fn list_requests_of(
        &self,
        user: UserId,
        limit: u32,
    ) -> Result<Vec<AccessRequest>> {
        reading!(self, |connection| {
            let sql = select_request!("r.user_id = $1 ORDER BY r.created_at DESC, r.id DESC LIMIT $2");
            let query = sqlx::query_as(sql).bind(user.to_string()).bind(i64::from(limit));
            Ok(query.fetch_all(connection).await?)
        })
    }
}

/// Whether a scope holds everything, as a number, and else its tenants as a JSON array.
fn bounds(scope: &Scope) -> (i64, String) {
    match scope {
        Scope::System => (1, super::json_texts(Vec::<String>::new())),
        Scope::Tenants(tenants) => (0, super::json_texts(tenants)),
    }
}

row! {
    /// What deciding a request needs of its row.
    #[derive(Clone, Debug)]
    pub struct RequestRow {
        pub(super) user_id: UserId,
        pub(super) wanted: Wanted,
        pub(super) group_id: Option<GroupId>,
        pub(super) state: RequestState,
    }
}

impl RequestRow {
    /// A request is decided once, so it has two versions.
    pub(super) fn version(&self) -> Version {
        Version::from_number(if self.state == RequestState::Open { 1 } else { 2 })
    }
}

/// Locks the person of a request, then the request: every change of a person locks them first.
pub(super) async fn lock_request(
    connection: &mut Connection,
    id: AccessRequestId,
    is_meant: impl Fn(&RequestRow) -> bool,
) -> Result<(UserRow, RequestRow)> {
    let unknown = || DirectoryError::UnknownRequest(id);
    let sql = "SELECT user_id FROM access_requests WHERE id = $1";
    let user: Option<String> =
        sqlx::query_scalar(sql).bind(id.to_string()).fetch_optional(&mut *connection).await?;
    let user: UserId = user.ok_or_else(unknown)?.parse().map_err(DirectoryError::unreadable)?;
    let user = users::find_for_change(connection, &UserKey::Id(user)).await?.ok_or_else(unknown)?;
    let sql = for_update!(
        "SELECT r.user_id, (SELECT name FROM groups WHERE id = r.group_id) AS group_name, r.tenant_id, r.group_id, r.state \
         FROM access_requests r WHERE r.id = $1"
    );
    let row: Option<RequestRow> = sqlx::query_as(sql).bind(id.to_string()).fetch_optional(connection).await?;
    Ok((user, row.filter(is_meant).ok_or_else(unknown)?))
}

/// Deletes by age, whatever the state.
pub(super) async fn delete_old(connection: &mut Connection, now: Timestamp) -> Result<u64> {
    let sql = "DELETE FROM access_requests WHERE created_at < $1";
    let deleted = sqlx::query(sql).bind(now.minus(REQUESTS_TTL).unix()).execute(connection).await?;
    Ok(deleted.rows_affected())
}
