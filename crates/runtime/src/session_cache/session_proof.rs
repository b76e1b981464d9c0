//! The proof of a cookie: the times of its session, and what this process did about the session.

use super::atomic_timestamp::AtomicTimestamp;
use super::cached_caller::{CachedCaller, Proof};
use gatepost_core::access::Person;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::SessionTimes;
use std::time::Duration;

/// A live session.
#[derive(Debug)]
pub struct SessionProof {
    times: SessionTimes,
    /// The last use.
    last_used: AtomicTimestamp,
    /// When a use was last passed on to be written.
    noted: AtomicTimestamp,
    /// When the session store was last queried.
    queried: AtomicTimestamp,
    /// When a refresh was last attempted.
    refreshed: AtomicTimestamp,
}

impl From<SessionTimes> for SessionProof {
    fn from(times: SessionTimes) -> Self {
        Self {
            times,
            last_used: AtomicTimestamp::new(times.last_seen_at),
            noted: AtomicTimestamp::new(times.last_seen_at),
            queried: AtomicTimestamp::new(Timestamp::now()),
            refreshed: AtomicTimestamp::new(Timestamp::from_unix(0)),
        }
    }
}

impl Proof for SessionProof {
    fn holder(&self, person: &Person) -> u64 {
        person.id.random_bits()
    }

    fn copy(&self, now: Timestamp) -> Self {
        let copy = |timestamp: &AtomicTimestamp| AtomicTimestamp::new(timestamp.get());
        Self {
            times: self.times,
            last_used: AtomicTimestamp::new(self.last_used.get().max(now)),
            noted: copy(&self.noted),
            queried: copy(&self.queried),
            refreshed: copy(&self.refreshed),
        }
    }

    fn size(&self) -> usize {
        0
    }
}

impl CachedCaller<SessionProof> {
    /// The session's times. The last use is the last one on this replica or the stored one, whichever is later.
    pub fn times(&self) -> SessionTimes {
        SessionTimes { last_seen_at: self.proof.last_used.get(), ..self.proof.times }
    }

    /// Copies the times of use from the entry that this one replaces.
    pub(super) fn carry_over(&self, older: &Self) {
        self.proof.last_used.advance(older.proof.last_used.get());
        self.proof.noted.advance(older.proof.noted.get());
        self.proof.refreshed.advance(older.proof.refreshed.get());
    }

    /// Notes a use. Returns `true` if the use has to be written, to one caller per interval.
    pub fn note_use(&self, now: Timestamp, interval: Duration) -> bool {
        self.proof.last_used.advance(now);
        self.proof.noted.take_turn(now, interval)
    }

    /// Whether the session store has to be queried again. Returns `true` to one caller per interval.
    pub fn start_revalidation(&self, now: Timestamp, interval: Duration) -> bool {
        self.proof.queried.take_turn(now, interval)
    }

    /// Whether a due refresh may be attempted. Returns `true` to one caller per `pause`.
    pub fn start_refresh(&self, now: Timestamp, pause: Duration) -> bool {
        self.proof.refreshed.take_turn(now, pause)
    }
}
