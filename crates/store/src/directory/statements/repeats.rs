//! Requests that may come again: each is made once. Its answer is written in the transaction of its change, and kept for a
//! day.

use super::{Apply, Connection, LockKey, Result, Store, present};
use crate::directory::actor::Actor;
use crate::directory::changes::{Done, Once, Repeat, StoredAnswer};
use crate::directory::error::DirectoryError;
use gatepost_core::administration::{Granted, Version};
use gatepost_core::clock::Timestamp;
use std::time::Duration;

/// How long a request is remembered.
const KEPT: Duration = Duration::from_hours(24);

impl<C: Apply, F: Fn(&Done<C::Outcome>) -> String + Send + Sync> Apply for Once<'_, C, F> {
    type Locked = C::Locked;

    fn locks(&self) -> Vec<LockKey> {
        self.change.locks()
    }

    /// Of two requests at the same time the second waits here for the first.
    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        note(connection, self.repeat).await?;
        self.change.lock(connection).await
    }

    async fn write(
        granted: Granted<&Self>,
        locked: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<C::Outcome>> {
        let Self { change, repeat, answer } = granted.change();
        let done = C::write(granted.part(*change), locked, connection, actor).await?;
        keep(connection, *repeat, answer(&done)).await?;
        Ok(done)
    }
}

/// Notes a request in the transaction of its change.
///
/// # Errors
/// `Repeated`: it was noted before.
async fn note(connection: &mut Connection, repeat: Repeat) -> Result<()> {
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

async fn keep(connection: &mut Connection, repeat: Repeat, answer: String) -> Result<()> {
    let sql = "UPDATE idempotent_requests SET answer = $2 WHERE key = $1";
    Ok(sqlx::query(sql).bind(repeat.key.to_string()).bind(answer).execute(connection).await.map(drop)?)
}

/// Deletes the requests that are no longer remembered.
pub(super) async fn delete_old(connection: &mut Connection, now: Timestamp, most: i64) -> Result<u64> {
    let sql = delete_some!("idempotent_requests" ["key"] where "at <= $1");
    Ok(sqlx::query(sql).bind(now.minus(KEPT).unix()).bind(most).execute(connection).await?.rows_affected())
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
}
