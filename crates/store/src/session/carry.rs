//! Copies sessions, and what is kept beside them, from one session store to the other: `gatepost copy`.
//!
//! Values are sealed to their keys, not to a store, so they are copied as they are, each with the rest of its life. The
//! directory says which sessions have ended: those stay behind, and so do records that no key of the ring opens.

use super::record::SessionRecord;
use super::sealed::{KeyRing, Purpose};
use super::store::{Entry, EntryKind, Place, Store, StoreError};
use crate::directory::{Directory, DirectoryError};
use gatepost_core::secret::Hash;
use std::collections::HashSet;

/// What became of the sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Sessions that count in the target too.
    pub sessions: u64,
    /// Sessions that have ended.
    pub ended: u64,
    /// Records that no key of the ring opens.
    pub unreadable: u64,
}

/// Why the sessions were not copied.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    #[error("the session store does not do what is asked")]
    Store(#[from] StoreError),
    #[error("the directory does not say which sessions have ended")]
    Directory(#[from] DirectoryError),
    #[error("a session is not in the target as it was written")]
    Differs,
}

/// What decides about a session.
#[derive(Clone, Copy, Debug)]
pub struct Judge<'a> {
    /// The keys that seal the records.
    pub ring: &'a KeyRing,
    /// The directory of the source.
    pub directory: &'a Directory,
}

/// Copies everything that still counts. It may be repeated.
///
/// # Errors
/// [`CarryError`]; what was written stays.
pub async fn carry(source: &Store, target: &Store, judge: Judge<'_>) -> Result<Carried, CarryError> {
    let mut carried = Carried::default();
    let mut left = HashSet::new();
    // Values come first: the indexes that follow leave out the sessions that were left behind.
    for kind in [EntryKind::Value, EntryKind::Member, EntryKind::Counter] {
        let mut place = Some(Place::default());
        while let Some(from) = place {
            let page = source.list_entries(kind, from).await?;
            let mut kept = Vec::with_capacity(page.entries.len());
            for entry in page.entries {
                if judge.lets_pass(&entry, &mut left, &mut carried).await? {
                    kept.push(entry);
                }
            }
            target.put_entries(&kept).await?;
            if kind == EntryKind::Value {
                compare(target, &kept).await?;
            }
            place = page.next;
        }
    }
    Ok(carried)
}

impl Judge<'_> {
    async fn lets_pass(
        self,
        entry: &Entry,
        left: &mut HashSet<[u8; 32]>,
        carried: &mut Carried,
    ) -> Result<bool, CarryError> {
        if let Some(member) = &entry.member {
            return Ok(!<[u8; 32]>::try_from(member.as_slice()).is_ok_and(|hash| left.contains(&hash)));
        }
        let hash = entry.key.strip_prefix(b"session:").and_then(|hash| <[u8; 32]>::try_from(hash).ok());
        let Some(hash) = hash else { return Ok(true) };
        let opened = self.ring.open_bytes(Purpose::Record, &entry.key, &entry.value).ok();
        let Some(record) = opened.and_then(|plain| SessionRecord::from_bytes(&plain)) else {
            carried.unreadable += 1;
            left.insert(hash);
            return Ok(false);
        };
        let standing = self.directory.find_standing(record.user, &Hash::from_bytes(hash)).await?;
        let counts = standing.is_some_and(|standing| {
            let is_superseded =
                standing.sessions_not_before.is_some_and(|not_before| record.started_at < not_before);
            !standing.is_disabled && !standing.is_session_ended && !is_superseded
        });
        if counts {
            carried.sessions += 1;
        } else {
            carried.ended += 1;
            left.insert(hash);
        }
        Ok(counts)
    }
}

/// Reads the values again. One that was about to expire may be gone.
async fn compare(target: &Store, written: &[Entry]) -> Result<(), CarryError> {
    const ABOUT_TO_EXPIRE: u64 = 10;
    let keys: Vec<Vec<u8>> = written.iter().map(|entry| entry.key.clone()).collect();
    let found = target.find_many(&keys).await?;
    let is_same = |(entry, found): (&Entry, Option<Vec<u8>>)| match found {
        Some(found) => found == entry.value,
        None => entry.rest.as_secs() < ABOUT_TO_EXPIRE,
    };
    if written.iter().zip(found).all(is_same) { Ok(()) } else { Err(CarryError::Differs) }
}
