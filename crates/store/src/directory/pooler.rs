//! Connections to one Postgres address, after a check that no pooler in transaction or statement mode stands in
//! between.
//!
//! Such a pooler sends the statements of one client over connections that it shares with other clients: settings reach
//! other clients, prepared statements and locks are lost or belong to others, notifications do not arrive. Guarantee:
//! nothing is set, prepared or locked before two connections were seen to have a server process each. A pooler in
//! session mode passes this check and serves as Postgres itself would.

use super::error::{DirectoryError, SpreadsStatements};
use gatepost_certs::tls;
use gatepost_config::{DerivedSecret, WatchedSecret};
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, FromRow};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// How often each of the two connections is queried. A pooler that others use too may assign the same server process
/// again by chance.
const QUERIES: u32 = 4;

/// The address of one Postgres, with user and password. Both may be replaced in their file while Gatepost runs.
/// Clones share the result of the check.
#[derive(Clone, Debug)]
pub(super) struct Address {
    options: Arc<DerivedSecret<PgConnectOptions>>,
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
        let options = DerivedSecret::new(url.clone(), make).map_err(DirectoryError::Address)?;
        Ok(Self { options: Arc::new(options), is_known: Arc::default() })
    }

    /// A new connection without any settings.
    pub(super) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let connecting = async { self.options().await?.connect().await };
        connecting.await.inspect_err(|error| {
            // The file may already contain a new password.
            if is_refused(error) {
                self.options.reload_on_next_use();
            }
        })
    }

    /// The options for callers that connect on their own, or [`SpreadsStatements`]. A failed check is repeated at the
    /// next call, because the pooler may have been corrected meanwhile.
    pub(super) async fn options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        let options = self.options.current();
        self.is_known.get_or_try_init(|| check_connections(&options)).await?;
        Ok(options)
    }
}

/// Whether the server rejects the user or the password (class 28 of the SQL standard).
fn is_refused(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code.starts_with("28"))
}

fn connect_options(url: &str, authorities: Option<&[u8]>) -> Result<PgConnectOptions, sqlx::Error> {
    let mut options: PgConnectOptions = url.parse()?;
    // Gatepost reads no floating-point numbers, and a pooler rejects parameters that it does not know.
    options = options.application_name("gatepost").extra_float_digits(None).disable_statement_logging();
    // A certificate names an IPv6 address without brackets.
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

/// Finds out which server processes serve each of two connections. It queries several times, because a pooler may
/// assign its connections in turn.
async fn check_connections(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
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

row! {
    /// A process of the server. Two servers may use the same process number, so the start of the server is part of it.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    struct Backend {
        process: i64,
        server_started_at: String,
    }
}

/// The processes that served this connection. No statement is prepared for it.
async fn backends(connection: &mut PgConnection) -> Result<BTreeSet<Backend>, sqlx::Error> {
    let sql =
        "SELECT pg_backend_pid()::bigint AS process, pg_postmaster_start_time()::text AS server_started_at";
    let mut found = BTreeSet::new();
    for _ in 0..QUERIES {
        found.insert(Backend::from_row(&sqlx::raw_sql(sql).fetch_one(&mut *connection).await?)?);
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
