//! Mutual TLS between Traefik and the internal listener: a private certificate authority, a server certificate for
//! Gatepost and a client certificate for Traefik ("the proxy").
//!
//! [`make`] and [`renew_if_due`] write the files of one folder, and [`InternalTls`] serves with them. The file system
//! keeps the private keys secret: a key that other users may read is refused, and its permissions are not corrected.
//! A file is replaced as a whole by a rename. A lock keeps two processes from writing at the same time. A renewed
//! certificate keeps its key, so a reader never sees a certificate and a key that do not match.
//!
//! The authority is meant for this one connection. It may not sign other authorities (path length 0) or other names
//! (name constraints). Do not trust it anywhere else: whoever reads `ca.key` can impersonate Traefik to Gatepost, and
//! Gatepost to Traefik. The server certificate is for `serverAuth` only, the client certificate for `clientAuth` only.

mod certificate;
mod error;
mod examine;
mod files;
mod issue;
mod name;
mod pair;
mod server;
#[cfg(test)]
mod tests;
pub mod tls;
mod upkeep;

pub use error::CertsError;
pub use examine::{Examination, Material, examine, examine_client, examine_trust};
pub use name::{Name, NameError};
pub use server::InternalTls;
pub use upkeep::{Cause, MakeOptions, Outcome, State, make, renew_if_due};

use std::path::{Path, PathBuf};

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Signs the other two certificates.
    Authority,
    /// Identifies the internal listener.
    Server,
    /// Identifies Traefik.
    Client,
}

impl Role {
    /// All roles, the authority first.
    pub const ALL: [Self; 3] = [Self::Authority, Self::Server, Self::Client];

    /// The name in logs and in `--json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Server => "server",
            Self::Client => "client",
        }
    }

    const fn certificate_file(self) -> &'static str {
        match self {
            Self::Authority => "ca.crt",
            Self::Server => "server.crt",
            Self::Client => "client.crt",
        }
    }

    const fn key_file(self) -> &'static str {
        match self {
            Self::Authority => "ca.key",
            Self::Server => "server.key",
            Self::Client => "client.key",
        }
    }

    fn certificate_in(self, folder: &Path) -> PathBuf {
        folder.join(self.certificate_file())
    }

    fn key_in(self, folder: &Path) -> PathBuf {
        folder.join(self.key_file())
    }
}
