//! The statements of the directory, compiled once for Postgres and once for SQLite. Both understand `$1` placeholders,
//! `ON CONFLICT` and `RETURNING`. What differs comes from the module that includes this one: `Connection`, `Store`,
//! `begin`, `lock`, `lead`, `is_conflict` and the macros `for_update!`, `for_share!`, `each!`, `json_list!`, `present!`,
//! `present_millis!`, `is_standby!`, `unhex!`, `server_version!`, `standbys!`, `created_at!`, `last_drill!`, and `audit_log`.
//!
//! Guarantee: a change and its audit rows are one transaction. A refusal that is an error changes nothing.

use super::{Connection, Db, Store, audit_log, begin, is_conflict, lead, lock};
use crate::directory::error::DirectoryError;
use crate::directory::lock_key::LockKey;
use gatepost_core::clock::Timestamp;
use std::time::Duration;

/// Runs `$body` in one transaction of `$store.writer()`, under the locks of `$keys` if any are given, for at most `$timeout`.
/// Unless `$is_kept` it is rolled back at its end. The transaction is retried if it lost a race, so `$body` must have no
/// effect outside it. It is a macro for the reason that `directory::pool` gives.
macro_rules! transaction {
    ($store:expr, |$connection:ident| $body:expr) => {
        transaction!($store, &[], |$connection| $body)
    };
    ($store:expr, $keys:expr, |$connection:ident| $body:expr) => {
        transaction!(within super::WRITE_TIMEOUT, $store, $keys, true, |$connection| $body)
    };
    (within $timeout:expr, $store:expr, $keys:expr, $is_kept:expr, |$connection:ident| $body:expr) => {
        $crate::directory::pool::within($timeout, async {
            let (mut attempt, mut lost) = (1, 0);
            loop {
                let mut pooled = $store.writer().acquire().await?;
                let mut has_begun = false;
                let result = match super::begin(&mut pooled, $keys).await {
                    Ok(mut transaction) => {
                        has_begun = true;
                        let $connection = &mut *transaction;
                        let result: super::Result<_> = async { $body }.await;
                        super::end(transaction, result, $is_kept).await
                    }
                    Err(error) => Err(error),
                };
                match $crate::directory::pool::finish(pooled, result) {
                    // This connection was lost while it was idle.
                    Err(error)
                        if !has_begun
                            && lost < $crate::directory::pool::ATTEMPTS
                            && $crate::directory::pool::is_lost_connection(&error) =>
                    {
                        lost += 1;
                    }
                    Err($crate::directory::DirectoryError::Unavailable(error))
                        if attempt < super::ATTEMPTS && super::is_conflict(&error) =>
                    {
                        attempt += 1;
                    }
                    result => {
                        $store.committed();
                        return result;
                    }
                }
            }
        })
        .await
    };
}

/// As `transaction!`, for the work of the leader: fails with `NotLeader` if `$term` has ended, and keeps it from ending before
/// the transaction does.
macro_rules! leading {
    ($store:expr, $term:expr, |$connection:ident| $body:expr) => {
        leading!($store, $term, &[], |$connection| $body)
    };
    ($store:expr, $term:expr, $keys:expr, |$connection:ident| $body:expr) => {
        transaction!($store, $keys, |$connection| {
            super::lead(&mut *$connection, $term).await?;
            $body
        })
    };
}

/// Deletes rows of `$table` with the key `$key` that fulfil `$condition` about $1, at most $2: one statement that deletes all of
/// many rows would end by its time limit, and begin anew with more of them.
macro_rules! delete_some {
    ($table:literal [$key:literal] where $condition:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE (",
            $key,
            ") IN (SELECT ",
            $key,
            " FROM ",
            $table,
            " WHERE ",
            $condition,
            " LIMIT $2)"
        )
    };
}

/// Of the ends of two rows for the same thing the later one, where a row of `$table` meets another one. A row without an
/// end has the latest.
macro_rules! later_end {
    ($table:literal) => {
        concat!(
            "CASE WHEN ",
            $table,
            ".until IS NULL OR excluded.until IS NULL THEN NULL \
             WHEN ",
            $table,
            ".until > excluded.until THEN ",
            $table,
            ".until ELSE excluded.until END"
        )
    };
}

/// Whether the tenant `$id` has a host or members of its own.
macro_rules! is_own_tenant {
    ($id:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM tenant_hosts own WHERE own.tenant_id = ",
            $id,
            " AND own.state = 'active') OR EXISTS (SELECT 1 FROM tenant_members own WHERE own.tenant_id = ",
            $id,
            "))"
        )
    };
}

/// The provider of a tenant that identifies the person `$id`, if one does. Whoever knows them by several providers is confined
/// to the tenant.
macro_rules! tenants_provider {
    ($id:literal) => {
        concat!(
            "(SELECT min(i.provider) FROM identities i WHERE i.user_id = ",
            $id,
            " AND i.provider LIKE 't-%')"
        )
    };
}

