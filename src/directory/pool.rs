//! Borrowed connections that never come back broken, and time limits on everything.
//!
//! Guarantees: a connection whose use was cut off (time limit, caller gone, network error) is closed, not tested: the
//! test would wait for a dead server and keep the pool's place meanwhile.
//!
//! `reading!` and `hot_read!` are macros because a future that borrows a connection through an async closure cannot be
//! shown to be `Send`.

use super::error::DirectoryError;
use sqlx::pool::PoolConnection;
use sqlx::{Database, Pool};
use std::future::Future;
use std::io;
use std::time::Duration;

/// For anything but the hot read.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// With the wait for a connection; DESIGN.md section 8.
pub(super) const HOT_TIMEOUT: Duration = Duration::from_millis(150);

/// Runs `$body` with a connection of `$store.reader()`.
macro_rules! reading {
    ($store:expr, |$connection:ident| $body:expr) => {
        $crate::directory::pool::within($crate::directory::pool::READ_TIMEOUT, async {
            let mut checkout = $crate::directory::pool::Checkout::from($store.reader()).await?;
            let $connection = checkout.connection();
            let result: ::std::result::Result<_, $crate::directory::DirectoryError> = async { $body }.await;
            checkout.finish(result)
        })
        .await
    };
}

/// Runs `$body` with a connection of `$store.hot_connection()`, in 150 ms for all of it. A connection that died while
/// it was idle says nothing about the server: the next one is taken.
macro_rules! hot_read {
    ($store:expr, |$connection:ident| $body:expr) => {
        $crate::directory::pool::within($crate::directory::pool::HOT_TIMEOUT, async {
            let mut attempts = 0;
            loop {
                attempts += 1;
                let mut checkout = $store.hot_connection().await?;
                let $connection = checkout.connection();
                let result: ::std::result::Result<_, $crate::directory::DirectoryError> =
                    async { $body }.await;
                match checkout.finish(result) {
                    Err(error) if $crate::directory::pool::is_lost_connection(&error) && attempts <= 10 => {}
                    result => return result,
                }
            }
        })
        .await
    };
}

/// A connection, until it is dropped.
pub(super) struct Checkout<DB: Database> {
    connection: PoolConnection<DB>,
    is_sound: bool,
}

impl<DB: Database> Checkout<DB> {
    pub(super) async fn from(pool: &Pool<DB>) -> Result<Self, DirectoryError> {
        Ok(Self { connection: pool.acquire().await?, is_sound: false })
    }

    pub(super) fn connection(&mut self) -> &mut DB::Connection {
        &mut self.connection
    }

    /// Gives the connection back for reuse, unless the result says that it is broken.
    pub(super) fn finish<T>(mut self, result: Result<T, DirectoryError>) -> Result<T, DirectoryError> {
        self.is_sound = !matches!(&result, Err(error) if is_lost_connection(error));
        result
    }
}

impl<DB: Database> Drop for Checkout<DB> {
    fn drop(&mut self) {
        if !self.is_sound {
            self.connection.close_on_drop();
        }
    }
}

/// The connection was broken before or while it was used: nothing was learnt about the store itself.
/// 57P01 to 57P03: the server goes away or is coming up (Postgres, appendix A).
pub(super) fn is_lost_connection(error: &DirectoryError) -> bool {
    match error {
        DirectoryError::Unavailable(sqlx::Error::Io(error)) => error.kind() != io::ErrorKind::TimedOut,
        DirectoryError::Unavailable(sqlx::Error::Protocol(_) | sqlx::Error::Tls(_)) => true,
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
