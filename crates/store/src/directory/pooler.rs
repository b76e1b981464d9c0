//! Connections to Postgres, to the primary if several servers are named, after a check that no pooler in transaction or statement mode stands in
//! between.
//!
//! Such a pooler sends the statements of one client over connections that it shares with other clients: settings reach
//! other clients, prepared statements and locks are lost or belong to others, notifications do not arrive. Guarantee:
//! nothing is set, prepared or locked before two connections were seen to have a server process each. A pooler in
//! session mode passes this check and serves as Postgres itself would.

use super::description::ServerAddress;
use super::error::{DirectoryError, SpreadsStatements};
use gatepost_certs::tls;
use gatepost_config::{DerivedSecret, PostgresServers, WatchedSecret};
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, FromRow, Row};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How often each of the two connections is queried. A pooler that others use too may assign the same server process
/// again by chance.
const QUERIES: u32 = 4;

/// How long the server that was the primary last may take before the others are asked too.
const HEAD_START: Duration = Duration::from_millis(200);

/// The address of Postgres, with user and password. Both may be replaced in their file while Gatepost runs.
/// Clones share the result of the check.
#[derive(Clone, Debug)]
pub(super) struct Address {
    servers: Arc<DerivedSecret<Servers>>,
    /// Which of the servers was the primary last.
    primary: Arc<AtomicUsize>,
    is_known: Arc<OnceCell<()>>,
}

/// The servers that the address names.
#[derive(Clone, Debug)]
struct Servers {
    options: Vec<PgConnectOptions>,
    must_be_primary: bool,
}

impl Address {
    pub(super) fn new(url: &WatchedSecret, ca_file: Option<&Path>) -> Result<Self, DirectoryError> {
        let read = |file: &Path| {
            let unreadable = |source| DirectoryError::File { path: file.to_owned(), source };
            tls::read_authorities(file).map_err(unreadable)
        };
        let authorities = ca_file.map(read).transpose()?;
        let make = move |url: &SecretString| servers(url, authorities.as_deref());
        let servers = DerivedSecret::new(url.clone(), make).map_err(DirectoryError::Address)?;
        Ok(Self { servers: Arc::new(servers), primary: Arc::default(), is_known: Arc::default() })
    }

    /// The servers that the address names.
    pub(super) fn servers(&self) -> Vec<ServerAddress> {
        let server = |options: PgConnectOptions| ServerAddress {
            host: match options.get_socket() {
                Some(folder) => folder.display().to_string(),
                None => options.get_host().to_owned(),
            },
            port: options.get_port(),
            user: options.get_username().to_owned(),
            database: options.get_database().unwrap_or_else(|| options.get_username()).to_owned(),
        };
        self.servers.current().options.into_iter().map(server).collect()
    }

    /// A new connection without any settings.
    pub(super) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let connecting = async {
            let (options, connection) = self.reach().await?;
            match connection {
                Some(connection) => Ok(connection),
                None => options.connect().await,
            }
        };
        connecting.await.inspect_err(|error| {
            // The file may already contain a new password.
            if is_refused(error) {
                self.servers.reload_on_next_use();
            }
        })
    }

    /// The options for callers that connect on their own, or [`SpreadsStatements`].
    pub(super) async fn options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        let (options, connection) = self.reach().await?;
        if let Some(connection) = connection {
            connection.close().await?;
        }
        Ok(options)
    }

    /// The server to connect to, and the connection on which it said that it is the primary, if that matters. A failed
    /// check of the pooler is repeated at the next call, because the pooler may have been corrected meanwhile.
    async fn reach(&self) -> Result<(PgConnectOptions, Option<PgConnection>), sqlx::Error> {
        let Servers { mut options, must_be_primary } = self.servers.current();
        let (at, connection) = if must_be_primary {
            let (at, connection) = self.find_primary(&options).await?;
            (at, Some(connection))
        } else {
            (0, None)
        };
        let options = options.swap_remove(at);
        self.is_known.get_or_try_init(|| check_connections(&options)).await?;
        Ok((options, connection))
    }

    /// Connects to the servers until one is no standby. The last primary gets a head start; one that does not answer
    /// delays the others no longer than that.
    async fn find_primary(&self, servers: &[PgConnectOptions]) -> Result<(usize, PgConnection), sqlx::Error> {
        let last = self.primary.load(Ordering::Relaxed).min(servers.len() - 1);
        let mut others: Vec<usize> = (0..servers.len()).filter(|at| *at != last).collect();
        let mut asking = JoinSet::new();
        let ask = |asking: &mut JoinSet<_>, at: usize| {
            let options = servers[at].clone();
            asking.spawn(async move { (at, connect_to_primary(&options).await) });
        };
        ask(&mut asking, last);
        let mut failed = None;
        loop {
            let answer = if others.is_empty() {
                asking.join_next().await
            } else {
                timeout(HEAD_START, asking.join_next()).await.unwrap_or(None)
            };
            match answer {
                Some(Ok((at, Ok(connection)))) => {
                    if self.primary.swap(at, Ordering::Relaxed) != at {
                        tracing::info!(server = at + 1, "another server of DATABASE_URL is the primary");
                    }
                    return Ok((at, connection));
                }
                Some(Ok((_, Err(error)))) => failed = Some(error),
                None if others.is_empty() => return Err(failed.unwrap_or(sqlx::Error::PoolClosed)),
                Some(Err(_)) | None => {}
            }
            others.drain(..).for_each(|at| ask(&mut asking, at));
        }
    }
}

/// A connection to this server, unless it is a standby.
async fn connect_to_primary(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut connection = options.connect().await?;
    let answer = sqlx::raw_sql("SELECT pg_is_in_recovery()").fetch_one(&mut connection).await?;
    if answer.try_get::<bool, _>(0)? {
        let why = "no server that DATABASE_URL names is a primary";
        return Err(sqlx::Error::Protocol(why.to_owned()));
    }
    Ok(connection)
}

fn servers(url: &SecretString, authorities: Option<&[u8]>) -> Result<Servers, sqlx::Error> {
    let PostgresServers { urls, must_be_primary } = PostgresServers::of_url(url.expose_secret());
    let options = urls.iter().map(|url| connect_options(url.expose_secret(), authorities));
    Ok(Servers { options: options.collect::<Result<_, _>>()?, must_be_primary })
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
