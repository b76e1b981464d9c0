//! Where sealed records lie: bytes with an expiry under keys, in Redis or in the embedded file.
//!
//! These few operations are all that sessions need. "Found nothing" is `None`; everything else that is not an answer is
//! [`StoreError`], and never the same as signed out.

mod redis;
mod sqlite;

pub use self::redis::{RedisStore, USER_RULES, is_refusal};
pub use self::sqlite::SqliteStore;
use std::time::Duration;

/// The store cannot say: unreachable, too slow, refusing, or answering nonsense.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Redis.
    #[error("Redis gave no answer")]
    Redis(#[source] ::redis::RedisError),
    /// Redis, in time.
    #[error("Redis gave no answer within {0:?}")]
    Timeout(Duration),
    /// The embedded file.
    #[error("the embedded store gave no answer")]
    Sqlite(#[source] sqlx::Error),
}

/// The store of this process.
#[derive(Clone, Debug)]
pub enum Store {
    /// Shared by replicas.
    Redis(RedisStore),
    /// Embedded.
    Sqlite(SqliteStore),
}

/// A member of a set, and the value that it stands for.
#[derive(Clone, Debug)]
pub struct Indexed {
    /// As the set holds it.
    pub member: Vec<u8>,
    /// Where the value is.
    pub key: Vec<u8>,
}

/// One of many values to replace.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// Where.
    pub key: Vec<u8>,
    /// What must stand there.
    pub old: Vec<u8>,
    /// What is to stand there.
    pub new: Vec<u8>,
    /// How long.
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

    /// Deletes what has expired; Redis does so by itself.
    pub async fn delete_expired(&self) -> Result<(), StoreError> {
        match self {
            Self::Redis(_) => Ok(()),
            Self::Sqlite(store) => store.delete_expired().await,
        }
    }

    /// The value under `key`.
    pub async fn find(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        on_store!(self, store => store.find(key).await)
    }

    /// Writes `value` unless there is another; then returns that one. No two callers may write the same value.
    pub async fn create(
        &self,
        key: &[u8],
        value: &[u8],
        ttl: Duration,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        on_store!(self, store => store.create(key, value, ttl).await)
    }

    /// Writes `new` if the value still is `old`; tells whether it was.
    pub async fn replace(
        &self,
        key: &[u8],
        old: &[u8],
        new: &[u8],
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        on_store!(self, store => store.replace(key, old, new, ttl).await)
    }

    /// The values under `keys`, in their order.
    pub async fn find_many(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        on_store!(self, store => store.find_many(keys).await)
    }

    /// Writes each new value where the old one still stands.
    pub async fn replace_many(&self, replacements: &[Replacement]) -> Result<(), StoreError> {
        on_store!(self, store => store.replace_many(replacements).await)
    }

    /// Deletes the value; none is fine.
    pub async fn delete(&self, key: &[u8]) -> Result<(), StoreError> {
        on_store!(self, store => store.delete(key).await)
    }

    /// Deletes the value if it still is `own`.
    pub async fn delete_own(&self, key: &[u8], own: &[u8]) -> Result<(), StoreError> {
        on_store!(self, store => store.delete_own(key, own).await)
    }

    /// Adds `member` to the set under `key`, which lives at least `ttl` longer; returns how many are in it then.
    pub async fn index(&self, key: &[u8], member: &[u8], ttl: Duration) -> Result<u64, StoreError> {
        on_store!(self, store => store.index(key, member, ttl).await)
    }

    /// The members of the set under `key`; some may be stale.
    pub async fn list(&self, key: &[u8]) -> Result<Vec<Vec<u8>>, StoreError> {
        on_store!(self, store => store.list(key).await)
    }

    /// Removes `member` from the set under `key`.
    pub async fn unindex(&self, key: &[u8], member: &[u8]) -> Result<(), StoreError> {
        on_store!(self, store => store.unindex(key, member).await)
    }

    /// Removes from the set under `key` each of these members whose value is not there at that moment: one that is
    /// written meanwhile keeps its place.
    pub async fn unindex_stale(&self, key: &[u8], members: &[Indexed]) -> Result<(), StoreError> {
        on_store!(self, store => store.unindex_stale(key, members).await)
    }

    /// Counts one under `key` and returns how many there were in the window of `ttl` that the first one opened.
    pub async fn count(&self, key: &[u8], ttl: Duration) -> Result<u64, StoreError> {
        on_store!(self, store => store.count(key, ttl).await)
    }
}
