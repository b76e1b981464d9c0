//! What a copy needs of the embedded file.

use super::batch::{BATCH, Order, Refused, WriteError, column_list, column_of_constraint, key_of};
use super::tables::{TABLES, Table};
use super::value::{Row, Value};
use crate::directory::sqlite::{Connector, MIGRATIONS};
use crate::pool::Connect;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection, Executor, Sqlite};
use std::path::Path;

/// Whether there are migrations.
const HAS_MIGRATIONS: &str =
    "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations')";
const HAS_TABLE: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1)";

type Db = Sqlite;
type Side = SqliteSide;

#[path = "both.rs"]
#[expect(clippy::duplicate_mod, reason = "it is written once and compiled for each store")]
mod both;
use both::{bind, read_value};

/// A connection to the file.
#[derive(Debug)]
pub(super) struct SqliteSide {
    pub name: String,
    connection: SqliteConnection,
    /// After which key the next batch begins.
    after: Option<Vec<Value>>,
}

impl SqliteSide {
    pub(super) async fn connect(file: &Path) -> sqlx::Result<Self> {
        let connection = Connector::writing(file).connect().await?;
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        Ok(Self { name: format!("sqlite:{}", file.display()), connection, after: None })
    }

    pub(super) async fn begin_reading(&mut self) -> sqlx::Result<()> {
        self.connection.execute("BEGIN").await.map(drop)
    }

    pub(super) async fn end(&mut self) -> sqlx::Result<()> {
        self.connection.execute("ROLLBACK").await.map(drop)
    }

    /// Rows are always read by their key, because the file has them in that order.
    #[expect(clippy::unused_async, reason = "Postgres asks the server")]
    pub(super) async fn open(
        &mut self,
        _table: &'static Table,
        _order: Order,
        after: Option<&[Value]>,
    ) -> sqlx::Result<()> {
        self.after = after.map(<[Value]>::to_vec);
        Ok(())
    }

    pub(super) async fn next(&mut self, table: &'static Table) -> Result<Vec<Row>, WriteError> {
        let (columns, key) = (column_list(table), quoted(table.key));
        let beyond = self.after.as_ref().map_or_else(String::new, |_| {
            let places: Vec<String> = (1..=table.key.len()).map(|at| format!("${at}")).collect();
            format!("WHERE ({key}) > ({})", places.join(", "))
        });
        let sql = format!("SELECT {columns} FROM \"{}\" {beyond} ORDER BY {key} LIMIT {BATCH}", table.name);
        let query = self.after.iter().flatten().fold(sqlx::query(AssertSqlSafe(sql)), bind);
        let found = query.fetch_all(&mut self.connection).await?;
        let rows = found.iter().map(|row| read(table, row)).collect::<Result<Vec<_>, _>>()?;
        if let Some(last) = rows.last() {
            self.after = Some(key_of(table, last));
        }
        Ok(rows)
    }

    pub(super) async fn write(&mut self, table: &'static Table, rows: &[Row]) -> Result<(), WriteError> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        let muted = mute(&mut transaction, table.muted).await?;
        for row in rows {
            if let Err(error) = insert(&mut transaction, table, row).await {
                return Err(refusal(table, row, error));
            }
        }
        if let Some(sql) = muted {
            transaction.execute(AssertSqlSafe(sql)).await?;
        }
        Ok(transaction.commit().await?)
    }

    pub(super) async fn last_key(&mut self, table: &'static Table) -> sqlx::Result<Option<Vec<Value>>> {
        let by: Vec<String> = table.key.iter().map(|key| format!("\"{key}\" DESC")).collect();
        let sql = format!(
            "SELECT {} FROM \"{}\" ORDER BY {} LIMIT 1",
            column_list(table),
            table.name,
            by.join(", ")
        );
        let found = sqlx::query(AssertSqlSafe(sql)).fetch_optional(&mut self.connection).await?;
        Ok(found.and_then(|row| read(table, &row).ok()).map(|row| key_of(table, &row)))
    }

    /// The audit forbids to delete entries, by triggers.
    pub(super) async fn clear(&mut self) -> sqlx::Result<()> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        let triggers: Vec<(String, String)> = sqlx::query_as(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ('audit_entries', 'audit_heads')",
        )
        .fetch_all(&mut *transaction)
        .await?;
        for (name, _) in &triggers {
            transaction.execute(AssertSqlSafe(format!("DROP TRIGGER \"{name}\""))).await?;
        }
        for table in TABLES.iter().rev() {
            transaction.execute(AssertSqlSafe(format!("DELETE FROM \"{}\"", table.name))).await?;
        }
        for (_, sql) in triggers {
            transaction.execute(AssertSqlSafe(sql)).await?;
        }
        transaction.commit().await
    }

    /// Nobody watched the file while the rows were written.
    pub(super) async fn finish(&mut self) -> sqlx::Result<()> {
        self.connection.execute("DELETE FROM changes").await.map(drop)
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

async fn insert(connection: &mut SqliteConnection, table: &Table, row: &Row) -> sqlx::Result<()> {
    let places: Vec<String> = (1..=table.columns.len()).map(|at| format!("${at}")).collect();
    let sql =
        format!("INSERT INTO \"{}\" ({}) VALUES ({})", table.name, column_list(table), places.join(", "));
    row.iter().fold(sqlx::query(AssertSqlSafe(sql)), bind).execute(connection).await.map(drop)
}

/// Drops the trigger, and returns the statement that makes it again. All of it is part of the transaction.
async fn mute(connection: &mut SqliteConnection, trigger: Option<&str>) -> sqlx::Result<Option<String>> {
    let Some(trigger) = trigger else { return Ok(None) };
    let sql = sqlx::query_scalar("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = $1")
        .bind(trigger)
        .fetch_one(&mut *connection)
        .await?;
    connection.execute(AssertSqlSafe(format!("DROP TRIGGER \"{trigger}\""))).await?;
    Ok(Some(sql))
}

fn refusal(table: &Table, row: &Row, error: sqlx::Error) -> WriteError {
    match error.as_database_error() {
        // A constraint: SQLITE_CONSTRAINT and SQLITE_MISMATCH (sqlite.org/rescode.html).
        Some(refused)
            if refused
                .code()
                .and_then(|code| code.parse::<i32>().ok())
                .is_some_and(|code| matches!(code & 0xff, 19 | 20)) =>
        {
            let reason = refused.message().to_owned();
            WriteError::Refused(Refused {
                row: Some(row.clone()),
                column: column_of_constraint(table, &reason),
                reason,
            })
        }
        _ => WriteError::Failed(error),
    }
}

/// Reads a row. Text that is not UTF-8 is refused: somebody wrote past the program.
fn read(table: &Table, row: &SqliteRow) -> Result<Row, WriteError> {
    let mut values = Row::with_capacity(table.columns.len());
    let mut bad = None;
    for (at, column) in table.columns.iter().enumerate() {
        match read_value(column, row, at) {
            Ok(value) => values.push(value),
            Err(error) => {
                values.push(Value::Null);
                bad = bad.or(Some((column.name, error)));
            }
        }
    }
    match bad {
        None => Ok(values),
        Some((column, error)) => Err(WriteError::Refused(Refused {
            row: Some(values),
            column: Some(column),
            reason: error.to_string(),
        })),
    }
}
