//! Where Redis is: the address of one server, Sentinels that know the primary, or nodes of a Cluster. User and password
//! may be replaced in their file while Gatepost runs.

use super::client::{certificates, client, information};
use super::connection::Connection;
use super::sentinels::Sentinels;
use gatepost_certs::tls;
use gatepost_config::{DerivedSecret, RedisServers, WatchedSecret};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, RedisError};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::Duration;

pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);
/// The limit for one command.
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_millis(100);

/// The server that takes writes. Each new connection uses the current user and password.
pub(super) struct Server(DerivedSecret<Place>);

#[derive(Clone)]
enum Place {
    One(Arc<Client>),
    Sentinels(Arc<Sentinels>),
    Cluster { client: Arc<ClusterClient>, hosts: Vec<String> },
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

    /// A new connection, and the server that it leads to, if it is one.
    ///
    /// # Errors
    /// The server, or the Sentinels, do not answer, or no majority of the Sentinels names a primary.
    pub async fn connect(&self) -> Result<(Option<ConnectionAddr>, Connection), RedisError> {
        let client = match self.0.current() {
            Place::One(client) => Client::clone(&client),
            Place::Sentinels(sentinels) => sentinels.find_primary().await?,
            Place::Cluster { client, .. } => {
                return Ok((None, Connection::Cluster(client.get_async_connection().await?)));
            }
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(None);
        let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok((Some(client.get_connection_info().addr().clone()), Connection::One(connection)))
    }

    /// Where the Sentinels say that the primary is. `None`: there are none, and the primary does not move.
    ///
    /// # Errors
    /// No majority of them names one.
    pub async fn find_primary(&self) -> Result<Option<ConnectionAddr>, RedisError> {
        match self.0.current() {
            Place::Sentinels(sentinels) => {
                let client = sentinels.find_primary().await?;
                Ok(Some(client.get_connection_info().addr().clone()))
            }
            Place::One(_) | Place::Cluster { .. } => Ok(None),
        }
    }

    /// Whether keys are spread over several servers: then each command names one key.
    pub fn is_cluster(&self) -> bool {
        matches!(self.0.current(), Place::Cluster { .. })
    }

    /// The kind of what the settings name, and its hosts.
    pub fn named(&self) -> (&'static str, Vec<String>) {
        match self.0.current() {
            Place::One(client) => ("redis", vec![client.get_connection_info().addr().to_string()]),
            Place::Sentinels(sentinels) => ("redis-sentinel", sentinels.hosts()),
            Place::Cluster { hosts, .. } => ("redis-cluster", hosts),
        }
    }

    /// Whether the primary may move to another address.
    pub fn moves(&self) -> bool {
        matches!(self.0.current(), Place::Sentinels(_))
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

fn place(url: &SecretString, root: Option<&[u8]>) -> Result<Place, RedisError> {
    let no_url = |_| RedisError::from((ErrorKind::InvalidClientConfig, "no address of Redis"));
    match RedisServers::of_url(url.expose_secret()).map_err(no_url)? {
        RedisServers::One(url) => client(information(&url)?, root).map(Arc::new).map(Place::One),
        RedisServers::Sentinels(servers) => {
            Sentinels::new(&servers, root).map(Arc::new).map(Place::Sentinels)
        }
        RedisServers::Cluster(urls) => cluster(&urls, root),
    }
}

/// Each node gets as long for an answer as a single server. The caller ends the whole command, with moved slots.
fn cluster(urls: &[SecretString], root: Option<&[u8]>) -> Result<Place, RedisError> {
    let nodes = urls.iter().map(information).collect::<Result<Vec<_>, _>>()?;
    let hosts = nodes.iter().map(|node| node.addr().to_string()).collect();
    let is_tls = nodes.iter().any(|node| matches!(node.addr(), ConnectionAddr::TcpTls { .. }));
    let builder = ClusterClientBuilder::new(nodes)
        .connection_timeout(CONNECT_TIMEOUT)
        .response_timeout(COMMAND_TIMEOUT)
        .overall_response_timeout(None)
        .min_retry_wait(5)
        .max_retry_wait(50);
    let builder = match root.filter(|_| is_tls) {
        Some(root) => builder.certs(certificates(root)),
        None => builder,
    };
    Ok(Place::Cluster { client: Arc::new(builder.build()?), hosts })
}
