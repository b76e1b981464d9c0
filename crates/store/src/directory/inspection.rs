//! The facts about a Postgres server that `check` judges: version, role, privileges, free connections, durability.

use super::error::DirectoryError;
use super::postgres::Store;

row! {
    /// The state of the server at one moment.
    #[derive(Clone, Debug)]
    pub struct ServerReport {
        /// `server_version_num`: 140005 is 14.5.
        pub version: i64,
        /// The server is a standby.
        pub is_standby: bool,
        /// New transactions are read-only by default.
        pub is_read_only: bool,
        /// The user is a superuser.
        pub is_superuser: bool,
        /// The user may create a schema in this database.
        pub may_create: bool,
        /// Names of Gatepost's tables that the user may not read and change, and of its functions that the user may not
        /// call. Nobody needs to change or delete what is in the audit: functions of the owner do it.
        pub forbidden: Vec<String>,
        /// The server's encoding. Gatepost needs `UTF8`.
        pub encoding: String,
        /// The number of connections that this user may still open.
        pub free_connections: i64,
        /// The connection of this query is encrypted.
        pub is_encrypted: bool,
        /// `fsync` and `synchronous_commit` are on, so acknowledged changes survive a crash.
        pub is_durable: bool,
        /// Changes are acknowledged only after a standby has them (`synchronous_standby_names`, `synchronous_commit`).
        pub is_replicated: bool,
    }
}

const REPORT: &str = "SELECT current_setting('server_version_num')::bigint AS version, \
    pg_is_in_recovery() AS is_standby, \
    current_setting('default_transaction_read_only') = 'on' AS is_read_only, \
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser, \
    has_database_privilege(current_database(), 'CREATE') AS may_create, \
    array_to_json(ARRAY(SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = 'gatepost' AND c.relkind = 'r' AND NOT (has_schema_privilege(n.oid, 'USAGE') \
        AND has_table_privilege(c.oid, 'SELECT') \
        AND (c.relname = 'migrations' OR has_table_privilege(c.oid, 'INSERT')) \
        AND (c.relname IN ('audit_entries', 'audit_heads', 'migrations') \
            OR has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))) \
        UNION SELECT p.proname || '()' FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
        WHERE n.nspname = 'gatepost' AND p.prorettype <> 'trigger'::regtype \
        AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')) ORDER BY 1))::text \
        AS forbidden, \
    current_setting('server_encoding') AS encoding, \
    least(current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint \
            - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), \
        (SELECT CASE WHEN rolconnlimit < 0 THEN 1000000 ELSE rolconnlimit - \
            (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user) END \
            FROM pg_roles WHERE rolname = current_user)) AS free_connections, \
    coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS is_encrypted, \
    current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off' AS is_durable, \
    current_setting('synchronous_standby_names') <> '' AND current_setting('synchronous_commit') NOT IN ('off', 'local') \
        AS is_replicated";

impl Store {
    pub(super) async fn inspect(&self) -> Result<ServerReport, DirectoryError> {
        reading!(self, |connection| Ok(sqlx::query_as(REPORT).fetch_one(connection).await?))
    }
}
