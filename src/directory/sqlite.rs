//! The directory in one `SQLite` file: what differs from Postgres. The statements themselves are in `statements`.
//!
//! One connection writes, a few read beside it (WAL). A transaction that writes holds the file from its first word,
//! so that nothing it read can change under it. What was acknowledged is on the disk (`synchronous=FULL`).

use super::error::DirectoryError;
use super::pool::{Checkout, within};
use super::schema::{self, MigrationFile, SchemaState, migration_files};
use crate::domain::clock::Timestamp;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection as _, SqlitePool};
use std::fs::OpenOptions;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

pub(super) type Db = sqlx::Sqlite;
pub(super) type Connection = SqliteConnection;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const MIGRATE_TIMEOUT: Duration = Duration::from_mins(5);
const READERS: u32 = 4;

pub(super) const MIGRATIONS: &[MigrationFile] = migration_files!("sqlite":
    "20261124000100_create_directory",
    "20261124000200_create_views",
    "20261124000300_create_changes",
    "20261126000100_create_refusals",
    "20261126001000_index_audit",
);

/// A transaction that writes is alone: no row needs a lock.
macro_rules! for_update {
    ($sql:expr) => {
        $sql
    };
}
/// The texts of a JSON array, as rows with the column `value`.
macro_rules! each {
    ($parameter:literal) => {
        concat!("json_each(", $parameter, ")")
    };
}
/// A JSON array of an expression's values.
macro_rules! json_list {
    ($expression:literal) => {
        concat!("json_group_array(", $expression, ")")
    };
}
/// There is only one copy.
macro_rules! is_standby {
    () => {
        "0"
    };
}

#[path = "statements/mod.rs"]
#[expect(clippy::duplicate_mod, reason = "the statements are written once and compiled for each store")]
mod statements;

/// Connections to one file.
#[derive(Clone, Debug)]
pub(super) struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
    watching: Arc<SqliteConnectOptions>,
    has_committed: Arc<Notify>,
}

/// How every part of Gatepost opens the embedded file.
pub fn embedded_options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .disable_statement_logging()
}

impl Store {
    /// Makes the file, for its owner alone, where there is none.
    pub(super) fn open(file: &Path) -> Result<Self, DirectoryError> {
        create(file).map_err(|source| DirectoryError::File { path: file.to_owned(), source })?;
        let options = embedded_options(file);
        let pool = |size| SqlitePoolOptions::new().max_connections(size).acquire_timeout(BUSY_TIMEOUT);
        Ok(Self {
            writer: pool(1).connect_lazy_with(options.clone()),
            readers: pool(READERS)
                .test_before_acquire(false)
                .connect_lazy_with(options.clone().pragma("query_only", "ON")),
            watching: Arc::new(options.pragma("query_only", "ON")),
            has_committed: Arc::default(),
        })
    }

    pub(super) fn reader(&self) -> &SqlitePool {
        &self.readers
    }

    pub(super) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    pub(super) async fn hot_connection(&self) -> Result<Checkout<Db>, DirectoryError> {
        Checkout::from(&self.readers).await
    }

    /// Whoever watches need not wait for the next look.
    pub(super) fn committed(&self) {
        self.has_committed.notify_one();
    }

    /// A connection of its own, and what says that this process has committed something.
    pub(super) async fn watch(&self) -> Result<(Connection, Arc<Notify>), DirectoryError> {
        Ok((self.watching.connect().await?, Arc::clone(&self.has_committed)))
    }

    /// Who watches has read all but the newest long ago.
    pub(super) async fn delete_old_changes(&self) -> Result<(), DirectoryError> {
        let sql = "DELETE FROM changes WHERE id < (SELECT max(id) FROM changes) - 1000";
        sqlx::query(sql).execute(&self.writer).await?;
        Ok(())
    }

    pub(super) async fn schema_state(&self) -> Result<SchemaState, DirectoryError> {
        reading!(self, |connection| {
            let is_there: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations')",
            )
            .fetch_one(&mut *connection)
            .await?;
            if !is_there {
                return Ok(SchemaState::Behind);
            }
            let applied: Vec<i64> =
                sqlx::query_scalar("SELECT version FROM migrations").fetch_all(connection).await?;
            Ok(schema::compare(MIGRATIONS, &applied))
        })
    }

    /// All in one transaction that holds the file: a second runner waits and finds nothing to do.
    pub(super) async fn migrate(&self) -> Result<(), DirectoryError> {
        within(MIGRATE_TIMEOUT, async {
            let mut checkout = Checkout::from(&self.writer).await?;
            let mut transaction = begin(checkout.connection()).await?;
            let migrator = schema::migrator(MIGRATIONS, "migrations");
            migrator.run_direct(None, &mut *transaction, false).await.map_err(schema::migration_error)?;
            let result = transaction.commit().await.map_err(DirectoryError::from);
            checkout.finish(result)
        })
        .await
    }

    pub(super) async fn clock(&self) -> Result<Timestamp, DirectoryError> {
        reading!(self, |connection| Ok(present(connection).await?))
    }

    pub(super) async fn is_writable(&self) -> Result<bool, DirectoryError> {
        let mut checkout = Checkout::from(&self.writer).await?;
        let result = match begin(checkout.connection()).await {
            Ok(transaction) => transaction.rollback().await.map(|()| true),
            Err(sqlx::Error::Database(error)) if is_read_only(&*error) => Ok(false),
            Err(error) => Err(error),
        };
        checkout.finish(result.map_err(DirectoryError::from))
    }
}

/// `SQLITE_READONLY` and its extended codes.
fn is_read_only(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.code().and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| code & 0xff == 8)
}

fn create(file: &Path) -> std::io::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(file).map(drop)
}

/// Starts a transaction that writes.
pub(super) async fn begin(connection: &mut Connection) -> Result<sqlx::Transaction<'_, Db>, sqlx::Error> {
    connection.begin_with("BEGIN IMMEDIATE").await
}

/// The second that it is, by the machine that holds the file.
pub(super) async fn present(connection: &mut Connection) -> Result<Timestamp, sqlx::Error> {
    Ok(Timestamp::from_unix(sqlx::query_scalar("SELECT unixepoch()").fetch_one(connection).await?))
}

/// A transaction that writes is alone.
pub(super) async fn lock(_connection: &mut Connection, _key: &str) -> Result<(), sqlx::Error> {
    Ok(())
}

/// A transaction that writes is alone: it loses no race.
pub(super) fn is_conflict(_error: &sqlx::Error) -> bool {
    false
}
