//! Where Redis is: the address of one server, or Sentinels that know the primary. User and password may be replaced in
//! their file while Gatepost runs.

use super::client::{client, information};
use super::sentinels::Sentinels;
use gatepost_certs::tls;
use gatepost_config::{DerivedSecret, RedisServers, WatchedSecret};
use redis::{Client, ErrorKind, RedisError};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

/// The server that takes writes. Each new connection uses the current user and password.
pub(super) struct Server(DerivedSecret<Place>);

#[derive(Clone)]
enum Place {
    One(Arc<Client>),
    Sentinels(Arc<Sentinels>),
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

    /// The client of the primary.
    ///
    /// # Errors
    /// No majority of the Sentinels names one.
    pub async fn find(&self) -> Result<Client, RedisError> {
        match self.0.current() {
            Place::One(client) => Ok(Client::clone(&client)),
            Place::Sentinels(sentinels) => sentinels.find_primary().await,
        }
    }

    /// The kind of what the settings name, and its hosts.
    pub fn named(&self) -> (&'static str, Vec<String>) {
        match self.0.current() {
            Place::One(client) => ("redis", vec![client.get_connection_info().addr().to_string()]),
            Place::Sentinels(sentinels) => ("redis-sentinel", sentinels.hosts()),
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
    }
}
