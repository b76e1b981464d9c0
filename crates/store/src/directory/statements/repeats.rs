//! Requests that may come again: each is made once, and its answer is kept for a day.

use super::{Connection, Result, Store, present};
use crate::directory::changes::{Repeat, StoredAnswer};
use crate::directory::error::DirectoryError;
use std::time::Duration;

/// How long a request is remembered.
const KEPT: Duration = Duration::from_hours(24);

/// Notes a request in the transaction of its change.
///
/// # Errors
/// `Repeated`: it was noted before.
pub(super) async fn note(connection: &mut Connection, repeat: Repeat) -> Result<()> {
    let now = present(connection).await?;
    sqlx::query("DELETE FROM idempotent_requests WHERE key = $1 AND at <= $2")
        .bind(repeat.key.to_string())
        .bind(now.minus(KEPT).unix())
        .execute(&mut *connection)
        .await?;
    let sql =
        "INSERT INTO idempotent_requests (key, request, at) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING";
    let noted = sqlx::query(sql)
        .bind(repeat.key.to_string())
        .bind(repeat.request.to_string())
        .bind(now.unix())
        .execute(connection)
        .await?;
    if noted.rows_affected() == 1 { Ok(()) } else { Err(DirectoryError::Repeated) }
}

/// Deletes the requests that are no longer remembered.
pub(super) async fn delete_old(
    connection: &mut Connection,
    now: gatepost_core::clock::Timestamp,
) -> Result<u64> {
    let sql = "DELETE FROM idempotent_requests WHERE at <= $1";
    Ok(sqlx::query(sql).bind(now.minus(KEPT).unix()).execute(connection).await?.rows_affected())
}

row! {
    /// A row of `idempotent_requests`.
    struct RepeatRow {
        request: String,
        answer: Option<String>,
    }
}

impl Store {
    pub(in crate::directory) async fn find_answer(&self, repeat: Repeat) -> Result<Option<StoredAnswer>> {
        reading!(self, |connection| {
            let now = present(connection).await?;
            let sql = "SELECT request, answer FROM idempotent_requests WHERE key = $1 AND at > $2";
            let query = sqlx::query_as(sql).bind(repeat.key.to_string()).bind(now.minus(KEPT).unix());
            let found: Option<RepeatRow> = query.fetch_optional(connection).await?;
            Ok(found.map(|RepeatRow { request, answer }| match answer {
                _ if request != repeat.request.to_string() => StoredAnswer::OfAnotherRequest,
                Some(answer) => StoredAnswer::Known(answer),
                None => StoredAnswer::Unknown,
            }))
        })
    }

    pub(in crate::directory) async fn keep_answer(&self, repeat: Repeat, answer: &str) -> Result<()> {
        transaction!(self, |connection| {
            let sql = "UPDATE idempotent_requests SET answer = $2 WHERE key = $1 AND request = $3";
            let query = sqlx::query(sql).bind(repeat.key.to_string()).bind(answer);
            Ok(query.bind(repeat.request.to_string()).execute(&mut *connection).await.map(drop)?)
        })
    }
}
