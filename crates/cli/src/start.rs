//! What must be so before a process serves: its parts open, and the embedded file is its own.

use gatepost_certs::CertsError;
use gatepost_config::{StoresConfig, keyring};
use gatepost_store::directory::DirectoryError;
use std::fs::{File, OpenOptions, TryLockError};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why Gatepost does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The key ring's file.
    #[error("the key ring cannot be used")]
    KeyRing(#[source] keyring::KeyRingError),
    /// Redis' address or its authorities.
    #[error("REDIS_URL or GATEPOST_CA_FILE cannot be used")]
    Redis(#[source] redis::RedisError),
    /// A file that was named.
    #[error("{0} cannot be read")]
    File(PathBuf, #[source] std::io::Error),
    /// The directory.
    #[error("the directory cannot be opened")]
    Directory(#[from] DirectoryError),
    /// The providers' credentials.
    #[error("the providers cannot be set up")]
    Providers(#[from] gatepost_oidc::ProvidersError),
    /// The client of the speakers.
    #[error("the speakers cannot be set up")]
    Speakers(#[source] gatepost_oidc::ClientError),
    /// The client of the webhook.
    #[error("the webhook cannot be set up")]
    Webhook(#[source] gatepost_oidc::ClientError),
    /// The client of the list filter.
    #[error("the list filter cannot be set up")]
    Upstreams(#[source] gatepost_oidc::ClientError),
    /// Another Gatepost runs on this file.
    #[error("{0} is in use by another gatepost serve: one process per embedded file")]
    Locked(PathBuf),
    /// The certificates of the internal listener.
    #[error("GATEPOST_INTERNAL_TLS cannot be used")]
    Certs(#[from] CertsError),
    /// A listener.
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// The runtime.
    #[error("the operating system refused")]
    Runtime(#[source] std::io::Error),
}

/// Locks the embedded file: a second process would not see what the first has in memory.
///
/// # Errors
/// [`StartError::Locked`], [`StartError::File`].
pub fn lock(stores: &StoresConfig) -> Result<Option<File>, StartError> {
    let StoresConfig::Embedded { file } = stores else { return Ok(None) };
    let path = file.with_added_extension("lock");
    let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let lock = open.map_err(|error| StartError::File(path.clone(), error))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Err(StartError::Locked(file.clone())),
        Err(TryLockError::Error(error)) => Err(StartError::File(path, error)),
    }
}
