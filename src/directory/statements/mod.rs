//! What the directory does, as plain statements; compiled once for Postgres and once for SQLite, against the same
//! words: `$1` placeholders, `ON CONFLICT`, `RETURNING`. What differs comes from the module that includes this one:
//! `Connection`, `Store`, `begin`, `lock`, `is_conflict` and the macros `for_update!`, `each!`, `json_list!`, `is_standby!`.
//!
//! Guarantee: a change and its audit rows are one transaction; a refusal that is an error leaves nothing behind.

use super::{Connection, Store, begin, is_conflict, lock};
use crate::directory::error::DirectoryError;
use crate::directory::pool::{Checkout, within};
use std::time::Duration;

mod admins;
mod audit;
mod configuration;
mod groups;
mod links;
mod memberships;
mod naming;
mod sessions;
mod sign_in;
mod standing;
mod tenants;
mod users;

const READ_TIMEOUT: Duration = Duration::from_secs(5);
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const ATTEMPTS: u32 = 5;

type Result<T> = std::result::Result<T, DirectoryError>;

impl Store {
    pub(in crate::directory) async fn read<T>(&self, work: impl AsyncFn(&mut Connection) -> Result<T>) -> Result<T> {
        within(READ_TIMEOUT, async {
            let mut checkout = Checkout::from(self.reader()).await?;
            let result = work(checkout.connection()).await;
            checkout.finish(result)
        })
        .await
    }

    /// One transaction; begun anew if it lost a race, so `work` must have no effect outside it.
    pub(in crate::directory) async fn write<T>(&self, work: impl AsyncFn(&mut Connection) -> Result<T>) -> Result<T> {
        within(WRITE_TIMEOUT, async {
            let mut attempt = 1;
            loop {
                let mut checkout = Checkout::from(self.writer()).await?;
                let result = transact(checkout.connection(), &work).await;
                match checkout.finish(result) {
                    Err(DirectoryError::Unavailable(error)) if attempt < ATTEMPTS && is_conflict(&error) => attempt += 1,
                    result => return result,
                }
            }
        })
        .await
    }

    pub(in crate::directory) async fn ping(&self) -> Result<()> {
        self.read(async |connection| Ok(sqlx::query("SELECT 1").execute(connection).await.map(drop)?)).await
    }
}

async fn transact<T>(connection: &mut Connection, work: &impl AsyncFn(&mut Connection) -> Result<T>) -> Result<T> {
    let mut transaction = begin(connection).await?;
    match work(&mut transaction).await {
        Ok(value) => {
            transaction.commit().await?;
            Ok(value)
        }
        Err(error) => {
            transaction.rollback().await?;
            Err(error)
        }
    }
}

/// A JSON array for `each!`.
fn json_texts<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    serde_json::Value::from_iter(values.into_iter().map(|value| value.to_string())).to_string()
}
