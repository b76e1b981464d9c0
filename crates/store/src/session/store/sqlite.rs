//! The same operations on SQLite, in the file of the directory.

use super::{Indexed, Replacement, StoreError};
use crate::directory::EmbeddedFile;
use crate::pool::Pool;
use gatepost_core::clock::Timestamp;
use sqlx::Connection;
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;

const READERS: usize = 4;
/// The limit for one operation, including the wait for a connection: twice as long as a transaction may lock the file.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Compare and set, with the lifetime of the value.
const REPLACE: &str = "UPDATE session_values SET value = $3, expires_at = $4 \
     WHERE key = $1 AND value = $2 AND expires_at > $5";

/// Runs `$body` with a connection of `$pool`, within the time limit.
macro_rules! run {
    ($pool:expr, |$connection:ident| $body:expr) => {
        timeout(TIMEOUT, async {
            let mut pooled = $pool.acquire().await?;
            let $connection = &mut *pooled;
            let result = async { $body.await }.await;
            if result.is_ok() {
                pooled.release();
            }
            result
        })
        .await
        .unwrap_or(Err(sqlx::Error::PoolTimedOut))
        .map_err(StoreError::Sqlite)
    };
}

mod draw;
mod entries;

/// A handle to the store. Clones share the pools.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    readers: Pool<EmbeddedFile>,
    writer: Pool<EmbeddedFile>,
}

