//! The directory in one SQLite file: what differs from Postgres. The statements themselves are in `statements`.
//!
//! One connection writes, a few others read at the same time (WAL). A transaction that writes locks the file at its
//! beginning, so that nothing it has read can change. Acknowledged changes are on the disk (`synchronous=FULL`).

use super::error::DirectoryError;
use super::lock_key::LockKey;
use super::pool::{finish, within};
use super::schema::{self, MigrationFile, SchemaState, migration_files};
use crate::pool::{Connect, Pool};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _};
use std::fs::{File, Metadata, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

pub(super) type Db = sqlx::Sqlite;
pub(super) type Connection = SqliteConnection;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const BUSY_INTERVAL: Duration = Duration::from_millis(5);
const MIGRATE_TIMEOUT: Duration = Duration::from_mins(5);
const READERS: usize = 4;

pub(super) const MIGRATIONS: &[MigrationFile] = migration_files!("sqlite":
    "20261124000100_create_directory",
    "20261124000200_create_views",
    "20261124000300_create_changes",
    "20261126000100_create_refusals",
    "20261126001000_index_audit",
    "20261128020000_replace_view_triggers",
    "20261128052000_free_group_names",
    "20261128083000_note_addresses",
    "20261128150000_count_versions",
    "20261128150100_end_memberships",
    "20261128150200_create_tenant_members",
    "20261128150300_note_ways_of_changes",
    "20261128154000_index_words_of_people",
    "20261128154100_index_lists",
    "20261128160000_leave_out_what_has_ended",
    "20261128161500_create_access_requests",
    "20261128162000_note_managers",
    "20261128163100_chain_audit",
    "20261128164500_create_idempotent_requests",
    "20261128164600_note_erasures",
    "20261128170000_create_requirements",
    "20261128171500_index_refusals",
    "20261128210000_create_keys",
    "20261128220000_create_tool_servers",
    "20261128230000_name_services",
    "20261129012000_name_keys_in_refusals",
    "20261129013000_create_copy_state",
    "20261129021000_erase_names_of_keys",
    "20261129031000_note_refused_keys",
    "20261129031100_keep_audit_of_keys",
    "20261129040000_extend_tenants",
    "20261129040100_view_tenant_memberships",
    "20261129041000_notify_own_members",
    "20261129042000_create_tenant_providers",
    "20261129063000_add_service_of_tenants",
    "20261129170000_note_managers_of_tiers_and_rules",
    "20261129170001_note_managers_of_keys",
    "20261129173000_keep_refused_names",
    "20261129203000_create_tenant_logos",
    "20261130000000_note_trials_of_keys",
    "20261130003000_create_tenant_invitations",
    "20261130060000_create_usage",
    "20261130093000_note_tenant_erasures",
    "20261130140000_create_tenant_proposals",
);

/// Locks nothing, because only one transaction writes at a time.
macro_rules! for_update {
    ($sql:expr) => {
        $sql
    };
}
/// As `for_update!`.
macro_rules! for_share {
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
/// What stands before and after the parameter of `each!`, for statements that are built.
macro_rules! each_around {
    () => {
        ("json_each(", ")")
    };
}
/// A JSON array of an expression's values.
macro_rules! json_list {
    ($expression:literal) => {
        concat!("json_group_array(", $expression, ")")
    };
}
/// The bytes that hexadecimal digits stand for.
macro_rules! unhex {
    ($expression:literal) => {
        concat!("unhex(", $expression, ")")
    };
}
/// The current second by the clock of the machine that holds the file.
macro_rules! present {
    () => {
        "unixepoch()"
    };
}
/// The time of the statement in milliseconds, rounded up. The views compare with the same time.
macro_rules! present_millis {
    () => {
        "CAST(unixepoch('subsec') * 1000 AS INTEGER) + 1"
    };
}
/// Always false: there is only one copy of the file.
macro_rules! is_standby {
    () => {
        "0"
    };
}

/// The version of the library.
macro_rules! server_version {
    () => {
        "SELECT sqlite_version()"
    };
}
/// A file has none.
macro_rules! standbys {
    () => {
        "SELECT NULL"
    };
}

/// When the first migration was made, in seconds since the epoch.
macro_rules! created_at {
    () => {
        "SELECT unixepoch(min(installed_on)) FROM migrations"
    };
}
/// A file has no drills.
macro_rules! last_drill {
    () => {
        "SELECT NULL, NULL WHERE false"
    };
}

mod audit_log;
mod lease;
#[path = "statements/mod.rs"]
#[expect(clippy::duplicate_mod, reason = "the statements are written once and compiled for each store")]
mod statements;
#[cfg(test)]
mod tests;
use lease::lead;
pub use statements::Apply;

/// Connections to one file.
#[derive(Clone, Debug)]
pub(super) struct Store {
    writer: Pool<Connector>,
    readers: Pool<Connector>,
    watching: Connector,
    has_committed: Arc<Notify>,
}

/// Connects to the embedded file.
#[derive(Clone, Debug)]
pub struct Connector(Arc<SqliteConnectOptions>);

impl Connector {
    /// For connections that may write.
    pub fn writing(file: &Path) -> Self {
        Self(Arc::new(options(file)))
    }

    /// For connections that may only read.
    pub fn reading(file: &Path) -> Self {
        Self(Arc::new(options(file).pragma("query_only", "ON")))
    }
}

impl Connect for Connector {
    type Connection = SqliteConnection;

    /// The first connection to a new file switches it to WAL. SQLite does not wait for the lock of that switch but
    /// returns `SQLITE_BUSY` to the others, so they try again (`sqlite.org/c3ref/busy_handler.html`).
    async fn connect(self) -> Result<SqliteConnection, sqlx::Error> {
        let end = Instant::now() + BUSY_TIMEOUT;
        loop {
            match self.0.connect().await {
                Err(sqlx::Error::Database(error)) if is_busy(&*error) && Instant::now() < end => {
                    sleep(BUSY_INTERVAL).await;
                }
                result => return result,
            }
        }
    }
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .disable_statement_logging()
}

impl Store {
    /// Creates the file, for its owner alone, if it does not exist. A file that others may open is refused, as the file
    /// of the keys is.
    pub(super) fn open(file: &Path) -> Result<Self, DirectoryError> {
        let failed = |source| DirectoryError::File { path: file.to_owned(), source };
        let opened = create(file).map_err(failed)?;
        refuse_exposed(file, &opened.metadata().map_err(failed)?)?;
        for beside in ["-wal", "-shm"].map(|end| named_beside(file, end)) {
            if let Ok(metadata) = beside.metadata() {
                refuse_exposed(&beside, &metadata)?;
            }
        }
        let reading = Connector::reading(file);
        Ok(Self {
            writer: Pool::new(Connector::writing(file), 1),
            readers: Pool::new(reading.clone(), READERS),
            watching: reading,
            has_committed: Arc::default(),
        })
    }

    pub(super) fn reader(&self) -> &Pool<Connector> {
        &self.readers
    }

    pub(super) fn writer(&self) -> &Pool<Connector> {
        &self.writer
    }

    pub(super) fn hot(&self) -> &Pool<Connector> {
        &self.readers
    }

    /// Notifies the watch of this process, which otherwise reads the file only now and then.
    pub(super) fn committed(&self) {
        self.has_committed.notify_one();
    }

    /// A connection for a watch, and the notification that this process has committed something.
    pub(super) async fn watch(&self) -> Result<(Connection, Arc<Notify>), DirectoryError> {
        Ok((self.watching.clone().connect().await?, Arc::clone(&self.has_committed)))
    }

    /// Deletes changes that every watch has read long ago.
    pub(super) async fn delete_old_changes(&self) -> Result<(), DirectoryError> {
        let sql = "DELETE FROM changes WHERE id < (SELECT max(id) FROM changes) - 1000";
        within(BUSY_TIMEOUT, async {
            let mut pooled = self.writer.acquire().await?;
            let result = sqlx::query(sql).execute(&mut *pooled).await;
            finish(pooled, result.map(drop).map_err(DirectoryError::from))
        })
        .await
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

    /// Migrates in one transaction that locks the file. A second process waits and then has nothing to do.
    pub(super) async fn migrate(&self) -> Result<(), DirectoryError> {
        within(MIGRATE_TIMEOUT, async {
            let mut pooled = self.writer.acquire().await?;
            let mut transaction = begin(&mut pooled, &[]).await?;
            let migrator = schema::migrator(MIGRATIONS, "migrations");
            migrator.run_direct(None, &mut *transaction, false).await.map_err(schema::migration_error)?;
            let result = transaction.commit().await.map_err(DirectoryError::from);
            finish(pooled, result)
        })
        .await
    }

    pub(super) async fn is_writable(&self) -> Result<bool, DirectoryError> {
        within(BUSY_TIMEOUT, async {
            let mut pooled = self.writer.acquire().await?;
            let result = match begin(&mut pooled, &[]).await {
                Ok(transaction) => transaction.rollback().await.map(|()| true).map_err(DirectoryError::from),
                Err(DirectoryError::Unavailable(sqlx::Error::Database(error))) if is_read_only(&*error) => {
                    Ok(false)
                }
                Err(error) => Err(error),
            };
            finish(pooled, result)
        })
        .await
    }
}

/// `SQLITE_READONLY` and its extended codes.
fn is_read_only(error: &dyn sqlx::error::DatabaseError) -> bool {
    primary_code(error) == Some(8)
}

/// `SQLITE_BUSY` and its extended codes.
fn is_busy(error: &dyn sqlx::error::DatabaseError) -> bool {
    primary_code(error) == Some(5)
}

/// The result code without what extends it (`sqlite.org/rescode.html`).
fn primary_code(error: &dyn sqlx::error::DatabaseError) -> Option<i32> {
    error.code().and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff)
}

fn create(file: &Path) -> std::io::Result<File> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(file)
}

/// The files that SQLite keeps beside the database have the permissions that it had when they were created.
fn named_beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

fn refuse_exposed(path: &Path, metadata: &Metadata) -> Result<(), DirectoryError> {
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(DirectoryError::Exposed { path: path.to_owned(), mode });
    }
    Ok(())
}

/// Starts a transaction that writes. It locks the whole file and needs no other lock.
pub(super) async fn begin<'a>(
    connection: &'a mut Connection,
    _keys: &[LockKey],
) -> Result<sqlx::Transaction<'a, Db>, DirectoryError> {
    Ok(connection.begin_with("BEGIN IMMEDIATE").await?)
}

/// Does nothing, because a transaction that writes locks the whole file.
pub(super) async fn lock(_connection: &mut Connection, _key: LockKey) -> Result<(), sqlx::Error> {
    Ok(())
}

/// Always false: a transaction that writes locks the whole file and loses no race.
pub(super) fn is_conflict(_error: &sqlx::Error) -> bool {
    false
}
