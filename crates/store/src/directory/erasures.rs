//! What was erased for good: people and tenants, by id and time alone.
//!
//! A dump that is restored brings back what was erased after it. So the list is kept beside the dumps too, and whoever
//! restores one has [`Directory::erase_again`] do the same in the restored directory. An erasure is one line of text.

use super::actor::Actor;
use super::{Directory, Result};
use gatepost_core::calendar::rfc3339;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{TenantId, UserId};
use std::fmt;
use std::str::FromStr;

/// A person or a tenant that was erased.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Erasure {
    /// A person, or a placeholder that had become part of one.
    User {
        /// The id, which nobody has again.
        id: UserId,
        /// When it was erased.
        at: Timestamp,
    },
    /// A tenant.
    Tenant {
        /// The id. A newer tenant may have it.
        id: TenantId,
        /// When the tenant that was erased was created.
        created_at: Timestamp,
        /// When it was erased.
        at: Timestamp,
    },
}

/// What became of an erasure in a restored directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasedAgain {
    /// The person or the tenant was there, and is erased.
    Erased,
    /// It was not there. That it was erased is noted.
    Absent,
}

/// A text that names no erasure.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected `user ID TIME` or `tenant ID TIME-OF-CREATION TIME`, with times as 2026-11-24T23:35:01Z")]
pub struct ErasureError;

impl fmt::Display for Erasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { id, at } => write!(f, "user {id} {}", rfc3339(*at)),
            Self::Tenant { id, created_at, at } => {
                write!(f, "tenant {id} {} {}", rfc3339(*created_at), rfc3339(*at))
            }
        }
    }
}

impl FromStr for Erasure {
    type Err = ErasureError;

    /// Reads what [`fmt::Display`] writes, and nothing else: a line that was cut off is none.
    fn from_str(text: &str) -> std::result::Result<Self, ErasureError> {
        let words: Vec<&str> = text.split(' ').collect();
        let time = |text: &str| text.parse::<Timestamp>().map_err(|_| ErasureError);
        let read = match words[..] {
            ["user", id, at] => Self::User { id: id.parse().map_err(|_| ErasureError)?, at: time(at)? },
            ["tenant", id, created_at, at] => {
                let id = TenantId::from_stored(id).map_err(|_| ErasureError)?;
                Self::Tenant { id, created_at: time(created_at)?, at: time(at)? }
            }
            _ => return Err(ErasureError),
        };
        if read.to_string() == text { Ok(read) } else { Err(ErasureError) }
    }
}

impl Directory {
    /// When this directory was created: with its first migration. A dump of it has the same time, another directory has
    /// another one.
    pub async fn created_at(&self) -> Result<Timestamp> {
        on_store!(self, created_at())
    }

    /// Lists everything that was erased: people, then tenants, each by time.
    pub async fn list_erasures(&self) -> Result<Vec<Erasure>> {
        on_store!(self, list_erasures())
    }

    /// Erases a person or a tenant that a restore has brought back, with the audit rows, in one transaction. What is not
    /// there is only noted, so that the next dump knows of it. A dry run keeps nothing.
    ///
    /// It erases the last administrator too: that somebody was to be erased does not depend on the dump.
    pub async fn erase_again(
        &self,
        erasure: &Erasure,
        is_dry_run: bool,
        actor: &Actor,
    ) -> Result<ErasedAgain> {
        on_store!(self, erase_again(erasure, is_dry_run, actor))
    }

    /// Whether anybody is a system administrator.
    pub async fn has_administrator(&self) -> Result<bool> {
        on_store!(self, has_administrator())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "user 0199d1f0-5b7c-7d2e-8a3f-0123456789ab 2026-11-24T23:35:01Z";
    const TENANT: &str = "tenant acme-corp 2026-01-02T03:04:05Z 2026-11-24T23:35:01Z";

    #[test]
    fn an_erasure_is_read_as_it_is_written() {
        for line in [USER, TENANT, "tenant .. 2026-01-02T03:04:05Z 2026-11-24T23:35:01Z"] {
            assert_eq!(line.parse::<Erasure>().map(|erasure| erasure.to_string()).as_deref(), Ok(line));
        }
    }

    #[test]
    fn no_part_of_a_line_is_an_erasure() {
        for line in [USER, TENANT] {
            for end in 0..line.len() {
                assert_eq!(line[..end].parse::<Erasure>(), Err(ErasureError), "{}", &line[..end]);
            }
        }
        for line in [
            "user alice@example.com 2026-11-24T23:35:01Z",
            "user 0199D1F0-5b7c-7d2e-8a3f-0123456789ab 2026-11-24T23:35:01Z",
            "user 0199d1f0-5b7c-7d2e-8a3f-0123456789ab 2026-11-25T00:35:01+01:00",
            "user 0199d1f0-5b7c-7d2e-8a3f-0123456789ab  2026-11-24T23:35:01Z",
            "tenant acme corp 2026-01-02T03:04:05Z 2026-11-24T23:35:01Z",
            "tenant acme 2026-11-24T23:35:01Z",
            "group a 2026-11-24T23:35:01Z",
        ] {
            assert_eq!(line.parse::<Erasure>(), Err(ErasureError), "{line}");
        }
    }
}
