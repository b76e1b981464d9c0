//! The directory on Postgres 14 and newer: what differs from SQLite. The statements themselves are in `statements`.
//!
//! There are two pools, so that sign-ins and administration never delay the hot read. Row locks and advisory locks end
//! with their transaction. A transaction that lost a race is retried.

use super::description::ServerAddress;
use super::error::DirectoryError;
use super::lock_key::LockKey;
use super::pool::within;
use super::pooler::{Address, Tenure};
use super::schema::{self, MigrationFile, SchemaState, migration_files};
use crate::pool::{Connect, Pool};
use gatepost_config::WatchedSecret;
use sqlx::postgres::{PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor, PgPool};
use std::path::Path;
use std::time::Duration;

pub(super) type Db = sqlx::Postgres;
pub(super) type Connection = PgConnection;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const MIGRATE_TIMEOUT: Duration = Duration::from_mins(5);
const HOT_CONNECTIONS: usize = 6;
const WORK_CONNECTIONS: usize = 4;

/// The hot read is planned once and uses only indexes. Statistics of tables that were empty or small when they were
/// analyzed would make the planner read whole tables.
const HOT_SETTINGS: &str = "SET statement_timeout = '150ms'; SET plan_cache_mode = force_generic_plan; SET jit = off; \
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off";
const WORK_SETTINGS: &str = "SET statement_timeout = '5s'";

pub(super) const MIGRATIONS: &[MigrationFile] = migration_files!("postgres":
    "20261124000100_create_directory",
    "20261124000200_create_views",
    "20261124000300_create_notifications",
    "20261124000400_create_roles",
    "20261124000500_notify_of_tenants",
    "20261126000100_create_refusals",
    "20261126001000_index_audit",
    "20261128020000_replace_view_functions",
    "20261128020100_revoke_execute",
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
    "20261129050000_create_leases",
    "20261129050100_list_replicas",
    "20261129063000_add_service_of_tenants",
    "20261129170000_note_managers_of_tiers_and_rules",
    "20261129170001_note_managers_of_keys",
    "20261129173000_keep_refused_names",
    "20261129202000_note_backup_drills",
    "20261129203000_create_tenant_logos",
    "20261130000000_note_trials_of_keys",
    "20261130003000_create_tenant_invitations",
    "20261130060000_create_usage",
    "20261130093000_note_tenant_erasures",
    "20261130140000_create_tenant_proposals",
);

/// Locks the rows that are read until the transaction ends.
macro_rules! for_update {
    ($sql:expr) => {
        concat!($sql, " FOR UPDATE")
    };
}
/// Keeps the rows that are read from being changed until the transaction ends. Other transactions may do the same.
macro_rules! for_share {
    ($sql:expr) => {
        concat!($sql, " FOR SHARE")
    };
}
/// The texts of a JSON array, as rows with the column `value`.
macro_rules! each {
    ($parameter:literal) => {
        concat!("json_array_elements_text(", $parameter, "::json) AS each(value)")
    };
}
/// What stands before and after the parameter of `each!`, for statements that are built.
macro_rules! each_around {
    () => {
        ("json_array_elements_text(", "::json) AS each(value)")
    };
}
/// A JSON array of an expression's values.
macro_rules! json_list {
    ($expression:literal) => {
        concat!("coalesce(json_agg(", $expression, ")::text, '[]')")
    };
}
/// The bytes that hexadecimal digits stand for.
macro_rules! unhex {
    ($expression:literal) => {
        concat!("decode(", $expression, ", 'hex')")
    };
}
/// The current second by the database's clock, which all replicas and the command line compare with. It is not the time
/// at which the transaction began.
macro_rules! present {
    () => {
        "floor(extract(epoch FROM clock_timestamp()))::bigint"
    };
}
/// The time of the statement in milliseconds, rounded up. The views compare with the same time.
macro_rules! present_millis {
    () => {
        "ceil(extract(epoch FROM statement_timestamp()) * 1000)::bigint"
    };
}
/// Whether the server is a standby, which may lag behind.
macro_rules! is_standby {
    () => {
        "pg_is_in_recovery()"
    };
}

/// The version of the server.
macro_rules! server_version {
    () => {
        "SELECT current_setting('server_version')"
    };
}
/// The number of standbys that follow.
macro_rules! standbys {
    () => {
        "SELECT count(*) FROM pg_stat_replication"
    };
}

/// When the first migration was made, in seconds since the epoch.
macro_rules! created_at {
    () => {
        "SELECT floor(extract(epoch FROM min(installed_on)))::bigint FROM migrations"
    };
}

/// The dump that was last restored in a drill, and when, in seconds since the epoch; no row before the first drill.
macro_rules! last_drill {
    () => {
        "SELECT dump, drilled_at FROM backup_drills"
    };
}

mod audit_log;
mod lease;
mod replicas;
mod serving_role;
#[path = "statements/mod.rs"]
#[expect(clippy::duplicate_mod, reason = "the statements are written once and compiled for each store")]
mod statements;
use lease::lead;
pub use statements::Apply;

