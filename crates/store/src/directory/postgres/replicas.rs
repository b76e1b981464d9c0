//! The replicas that serve: each notes itself in `serving_replicas`, and the view `replicas` shows which one leads.

use super::Store;
use crate::directory::error::DirectoryError;
use crate::directory::lease::{Replica, Term};
use gatepost_core::clock::Timestamp;

row! {
    struct ReplicaRow {
        id: String,
        version: String,
        started_at: Timestamp,
        seen_at: Timestamp,
        is_leader: bool,
    }
}

/// Each notes itself every two seconds: who has not done so five times is not counted.
const NOTE: &str = "WITH noted AS (INSERT INTO serving_replicas (id, version, started_at, seen_at) \
    VALUES ($1, $2, to_timestamp($3::double precision), clock_timestamp()) \
    ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at) \
    SELECT 1 + count(*) FROM serving_replicas WHERE id <> $1 AND seen_at > clock_timestamp() - interval '10 seconds'";
const FORGET: &str = "DELETE FROM serving_replicas WHERE id = $1";
const LIST: &str = "SELECT id, version, floor(extract(epoch FROM started_at))::bigint AS started_at, \
    floor(extract(epoch FROM seen_at))::bigint AS seen_at, is_leader FROM replicas ORDER BY started_at, id LIMIT 100";
/// Replicas that stopped without a word. The lock is the one that every transaction of the leader's work takes.
const DELETE_OLD: &str = "DELETE FROM serving_replicas WHERE seen_at < clock_timestamp() - interval '1 hour' \
    AND EXISTS (SELECT FROM leases WHERE name = 'leader' AND epoch = $1 FOR KEY SHARE)";

impl Store {
    pub(in crate::directory) async fn note_replica(
        &self,
        id: &str,
        version: &str,
        started_at: Timestamp,
    ) -> Result<u32, DirectoryError> {
        let serving: i64 = reading!(self, |connection| {
            let note = sqlx::query_scalar(NOTE).bind(id).bind(version).bind(started_at.unix());
            Ok(note.fetch_one(connection).await?)
        })?;
        Ok(u32::try_from(serving).unwrap_or(u32::MAX))
    }

    pub(in crate::directory) async fn forget_replica(&self, id: &str) -> Result<(), DirectoryError> {
        reading!(self, |connection| Ok(sqlx::query(FORGET).bind(id).execute(connection).await.map(drop)?))
    }

    pub(in crate::directory) async fn list_replicas(&self) -> Result<Vec<Replica>, DirectoryError> {
        let rows: Vec<ReplicaRow> =
            reading!(self, |connection| Ok(sqlx::query_as(LIST).fetch_all(connection).await?))?;
        let replica = |row: ReplicaRow| {
            let ReplicaRow { id, version, started_at, seen_at, is_leader } = row;
            Replica { id, version, started_at, seen_at, is_leader }
        };
        Ok(rows.into_iter().map(replica).collect())
    }

    /// Deletes replicas that have not noted themselves for an hour.
    pub(in crate::directory) async fn delete_old_replicas(
        &self,
        Term(epoch): Term,
    ) -> Result<(), DirectoryError> {
        reading!(self, |connection| Ok(sqlx::query(DELETE_OLD)
            .bind(epoch)
            .execute(connection)
            .await
            .map(drop)?))
    }
}
