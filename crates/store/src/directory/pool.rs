//! Time limits for all queries, and retries where an idle connection was lost.
//!
//! `reading!` and `hot_read!` are macros because a future that borrows a connection through an async closure cannot be
//! shown to be `Send`.

use super::error::DirectoryError;
use crate::pool::{Connect, PooledConnection};
use std::future::Future;
use std::io;
use std::time::Duration;

/// The limit for all reads except the hot read.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// The limit for the hot read, including the wait for a connection.
pub(super) const HOT_TIMEOUT: Duration = Duration::from_millis(150);
/// More than any pool has connections, because all of them may have been lost while they were idle.
pub(super) const ATTEMPTS: u32 = 11;

/// Runs `$body` with a connection of `$store.reader()`.
macro_rules! reading {
    ($store:expr, |$connection:ident| $body:expr) => {
        read_within!($crate::directory::pool::READ_TIMEOUT, $store.reader().acquire(), |$connection| $body)
    };
}

/// Runs `$body` with a connection of `$store.hot()`, within 150 ms in all.
macro_rules! hot_read {
    ($store:expr, |$connection:ident| $body:expr) => {
        read_within!($crate::directory::pool::HOT_TIMEOUT, $store.hot().acquire(), |$connection| $body)
    };
}

/// Connections are not tested before they are used. A connection that was lost while it was idle does not mean that the
/// server is down, so the next one is tried.
macro_rules! read_within {
    ($limit:expr, $acquiring:expr, |$connection:ident| $body:expr) => {
        $crate::directory::pool::within($limit, async {
            let mut attempts = 0;
            loop {
                attempts += 1;
                let mut pooled = $acquiring.await?;
                let $connection = &mut *pooled;
                let result: ::std::result::Result<_, $crate::directory::DirectoryError> =
                    async { $body }.await;
                match $crate::directory::pool::finish(pooled, result) {
                    Err(error)
                        if $crate::directory::pool::is_lost_connection(&error)
                            && attempts < $crate::directory::pool::ATTEMPTS => {}
                    result => return result,
                }
            }
        })
        .await
    };
}

/// Releases a connection for reuse, unless the result shows that it is broken.
pub(super) fn finish<C: Connect, T>(
    pooled: PooledConnection<C>,
    result: Result<T, DirectoryError>,
) -> Result<T, DirectoryError> {
    if !matches!(&result, Err(error) if is_lost_connection(error)) {
        pooled.release();
    }
    result
}

/// Whether the connection was broken before or during its use, which says nothing about the store itself.
/// 57P01 to 57P03: the server shuts down or starts up (Postgres, appendix A).
pub(super) fn is_lost_connection(error: &DirectoryError) -> bool {
    match error {
        DirectoryError::Unavailable(sqlx::Error::Io(error)) => error.kind() != io::ErrorKind::TimedOut,
        DirectoryError::Unavailable(
            sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed,
        ) => true,
        DirectoryError::Unavailable(sqlx::Error::Database(error)) => {
            error.code().is_some_and(|code| matches!(&*code, "57P01" | "57P02" | "57P03"))
        }
        _ => false,
    }
}

/// Cancels `work` after `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, DirectoryError>>,
) -> Result<T, DirectoryError> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(timed_out()))
}

/// The error for an exceeded time limit.
pub(super) fn timed_out() -> DirectoryError {
    DirectoryError::Unavailable(sqlx::Error::Io(io::ErrorKind::TimedOut.into()))
}
