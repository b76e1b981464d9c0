//! The errors of client authentication.

use std::path::PathBuf;
use std::sync::Arc;

/// Why the client cannot authenticate.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CredentialError {
    /// The PEM text holds no certificate.
    #[error("there is no certificate in the PEM text")]
    NoCertificate,
    /// The PEM text holds no private key.
    #[error("there is no private key in the PEM text")]
    NoPrivateKey,
    /// Providers accept only RSA keys of at least 2048 bits.
    #[error("the private key is not an RSA key of at least 2048 bits")]
    UnsuitableKey,
    /// The assertion file cannot be read or is empty.
    #[error("the assertion file {0} cannot be read")]
    AssertionFile(PathBuf, #[source] Arc<std::io::Error>),
    /// Signing failed.
    #[error("the private key cannot sign")]
    Signing(#[source] rustls::Error),
}