impl SqliteStore {
    /// Opens the file. The directory's migrations create its schema. Must be called within a runtime.
    pub fn open(file: &Path) -> Self {
        Self {
            readers: Pool::new(EmbeddedFile::reading(file), READERS),
            writer: Pool::new(EmbeddedFile::writing(file), 1),
        }
    }

    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        // Takes the write lock, as the sign-in after this check does.
        run!(self.writer, |connection| sqlx::query("DELETE FROM session_values WHERE key = x''")
            .execute(connection))
        .map(drop)
    }

    pub(super) async fn find(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT value FROM session_values WHERE key = $1 AND expires_at > $2";
        let query = sqlx::query_scalar(sql).bind(key).bind(Timestamp::now().unix());
        run!(self.readers, |connection| query.fetch_optional(connection))
    }

    pub(super) async fn create(
        &self,
        key: &[u8],
        value: &[u8],
        ttl: Duration,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let now = Timestamp::now();
        // The update changes nothing if there is a live value. In both cases RETURNING returns the value that is there.
        let query = sqlx::query_scalar(
            "INSERT INTO session_values (key, value, expires_at) VALUES ($1, $2, $3) \
             ON CONFLICT (key) DO UPDATE SET \
               value = CASE WHEN expires_at <= $4 THEN excluded.value ELSE value END, \
               expires_at = CASE WHEN expires_at <= $4 THEN excluded.expires_at ELSE expires_at END \
             RETURNING value",
        )
        .bind(key)
        .bind(value)
        .bind(now.plus(ttl).unix())
        .bind(now.unix());
        let kept: Vec<u8> = run!(self.writer, |connection| query.fetch_one(connection))?;
        Ok((kept != value).then_some(kept))
    }

    pub(super) async fn replace(
        &self,
        key: &[u8],
        old: &[u8],
        new: &[u8],
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let now = Timestamp::now();
        let query =
            sqlx::query(REPLACE).bind(key).bind(old).bind(new).bind(now.plus(ttl).unix()).bind(now.unix());
        run!(self.writer, |connection| query.execute(connection)).map(|done| done.rows_affected() == 1)
    }

    pub(super) async fn find_many(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            found.push(self.find(key).await?);
        }
        Ok(found)
    }

    /// How many values that live longer than `rest` have a key that begins with `prefix`, from the index of expiry alone.
    pub(in crate::session) async fn count_values(
        &self,
        prefix: &[u8],
        rest: Duration,
    ) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM session_values WHERE expires_at > $1 AND substr(key, 1, $2) = $3";
        let length = i64::try_from(prefix.len()).unwrap_or(i64::MAX);
        let query =
            sqlx::query_scalar(sql).bind(Timestamp::now().plus(rest).unix()).bind(length).bind(prefix);
        run!(self.readers, |connection| query.fetch_one(connection)).map(|count: i64| count.unsigned_abs())
    }

    pub(super) async fn replace_many(&self, replacements: &[Replacement]) -> Result<(), StoreError> {
        let now = Timestamp::now();
        run!(self.writer, |connection| async {
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
            for Replacement { key, old, new, ttl } in replacements {
                sqlx::query(REPLACE)
                    .bind(key)
                    .bind(old)
                    .bind(new)
                    .bind(now.plus(*ttl).unix())
                    .bind(now.unix())
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await
        })
    }

    pub(super) async fn delete(&self, key: &[u8]) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM session_values WHERE key = $1").bind(key);
        run!(self.writer, |connection| query.execute(connection)).map(drop)
    }

    pub(super) async fn delete_own(&self, key: &[u8], own: &[u8]) -> Result<(), StoreError> {
        let query =
            sqlx::query("DELETE FROM session_values WHERE key = $1 AND value = $2").bind(key).bind(own);
        run!(self.writer, |connection| query.execute(connection)).map(drop)
    }

    pub(super) async fn index(&self, key: &[u8], member: &[u8], ttl: Duration) -> Result<u64, StoreError> {
        let now = Timestamp::now();
        let query = sqlx::query(
            "INSERT INTO session_index (key, member, expires_at) VALUES ($1, $2, $3) \
             ON CONFLICT (key, member) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)",
        )
        .bind(key)
        .bind(member)
        .bind(now.plus(ttl).unix());
        let sql = "SELECT count(*) FROM session_index WHERE key = $1 AND expires_at > $2";
        let counting = sqlx::query_scalar(sql).bind(key).bind(now.unix());
        run!(self.writer, |connection| async {
            query.execute(&mut *connection).await?;
            counting.fetch_one(connection).await
        })
        .map(|count: i64| count.unsigned_abs())
    }

    pub(super) async fn list(&self, key: &[u8]) -> Result<Vec<Vec<u8>>, StoreError> {
        let sql = "SELECT member FROM session_index WHERE key = $1 AND expires_at > $2";
        let query = sqlx::query_scalar(sql).bind(key).bind(Timestamp::now().unix());
        run!(self.readers, |connection| query.fetch_all(connection))
    }

    pub(super) async fn unindex(&self, key: &[u8], member: &[u8]) -> Result<(), StoreError> {
        let query =
            sqlx::query("DELETE FROM session_index WHERE key = $1 AND member = $2").bind(key).bind(member);
        run!(self.writer, |connection| query.execute(connection)).map(drop)
    }

    pub(super) async fn unindex_stale(&self, key: &[u8], members: &[Indexed]) -> Result<(), StoreError> {
        for Indexed { member, key: value } in members {
            let query = sqlx::query(
                "DELETE FROM session_index WHERE key = $1 AND member = $2 \
                 AND NOT EXISTS (SELECT 1 FROM session_values WHERE key = $3 AND expires_at > $4)",
            )
            .bind(key)
            .bind(member)
            .bind(value)
            .bind(Timestamp::now().unix());
            run!(self.writer, |connection| query.execute(connection))?;
        }
        Ok(())
    }

    pub(super) async fn count(&self, key: &[u8], ttl: Duration) -> Result<u64, StoreError> {
        let now = Timestamp::now();
        let query = sqlx::query_scalar(
            "INSERT INTO session_counters (key, count, expires_at) VALUES ($1, 1, $2) \
             ON CONFLICT (key) DO UPDATE SET \
               count = CASE WHEN expires_at <= $3 THEN 1 ELSE count + 1 END, \
               expires_at = CASE WHEN expires_at <= $3 THEN excluded.expires_at ELSE expires_at END \
             RETURNING count",
        )
        .bind(key)
        .bind(now.plus(ttl).unix())
        .bind(now.unix());
        run!(self.writer, |connection| query.fetch_one(connection)).map(|count: i64| count.unsigned_abs())
    }

    pub(super) async fn delete_expired(&self) -> Result<(), StoreError> {
        let now = Timestamp::now().unix();
        for statement in [
            "DELETE FROM session_values WHERE expires_at <= $1",
            "DELETE FROM session_index WHERE expires_at <= $1",
            "DELETE FROM session_counters WHERE expires_at <= $1",
        ] {
            run!(self.writer, |connection| sqlx::query(statement).bind(now).execute(connection))?;
        }
        Ok(())
    }
}
