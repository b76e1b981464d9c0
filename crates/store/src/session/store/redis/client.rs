//! How one server is reached: without naming this library to it, and with authorities to trust.

use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError, TlsCertificates};
use secrecy::{ExposeSecret, SecretString};

/// How a server is reached.
pub(super) fn information(url: &SecretString) -> Result<ConnectionInfo, RedisError> {
    let info = url.expose_secret().into_connection_info()?;
    // Without permission the command fails without consequences, but Redis writes the refusal into its ACL log.
    let settings = info.redis_settings().clone().set_skip_set_lib_name();
    Ok(info.set_redis_settings(settings))
}

/// A client that trusts these authorities.
pub(super) fn client(info: ConnectionInfo, root: Option<&[u8]>) -> Result<Client, RedisError> {
    match root.filter(|_| matches!(info.addr(), ConnectionAddr::TcpTls { .. })) {
        Some(root) => Client::build_with_tls(info, certificates(root)),
        None => Client::open(info),
    }
}

/// Of authorities in PEM.
pub(super) fn certificates(root: &[u8]) -> TlsCertificates {
    TlsCertificates { client_tls: None, root_cert: Some(root.to_vec()) }
}
