//! What `check` wants to know of a Postgres server: version, role, rights, room, promises about durability.

use super::error::DirectoryError;
use super::postgres::Store;
use sqlx::Row;

/// One look at the server.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each answers one question; none excludes another")]
pub struct ServerReport {
    /// As in `server_version_num`: 140005 is 14.5.
    pub version: i32,
    /// A standby.
    pub is_standby: bool,
    /// New transactions are read-only.
    pub is_read_only: bool,
    /// The user may do anything on the whole server.
    pub is_superuser: bool,
    /// The user may create a schema in this database.
    pub may_create: bool,
    /// Tables of ours that the user may not read and change, and functions that it may not call, by name.
    pub forbidden: Vec<String>,
    /// `UTF8`, one hopes.
    pub encoding: String,
    /// How many more connections this user may open.
    pub free_connections: i64,
    /// This connection is encrypted.
    pub is_encrypted: bool,
    /// `fsync` and `synchronous_commit` are on: what was acknowledged stays.
    pub is_durable: bool,
}

const REPORT: &str = "SELECT current_setting('server_version_num')::int AS version, \
    pg_is_in_recovery() AS is_standby, \
    current_setting('default_transaction_read_only') = 'on' AS is_read_only, \
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser, \
    has_database_privilege(current_database(), 'CREATE') AS may_create, \
    ARRAY(SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = 'gatepost' AND c.relkind = 'r' AND NOT (has_schema_privilege(n.oid, 'USAGE') \
        AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') \
        AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')) \
        UNION SELECT p.proname || '()' FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
        WHERE n.nspname = 'gatepost' AND p.prorettype <> 'trigger'::regtype \
        AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')) ORDER BY 1) \
        AS forbidden, \
    current_setting('server_encoding') AS encoding, \
    least(current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint \
            - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), \
        (SELECT CASE WHEN rolconnlimit < 0 THEN 1000000 ELSE rolconnlimit - \
            (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user) END \
            FROM pg_roles WHERE rolname = current_user)) AS free_connections, \
    coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS is_encrypted, \
    current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off' AS is_durable";

impl Store {
    pub(super) async fn inspect(&self) -> Result<ServerReport, DirectoryError> {
        reading!(self, |connection| {
            let row = sqlx::query(REPORT).fetch_one(connection).await?;
            Ok(ServerReport {
                version: row.try_get("version")?,
                is_standby: row.try_get("is_standby")?,
                is_read_only: row.try_get("is_read_only")?,
                is_superuser: row.try_get("is_superuser")?,
                may_create: row.try_get("may_create")?,
                forbidden: row.try_get("forbidden")?,
                encoding: row.try_get("encoding")?,
                free_connections: row.try_get("free_connections")?,
                is_encrypted: row.try_get("is_encrypted")?,
                is_durable: row.try_get("is_durable")?,
            })
        })
    }
}
