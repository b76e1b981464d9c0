//! Mutual TLS between Traefik and the internal listener: a private authority, the server's certificate and the proxy's.
//!
//! [`make`] and [`renew_if_due`] look after the files of one folder, [`InternalTls`] serves with them. Relies on the
//! file system for secrecy: a private key that others may read is refused, never repaired. Guarantees: files appear whole
//! or not at all, two runners do not mix their files, and a renewed certificate keeps its key, so that one rename
//! replaces it and no reader meets half a pair.
//!
//! The authority signs for this one link. It may not sign other authorities (path length 0) nor other names (name
//! constraints), but trust it nowhere else: whoever reads `ca.key` can be Traefik before Gatepost, and Gatepost before
//! Traefik. Neither certificate serves in the other's place: one is for `serverAuth` alone, the other for `clientAuth`.

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
pub use examine::{Examined, Material, examine, examine_client, examine_trust};
pub use name::{Name, NameError};
pub use server::InternalTls;
pub use upkeep::{Cause, Outcome, State, Wish, make, renew_if_due};

use std::path::{Path, PathBuf};

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Signs the other two.
    Authority,
    /// The internal listener's.
    Server,
    /// Traefik's.
    Client,
}

impl Role {
    /// All, the signing one first.
    pub const ALL: [Self; 3] = [Self::Authority, Self::Server, Self::Client];

    /// The word for logs and `--json`.
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