/// The roles of the person $1 in tenants, by the groups in `mine` and by themselves, for a `WITH`.
///
/// SQLite keeps the order of a `CROSS JOIN` (`sqlite.org/lang_select.html`). It cannot know how few rows `mine` has, and would
/// else read all groups of tenants, and all tenants.
macro_rules! tenant_roles {
    () => {
        "roles AS MATERIALIZED (SELECT r.tenant_id, r.role, t.state FROM \
         (SELECT t.tenant_id, t.role FROM mine CROSS JOIN group_tenants t WHERE t.group_id = mine.id \
         UNION ALL SELECT t.tenant_id, t.role FROM current_tenant_members t WHERE t.user_id = $1) r \
         CROSS JOIN tenants t WHERE t.id = r.tenant_id)"
    };
}

/// What the person $1 may enter, by `mine`, `roles` and `admin`, and until when it counts: the columns of a standing that
/// follow those about the person. A tenant and its role are returned as `ID ROLE`.
///
/// By the order of the `CROSS JOIN`, SQLite reads the tenants only for an administrator. A condition `(SELECT yes FROM admin)`
/// would be evaluated after every tenant was read.
macro_rules! entry_columns {
    () => {
        concat!(
            "(SELECT ",
            json_list!("name"),
            " FROM mine) AS groups, (SELECT ",
            json_list!("tenant_id || ' ' || role"),
            " FROM roles WHERE state = 'active') AS tenants, (SELECT ",
            json_list!("tenant_id"),
            " FROM (SELECT DISTINCT tenant_id FROM roles WHERE state = 'active') r WHERE ",
            is_own_tenant!("r.tenant_id"),
            ") AS own_tenants, (SELECT ",
            json_list!("s.tenant_id || ' ' || s.role"),
            " FROM (SELECT tenant_id, role FROM roles WHERE state = 'suspended' UNION ALL \
             SELECT t.id, 'admin' FROM admin CROSS JOIN tenants t WHERE admin.yes AND t.state = 'suspended') s) AS suspended, \
             (SELECT yes FROM admin) AS is_admin, (SELECT ",
            json_list!("t.id"),
            " FROM admin CROSS JOIN tenants t WHERE admin.yes AND t.state = 'active') AS every_tenant, \
             (SELECT min(e.until) FROM (SELECT until FROM mine \
             UNION ALL SELECT until FROM current_admin_overrides WHERE user_id = $1 \
             UNION ALL SELECT until FROM current_tenant_members WHERE user_id = $1) e) AS next_end, ",
            present_millis!(),
            " AS now_in_millis, ",
            is_standby!(),
            " AS is_standby"
        )
    };
}

mod access_requests;
mod addresses;
mod admin_overrides;
mod admins;
mod admission;
mod apply;
mod audit;
mod audit_chain;
mod callers;
mod configuration;
mod description;
mod door;
mod ended;
mod ended_keys;
mod erase;
mod erase_again;
mod erasures;
mod forget;
mod gate_hosts;
mod group_changes;
mod groups;
mod held;
mod invitations;
mod key_changes;
mod key_rows;
mod key_standing;
mod key_uses;
mod links;
mod lists;
mod managed;
mod member_batch;
mod members;
mod memberships;
mod merge;
mod naming;
mod open_invitations;
mod plan;
mod refusals;
mod refused_names;
mod repeats;
mod request_changes;
mod request_limits;
mod requirements;
mod run;
mod sessions;
mod sign_in;
mod standing;
mod tenant_branding;
mod tenant_changes;
mod tenant_domains;
mod tenant_hosts;
mod tenant_life;
mod tenant_limits;
mod tenant_members;
mod tenant_people;
mod tenant_proposals;
mod tenant_providers;
mod tenant_settings;
mod tenants;
mod tiers;
mod token_standing;
mod tool_servers;
mod usage;
mod usage_bills;
mod usage_events;
mod user_changes;
mod users;
mod warm_up;

const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const ATTEMPTS: u32 = 5;

pub use apply::Apply;

type Result<T> = std::result::Result<T, DirectoryError>;

impl Store {
    pub(in crate::directory) async fn ping(&self) -> Result<()> {
        hot_read!(self, |connection| Ok(sqlx::query("SELECT 1").execute(connection).await.map(drop)?))
    }

    pub(in crate::directory) async fn clock(&self) -> Result<Timestamp> {
        reading!(self, |connection| present(connection).await)
    }
}

async fn present(connection: &mut Connection) -> Result<Timestamp> {
    Ok(Timestamp::from_unix(sqlx::query_scalar(concat!("SELECT ", present!())).fetch_one(connection).await?))
}

async fn end<T>(transaction: sqlx::Transaction<'_, Db>, result: Result<T>, is_kept: bool) -> Result<T> {
    if is_kept && result.is_ok() {
        transaction.commit().await?;
    } else {
        transaction.rollback().await?;
    }
    result
}

/// A JSON array for `each!`.
fn json_texts<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<serde_json::Value>().to_string()
}
