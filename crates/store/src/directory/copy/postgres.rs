//! What a copy needs of Postgres.

use super::batch::{BATCH, Order, Refused, WriteError, column_list, column_of_constraint, key_of};
use super::error::CopyError;
use super::tables::{Column, TABLES, Table};
use super::value::{Kind, Row, Value};
use crate::directory::DirectoryError;
use crate::directory::pooler::Address;
use crate::directory::postgres::MIGRATIONS;
use gatepost_core::clock::Timestamp;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection, Executor, Postgres};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A copy waits as long as the server takes. Its own name shows in `pg_stat_activity`.
const SETTINGS: &str = "SET search_path TO gatepost, pg_temp; SET application_name = 'gatepost copy'; \
    SET lock_timeout = '10s'; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";
/// The greatest difference between the clocks, in seconds. `serve` is not ready with a greater one.
const MAX_CLOCK_SKEW: u64 = 30;
/// Commands that have just ended may still be connected.
const LEAVING: Duration = Duration::from_secs(3);

/// Whether there are migrations.
const HAS_MIGRATIONS: &str = "SELECT to_regclass('gatepost.migrations') IS NOT NULL";
const HAS_TABLE: &str = "SELECT to_regclass('gatepost.' || quote_ident($1)) IS NOT NULL";

type Db = Postgres;
type Side = PostgresSide;

#[path = "both.rs"]
#[expect(clippy::duplicate_mod, reason = "it is written once and compiled for each store")]
mod both;
use both::{bind, read_value};

/// A connection to the server.
#[derive(Debug)]
pub(super) struct PostgresSide {
    pub name: String,
    connection: PgConnection,
}

impl PostgresSide {
    pub(super) async fn connect(address: &Address) -> Result<Self, DirectoryError> {
        let (options, _) = address.options().await?;
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        let name = format!("postgres://{}:{}/{database}", options.get_host(), options.get_port());
        let mut connection = address.connect().await?;
        connection.execute(sqlx::raw_sql(SETTINGS)).await?;
        Ok(Self { name, connection })
    }

    pub(super) async fn begin_reading(&mut self) -> sqlx::Result<()> {
        self.connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map(drop)
    }

    pub(super) async fn end(&mut self) -> sqlx::Result<()> {
        self.connection.execute("ROLLBACK").await.map(drop)
    }

