//! Connections to Postgres, to the primary if several servers are named, after a check that no pooler in transaction or statement mode stands in
//! between.
//!
//! Such a pooler sends the statements of one client over connections that it shares with other clients: settings reach
//! other clients, prepared statements and locks are lost or belong to others, notifications do not arrive. Guarantee:
//! nothing is set, prepared or locked before two connections were seen to have a server process each. A pooler in
//! session mode passes this check and serves as Postgres itself would.

use super::description::ServerAddress;
use super::error::{DirectoryError, SpreadsStatements};
use super::primary::Primary;
use gatepost_certs::tls;
use gatepost_config::{DerivedSecret, PostgresServers, WatchedSecret};
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, FromRow, Row};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
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
    primary: Primary,
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
        Ok(Self { servers: Arc::new(servers), primary: Primary::default(), is_known: Arc::default() })
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
            let Reached { options, connection, .. } = self.reach().await?;
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

    /// The options for callers that connect on their own, and how they find out whether the server is still the
    /// primary; or [`SpreadsStatements`].
    pub(super) async fn options(&self) -> Result<(PgConnectOptions, Tenure), sqlx::Error> {
        let Reached { options, connection, generation } = self.reach().await?;
        if let Some(connection) = connection {
            connection.close().await?;
        }
        Ok((options, Tenure { address: self.clone(), generation }))
    }

    /// Grows whenever another server is found to be the primary. A connection of an earlier generation must not be used.
    pub(super) fn generation(&self) -> u64 {
        self.primary.generation()
    }

    /// A failed check of the pooler is repeated at the next call, because the pooler may have been corrected meanwhile.
    async fn reach(&self) -> Result<Reached, sqlx::Error> {
        let Servers { mut options, must_be_primary } = self.servers.current();
        let (at, connection, generation) = if must_be_primary {
            let (at, connection, generation) = self.find_primary(&options).await?;
            (at, Some(connection), generation)
        } else {
            (0, None, self.generation())
        };
        let options = options.swap_remove(at);
        self.is_known.get_or_try_init(|| check_connections(&options)).await?;
        Ok(Reached { options, connection, generation })
    }

    /// Connects to the servers until one is a primary that can be written to. The last primary gets a head start; one
    /// that does not answer delays the others no longer than that.
    ///
    /// A primary whose sessions are read-only may be a former one that was fenced so. It is taken only after each of the
    /// others has said that it is none, or could not be reached.
    async fn find_primary(
        &self,
        servers: &[PgConnectOptions],
    ) -> Result<(usize, PgConnection, u64), sqlx::Error> {
        let last = self.primary.at().min(servers.len() - 1);
        let mut others: Vec<usize> = (0..servers.len()).filter(|at| *at != last).collect();
        let mut asking = JoinSet::new();
        let ask = |asking: &mut JoinSet<_>, at: usize| {
            let options = servers[at].clone();
            asking.spawn(async move { (at, connect_to_primary(&options).await) });
        };
        ask(&mut asking, last);
        let (mut failed, mut read_only) = (None, None::<(usize, Found)>);
        loop {
            let answer = if others.is_empty() {
                asking.join_next().await
            } else {
                timeout(HEAD_START, asking.join_next()).await.unwrap_or(None)
            };
            match answer {
                Some(Ok((at, Ok(found)))) if found.is_read_only => {
                    if read_only.as_ref().is_none_or(|(_, other)| other.timeline < found.timeline) {
                        read_only = Some((at, found));
                    }
                }
                Some(Ok((at, Ok(found)))) => match self.primary.note(at, found.timeline) {
                    Ok(generation) => return Ok((at, found.connection, generation)),
                    Err(error) => failed = Some(error),
                },
                Some(Ok((_, Err(error)))) => failed = Some(error),
                None if others.is_empty() => {
                    let none = || failed.unwrap_or(sqlx::Error::PoolClosed);
                    let (at, found) = read_only.ok_or_else(none)?;
                    let generation = self.primary.note(at, found.timeline)?;
                    return Ok((at, found.connection, generation));
                }
                Some(Err(_)) | None => {}
            }
            others.drain(..).for_each(|at| ask(&mut asking, at));
        }
    }
}

/// The server to connect to, the connection on which it said that it is the primary, if that matters, and the
/// generation of that primary.
struct Reached {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    generation: u64,
}

/// How long a server is the primary.
#[derive(Debug)]
pub(super) struct Tenure {
    address: Address,
    generation: u64,
}

impl Tenure {
    /// Refuses a server that another one has replaced. `is_read_only`: its sessions are, now; then the others are asked
    /// first, because it may be a former primary that was fenced so.
    pub(super) async fn confirm(&self, is_read_only: bool) -> Result<(), sqlx::Error> {
        let Servers { options, must_be_primary } = self.address.servers.current();
        if is_read_only && must_be_primary && options.len() > 1 {
            let (_, connection, _) = self.address.find_primary(&options).await?;
            connection.close().await?;
        }
        if self.address.generation() == self.generation {
            Ok(())
        } else {
            Err(sqlx::Error::Protocol("another server is the primary".to_owned()))
        }
    }
}

/// A server that says that it is a primary.
struct Found {
    connection: PgConnection,
    is_read_only: bool,
    timeline: u32,
}

/// A connection to this server, unless it is a standby.
async fn connect_to_primary(options: &PgConnectOptions) -> Result<Found, sqlx::Error> {
    // The name of a file of the log begins with the timeline. A standby has no current file.
    let sql = "SELECT CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END, \
        current_setting('transaction_read_only') = 'on'";
    let mut connection = options.connect().await?;
    let answer = sqlx::raw_sql(sql).fetch_one(&mut connection).await?;
    let Some(timeline) = answer.try_get::<Option<String>, _>(0)? else {
        let why = "no server that DATABASE_URL names is a primary";
        return Err(sqlx::Error::Protocol(why.to_owned()));
    };
    let timeline =
        u32::from_str_radix(&timeline, 16).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(Found { connection, is_read_only: answer.try_get(1)?, timeline })
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
