//! Where Redis is: the address of one server, Sentinels that know the primary, or nodes of a Cluster. User and password
//! may be replaced in their file while Gatepost runs.

use super::client::{client, information};
use super::cluster::Cluster;
use super::connection::{CONNECT_TIMEOUT, Connection};
use super::names::key;
use super::sentinels::{Sentinels, expect_primary};
use gatepost_certs::tls;
use gatepost_config::{DerivedSecret, RedisServers, WatchedSecret};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, RedisError};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

/// The server that takes writes. Each new connection uses the current user and password.
pub(super) struct Server(DerivedSecret<Place>);

#[derive(Clone)]
enum Place {
    One(Arc<Client>),
    Sentinels(Arc<Sentinels>),
    Cluster(Arc<Cluster>),
}

/// Who knows which server is the primary now.
pub(super) enum Watched {
    Sentinels(Arc<Sentinels>),
    Cluster(Arc<Cluster>),
}

impl Server {
    /// `ca`: PEM of certificate authorities to trust for TLS in addition to the system's.
    ///
    /// # Errors
    /// The address or a certificate cannot be parsed.
    pub fn new(url: &WatchedSecret, ca: Option<Vec<u8>>) -> Result<Self, RedisError> {
        let root = ca.map(tls::with_system);
        DerivedSecret::new(url.clone(), move |url| place(url, root.as_deref())).map(Self)
    }

    /// A new connection to the server that takes writes, and the address of that server, if it is one.
    ///
    /// A stopped server accepts commands and executes them when it continues, long after their callers have got an
    /// error. So this one has answered once, before a command is sent that changes anything.
    ///
    /// # Errors
    /// It does not answer; with Sentinels also: no majority names one, or the one that is named is no primary.
    pub async fn connect(&self) -> Result<(Option<ConnectionAddr>, Connection), RedisError> {
        let place = self.0.current();
        let client = match &place {
            Place::One(client) => Client::clone(client),
            Place::Sentinels(sentinels) => sentinels.find_named().await?,
            Place::Cluster(cluster) => return Ok((None, Connection::Cluster(cluster.connect().await?))),
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(None);
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        match place {
            Place::Sentinels(_) => expect_primary(&mut connection).await?,
            Place::One(_) | Place::Cluster(_) => answered(&mut connection).await?,
        }
        Ok((Some(client.get_connection_info().addr().clone()), Connection::One(connection)))
    }

    /// Whether keys are spread over several servers: then each command names one key.
    pub fn is_cluster(&self) -> bool {
        matches!(self.0.current(), Place::Cluster(_))
    }

    /// The kind of what the settings name, and its hosts.
    pub fn named(&self) -> (&'static str, Vec<String>) {
        match self.0.current() {
            Place::One(client) => ("redis", vec![client.get_connection_info().addr().to_string()]),
            Place::Sentinels(sentinels) => ("redis-sentinel", sentinels.hosts()),
            Place::Cluster(cluster) => ("redis-cluster", cluster.hosts()),
        }
    }

    /// `None`: there is one server, which does not move.
    pub fn watched(&self) -> Option<Watched> {
        match self.0.current() {
            Place::One(_) => None,
            Place::Sentinels(sentinels) => Some(Watched::Sentinels(sentinels)),
            Place::Cluster(cluster) => Some(Watched::Cluster(cluster)),
        }
    }

    /// Reads the file again after a connection was refused for its password, because it may already contain a new one.
    pub fn note(&self, error: &RedisError) {
        let is_refused = matches!(error.code(), Some("NOAUTH" | "WRONGPASS"))
            || error.kind() == ErrorKind::AuthenticationFailed;
        if is_refused {
            self.0.reload_on_next_use();
        }
    }
}

/// Whatever it says: without permission to read, others of its commands may work.
async fn answered(connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
    match redis::cmd("GET").arg(key(b"ping")).query_async::<redis::Value>(connection).await {
        Err(error) if error.is_io_error() => Err(error),
        _ => Ok(()),
    }
}

fn place(url: &SecretString, root: Option<&[u8]>) -> Result<Place, RedisError> {
    let no_url = |_| RedisError::from((ErrorKind::InvalidClientConfig, "no address of Redis"));
    match RedisServers::of_url(url.expose_secret()).map_err(no_url)? {
        RedisServers::One(url) => client(information(&url)?, root).map(Arc::new).map(Place::One),
        RedisServers::Sentinels(servers) => {
            Sentinels::new(&servers, root).map(Arc::new).map(Place::Sentinels)
        }
        RedisServers::Cluster(urls) => Cluster::new(&urls, root).map(Arc::new).map(Place::Cluster),
    }
}
