//! API keys: the text that a program sends, and what a key allows. Pure, as [`crate::decision`] is.

mod limits;
mod name;
pub mod rules;
mod text;

pub use limits::{ActAs, KeyDenial, KeyLimits, KeyNetwork, KeyScope, KeyScopeError, KeyUse};
pub use name::{KeyName, KeyNameError, NamedKey};
pub use rules::{KeyExpiry, KeyFault, KeyFaultKind, KeyFaults};
pub use text::{ApiKey, NotAKey, PREFIX};

use super::ids::{IdError, UserId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The id of a key. It never changes, also when the key is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(UserId);

impl KeyId {
    /// Makes a new id, a UUID version 7 (RFC 9562), which sorts by time.
    pub fn generate() -> Self {
        Self(UserId::generate())
    }

    /// The id of the machine that the key stands for. Applications get it as `X-User-Id`. Keys and people share one kind
    /// of id, so that no key has the id of a person.
    pub const fn machine(self) -> UserId {
        self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for KeyId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse().map(Self).map_err(|_| IdError::Key(text.to_owned()))
    }
}
