//! Connections to one Postgres address, once it is known that the server keeps them apart.
//!
//! A pooler in transaction or statement mode spreads what one client says over connections that it lends to others too:
//! settings reach strangers, prepared statements and locks are gone or another's, notifications never come. Guarantees:
//! nothing is set, prepared or locked before two connections were seen to have a server's connection each, that stays
//! theirs. In session mode a pooler does not spread, and serves as Postgres itself would.

use super::error::DirectoryError;
use gatepost_certs::tls;
use gatepost_config::{MadeOf, WatchedSecret};
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Row};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Each of the two connections is asked so often: a pooler that others use too may lend the same one again by chance.
const LOOKS: u32 = 4;

/// The statements of one connection are spread over several of the server's.
#[derive(Debug, thiserror::Error)]
#[error("a pooler in transaction or statement mode stands between")]
pub(super) struct SpreadsStatements;

/// Where one Postgres is, and who Gatepost is there: user and password may be replaced in their file while it runs.
/// Clones share what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Address {
    options: Arc<MadeOf<PgConnectOptions>>,
    is_known: Arc<OnceCell<()>>,
}

impl Address {
    pub(super) fn new(url: &WatchedSecret, ca_file: Option<&Path>) -> Result<Self, DirectoryError> {
        let read = |file: &Path| {
            let unreadable = |source| DirectoryError::File { path: file.to_owned(), source };
            tls::read_authorities(file).map_err(unreadable)
        };
        let authorities = ca_file.map(read).transpose()?;
        let make = move |url: &SecretString| connect_options(url.expose_secret(), authorities.as_deref());
        let options = MadeOf::new(url.clone(), make).map_err(DirectoryError::Address)?;
        Ok(Self { options: Arc::new(options), is_known: Arc::default() })
    }

    /// A new connection, with nothing set on it.
    pub(super) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let connecting = async { self.options().await?.connect().await };
        connecting.await.inspect_err(|error| {
            // A new password may be in the file already.
            if is_refused(error) {
                self.options.look_again();
            }
        })
    }

    /// For whoever connects by themselves; [`SpreadsStatements`] where that is of no use. A refusal is not remembered:
    /// the pooler may be set up rightly meanwhile.
    pub(super) async fn options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        let options = self.options.current();
        self.is_known.get_or_try_init(|| look(&options)).await?;
        Ok(options)
    }
}

/// The server does not know the user, or not by this password (class 28 of the SQL standard).
fn is_refused(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code.starts_with("28"))
}

fn connect_options(url: &str, authorities: Option<&[u8]>) -> Result<PgConnectOptions, sqlx::Error> {
    let mut options: PgConnectOptions = url.parse()?;
    // Nothing here reads floating-point numbers, and a pooler refuses parameters that it does not know.
    options = options.application_name("gatepost").extra_float_digits(None).disable_statement_logging();
    // As the certificate's name an IPv6 address stands without brackets.
    if let Some(address) = options.get_host().strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        let address = address.to_owned();
        options = options.host(&address);
    }
    let names_its_root = ["sslrootcert=", "ssl-root-cert=", "ssl-ca="].iter().any(|key| url.contains(key));
    match authorities.filter(|_| !names_its_root) {
        Some(pem) => Ok(options.ssl_root_cert_from_pem(pem.to_vec())),
        None => Ok(options),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_is_compared_with_the_certificate_without_its_brackets() {
        let options = connect_options("postgres://u:p@[2001:db8::1]:5433/x", None).expect("an address");
        assert_eq!((options.get_host(), options.get_port()), ("2001:db8::1", 5433));
    }
}
