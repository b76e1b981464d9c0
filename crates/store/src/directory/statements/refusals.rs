//! Refusals of people who are signed in: written in batches, read one at a time, gone after a week.

use super::{Connection, Result, Store};
use crate::directory::error::DirectoryError;
use crate::directory::{MAX_REFUSALS, REFUSALS_TTL};
use gatepost_core::asking::{AskedKind, Asker, Refusal};
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::RequestId;

impl Store {
    /// Writing one twice, because the first answer got lost, is fine.
    pub(in crate::directory) async fn keep_refusals(&self, refusals: &[Refusal]) -> Result<()> {
        transaction!(self, |connection| {
            for refusal in refusals {
                insert(connection, refusal).await?;
            }
            let sql = "DELETE FROM refusals WHERE id <= (SELECT max(id) FROM refusals) - $1";
            sqlx::query(sql).bind(MAX_REFUSALS).execute(&mut *connection).await?;
            Ok(())
        })
    }

    pub(in crate::directory) async fn find_refusal(&self, id: RequestId) -> Result<Option<Refusal>> {
        let row: Option<Row> = reading!(self, |connection| {
            let sql = "SELECT at, user_id, email, host, method, path, kind, asker, requirement, \
                       CAST(status AS bigint), reason, missing, address FROM refusals WHERE request_id = $1";
            Ok(sqlx::query_as(sql).bind(id.to_string()).fetch_optional(connection).await?)
        })?;
        row.map(|row| read(id, row)).transpose()
    }
}

/// By age alone; the number of rows is kept when some are written.
pub(super) async fn delete_old(connection: &mut Connection, now: Timestamp) -> Result<u64> {
    let sql = "DELETE FROM refusals WHERE at < $1";
    let deleted = sqlx::query(sql).bind(now.minus(REFUSALS_TTL).unix()).execute(connection).await?;
    Ok(deleted.rows_affected())
}

async fn insert(connection: &mut Connection, refusal: &Refusal) -> Result<()> {
    let missing = refusal.missing.as_ref().map(serde_json::to_string).transpose();
    sqlx::query(
        "INSERT INTO refusals (request_id, at, user_id, email, host, method, path, kind, asker, requirement, status, \
         reason, missing, address) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
         ON CONFLICT (request_id) DO NOTHING",
    )
    .bind(refusal.request_id.to_string())
    .bind(refusal.at.unix())
    .bind(refusal.user.to_string())
    .bind(refusal.email.as_ref().map(EmailAddress::as_str))
    .bind(&refusal.host)
    .bind(&refusal.method)
    .bind(&refusal.path)
    .bind(refusal.kind.as_str())
    .bind(refusal.asker.named())
    .bind(&refusal.requirement)
    .bind(i16::try_from(refusal.status).unwrap_or_default())
    .bind(&refusal.reason)
    .bind(missing.map_err(DirectoryError::unreadable)?)
    .bind(refusal.address.map(|address| address.to_string()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Everything but the id, in the order of the columns.
type Row = (
    i64,
    String,
    Option<String>,
    String,
    String,
    String,
    String,
    Option<String>,
    String,
    i64,
    String,
    Option<String>,
    Option<String>,
);

fn read(request_id: RequestId, row: Row) -> Result<Refusal> {
    let (at, user, email, host, method, path, kind, asker, requirement, status, reason, missing, address) =
        row;
    let missing = missing.as_deref().map(serde_json::from_str).transpose();
    Ok(Refusal {
        request_id,
        at: Timestamp::from_unix(at),
        user: user.parse().map_err(DirectoryError::unreadable)?,
        email: email.map(|email| email.parse()).transpose().map_err(DirectoryError::unreadable)?,
        host,
        method,
        path,
        kind: AskedKind::from_column(&kind),
        asker: asker.map_or(Asker::Own, |origin| Asker::named_by(&origin)),
        requirement,
        status: u16::try_from(status).unwrap_or_default(),
        reason,
        missing: missing.map_err(DirectoryError::unreadable)?,
        address: address.and_then(|address| address.parse().ok()),
    })
}
