//! What the database is and holds.

use super::{Result, Store};
use crate::directory::copy::{TABLES, Table};
use crate::directory::count::Count;
use crate::directory::description::{Description, Drill};
use sqlx::AssertSqlSafe;

/// Up to how many rows of a table are counted, so that a long audit does not keep the database busy: there are some forty tables.
const MOST: i64 = 1_000;

/// Counts the rows of all tables in one statement, in the order of [`TABLES`].
fn every_count() -> String {
    let count = |(place, table): (usize, &Table)| {
        let (name, limit) = (table.name, MOST + 1);
        format!(
            "SELECT CAST({place} AS bigint) AS place, (SELECT count(*) FROM (SELECT 1 FROM {name} LIMIT {limit}) AS few)"
        )
    };
    let counts: Vec<String> = TABLES.iter().enumerate().map(count).collect();
    format!("{} ORDER BY place", counts.join(" UNION ALL "))
}

impl Store {
    pub(in crate::directory) async fn describe(&self) -> Result<Description> {
        reading!(self, |connection| {
            let version = sqlx::query_scalar(server_version!()).fetch_one(&mut *connection).await?;
            let newest = "SELECT max(version) FROM migrations";
            let schema: Option<i64> = sqlx::query_scalar(newest).fetch_one(&mut *connection).await?;
            let standbys = sqlx::query_scalar(standbys!()).fetch_one(&mut *connection).await?;
            let drill: Option<(String, i64)> =
                sqlx::query_as(last_drill!()).fetch_optional(&mut *connection).await?;
            let last_drill = drill.map(Drill::from);
            let counted: Vec<(i64, i64)> =
                sqlx::query_as(AssertSqlSafe(every_count())).fetch_all(&mut *connection).await?;
            let count = |(place, found): (i64, i64)| {
                let number = u64::try_from(found.min(MOST)).unwrap_or(0);
                let table = TABLES.get(usize::try_from(place).ok()?)?;
                Some((table.name, Count { number, is_more: found > MOST }))
            };
            let rows = counted.into_iter().filter_map(count).collect();
            Ok(Description { version, schema: schema.unwrap_or(0), rows, standbys, last_drill })
        })
    }

    pub(in crate::directory) async fn find_last_drill(&self) -> Result<Option<Drill>> {
        reading!(self, |connection| {
            let drill: Option<(String, i64)> =
                sqlx::query_as(last_drill!()).fetch_optional(connection).await?;
            Ok(drill.map(Drill::from))
        })
    }
}
