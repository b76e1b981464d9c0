//! What deciding a request for access needs of its row, and how requests are deleted.

use super::users::UserRow;
use super::{Connection, Result, users};
use crate::directory::error::DirectoryError;
use crate::directory::{REQUESTS_TTL, UserKey};
use gatepost_core::access_request::{RequestState, Wanted};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{AccessRequestId, GroupId, UserId};

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
pub(super) async fn delete_old(connection: &mut Connection, now: Timestamp, most: i64) -> Result<u64> {
    let sql = delete_some!("access_requests" ["id"] where "created_at < $1");
    let deleted =
        sqlx::query(sql).bind(now.minus(REQUESTS_TTL).unix()).bind(most).execute(connection).await?;
    Ok(deleted.rows_affected())
}