/// Connections to one Postgres.
#[derive(Clone, Debug)]
pub(super) struct Store {
    hot: Pool<Connector>,
    work: Pool<Connector>,
    address: Address,
}

/// Connects to Postgres and applies the settings of the pool.
#[derive(Clone)]
pub(super) struct Connector {
    address: Address,
    settings: &'static str,
}

impl Connect for Connector {
    type Connection = PgConnection;

    async fn connect(self) -> Result<PgConnection, sqlx::Error> {
        let mut connection = self.address.connect().await?;
        let settings = format!(
            "SET search_path TO gatepost, pg_temp; SET lock_timeout = '3s'; \
             SET idle_in_transaction_session_timeout = '10s'; {}",
            self.settings
        );
        connection.execute(sqlx::raw_sql(AssertSqlSafe(settings))).await?;
        Ok(connection)
    }

    fn generation(&self) -> u64 {
        self.address.generation()
    }
}

impl Store {
    /// Connects at the first query, so that Gatepost starts without its database and recovers by itself.
    pub(super) fn open(url: &WatchedSecret, ca_file: Option<&Path>) -> Result<Self, DirectoryError> {
        let address = Address::new(url, ca_file)?;
        let pool = |size, settings| Pool::new(Connector { address: address.clone(), settings }, size);
        Ok(Self {
            hot: pool(HOT_CONNECTIONS, HOT_SETTINGS),
            work: pool(WORK_CONNECTIONS, WORK_SETTINGS),
            address,
        })
    }

    /// The servers that the address names.
    pub(super) fn servers(&self) -> Vec<ServerAddress> {
        self.address.servers()
    }

    pub(super) fn reader(&self) -> &Pool<Connector> {
        &self.work
    }

    pub(super) fn writer(&self) -> &Pool<Connector> {
        &self.work
    }

    pub(super) fn hot(&self) -> &Pool<Connector> {
        &self.hot
    }

    /// Does nothing: the triggers of Postgres notify the watches.
    #[expect(clippy::unused_self, reason = "the embedded store must be told")]
    pub(super) const fn committed(&self) {}

    /// A pool of one connection that is not replaced when it is lost, and how long its server is the primary.
    pub(super) async fn watch_pool(&self) -> Result<(PgPool, Tenure), DirectoryError> {
        let (options, tenure) = self.address.options().await?;
        let one = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        Ok((one.connect_lazy_with(options), tenure))
    }

    pub(super) async fn schema_state(&self) -> Result<SchemaState, DirectoryError> {
        reading!(self, |connection| {
            let is_there: bool = sqlx::query_scalar("SELECT to_regclass('gatepost.migrations') IS NOT NULL")
                .fetch_one(&mut *connection)
                .await?;
            if !is_there {
                return Ok(SchemaState::Behind);
            }
            let applied: Vec<i64> =
                sqlx::query_scalar("SELECT version FROM gatepost.migrations").fetch_all(connection).await?;
            Ok(schema::compare(MIGRATIONS, &applied))
        })
    }

    /// Only one process migrates at a time. A second one waits and then has nothing to do.
    pub(super) async fn migrate(&self) -> Result<(), DirectoryError> {
        let connect = async { Ok(self.address.connect().await?) };
        let mut connection = within(CONNECT_TIMEOUT, connect).await?;
        within(MIGRATE_TIMEOUT, async {
            connection.execute("SET lock_timeout = '60s'").await?;
            connection.execute("SELECT pg_advisory_lock(hashtextextended('gatepost migrations', 0))").await?;
            // Do not wait long for tables that are in use: other transactions would queue behind this one.
            connection.execute("SET lock_timeout = '2s'").await?;
            let mut migrator = schema::migrator(MIGRATIONS, "gatepost.migrations");
            migrator.create_schema("gatepost");
            migrator.run_direct(None, &mut connection, false).await.map_err(schema::migration_error)
        })
        .await?;
        Ok(connection.close().await?)
    }

    pub(super) async fn is_writable(&self) -> Result<bool, DirectoryError> {
        let sql = "SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'";
        hot_read!(self, |connection| Ok(sqlx::query_scalar(sql).fetch_one(connection).await?))
    }
}

/// Starts a transaction that writes, and takes the locks of these keys in their order until it ends. All of it is one
/// round trip.
pub(super) async fn begin<'a>(
    connection: &'a mut Connection,
    keys: &[LockKey],
) -> Result<sqlx::Transaction<'a, Db>, DirectoryError> {
    let locks = keys.iter().map(|key| format!("; SELECT pg_advisory_xact_lock({})", key.number()));
    let sql = std::iter::once("BEGIN".to_owned()).chain(locks).collect::<String>();
    Ok(connection.begin_with(AssertSqlSafe(sql)).await?)
}

/// Takes the lock of one key in a transaction that has begun.
pub(super) async fn lock(connection: &mut Connection, key: LockKey) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(key.number()).execute(connection).await.map(drop)
}

/// Whether the transaction lost a race (deadlock, serialization failure, a row that was inserted or deleted meanwhile)
/// and may be retried.
pub(super) fn is_conflict(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| matches!(&*code, "40001" | "40P01" | "23505" | "23503"))
}
