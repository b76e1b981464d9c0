//! Where Redis is, and who Gatepost is there: user and password may be replaced in their file while it runs.

use super::Client;
use gatepost_certs::tls;
use gatepost_config::{MadeOf, WatchedSecret};
use redis::{ConnectionAddr, ErrorKind, IntoConnectionInfo, RedisError, TlsCertificates};
use secrecy::{ExposeSecret, SecretString};

/// One server; each new connection has the user and the password of now.
pub(super) struct Server(MadeOf<Client>);

impl Server {
    /// `ca`: PEM of authorities to trust for TLS besides the system's.
    ///
    /// # Errors
    /// An address or a certificate that cannot be read.
    pub fn new(url: &WatchedSecret, ca: Option<Vec<u8>>) -> Result<Self, RedisError> {
        let root = ca.map(tls::with_system);
        MadeOf::new(url.clone(), move |url| client(url, root.as_deref())).map(Self)
    }

    pub fn client(&self) -> Client {
        self.0.current()
    }

    /// A connection was refused: where it was for its password, a new one may be in the file already.
    pub fn note(&self, error: &RedisError) {
        let is_refused = matches!(error.code(), Some("NOAUTH" | "WRONGPASS"))
            || error.kind() == ErrorKind::AuthenticationFailed;
        if is_refused {
            self.0.look_again();
        }
    }
}

fn client(url: &SecretString, root: Option<&[u8]>) -> Result<Client, RedisError> {
    let info = url.expose_secret().into_connection_info()?;
    // Redis answers that command alike whether or not it may be called, but writes refusals into its ACL log.
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
