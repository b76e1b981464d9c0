//! What a copy needs of the embedded file.

use super::batch::{BATCH, Order, Refused, WriteError, column_list, column_of_constraint, key_of};
use super::state::Mark;
use super::tables::{Column, TABLES, Table};
use super::value::{Kind, Row, Value};
use crate::directory::schema::{self, SchemaState};
use crate::directory::sqlite::{Connector, MIGRATIONS};
use crate::pool::Connect;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection, Executor, Row as _, Sqlite};
use std::path::Path;

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

    pub(super) async fn count(&mut self, table: &str) -> sqlx::Result<i64> {
        let sql = format!("SELECT count(*) FROM \"{table}\"");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.connection).await
    }

    pub(super) async fn has_rows(&mut self, table: &str) -> sqlx::Result<bool> {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM \"{table}\")");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.connection).await
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

    pub(super) async fn schema(&mut self) -> sqlx::Result<Option<SchemaState>> {
        let is_there: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations')",
        )
        .fetch_one(&mut self.connection)
        .await?;
        if !is_there {
            return Ok(None);
        }
        let applied: Vec<i64> =
            sqlx::query_scalar("SELECT version FROM migrations").fetch_all(&mut self.connection).await?;
        Ok(Some(schema::compare(MIGRATIONS, &applied)))
    }

    pub(super) async fn mark(&mut self) -> sqlx::Result<Option<Mark>> {
        sqlx::query_as(Mark::READ).fetch_optional(&mut self.connection).await
    }

    pub(super) async fn set_mark(&mut self, mark: Option<&Mark>) -> sqlx::Result<()> {
        let Some(mark) = mark else { return self.connection.execute(Mark::REMOVE).await.map(drop) };
        let digest = mark.digest.as_ref().map(|digest| digest.as_bytes().to_vec());
        sqlx::query(Mark::WRITE)
            .bind(mark.state())
            .bind(&mark.peer)
            .bind(digest)
            .bind(mark.last_audit_id)
            .bind(mark.at.unix())
            .execute(&mut self.connection)
            .await
            .map(drop)
    }

    pub(super) async fn count_audit_after(&mut self, id: i64) -> sqlx::Result<i64> {
        let sql = "SELECT count(*) FROM audit_entries WHERE id > $1";
        sqlx::query_scalar(sql).bind(id).fetch_one(&mut self.connection).await
    }

    pub(super) async fn last_audit_id(&mut self) -> sqlx::Result<Option<i64>> {
        sqlx::query_scalar("SELECT max(id) FROM audit_entries").fetch_one(&mut self.connection).await
    }

    pub(super) async fn close(self) -> sqlx::Result<()> {
        self.connection.close().await
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

type Query<'a> = sqlx::query::Query<'a, Sqlite, SqliteArguments>;

fn bind<'a>(query: Query<'a>, value: &'a Value) -> Query<'a> {
    match value {
        Value::Null => query.bind(None::<i64>),
        Value::Number(number) => query.bind(number),
        Value::Flag(flag) => query.bind(flag),
        Value::Text(text) => query.bind(text.as_str()),
        Value::Bytes(bytes) => query.bind(bytes.as_slice()),
    }
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

fn read_value(column: &Column, row: &SqliteRow, at: usize) -> sqlx::Result<Value> {
    Ok(match column.kind {
        Kind::Number => row.try_get::<Option<i64>, _>(at)?.map(Value::Number),
        Kind::Flag => row.try_get::<Option<bool>, _>(at)?.map(Value::Flag),
        Kind::Text => row.try_get::<Option<String>, _>(at)?.map(Value::Text),
        Kind::Bytes => row.try_get::<Option<Vec<u8>>, _>(at)?.map(Value::Bytes),
    }
    .unwrap_or(Value::Null))
}
