//! The entries of the embedded file.

use super::super::StoreError;
use super::super::entries::{Entry, EntryKind, EntryPage, Place};
use super::{SqliteStore, TIMEOUT};
use gatepost_core::clock::Timestamp;
use sqlx::Connection;
use std::time::Duration;
use tokio::time::timeout;

const PAGE: usize = 1_000;

type ValueRow = (Vec<u8>, Vec<u8>, Vec<u8>, i64);

const VALUES: &str = "SELECT key, x'', value, expires_at FROM session_values \
    WHERE key > $1 AND expires_at > $3 AND $2 IS NOT NULL ORDER BY key LIMIT $4";
const MEMBERS: &str = "SELECT key, member, x'', expires_at FROM session_index \
    WHERE (key, member) > ($1, $2) AND expires_at > $3 ORDER BY key, member LIMIT $4";
const COUNTERS: &str = "SELECT key, x'', CAST(CAST(count AS TEXT) AS BLOB), expires_at FROM session_counters \
    WHERE key > $1 AND expires_at > $3 AND $2 IS NOT NULL ORDER BY key LIMIT $4";

const PUT_VALUE: &str = "INSERT INTO session_values (key, value, expires_at) VALUES ($1, $2, $3) \
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at";
const PUT_MEMBER: &str = "INSERT INTO session_index (key, member, expires_at) VALUES ($1, $2, $3) \
    ON CONFLICT (key, member) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)";
const PUT_COUNTER: &str = "INSERT INTO session_counters (key, count, expires_at) \
    VALUES ($1, CAST(CAST($2 AS TEXT) AS INTEGER), $3) \
    ON CONFLICT (key) DO UPDATE SET count = excluded.count, expires_at = excluded.expires_at";

impl SqliteStore {
    pub(in crate::session::store) async fn list_entries(
        &self,
        kind: EntryKind,
        from: Place,
    ) -> Result<EntryPage, StoreError> {
        let sql = match kind {
            EntryKind::Value => VALUES,
            EntryKind::Member => MEMBERS,
            EntryKind::Counter => COUNTERS,
        };
        let now = Timestamp::now().unix();
        let (key, member) = from.after.unwrap_or_default();
        let query = sqlx::query_as(sql)
            .bind(key)
            .bind(member)
            .bind(now)
            .bind(i64::try_from(PAGE).unwrap_or(i64::MAX));
        let rows: Vec<ValueRow> = run!(self.readers, |connection| query.fetch_all(connection))?;
        let is_full = rows.len() == PAGE;
        let last = rows.last().map(|(key, member, ..)| (key.clone(), member.clone()));
        let entry = |(key, member, value, expires_at): ValueRow| Entry {
            key,
            member: (kind == EntryKind::Member).then_some(member),
            value,
            is_counter: kind == EntryKind::Counter,
            rest: Duration::from_secs((expires_at - now).unsigned_abs()),
        };
        let entries = rows.into_iter().filter(|row| EntryKind::of(&row.0).is_some()).map(entry).collect();
        let next = is_full.then_some(Place { after: last, cursor: 0 });
        Ok(EntryPage { entries, next })
    }

    pub(in crate::session::store) async fn put_entries(&self, entries: &[Entry]) -> Result<(), StoreError> {
        let now = Timestamp::now();
        run!(self.writer, |connection| async {
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
            for entry in entries {
                let (sql, second) = match &entry.member {
                    Some(member) => (PUT_MEMBER, member),
                    None if entry.is_counter => (PUT_COUNTER, &entry.value),
                    None => (PUT_VALUE, &entry.value),
                };
                sqlx::query(sql)
                    .bind(&entry.key)
                    .bind(second)
                    .bind(now.plus(entry.rest).unix())
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await
        })
    }
}
