//! Changes of the directory, for a process that caches access in memory.
//!
//! On Postgres they are the notifications of `migrations/postgres/*_create_notifications.sql`, on a connection of their
//! own; on SQLite the newest rows of the table `changes`. Guarantee for both: everything that was committed and
//! acknowledged before [`Watch::renew`] was called has been reported when it returns. (Postgres answers a query after
//! the notifications of everything that was committed before it. `LISTEN` and query must share one connection, so
//! [`Directory::watch`] detects and refuses a pooler that spreads them.)

use super::error::DirectoryError;
use super::pool::within;
use super::pooler::Tenure;
use super::{Directory, Result, Store};
use gatepost_core::api_key::KeyId;
use gatepost_core::ids::{RequestId, UserId};
use sqlx::postgres::PgListener;
use sqlx::{PgPool, SqliteConnection};
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// The limit for every call. A watch that takes longer is lost, because the lease that it extends has expired.
const WATCH_TIMEOUT: Duration = Duration::from_millis(900);
/// The channel on which the triggers notify.
const CHANNEL: &str = "gatepost";
/// The prefix of notifications about people.
const USERS: &str = "users ";
/// The prefix of notifications about API keys.
const KEYS: &str = "key ";
/// The prefix of a notification that a watch sends to itself.
const PROBE: &str = "probe ";
/// With this many changes at once, access of everybody is looked up again.
const MAX_CHANGES: u8 = 65;

/// The people and the keys whose access may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// These people.
    Users(Vec<UserId>),
    /// These API keys. If a key has an owner, there is another change about them.
    Keys(Vec<KeyId>),
    /// Everybody, and every key.
    Everybody,
}

/// Reports changes that are committed after it was opened.
#[derive(Debug)]
pub enum Watch {
    /// Receives notifications.
    Postgres(Box<PostgresWatch>),
    /// Reads the file.
    Sqlite {
        /// The connection that reads the changes.
        connection: Box<SqliteConnection>,
        /// The id of the last change that was reported.
        last: i64,
        /// Notified when this process has committed something.
        has_committed: Arc<Notify>,
    },
}

/// The connection that receives notifications.
#[derive(Debug)]
pub struct PostgresWatch {
    listener: PgListener,
    tenure: Tenure,
}

impl Directory {
    /// Opens a watch. Changes that were committed before are not reported.
    ///
    /// # Errors
    /// [`DirectoryError`]: no watch is open.
    pub async fn watch(&self) -> Result<Watch> {
        within(WATCH_TIMEOUT, async {
            match &self.store {
                Store::Postgres(store) => {
                    let (pool, tenure) = store.watch_pool().await?;
                    listen(pool, tenure).await
                }
                Store::Sqlite(store) => {
                    let (mut connection, has_committed) = store.watch().await?;
                    let last = sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM changes")
                        .fetch_one(&mut connection)
                        .await?;
                    Ok(Watch::Sqlite { connection: Box::new(connection), last, has_committed })
                }
            }
        })
        .await
    }
}

impl Directory {
    /// Notifies all watches that this person must be looked up again, though nothing changed in the directory. A
    /// Postgres that is set read-only still notifies. The embedded file has only one process, which needs no
    /// notification.
    ///
    /// # Errors
    /// [`DirectoryError`]: nobody was notified.
    pub async fn notify_watches(&self, user: UserId) -> Result<()> {
        match &self.store {
            Store::Postgres(store) => {
                reading!(store, |connection| {
                    let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL);
                    Ok(notify.bind(format!("{USERS}{user}")).execute(connection).await.map(drop)?)
                })
            }
            Store::Sqlite(_) => Ok(()),
        }
    }
}

async fn listen(pool: PgPool, tenure: Tenure) -> Result<Watch> {
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    // A notification of our own must arrive. Behind a pooler that spreads statements none would.
    let probe = format!("{PROBE}{}", RequestId::generate());
    sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(&probe).execute(&mut listener).await?;
    check_primary(&mut listener, &tenure).await?;
    let mut notifications = std::iter::from_fn(|| listener.next_buffered());
    if notifications.any(|notification| notification.payload() == probe) {
        Ok(Watch::Postgres(Box::new(PostgresWatch { listener, tenure })))
    } else {
        let why = "no notification arrives: DATABASE_URL must lead to Postgres itself, or to a pooler in session mode";
        Err(DirectoryError::Unavailable(sqlx::Error::Protocol(why.to_owned())))
    }
}

