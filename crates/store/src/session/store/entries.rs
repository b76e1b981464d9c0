//! All entries of a store, page by page, for `gatepost copy`.

use super::{Store, StoreError};
use crate::session::{QUOTA_MARK, in_use};
use std::time::Duration;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A value.
    Value,
    /// A member of a set.
    Member,
    /// A number that counts.
    Counter,
}

/// The keys of sets and of counters begin with these; all other keys have values.
const SETS: [&[u8]; 2] = [b"user:", b"sid:"];
const COUNTERS: [&[u8]; 1] = [b"handover:"];
/// What processes that run write about themselves.
const OWN: [&[u8]; 6] = [b"ping", b"check:", b"keys", b"key:", QUOTA_MARK, in_use::COUNTERS];

/// Whether it is the mark beside a counter of a Cluster.
fn is_mark(key: &[u8]) -> bool {
    key.starts_with(b"{t:") && key.ends_with(&[b"}:", QUOTA_MARK].concat())
}

impl EntryKind {
    /// The kind of the entry under a key. `None`: it is not copied.
    pub(super) fn of(key: &[u8]) -> Option<Self> {
        let begins = |prefixes: &[&[u8]]| prefixes.iter().any(|prefix| key.starts_with(prefix));
        if begins(&OWN) || is_mark(key) {
            None
        } else if begins(&SETS) {
            Some(Self::Member)
        } else if begins(&COUNTERS) {
            Some(Self::Counter)
        } else {
            Some(Self::Value)
        }
    }
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: Vec<u8>,
    /// The member, if the entry is one.
    pub member: Option<Vec<u8>>,
    /// The value. Of a counter its number in decimal digits.
    pub value: Vec<u8>,
    pub is_counter: bool,
    /// How long it still lives.
    pub rest: Duration,
}

/// Where the next page begins.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The last key and member that were read.
    pub(super) after: Option<(Vec<u8>, Vec<u8>)>,
    /// The cursor of Redis.
    pub(super) cursor: u64,
}

/// Some entries.
#[derive(Debug)]
pub struct EntryPage {
    pub entries: Vec<Entry>,
    /// `None`: these were the last.
    pub next: Option<Place>,
}

impl Store {
    /// Entries that have not expired.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_entries(&self, kind: EntryKind, from: Place) -> Result<EntryPage, StoreError> {
        match self {
            Self::Redis(store) => store.list_entries(kind, from).await,
            Self::Sqlite(store) => store.list_entries(kind, from).await,
        }
    }

    /// Writes entries. Those that are there already are replaced.
    ///
    /// # Errors
    /// [`StoreError`]; some may have been written.
    pub async fn put_entries(&self, entries: &[Entry]) -> Result<(), StoreError> {
        match self {
            Self::Redis(store) => store.put_entries(entries).await,
            Self::Sqlite(store) => store.put_entries(entries).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_says_what_an_entry_is() {
        for (key, kind) in [
            (&b"session:x"[..], Some(EntryKind::Value)),
            (b"jti:x", Some(EntryKind::Value)),
            (b"user:x", Some(EntryKind::Member)),
            (b"sid:x", Some(EntryKind::Member)),
            (b"handover:x", Some(EntryKind::Counter)),
            (b"ping", None),
            (b"key:x", None),
            (b"keys", None),
            (b"quotas", None),
            (b"{t:acme}:quotas", None),
            (b"{t:acme}:day:20261129", Some(EntryKind::Value)),
        ] {
            assert_eq!(EntryKind::of(key), kind, "{key:?}");
        }
    }
}
