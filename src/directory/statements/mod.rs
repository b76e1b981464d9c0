//! What the directory does, as plain statements; compiled once for Postgres and once for `SQLite`, against the same
//! words: `$1` placeholders, `ON CONFLICT`, `RETURNING`. What differs comes from the module that includes this one:
//! `Connection`, `Store`, `begin`, `lock`, `present`, `is_conflict` and the macros `for_update!`, `each!`, `json_list!`, `is_standby!`.
//!
//! Guarantee: a change and its audit rows are one transaction; a refusal that is an error leaves nothing behind.

use super::{Connection, Db, Store, begin, is_conflict, lock, present};
use crate::directory::error::DirectoryError;
use std::time::Duration;

/// Runs `$body` in one transaction of `$store.writer()`; begun anew if it lost a race, so `$body` must have no effect
/// outside it. A macro for the reason that `directory::pool` gives.
macro_rules! transaction {
    ($store:expr, |$connection:ident| $body:expr) => {
        $crate::directory::pool::within(super::WRITE_TIMEOUT, async {
            let mut attempt = 1;
            loop {
                let mut checkout = $crate::directory::pool::Checkout::from($store.writer()).await?;
                let result = match super::begin(checkout.connection()).await {
                    Ok(mut transaction) => {
                        let $connection = &mut *transaction;
                        let result: super::Result<_> = async { $body }.await;
                        super::end(transaction, result).await
                    }
                    Err(error) => Err(error.into()),
                };
                match checkout.finish(result) {
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

mod admins;
mod audit;
mod configuration;
mod groups;
mod links;
mod members;
mod memberships;
mod naming;
mod refusals;
mod sessions;
mod sign_in;
mod standing;
mod tenants;
mod users;

const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const ATTEMPTS: u32 = 5;

type Result<T> = std::result::Result<T, DirectoryError>;

impl Store {
    pub(in crate::directory) async fn ping(&self) -> Result<()> {
        hot_read!(self, |connection| Ok(sqlx::query("SELECT 1").execute(connection).await.map(drop)?))
    }
}

async fn end<T>(transaction: sqlx::Transaction<'_, Db>, result: Result<T>) -> Result<T> {
    match &result {
        Ok(_) => transaction.commit().await?,
        Err(_) => transaction.rollback().await?,
    }
    result
}

/// A JSON array for `each!`.
fn json_texts<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<serde_json::Value>().to_string()
}