    /// A cursor of the transaction: one pass over the table, whatever its size.
    pub(super) async fn open(
        &mut self,
        table: &'static Table,
        order: Order,
        after: Option<&[Value]>,
    ) -> sqlx::Result<()> {
        let beyond = after.map_or_else(String::new, |_| {
            let places: Vec<String> = (1..=table.key.len()).map(|at| format!("${at}")).collect();
            format!("WHERE ({}) > ({})", compared(table, ""), places.join(", "))
        });
        let order =
            if order == Order::ByKey { format!("ORDER BY {}", compared(table, "")) } else { String::new() };
        let sql = format!(
            "DECLARE \"copy_{0}\" NO SCROLL CURSOR FOR SELECT {1} FROM \"{0}\" {beyond} {order}",
            table.name,
            read_list(table)
        );
        let close = format!("CLOSE \"copy_{}\"", table.name);
        let open: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_cursors WHERE name = $1)")
            .bind(format!("copy_{}", table.name))
            .fetch_one(&mut self.connection)
            .await?;
        if open {
            self.connection.execute(AssertSqlSafe(close)).await?;
        }
        let query = after.into_iter().flatten().fold(sqlx::query(AssertSqlSafe(sql)), bind);
        query.execute(&mut self.connection).await.map(drop)
    }

    pub(super) async fn next(&mut self, table: &'static Table) -> Result<Vec<Row>, WriteError> {
        let sql = format!("FETCH {BATCH} FROM \"copy_{}\"", table.name);
        let found = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut self.connection).await?;
        Ok(found.iter().map(|row| read(table, row)).collect::<sqlx::Result<_>>()?)
    }

    pub(super) async fn write(&mut self, table: &'static Table, rows: &[Row]) -> Result<(), WriteError> {
        refuse_nul(table, rows)?;
        let Err(error) = self.insert(table, rows).await else { return Ok(()) };
        if !is_about_a_row(&error) {
            return Err(error.into());
        }
        // Once more, one by one, to say which row it is.
        let mut transaction = self.connection.begin().await?;
        for row in rows {
            if let Err(error) = insert(&mut transaction, table, std::slice::from_ref(row)).await {
                return Err(refusal(table, Some(row), error));
            }
        }
        Err(refusal(table, None, error))
    }

    async fn insert(&mut self, table: &'static Table, rows: &[Row]) -> sqlx::Result<()> {
        let mut transaction = self.connection.begin().await?;
        insert(&mut transaction, table, rows).await?;
        transaction.commit().await
    }

    pub(super) async fn last_key(&mut self, table: &'static Table) -> sqlx::Result<Option<Vec<Value>>> {
        let (columns, by) = (read_list(table), compared(table, " DESC"));
        let sql = format!("SELECT {columns} FROM \"{}\" ORDER BY {by} LIMIT 1", table.name);
        let found = sqlx::query(AssertSqlSafe(sql)).fetch_optional(&mut self.connection).await?;
        Ok(found.map(|row| read(table, &row)).transpose()?.map(|row| key_of(table, &row)))
    }

    pub(super) async fn clear(&mut self) -> sqlx::Result<()> {
        let names: Vec<String> = TABLES.iter().map(|table| format!("\"{}\"", table.name)).collect();
        let sql = format!("TRUNCATE {}, user_words", names.join(", "));
        self.connection.execute(AssertSqlSafe(sql)).await.map(drop)
    }

    /// Numbers go on after the highest.
    pub(super) async fn finish(&mut self) -> sqlx::Result<()> {
        for table in TABLES.iter().filter(|table| table.is_numbered) {
            let sql = format!(
                "SELECT setval(pg_get_serial_sequence('gatepost.{0}', '{1}'), coalesce(max(\"{1}\"), 1), max(\"{1}\") IS NOT NULL) \
                 FROM \"{0}\"",
                table.name, table.key[0]
            );
            self.connection.execute(AssertSqlSafe(sql)).await?;
        }
        // Without statistics the planner guesses until autovacuum has come by.
        self.connection.execute("ANALYZE").await.map(drop)
    }

    /// Encoding, clock, processes that use it, and whether its tables belong to this user.
    pub(super) async fn refuse_unfit(&mut self, is_target: bool) -> Result<(), CopyError> {
        let store = self.name.clone();
        let failed = |error: sqlx::Error| CopyError::Directory { store: store.clone(), source: error.into() };
        let (encoding, now): (String, i64) = sqlx::query_as(
            "SELECT current_setting('server_encoding'), floor(extract(epoch FROM clock_timestamp()))::bigint",
        )
        .fetch_one(&mut self.connection)
        .await
        .map_err(failed)?;
        if encoding != "UTF8" {
            return Err(CopyError::Encoding { store, encoding });
        }
        let seconds = now.abs_diff(Timestamp::now().unix());
        if seconds > MAX_CLOCK_SKEW {
            return Err(CopyError::Clock { store, seconds });
        }
        let sessions = self.used_by_others().await.map_err(failed)?;
        if sessions > 0 {
            return Err(CopyError::InUse { store, sessions });
        }
        let owns: bool = sqlx::query_scalar(
            "SELECT coalesce(bool_and(pg_has_role(relowner, 'USAGE')), true) FROM pg_class \
             WHERE relnamespace = to_regnamespace('gatepost') AND relkind = 'r'",
        )
        .fetch_one(&mut self.connection)
        .await
        .map_err(failed)?;
        if is_target && !owns { Err(CopyError::NotOwner(store)) } else { Ok(()) }
    }

    /// How many connections of `gatepost serve` and of other commands there are. Every Gatepost names itself.
    async fn used_by_others(&mut self) -> sqlx::Result<i64> {
        let end = Instant::now() + LEAVING;
        loop {
            let sessions: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                 AND application_name IN ('gatepost', 'gatepost copy') AND pid <> pg_backend_pid()",
            )
            .fetch_one(&mut self.connection)
            .await?;
            if sessions == 0 || Instant::now() >= end {
                return Ok(sessions);
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The columns of the key as SQLite compares them: texts byte by byte.
fn compared(table: &Table, suffix: &str) -> String {
    let parts = table.key.iter().zip(table.key_places()).map(|(name, at)| match table.columns[at].kind {
        Kind::Text => format!("\"{name}\" COLLATE \"C\"{suffix}"),
        _ => format!("\"{name}\"{suffix}"),
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// The columns as they are read: a whole number of any size as one of 64 bits.
fn read_list(table: &Table) -> String {
    let columns = table.columns.iter().map(|Column { name, kind }| match kind {
        Kind::Number => format!("\"{name}\"::bigint"),
        _ => format!("\"{name}\""),
    });
    columns.collect::<Vec<_>>().join(", ")
}

/// One statement for all rows, with one array for each column.
async fn insert(connection: &mut PgConnection, table: &Table, rows: &[Row]) -> sqlx::Result<()> {
    if let Some(trigger) = table.muted {
        let sql = format!("ALTER TABLE \"{}\" DISABLE TRIGGER \"{trigger}\"", table.name);
        connection.execute(AssertSqlSafe(sql)).await?;
    }
    let arrays = table
        .columns
        .iter()
        .enumerate()
        .map(|(at, column)| format!("${}::{}[]", at + 1, sql_type(column.kind)));
    let sql = format!(
        "INSERT INTO \"{}\" ({}) OVERRIDING SYSTEM VALUE SELECT * FROM unnest({})",
        table.name,
        column_list(table),
        arrays.collect::<Vec<_>>().join(", ")
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for (at, column) in table.columns.iter().enumerate() {
        let values = rows.iter().map(|row| &row[at]);
        query = match column.kind {
            Kind::Number => query.bind(values.map(number).collect::<Vec<_>>()),
            Kind::Flag => query.bind(values.map(flag).collect::<Vec<_>>()),
            Kind::Text => query.bind(values.map(text).collect::<Vec<_>>()),
            Kind::Bytes => query.bind(values.map(bytes).collect::<Vec<_>>()),
        };
    }
    query.execute(&mut *connection).await?;
    if let Some(trigger) = table.muted {
        let sql = format!("ALTER TABLE \"{}\" ENABLE TRIGGER \"{trigger}\"", table.name);
        connection.execute(AssertSqlSafe(sql)).await?;
    }
    Ok(())
}

const fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Number => "bigint",
        Kind::Flag => "boolean",
        Kind::Text => "text",
        Kind::Bytes => "bytea",
    }
}

const fn number(value: &Value) -> Option<i64> {
    if let Value::Number(number) = value { Some(*number) } else { None }
}

const fn flag(value: &Value) -> Option<bool> {
    if let Value::Flag(flag) = value { Some(*flag) } else { None }
}

fn text(value: &Value) -> Option<&str> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

fn bytes(value: &Value) -> Option<&[u8]> {
    if let Value::Bytes(bytes) = value { Some(bytes) } else { None }
}

fn read(table: &Table, row: &PgRow) -> sqlx::Result<Row> {
    table.columns.iter().enumerate().map(|(at, column)| read_value(column, row, at)).collect()
}

/// Postgres has no text with the character NUL.
fn refuse_nul(table: &Table, rows: &[Row]) -> Result<(), WriteError> {
    for row in rows {
        let has_nul = |value: &Value| matches!(value, Value::Text(text) if text.contains('\0'));
        if let Some(at) = row.iter().position(has_nul) {
            return Err(WriteError::Refused(Refused {
                row: Some(row.clone()),
                column: Some(table.columns[at].name),
                reason: "Postgres cannot store the character NUL".to_owned(),
            }));
        }
    }
    Ok(())
}

/// Classes 22, 23 and 54 of SQLSTATE: a value, a constraint, a limit of the server.
fn is_about_a_row(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))
}

fn refusal(table: &Table, row: Option<&Row>, error: sqlx::Error) -> WriteError {
    let Some(refused) = error.as_database_error() else { return WriteError::Failed(error) };
    let reason = refused.message().to_owned();
    let constraint = refused.constraint().and_then(|constraint| column_of_constraint(table, constraint));
    WriteError::Refused(Refused { row: row.cloned(), column: constraint, reason })
}
