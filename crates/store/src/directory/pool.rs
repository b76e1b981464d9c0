//! Time limits on everything that is asked, and a second try where a connection had died while it was idle.
//!
//! `reading!` and `hot_read!` are macros because a future that borrows a connection through an async closure cannot be
//! shown to be `Send`.

use super::error::DirectoryError;
use crate::pool::{Borrowed, Connect};
use std::future::Future;
use std::io;
use std::time::Duration;

/// For anything but the hot read.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// With the wait for a connection; DESIGN.md section 8.
pub(super) const HOT_TIMEOUT: Duration = Duration::from_millis(150);
/// More than any pool has connections: all of them may have died idle.
pub(super) const ATTEMPTS: u32 = 11;

/// Runs `$body` with a connection of `$store.reader()`.
macro_rules! reading {
    ($store:expr, |$connection:ident| $body:expr) => {
        read_within!($crate::directory::pool::READ_TIMEOUT, $store.reader().borrow(), |$connection| $body)
    };
}

/// Runs `$body` with a connection of `$store.hot().borrow()`, in 150 ms for all of it.
macro_rules! hot_read {
    ($store:expr, |$connection:ident| $body:expr) => {
        read_within!($crate::directory::pool::HOT_TIMEOUT, $store.hot().borrow(), |$connection| $body)
    };
}

/// Connections are not tested before they are used: one that died while it was idle says nothing about the server, and
/// the next one is taken.
macro_rules! read_within {
    ($limit:expr, $borrowing:expr, |$connection:ident| $body:expr) => {
        $crate::directory::pool::within($limit, async {
            let mut attempts = 0;
            loop {
                attempts += 1;
                let mut borrowed = $borrowing.await?;
                let $connection = &mut *borrowed;
                let result: ::std::result::Result<_, $crate::directory::DirectoryError> =
                    async { $body }.await;
                match $crate::directory::pool::finish(borrowed, result) {
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

/// Gives a connection back for reuse, unless the result says that it is broken.
pub(super) fn finish<C: Connect, T>(
    borrowed: Borrowed<C>,
    result: Result<T, DirectoryError>,
) -> Result<T, DirectoryError> {
    if !matches!(&result, Err(error) if is_lost_connection(error)) {
        borrowed.give_back();
    }
    result
}

/// The connection was broken before or while it was used: nothing was learnt about the store itself.
/// 57P01 to 57P03: the server goes away or is coming up (Postgres, appendix A).
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

/// Cuts `work` off after `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, DirectoryError>>,
) -> Result<T, DirectoryError> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(timed_out()))
}

/// The error of a passed time limit.
pub(super) fn timed_out() -> DirectoryError {
    DirectoryError::Unavailable(sqlx::Error::Io(io::ErrorKind::TimedOut.into()))
}
