//! Units of a quota. The file loses nothing, and one process uses it.

use super::super::StoreError;
use super::super::draw::{Draw, Drawn, read, written};
use super::{SqliteStore, TIMEOUT};
use gatepost_core::clock::Timestamp;
use sqlx::Connection;
use tokio::time::timeout;

impl SqliteStore {
    pub(in crate::session::store) async fn draw(&self, key: &[u8], draw: &Draw) -> Result<Drawn, StoreError> {
        let now = Timestamp::now();
        run!(self.writer, |connection| async {
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
            let sql = "SELECT value FROM session_values WHERE key = $1 AND expires_at > $2";
            let counter: Option<Vec<u8>> =
                sqlx::query_scalar(sql).bind(key).bind(now.unix()).fetch_optional(&mut *transaction).await?;
            let drawn = draw.carry_out(counter.as_deref().map(read).unwrap_or_default());
            sqlx::query(
                "INSERT INTO session_values (key, value, expires_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at",
            )
            .bind(key)
            .bind(written(drawn.tally))
            .bind(now.plus(draw.ttl).unix())
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(drawn)
        })
    }
}
