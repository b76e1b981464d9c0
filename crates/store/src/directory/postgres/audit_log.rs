//! What the heads, the retention and the erasure of the audit need of Postgres. Functions of the schema's owner do what
//! the role that serves may not do itself (`migrations/postgres/*_chain_audit.sql`).

use super::Connection;
use crate::directory::error::DirectoryError;
use gatepost_core::ids::UserId;

/// Whoever writes an entry holds a lock of its hour until the transaction ends. The locks are read after the clock, or
/// within the minute's grace. The number is that of `complete_audit_entry()`.
const SETTLED: &str = "SELECT least((floor(extract(epoch FROM clock_timestamp()))::bigint - 60) / 3600, \
    (SELECT min(objid::bigint) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1735418229::oid AND objsubid = 2 \
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())))";

/// No transaction can still write into the hours before this one.
pub(super) async fn settled_before(connection: &mut Connection) -> Result<i64, DirectoryError> {
    Ok(sqlx::query_scalar(SETTLED).fetch_one(connection).await?)
}

/// Gives entries of older releases their digests. Returns how many it gave.
pub(super) async fn give_digests(
    connection: &mut Connection,
    hour: i64,
    batch: i64,
) -> Result<u64, DirectoryError> {
    let sql = "SELECT digest_audit_entries($1, $2)";
    let given: i64 = sqlx::query_scalar(sql).bind(hour).bind(batch).fetch_one(connection).await?;
    Ok(given.unsigned_abs())
}

/// Deletes a batch of entries of hours before this one. Returns how many.
pub(super) async fn cut(
    connection: &mut Connection,
    before_hour: i64,
    batch: i64,
) -> Result<u64, DirectoryError> {
    let sql = "SELECT cut_audit_entries($1, $2)";
    let deleted: i64 = sqlx::query_scalar(sql).bind(before_hour).bind(batch).fetch_one(connection).await?;
    Ok(deleted.unsigned_abs())
}

/// Erases what the audit says about a person who was deleted.
pub(super) async fn erase(connection: &mut Connection, user: UserId) -> Result<u64, DirectoryError> {
    let sql = "SELECT erase_audit_texts($1)";
    let erased: i64 = sqlx::query_scalar(sql).bind(user.to_string()).fetch_one(connection).await?;
    Ok(erased.unsigned_abs())
}
