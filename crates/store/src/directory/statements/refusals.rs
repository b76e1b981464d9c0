//! Refusals of people who are signed in, and of programs that are known. They are written in batches, listed, and deleted after a week.

use super::{Connection, Db, Result, Store};
use crate::directory::error::DirectoryError;
use crate::directory::lists::{Page, Place, RefusalFilter};
use crate::directory::{MAX_REFUSALS, REFUSALS_TTL};
use gatepost_core::administration::Scope;
use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{RequestId, UserId};
use gatepost_core::refusal::Refusal;
use gatepost_core::request_mode::{Initiator, RequestMode};
use sqlx::QueryBuilder;

macro_rules! select_refusals {
    ($which:literal) => {
        concat!(
            "SELECT id, request_id, at, user_id, email, host, method, path, kind, asker, requirement, \
             CAST(status AS bigint) AS status, reason, missing, detail, address, key_id, via FROM refusals WHERE ",
            $which
        )
    };
}

impl Store {
    /// A refusal that is written again, because the first answer was lost, stays as it is.
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
        let row: Option<RefusalRow> = reading!(self, |connection| {
            let sql = select_refusals!("request_id = $1");
            Ok(sqlx::query_as(sql).bind(id.to_string()).fetch_optional(connection).await?)
        })?;
        row.map(read).transpose()
    }

    /// Ids are in the order of writing.
    pub(in crate::directory) async fn search_refusals(
        &self,
        scope: &Scope,
        filter: &RefusalFilter,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Page<Refusal>> {
        let after: Option<i64> = match after.map(|place| place.0.parse()) {
            Some(Err(_)) => return Ok(Page::empty()),
            after => after.and_then(std::result::Result::ok),
        };
        if !scope.is_system() {
            return Ok(Page::empty());
        }
        let RefusalFilter { user, key, host, reason, since } = filter;
        let mut query = QueryBuilder::<Db>::new(select_refusals!("true"));
        if let Some(after) = after {
            query.push(" AND id < ").push_bind(after);
        }
        if let Some(user) = user {
            // An OR would read all rows in the order of the list.
            query.push(" AND user_id IN (SELECT CAST(").push_bind(user.to_string());
            query.push(" AS text) UNION ALL SELECT k.id FROM keys k WHERE k.owner_id = ");
            query.push_bind(user.to_string()).push(")");
        }
        if let Some(key) = key {
            query.push(" AND key_id = ").push_bind(key.to_string());
        }
        if let Some(host) = host {
            query.push(" AND host = ").push_bind(host.clone());
        }
        if let Some(reason) = reason {
            query.push(" AND reason = ").push_bind(reason.clone());
        }
        if let Some(since) = since {
            query.push(" AND at >= ").push_bind(since.unix());
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(limit) + 1);
        let rows: Vec<RefusalRow> =
            reading!(self, |connection| Ok(query.build_query_as().fetch_all(connection).await?))?;
        let Page { items, next } = Page::of(rows, limit, |row: &RefusalRow| Place(row.id.to_string()));
        Ok(Page { items: items.into_iter().map(read).collect::<Result<_>>()?, next })
    }
}

/// The refusals of one person and of their keys, oldest first.
pub(super) async fn list_of(connection: &mut Connection, user: UserId) -> Result<Vec<Refusal>> {
    let sql = select_refusals!(
        "(user_id = $1 OR user_id IN (SELECT k.id FROM keys k WHERE k.owner_id = $1)) ORDER BY id"
    );
    let rows: Vec<RefusalRow> = sqlx::query_as(sql).bind(user.to_string()).fetch_all(connection).await?;
    rows.into_iter().map(read).collect()
}

/// Deletes by age only. The number of rows is limited when some are written.
pub(super) async fn delete_old(connection: &mut Connection, now: Timestamp, most: i64) -> Result<u64> {
    let sql = delete_some!("refusals" ["id"] where "at < $1");
    let deleted =
        sqlx::query(sql).bind(now.minus(REFUSALS_TTL).unix()).bind(most).execute(connection).await?;
    Ok(deleted.rows_affected())
}

async fn insert(connection: &mut Connection, refusal: &Refusal) -> Result<()> {
    let missing = refusal.missing.as_ref().map(serde_json::to_string).transpose();
    sqlx::query(
        "INSERT INTO refusals (request_id, at, user_id, email, host, method, path, kind, asker, requirement, status, \
         reason, missing, address, via, detail, key_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
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
    .bind(refusal.initiator.to_origin_header())
    .bind(&refusal.requirement)
    .bind(i16::try_from(refusal.status).unwrap_or_default())
    .bind(&refusal.reason)
    .bind(missing.map_err(DirectoryError::unreadable)?)
    .bind(refusal.address.map(|address| address.to_string()))
    .bind(&refusal.via)
    .bind(&refusal.detail)
    .bind(refusal.key.map(|key| key.to_string()))
    .execute(connection)
    .await?;
    Ok(())
}

row! {
    /// A row of `refusals`.
    struct RefusalRow {
        id: i64,
        request_id: RequestId,
        at: Timestamp,
        user_id: UserId,
        email: Option<EmailAddress>,
        host: String,
        method: String,
        path: String,
        kind: String,
        asker: Option<String>,
        requirement: String,
        status: i64,
        reason: String,
        missing: Option<String>,
        detail: Option<String>,
        /// A text that is no address counts as none: it must not keep the refusal from being explained.
        address: Option<String>,
        key_id: Option<KeyId>,
        via: Option<String>,
    }
}

fn read(row: RefusalRow) -> Result<Refusal> {
    let missing = row.missing.as_deref().map(serde_json::from_str).transpose();
    Ok(Refusal {
        request_id: row.request_id,
        at: row.at,
        user: row.user_id,
        email: row.email,
        host: row.host,
        method: row.method,
        path: row.path,
        kind: RequestMode::from_column(&row.kind),
        initiator: row.asker.map_or(Initiator::Own, |origin| Initiator::from_origin_header(&origin)),
        requirement: row.requirement,
        status: u16::try_from(row.status).unwrap_or_default(),
        reason: row.reason,
        missing: missing.map_err(DirectoryError::unreadable)?,
        detail: row.detail,
        address: row.address.and_then(|address| address.parse().ok()),
        key: row.key_id,
        via: row.via,
    })
}
