//! Connections to one Postgres address, once it is known that the server keeps them apart.
//!
//! A pooler in transaction or statement mode spreads what one client says over connections that it lends to others too:
//! settings reach strangers, prepared statements and locks are gone or another's, notifications never come. Guarantees:
//! nothing is set, prepared or locked before two connections were seen to have a server's connection each, that stays
//! theirs. In session mode a pooler does not spread, and serves as Postgres itself would.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Row};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Each of the two connections is asked so often: a pooler that others use too may lend the same one again by chance.
const LOOKS: u32 = 4;

/// The statements of one connection are spread over several of the server's.
#[derive(Debug, thiserror::Error)]
#[error("a pooler in transaction or statement mode stands between")]
pub(super) struct SpreadsStatements;

/// Where one Postgres is; clones share what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Address {
    options: Arc<PgConnectOptions>,
    is_known: Arc<OnceCell<()>>,
}

impl Address {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self { options: Arc::new(options), is_known: Arc::default() }
    }

    /// A new connection, with nothing set on it.
    pub(super) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        self.options().await?.connect().await
    }

    /// For whoever connects by themselves; [`SpreadsStatements`] where that is of no use. A refusal is not remembered:
    /// the pooler may be set up rightly meanwhile.
    pub(super) async fn options(&self) -> Result<&PgConnectOptions, sqlx::Error> {
        self.is_known.get_or_try_init(|| look(&self.options)).await?;
        Ok(&self.options)
    }
}

/// Asks by whom each of two connections is served; several times in a row, for a pooler may lend its connections in turn.
async fn look(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let (mut one, mut other) = (options.connect().await?, options.connect().await?);
    let (of_one, of_other) = (backends(&mut one).await?, backends(&mut other).await?);
    one.close().await?;
    other.close().await?;
    if of_one.len() == 1 && of_other.len() == 1 && of_one.is_disjoint(&of_other) {
        Ok(())
    } else {
        Err(sqlx::Error::Configuration(Box::new(SpreadsStatements)))
    }
}

/// The server's processes that served this connection, each with its server's start, for two servers may number alike.
/// Nothing is prepared for it.
async fn backends(connection: &mut PgConnection) -> Result<BTreeSet<String>, sqlx::Error> {
    let sql = "SELECT pg_backend_pid() || ' ' || pg_postmaster_start_time()";
    let mut found = BTreeSet::new();
    for _ in 0..LOOKS {
        found.insert(sqlx::raw_sql(sql).fetch_one(&mut *connection).await?.try_get(0)?);
    }
    Ok(found)
}
