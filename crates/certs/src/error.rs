//! Why certificates cannot be made or used; never holds key material.

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
    /// Others may read a key, so it may be known.
    #[error("{} may be read by others (mode {mode:04o}): chmod 600, and replace it (`gatepost certs --force`) if others did", .path.display())]
    Exposed {
        /// The key.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Others may put files of theirs in the place of ours.
    #[error("others may write to the folder {} (mode {mode:04o}): chmod 700", .path.display())]
    Open {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file system refused.
    #[error("cannot {doing} {}", .path.display())]
    File {
        /// What was tried, as a verb.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Not what its name says.
    #[error("{} holds no {expected} as PEM", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// Certificate and key are of different pairs.
    #[error("{} and {} do not belong together", .certificate.display(), .key.display())]
    Mismatch {
        /// The certificate.
        certificate: PathBuf,
        /// The key beside it.
        key: PathBuf,
    },
    /// The last day has passed.
    #[error("{} expired on {}: `gatepost certs` renews it", .path.display(), day(*.at))]
    Expired {
        /// The certificate.
        path: PathBuf,
        /// Its end.
        at: Timestamp,
    },
    /// It was signed by somebody else, for something else or for another time.
    #[error("{} is not good under the authority {}", .path.display(), .authority.display())]
    Refused {
        /// The certificate.
        path: PathBuf,
        /// The authority's.
        authority: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: rustls::Error,
    },
    /// Something must be signed, by an authority whose key is elsewhere.
    #[error("{} must be made anew, but there is no {} to sign it with", .wanted.display(), .key.display())]
    NoAuthorityKey {
        /// The certificate that is missing or due.
        wanted: PathBuf,
        /// The key that is not there.
        key: PathBuf,
    },
    /// An authority that Gatepost did not make signs nothing here.
    #[error("{} must be made anew, but Gatepost did not make the authority {}: sign it where that was made", .wanted.display(), .authority.display())]
    ForeignAuthority {
        /// The certificate that is missing or due.
        wanted: PathBuf,
        /// The authority's.
        authority: PathBuf,
    },
    /// The proxy would see the keys that it must not see.
    #[error("{} is the folder of the authority's key: the proxy needs another", .0.display())]
    SameFolder(PathBuf),
    /// Making a certificate failed.
    #[error("a certificate cannot be made")]
    Making(#[from] rcgen::Error),
    /// rustls does not serve with these certificates.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

impl CertsError {
    /// Whether this process may only look, as where the folder is mounted read-only or the authority's key lies elsewhere.
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
        .map_or_else(|_| "no day".to_owned(), |at| at.date().to_string())
}
