//! Errors of making and using certificates. No error contains key material.

use gatepost_core::clock::Timestamp;
use std::io;
use std::path::PathBuf;
use time::OffsetDateTime;

/// Why certificates cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum CertsError {
    /// The folder does not exist.
    #[error("there is no folder {}: `gatepost certs` makes it", .0.display())]
    NoFolder(PathBuf),
    /// A file that must be there is not.
    #[error("there is no file {}: `gatepost certs` makes what is missing", .0.display())]
    Missing(PathBuf),
    /// Other users may read a private key.
    #[error("{} may be read by others (mode {mode:04o}): chmod 600, and replace it (`gatepost certs --force`) if others did", .path.display())]
    Exposed {
        /// The key.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Other users may replace files of the folder.
    #[error("others may write to the folder {} (mode {mode:04o}): chmod 700", .path.display())]
    Open {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file system returned an error.
    #[error("cannot {doing} {}", .path.display())]
    File {
        /// The operation, as a verb: "read", "write", "lock".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    /// The file does not contain what its name says.
    #[error("{} contains no {expected} in PEM form", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the file should contain.
        expected: &'static str,
    },
    /// The key is not the one of the certificate.
    #[error("{} and {} do not belong together", .certificate.display(), .key.display())]
    Mismatch {
        /// The certificate.
        certificate: PathBuf,
        /// The key beside it.
        key: PathBuf,
    },
    /// The certificate has expired.
    #[error("{} expired on {}: `gatepost certs` renews it", .path.display(), day(*.at))]
    Expired {
        /// The certificate.
        path: PathBuf,
        /// The last second of its validity.
        at: Timestamp,
    },
    /// The certificate does not verify: issuer, purpose, names or dates are wrong.
    #[error("{} is not valid under the authority {}", .path.display(), .authority.display())]
    Refused {
        /// The certificate.
        path: PathBuf,
        /// The certificate of the authority.
        authority: PathBuf,
        /// What is wrong with the certificate.
        #[source]
        cause: rustls::Error,
    },
    /// A certificate must be signed, but the key of the authority is not in the folder.
    #[error("{} must be replaced, but there is no {} to sign it with", .wanted.display(), .key.display())]
    NoAuthorityKey {
        /// The certificate that is missing or due.
        wanted: PathBuf,
        /// The missing key of the authority.
        key: PathBuf,
    },
    /// Gatepost signs only with an authority that it made itself.
    #[error("{} must be replaced, but Gatepost did not make the authority {}: sign it where that authority was made", .wanted.display(), .authority.display())]
    ForeignAuthority {
        /// The certificate that is missing or due.
        wanted: PathBuf,
        /// The certificate of the authority.
        authority: PathBuf,
    },
    /// The folder of the proxy must not be the folder that contains the other private keys.
    #[error("{} is the folder of the authority's key: choose another folder for the proxy", .0.display())]
    SameFolder(PathBuf),
    /// Making a certificate failed.
    #[error("a certificate cannot be made")]
    Making(#[from] rcgen::Error),
    /// rustls does not serve with these certificates.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

impl CertsError {
    /// Whether this process cannot renew: the folder is read-only, or the authority's key is elsewhere.
    pub(super) fn is_read_only(&self) -> bool {
        use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        match self {
            Self::NoAuthorityKey { .. } | Self::ForeignAuthority { .. } => true,
            Self::File { cause, .. } => matches!(cause.kind(), PermissionDenied | ReadOnlyFilesystem),
            _ => false,
        }
    }
}

fn day(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp(at.unix())
        .map_or_else(|_| "an unknown day".to_owned(), |at| at.date().to_string())
}
