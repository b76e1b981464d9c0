//! What changes in the directory, for a process that keeps access in memory.
//!
//! On Postgres the notifications of `migrations/postgres/*_create_notifications.sql`, on a connection of its own; on
//! `SQLite` the end of the table `changes`. Guarantees for both: what was committed and acknowledged before
//! [`Watch::renew`] was called has been told when it returns. (Postgres answers a query behind the notifications of
//! everything that was committed before it; `LISTEN` and query must share one connection, so that a pooler which
//! spreads them is found out by [`Watch::open`] and refused.)

use super::error::DirectoryError;
use super::pool::within;
use super::{Directory, Result, Store};
use gatepost_core::ids::{RequestId, UserId};
use sqlx::postgres::PgListener;
use sqlx::{PgPool, SqliteConnection};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Everything here is done within this time, or the watch is lost: a lease that is older is worth nothing.
const WATCH_TIMEOUT: Duration = Duration::from_millis(900);
/// The channel that the triggers tell on.
const CHANNEL: &str = "gatepost";
/// Begins what tells of people.
const USERS: &str = "users ";
/// Begins what a watch tells itself.
const PROBE: &str = "probe ";
/// So many changes at once concern everybody.
const MAX_CHANGES: u8 = 65;

/// Whose access may be another now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// These people's.
    Users(Vec<UserId>),
    /// Anybody's.
    Everybody,
}

/// Hears of changes from the moment it was opened.
#[derive(Debug)]
pub enum Watch {
    /// Notified.
    Postgres(Box<PgListener>),
    /// Asks the file.
    Sqlite {
        /// Sees what others commit.
        connection: Box<SqliteConnection>,
        /// The last change that was told.
        last: i64,
        /// This process has committed something.
        has_committed: Arc<Notify>,
    },
}

impl Directory {
    /// Opens a watch; what was committed before is not told.
    ///
    /// # Errors
    /// [`DirectoryError`]: nothing is heard.
    pub async fn watch(&self) -> Result<Watch> {
        within(WATCH_TIMEOUT, async {
            match &self.store {
                Store::Postgres(store) => listen(store.watch_pool().await?).await,
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
    /// Tells everybody who watches that this person must be looked up anew, though nothing changed here. A Postgres that
    /// is set read-only still tells; the embedded file has one process, which knows by itself.
    ///
    /// # Errors
    /// [`DirectoryError`]: nobody was told.
    pub async fn tell(&self, user: UserId) -> Result<()> {
        match &self.store {
            Store::Postgres(store) => {
                reading!(store, |connection| {
                    let tell = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL);
                    Ok(tell.bind(format!("{USERS}{user}")).execute(connection).await.map(drop)?)
                })
            }
            Store::Sqlite(_) => Ok(()),
        }
    }
}

async fn listen(pool: PgPool) -> Result<Watch> {
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    // Our own word must come back: behind a pooler that spreads statements nothing ever would.
    let probe = format!("{PROBE}{}", RequestId::generate());
    sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(&probe).execute(&mut listener).await?;
    ask_primary(&mut listener).await?;
    let mut told = std::iter::from_fn(|| listener.next_buffered());
    if told.any(|notification| notification.payload() == probe) {
        Ok(Watch::Postgres(Box::new(listener)))
    } else {
        let why = "no notification comes back: DATABASE_URL must lead to Postgres itself, or to a pooler in session mode";
        Err(DirectoryError::Unavailable(sqlx::Error::Protocol(why.to_owned())))
    }
}

impl Watch {
    /// Asks the database, and returns what has not been told yet.
    ///
    /// # Errors
    /// [`DirectoryError`]: this watch is worth nothing any more; open another.
    pub async fn renew(&mut self) -> Result<Vec<Change>> {
        within(WATCH_TIMEOUT, async {
            match self {
                Self::Postgres(listener) => {
                    ask_primary(listener).await?;
                    let told = std::iter::from_fn(|| listener.next_buffered());
                    Ok(told.filter_map(|notification| read_payload(notification.payload())).collect())
                }
                Self::Sqlite { connection, last, .. } => read_changes(connection, last).await,
            }
        })
        .await
    }

    /// Returns as soon as something may have been committed, with what is known of it: on `SQLite` nothing, but a renewal
    /// will tell. May be dropped and called anew.
    ///
    /// # Errors
    /// As [`Self::renew`].
    pub async fn changed(&mut self) -> Result<Option<Change>> {
        match self {
            Self::Postgres(listener) => loop {
                let lost =
                    || DirectoryError::Unavailable(sqlx::Error::Io(io::ErrorKind::ConnectionAborted.into()));
                let notification = listener.try_recv().await?.ok_or_else(lost)?;
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

async fn ask_primary(listener: &mut PgListener) -> Result<()> {
    let is_standby = sqlx::query_scalar("SELECT pg_is_in_recovery()").fetch_one(listener).await?;
    if is_standby { Err(DirectoryError::standby()) } else { Ok(()) }
}

/// `None`: another replica's probe. What cannot be read concerns everybody: a newer Gatepost may have said it.
fn read_payload(payload: &str) -> Option<Change> {
    if payload.starts_with(PROBE) {
        return None;
    }
    let ids = payload.strip_prefix(USERS).map(|ids| ids.split(' ').map(str::parse).collect());
    match ids {
        Some(Ok(ids)) => Some(Change::Users(ids)),
        _ => Some(Change::Everybody),
    }
}

async fn read_changes(connection: &mut SqliteConnection, last: &mut i64) -> Result<Vec<Change>> {
    let rows: Vec<(i64, Option<String>)> =
        sqlx::query_as("SELECT id, user_id FROM changes WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(*last)
            .bind(MAX_CHANGES)
            .fetch_all(&mut *connection)
            .await?;
    let Some((newest, _)) = rows.last() else { return Ok(Vec::new()) };
    // A gap: what stood there was deleted before we came.
    let is_whole =
        rows.len() < usize::from(MAX_CHANGES) && rows.first().is_some_and(|(id, _)| *id == *last + 1);
    let users = rows.iter().map(|(_, user)| user.as_deref().and_then(|user| user.parse().ok())).collect();
    let change = match users {
        Some(users) if is_whole => Change::Users(users),
        _ => Change::Everybody,
    };
    *last = if rows.len() < usize::from(MAX_CHANGES) {
        *newest
    } else {
        sqlx::query_scalar("SELECT max(id) FROM changes").fetch_one(connection).await?
    };
    Ok(vec![change])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_that_cannot_be_read_concerns_everybody() {
        let id = UserId::generate();
        assert_eq!(read_payload(&format!("users {id} {id}")), Some(Change::Users(vec![id, id])));
        for payload in ["*", "", "users", "users ", "users x", "groups 1", &format!("users {id} x")] {
            assert_eq!(read_payload(payload), Some(Change::Everybody), "{payload}");
        }
        assert_eq!(read_payload("probe 1"), None);
    }
}
