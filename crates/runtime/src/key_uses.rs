//! Collects the last uses of API keys, which are written to the directory in batches.
//!
//! One key is noted at most once a minute, whatever it is used for. Memory is bounded: beyond the bound a key is noted in a
//! later minute. No answer waits for a write. What could not be written waits, of each key the latest use.

use crate::session_cache::CachedKey;
use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_store::directory::KeyUsed;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many keys are noted in one minute. They take about 2 MiB.
const MAX_NOTED: usize = 20_000;

/// The uses that are not written yet.
#[derive(Debug, Default)]
pub struct KeyUses {
    noted: Mutex<Noted>,
    /// Whether the last batch was not written, so that the log says so once.
    is_failing: AtomicBool,
}

#[derive(Debug, Default)]
struct Noted {
    /// The minute that `known` is about, in minutes since the epoch.
    minute: i64,
    known: HashSet<KeyId>,
    waiting: HashMap<KeyId, KeyUsed>,
}

impl KeyUses {
    /// Notes that a key let a request of this client through. Only the first one of a minute takes the lock.
    pub fn note_pass(&self, key: &CachedKey, from: Option<IpAddr>, now: Timestamp) {
        if key.note_use(now) {
            self.note(key.proof.id, from, now);
        }
    }

    /// Notes a use that was let through.
    pub fn note(&self, id: KeyId, from: Option<IpAddr>, now: Timestamp) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.unix().div_euclid(60);
        if noted.minute != minute {
            noted.minute = minute;
            noted.known.clear();
        }
        let has_room = noted.known.len() < MAX_NOTED && noted.waits_or_may(id);
        if has_room && noted.known.insert(id) {
            noted.waiting.insert(id, KeyUsed { id, at: now, from });
        }
    }

    /// Takes the uses that wait to be written.
    pub fn take(&self) -> Vec<KeyUsed> {
        let waiting = &mut self.noted.lock().unwrap_or_else(PoisonError::into_inner).waiting;
        std::mem::take(waiting).into_values().collect()
    }

    /// Adds uses again that were not written. A later use of the same key stays, and what does not fit is dropped.
    pub fn put_back(&self, uses: &[KeyUsed]) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        for used in uses {
            if noted.waits_or_may(used.id) {
                noted.waiting.entry(used.id).or_insert(*used);
            }
        }
    }

    /// Notes whether a batch was written. Returns `true` if the one before it was not like it.
    pub fn note_outcome(&self, is_written: bool) -> bool {
        self.is_failing.swap(!is_written, Ordering::Relaxed) == is_written
    }
}

impl Noted {
    /// Whether a use of this key waits, or there is room for one.
    fn waits_or_may(&self, id: KeyId) -> bool {
        self.waiting.len() < MAX_NOTED || self.waiting.contains_key(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    #[test]
    fn a_key_is_noted_once_a_minute() {
        let (uses, id, other) = (KeyUses::default(), KeyId::generate(), KeyId::generate());
        let address = "192.0.2.1".parse().ok();
        let noted = |from| uses.take() == [KeyUsed { id, at: NOW, from }];
        uses.note(id, address, NOW);
        uses.note(id, None, NOW.plus(Duration::from_secs(59)));
        assert!(noted(address), "the first of the minute");
        uses.note(id, None, NOW.plus(Duration::from_secs(59)));
        assert!(uses.take().is_empty(), "also after it was written");
        uses.note(other, None, NOW.plus(Duration::from_secs(59)));
        uses.note(id, None, NOW.plus(Duration::from_mins(1)));
        assert_eq!(uses.take().len(), 2);
        uses.note(id, None, NOW);
        assert!(noted(None), "a clock that was set back stops nothing");
    }

    #[test]
    fn a_flood_of_keys_takes_no_more_memory() {
        let uses = KeyUses::default();
        for _ in 0..2 * MAX_NOTED {
            uses.note(KeyId::generate(), None, NOW);
        }
        assert_eq!(uses.take().len(), MAX_NOTED);
        uses.note(KeyId::generate(), None, NOW);
        assert!(uses.take().is_empty(), "there is no room in this minute");
        for minute in 1..4_u64 {
            for _ in 0..MAX_NOTED {
                uses.note(KeyId::generate(), None, NOW.plus(Duration::from_mins(minute)));
            }
        }
        assert_eq!(uses.take().len(), MAX_NOTED, "nor where nothing is written");
    }

    #[test]
    fn what_was_not_written_waits_and_of_each_key_the_latest_use() {
        let (uses, id, other) = (KeyUses::default(), KeyId::generate(), KeyId::generate());
        uses.note(id, None, NOW);
        uses.note(other, None, NOW);
        let failed = uses.take();
        let later = NOW.plus(Duration::from_mins(1));
        uses.note(id, None, later);
        uses.put_back(&failed);
        let mut waiting = uses.take();
        waiting.sort_by_key(|used| used.at);
        let want = [KeyUsed { id: other, at: NOW, from: None }, KeyUsed { id, at: later, from: None }];
        assert_eq!(waiting, want);
        let many: Vec<_> =
            (0..2 * MAX_NOTED).map(|_| KeyUsed { id: KeyId::generate(), at: NOW, from: None }).collect();
        uses.put_back(&many);
        assert_eq!(uses.take().len(), MAX_NOTED, "within the bound");
    }

    #[test]
    fn a_failure_is_told_once_and_so_is_its_end() {
        let uses = KeyUses::default();
        let told = [true, false, false, true, true, false].map(|is_written| uses.note_outcome(is_written));
        assert_eq!(told, [false, true, false, true, false, true]);
    }
}
