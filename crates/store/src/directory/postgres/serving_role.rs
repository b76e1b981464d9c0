//! The role that serves and owns nothing: what it may do, and whether it reaches the same database as the owner.

use super::Store;
use crate::directory::error::DirectoryError;
use sqlx::{AssertSqlSafe, Connection as _, Executor};

/// What the role gets. After each migration anew, because a new table belongs to the owner alone. `{role}` is a quoted name. The
/// role adds to the audit and changes nothing in it: functions of the owner delete and erase there, by their own rules.
const GRANTS: &str = "GRANT USAGE ON SCHEMA gatepost TO {role}; \
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA gatepost TO {role}; \
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA gatepost TO {role}; \
    REVOKE UPDATE, DELETE, TRUNCATE ON gatepost.audit_entries, gatepost.audit_heads FROM {role}; \
    REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON gatepost.migrations FROM {role}";

/// Two servers do not start at the same microsecond.
const IDENTITY: &str = "SELECT current_database() || ' ' || pg_postmaster_start_time()::text";

impl Store {
    pub(in crate::directory) async fn grant_serving(&self, role: &str) -> Result<(), DirectoryError> {
        reading!(self, |connection| {
            let mut transaction = connection.begin().await?;
            let quoted = "SELECT quote_ident(rolname) FROM pg_roles WHERE rolname = $1";
            let found: Option<String> =
                sqlx::query_scalar(quoted).bind(role).fetch_optional(&mut *transaction).await?;
            let found = found.ok_or_else(|| DirectoryError::UnknownRole(role.to_owned()))?;
            let grants = AssertSqlSafe(GRANTS.replace("{role}", &found));
            transaction.execute(sqlx::raw_sql(grants)).await?;
            Ok(transaction.commit().await?)
        })
    }

    /// The same for all users of one database, and another one for every other database.
    pub(in crate::directory) async fn identity(&self) -> Result<String, DirectoryError> {
        reading!(self, |connection| Ok(sqlx::query_scalar(IDENTITY).fetch_one(connection).await?))
    }
}
