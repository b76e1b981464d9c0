//! The store of sealed records, Redis or the embedded file: keys with values that expire.
//!
//! Sessions need only these operations. A missing value is `None`. A store that does not answer is [`StoreError`],
//! which never means that somebody is signed out.

mod description;
mod draw;
mod entries;
mod redis;
mod sqlite;

pub use self::redis::{CLUSTER_RULES, RedisStore, USER_RULES, is_refusal};
pub use self::sqlite::SqliteStore;
use super::QUOTA_MARK;
pub use description::Description;
pub(in crate::session) use draw::read as read_counter;
pub use draw::{Draw, Drawn, Tally};
pub use entries::{Entry, EntryKind, EntryPage, Place};
use std::borrow::Cow;
use std::time::Duration;

/// The store is unreachable, too slow, refuses the command, or answers something invalid.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Redis refused the command or could not be reached.
    #[error("Redis gave no answer")]
    Redis(#[source] ::redis::RedisError),
    /// Redis did not answer in time.
    #[error("Redis gave no answer within {0:?}")]
    Timeout(Duration),
    /// The embedded file could not be read or written.
    #[error("the embedded store gave no answer")]
    Sqlite(#[source] sqlx::Error),
}

/// The store of this process.
#[derive(Clone, Debug)]
pub enum Store {
    /// Redis, which all replicas share.
    Redis(RedisStore),
    /// The embedded file.
    Sqlite(SqliteStore),
}

/// A member of a set, and the key of the value that it stands for.
#[derive(Clone, Debug)]
pub struct Indexed {
    /// The member.
    pub member: Vec<u8>,
    /// The key of the value.
    pub key: Vec<u8>,
}

/// A value to replace.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// The key of the value.
    pub key: Vec<u8>,
    /// The value that must still be there.
    pub old: Vec<u8>,
    /// The new value.
    pub new: Vec<u8>,
    /// The lifetime of the new value.
    pub ttl: Duration,
}

macro_rules! on_store {
    ($self:ident, $store:ident => $call:expr) => {
        match $self {
            Store::Redis($store) => $call,
            Store::Sqlite($store) => $call,
        }
    };
}

impl Store {
    /// Whether the store answers and takes writes.
    pub async fn ping(&self) -> Result<(), StoreError> {
        on_store!(self, store => store.ping().await)
    }

    /// Deletes expired values. Redis does so by itself.
    pub async fn delete_expired(&self) -> Result<(), StoreError> {
        match self {
            Self::Redis(_) => Ok(()),
            Self::Sqlite(store) => store.delete_expired().await,
        }
    }

    /// What the store is, and which server is used.
    pub async fn describe(&self) -> Description {
        match self {
            Self::Redis(store) => store.describe().await,
            Self::Sqlite(_) => Description { kind: "sqlite", hosts: Vec::new(), server: None, version: None },
        }
    }

    /// How often the primary of Redis was another server than before.
    pub fn failovers(&self) -> u64 {
        match self {
            Self::Redis(store) => store.failovers(),
            Self::Sqlite(_) => 0,
        }
    }

    /// The value under `key`.
    pub async fn find(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        on_store!(self, store => store.find(key).await)
    }

    /// Writes `value` if the key has none, or else returns the existing one. No two callers may write the same value.
    pub async fn create(
        &self,
        key: &[u8],
        value: &[u8],
        ttl: Duration,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        on_store!(self, store => store.create(key, value, ttl).await)
    }

    /// Writes `new` if the value is still `old`. Returns whether it was.
    pub async fn replace(
        &self,
        key: &[u8],
        old: &[u8],
        new: &[u8],
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        on_store!(self, store => store.replace(key, old, new, ttl).await)
    }

    /// The values under `keys`, in the same order.
    pub async fn find_many(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        on_store!(self, store => store.find_many(keys).await)
    }

    /// Writes each new value if the old one is still there.
    pub async fn replace_many(&self, replacements: &[Replacement]) -> Result<(), StoreError> {
        on_store!(self, store => store.replace_many(replacements).await)
    }

    /// Deletes the value, if there is one.
    pub async fn delete(&self, key: &[u8]) -> Result<(), StoreError> {
        on_store!(self, store => store.delete(key).await)
    }

    /// Deletes the value if it is still `own`.
    pub async fn delete_own(&self, key: &[u8], own: &[u8]) -> Result<(), StoreError> {
        on_store!(self, store => store.delete_own(key, own).await)
    }

    /// Adds `member` to the set under `key`, which then lives for at least `ttl`. Returns the number of members.
    pub async fn index(&self, key: &[u8], member: &[u8], ttl: Duration) -> Result<u64, StoreError> {
        on_store!(self, store => store.index(key, member, ttl).await)
    }

    /// The members of the set under `key`. Some of them may be stale.
    pub async fn list(&self, key: &[u8]) -> Result<Vec<Vec<u8>>, StoreError> {
        on_store!(self, store => store.list(key).await)
    }

    /// Removes `member` from the set under `key`.
    pub async fn unindex(&self, key: &[u8], member: &[u8]) -> Result<(), StoreError> {
        on_store!(self, store => store.unindex(key, member).await)
    }

    /// Removes from the set under `key` those of these members whose value does not exist. A member whose value is
    /// written meanwhile stays.
    pub async fn unindex_stale(&self, key: &[u8], members: &[Indexed]) -> Result<(), StoreError> {
        on_store!(self, store => store.unindex_stale(key, members).await)
    }

    /// Increments the counter under `key` and returns it. The counter is reset `ttl` after its first increment.
    pub async fn count(&self, key: &[u8], ttl: Duration) -> Result<u64, StoreError> {
        on_store!(self, store => store.count(key, ttl).await)
    }

    /// The key whose value is another one after the server with the counter under `key` has lost its data.
    pub fn mark_of(&self, key: &[u8]) -> Cow<'static, [u8]> {
        match self {
            Self::Redis(store) => store.mark_of(key),
            Self::Sqlite(_) => Cow::Borrowed(QUOTA_MARK),
        }
    }

    /// Draws units of a quota from the counter under `key`.
    pub async fn draw(&self, key: &[u8], draw: &Draw) -> Result<Drawn, StoreError> {
        on_store!(self, store => store.draw(key, draw).await)
    }
}
