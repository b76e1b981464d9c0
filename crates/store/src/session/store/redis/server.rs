//! The address of Redis, with user and password. Both may be replaced in their file while Gatepost runs.

use super::Client;
use gatepost_certs::tls;
use gatepost_config::{DerivedSecret, WatchedSecret};
use redis::{ConnectionAddr, ErrorKind, IntoConnectionInfo, RedisError, TlsCertificates};
use secrecy::{ExposeSecret, SecretString};

/// One server. Each new connection uses the current user and password.
pub(super) struct Server(DerivedSecret<Client>);

impl Server {
    /// `ca`: PEM of certificate authorities to trust for TLS in addition to the system's.
    ///
    /// # Errors
    /// The address or a certificate cannot be parsed.
    pub fn new(url: &WatchedSecret, ca: Option<Vec<u8>>) -> Result<Self, RedisError> {
        let root = ca.map(tls::with_system);
        DerivedSecret::new(url.clone(), move |url| client(url, root.as_deref())).map(Self)
    }

    pub fn client(&self) -> Client {
        self.0.current()
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

fn client(url: &SecretString, root: Option<&[u8]>) -> Result<Client, RedisError> {
    let info = url.expose_secret().into_connection_info()?;
    // Without permission the command fails without consequences, but Redis writes the refusal into its ACL log.
    let settings = info.redis_settings().clone().set_skip_set_lib_name();
    let info = info.set_redis_settings(settings);
    match root.filter(|_| matches!(info.addr(), ConnectionAddr::TcpTls { .. })) {
        Some(root) => {
            let certificates = TlsCertificates { client_tls: None, root_cert: Some(root.to_vec()) };
            Client::build_with_tls(info, certificates)
        }
        None => Client::open(info),
    }
}