impl Watch {
    /// Queries the database and returns the changes that were not reported yet.
    ///
    /// # Errors
    /// [`DirectoryError`]: this watch is lost; open another one.
    pub async fn renew(&mut self) -> Result<Vec<Change>> {
        within(WATCH_TIMEOUT, async {
            match self {
                Self::Postgres(watch) => {
                    let PostgresWatch { listener, tenure } = &mut **watch;
                    check_primary(listener, tenure).await?;
                    let notifications = std::iter::from_fn(|| listener.next_buffered());
                    Ok(notifications
                        .filter_map(|notification| read_payload(notification.payload()))
                        .collect())
                }
                Self::Sqlite { connection, last, .. } => read_changes(connection, last).await,
            }
        })
        .await
    }

    /// Waits until something may have been committed and returns the change, if it is known. On SQLite it is not known,
    /// but [`Self::renew`] reports it. The future may be dropped and the method called again.
    ///
    /// # Errors
    /// As [`Self::renew`].
    pub async fn changed(&mut self) -> Result<Option<Change>> {
        match self {
            Self::Postgres(watch) => loop {
                let lost =
                    || DirectoryError::Unavailable(sqlx::Error::Io(io::ErrorKind::ConnectionAborted.into()));
                let notification = watch.listener.try_recv().await?.ok_or_else(lost)?;
                if let Some(change) = read_payload(notification.payload()) {
                    return Ok(Some(change));
                }
            },
            Self::Sqlite { has_committed, .. } => {
                has_committed.notified().await;
                Ok(None)
            }
        }
    }
}

/// A former primary knows no changes of the new one, so a watch there must not extend the lease.
async fn check_primary(listener: &mut PgListener, tenure: &Tenure) -> Result<()> {
    let sql = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'";
    let (is_standby, is_read_only) = sqlx::query_as(sql).fetch_one(listener).await?;
    if is_standby {
        return Err(DirectoryError::standby());
    }
    Ok(tenure.confirm(is_read_only).await?)
}

/// `None`: the probe of another replica. A payload that cannot be read concerns everybody, because a newer Gatepost may
/// have sent it.
fn read_payload(payload: &str) -> Option<Change> {
    if payload.starts_with(PROBE) {
        return None;
    }
    let users = || read_ids(payload, USERS).map(Change::Users);
    let keys = || read_ids(payload, KEYS).map(Change::Keys);
    users().or_else(keys).or(Some(Change::Everybody))
}

/// The ids behind the prefix. `None`: it is another prefix, or an id cannot be read.
fn read_ids<T: FromStr>(payload: &str, prefix: &str) -> Option<Vec<T>> {
    payload.strip_prefix(prefix)?.split(' ').map(|id| id.parse().ok()).collect()
}

row! {
    /// A row of `changes`. Without a user or a key it concerns everybody.
    struct ChangeRow {
        id: i64,
        user_id: Option<String>,
        key_id: Option<String>,
    }
}

async fn read_changes(connection: &mut SqliteConnection, last: &mut i64) -> Result<Vec<Change>> {
    let rows: Vec<ChangeRow> =
        sqlx::query_as("SELECT id, user_id, key_id FROM changes WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(*last)
            .bind(MAX_CHANGES)
            .fetch_all(&mut *connection)
            .await?;
    let Some(newest) = rows.last().map(|row| row.id) else { return Ok(Vec::new()) };
    // After a gap in the ids, rows were deleted before they were read.
    let is_whole =
        rows.len() < usize::from(MAX_CHANGES) && rows.first().is_some_and(|row| row.id == *last + 1);
    let changes = if is_whole { read_rows(&rows) } else { None };
    *last = if rows.len() < usize::from(MAX_CHANGES) {
        newest
    } else {
        sqlx::query_scalar("SELECT max(id) FROM changes").fetch_one(connection).await?
    };
    Ok(changes.unwrap_or_else(|| vec![Change::Everybody]))
}

/// `None`: a row concerns everybody.
fn read_rows(rows: &[ChangeRow]) -> Option<Vec<Change>> {
    let (mut users, mut keys) = (Vec::new(), Vec::new());
    for row in rows {
        match (&row.user_id, &row.key_id) {
            (Some(user), None) => users.push(user.parse().ok()?),
            (None, Some(key)) => keys.push(key.parse().ok()?),
            _ => return None,
        }
    }
    let users = (!users.is_empty()).then_some(Change::Users(users));
    let keys = (!keys.is_empty()).then_some(Change::Keys(keys));
    Some(users.into_iter().chain(keys).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_that_cannot_be_read_concerns_everybody() {
        let id = UserId::generate();
        assert_eq!(read_payload(&format!("users {id} {id}")), Some(Change::Users(vec![id, id])));
        let key = KeyId::generate();
        assert_eq!(read_payload(&format!("key {key} {key}")), Some(Change::Keys(vec![key, key])));
        for payload in ["*", "", "users", "users ", "users x", "groups 1", "key ", &format!("users {id} x")] {
            assert_eq!(read_payload(payload), Some(Change::Everybody), "{payload}");
        }
        assert_eq!(read_payload("probe 1"), None);
    }
}
