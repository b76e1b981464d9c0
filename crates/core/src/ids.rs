//! One type per kind of id, so that none can stand in for another.

use super::clock::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use uuid::Uuid;

/// A person in the directory; stable for life (`X-User-Id`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(Uuid);

impl UserId {
    /// A new id, time-ordered (RFC 9562 version 7).
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id's bytes, for sealed values.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The id's random half.
    pub const fn random_bits(&self) -> u64 {
        self.0.as_u64_pair().1
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for UserId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::try_parse(text).map(Self).map_err(|_| IdError::User(text.to_owned()))
    }
}

/// The id that ties an answer, its log line and its audit rows together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(Uuid);

impl RequestId {
    /// A new id, never taken from the client.
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// When the request came: its id says so (RFC 9562 section 5.7).
    pub fn made_at(&self) -> Option<Timestamp> {
        let (seconds, _) = self.0.get_timestamp()?.to_unix();
        i64::try_from(seconds).ok().map(Timestamp::from_unix)
    }
}

impl FromStr for RequestId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::try_parse(text).map(Self).map_err(|_| IdError::Request(text.to_owned()))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

/// The `<ID>` of `GATEPOST_PROVIDERS__<ID>__...`: lower-case letters, digits and `-`, at most 32.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(Arc<str>);

/// A tenant of the platform (not Entra's *tid*): letters, digits, `.`, `-` and `_`, at most 64.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(Arc<str>);

/// A group's name here, unique in the directory: 1 to 256 characters, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(Arc<str>);

/// Why a text is no id of its kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdError {
    /// Not a UUID.
    #[error("{0:?} is no user id: expected a UUID")]
    User(String),
    /// Not a UUID.
    #[error("{0:?} is no request id: expected 32 hexadecimal digits, as pages and log lines show them")]
    Request(String),
    /// See [`ProviderId`].
    #[error("{0:?} is no provider id: expected 1 to 32 of a-z, 0-9 and -")]
    Provider(String),
    /// See [`TenantId`].
    #[error("{0:?} is no tenant id: expected 1 to 64 of A-Z, a-z, 0-9, . - and _")]
    Tenant(String),
    /// See [`GroupName`].
    #[error("{0:?} is no group name: expected 1 to 256 characters, none of them a control character")]
    Group(String),
}

macro_rules! text_id {
    ($name:ident, $error:path, $accept:expr) => {
        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether a clone of it is held elsewhere.
            pub fn is_shared(&self) -> bool {
                Arc::strong_count(&self.0) > 1
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let accept: fn(&str) -> bool = $accept;
                if accept(text) { Ok(Self(text.into())) } else { Err($error(text.to_owned())) }
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            /// What was written once is not checked again.
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(|text| Self(text.into()))
            }
        }
    };
}

text_id!(ProviderId, IdError::Provider, |text| {
    (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
});
text_id!(TenantId, IdError::Tenant, |text| {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
});
text_id!(GroupName, IdError::Group, |text| {
    (1..=256).contains(&text.chars().count()) && !text.chars().any(char::is_control) && text.trim() == text
});
