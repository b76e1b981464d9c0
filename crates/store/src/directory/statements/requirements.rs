//! The requirements of routers that requests of signed-in people showed. They come from outside, so their number is
//! limited: for each host, and in all.

use super::{Connection, LockKey, Result, Store, present};
use crate::directory::access::SeenRequirement;
use crate::directory::{MAX_REQUIREMENTS, MAX_REQUIREMENTS_OF_HOST, REQUIREMENTS_TTL};
use gatepost_core::clock::Timestamp;
use gatepost_core::host::HostName;

/// Writes a requirement that is there again, and a new one while there is room. A full table keeps what it has: whoever
/// can make many up must not push out those of the routers.
const UPSERT: &str = "INSERT INTO requirements (host, query, seen_at) SELECT $1, $2, $3 \
    WHERE EXISTS (SELECT 1 FROM requirements WHERE host = $1 AND query = $2) \
    OR ((SELECT count(*) FROM requirements WHERE host = $1) < $4 AND (SELECT count(*) FROM requirements) < $5) \
    ON CONFLICT (host, query) DO UPDATE SET seen_at = CASE WHEN requirements.seen_at > excluded.seen_at \
    THEN requirements.seen_at ELSE excluded.seen_at END";

row! {
    struct RequirementRow {
        host: String,
        query: String,
        seen_at: Timestamp,
    }
}

impl Store {
    /// Replicas wait for each other, so that they do not exceed the limits together.
    pub(in crate::directory) async fn keep_requirements(&self, seen: &[(HostName, String)]) -> Result<()> {
        transaction!(self, &[LockKey::of(&["requirements"])], |connection| {
            let now = present(connection).await?;
            for (host, query) in seen {
                sqlx::query(UPSERT)
                    .bind(host.as_str())
                    .bind(query)
                    .bind(now.unix())
                    .bind(MAX_REQUIREMENTS_OF_HOST)
                    .bind(MAX_REQUIREMENTS)
                    .execute(&mut *connection)
                    .await?;
            }
            Ok(())
        })
    }

    pub(in crate::directory) async fn list_requirements(
        &self,
        host: Option<&HostName>,
    ) -> Result<Vec<SeenRequirement>> {
        let rows: Vec<RequirementRow> = reading!(self, |connection| {
            let oldest = present(connection).await?.minus(REQUIREMENTS_TTL);
            let sql = "SELECT host, query, seen_at FROM requirements \
                       WHERE seen_at >= $1 AND ($2 IS NULL OR host = $2) ORDER BY host, query";
            let query = sqlx::query_as(sql).bind(oldest.unix()).bind(host.map(HostName::as_str));
            Ok(query.fetch_all(connection).await?)
        })?;
        // What cannot be read was not written by this release, and says nothing.
        let read = |RequirementRow { host, query, seen_at }| {
            Some(SeenRequirement { host: host.parse().ok()?, query, seen_at })
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }
}

/// Deletes what was not seen for long.
pub(super) async fn delete_old(connection: &mut Connection, now: Timestamp, most: i64) -> Result<u64> {
    let sql = delete_some!("requirements" ["host, query"] where "seen_at < $1");
    let deleted =
        sqlx::query(sql).bind(now.minus(REQUIREMENTS_TTL).unix()).bind(most).execute(connection).await?;
    Ok(deleted.rows_affected())
}
