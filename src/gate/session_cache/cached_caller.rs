//! A cached session states whose cookie it is, never whether a request passes: requirement, host, lifetimes and
//! `max_age` are evaluated at each request. Other gates cached decisions under a key that lacked one of these inputs,
//! and let requests pass that should have been refused.

use crate::gate::assertion::SignedAssertion;
use crate::gate::identity_headers::IdentityHeaders;
use crate::invalidation::lease::{Entry, Stamp};
use gatepost_core::access::{Person, Standing};
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::SessionTimes;
use gatepost_core::secret::Hash;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Bytes that a cached session takes besides its own and those of its texts: its place in the cache's index, and the
/// allocator's overhead for four allocations.
const ALLOCATIONS: usize = 140;

/// The key of a session in the cache: SHA-256 of the host and the cookie's value. It includes the host so that a cookie
/// of one host finds nothing in a request to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; 32]);

impl CacheKey {
    /// The key of a cookie's value on a host.
    pub fn of(host: &str, cookie: &str) -> Self {
        Self(*Hash::of(&[host.as_bytes(), cookie.as_bytes()]).as_bytes())
    }
}

/// One session on one host.
#[derive(Debug)]
pub struct CachedSession {
    /// The person and their access.
    pub standing: Standing,
    /// The identity headers that do not depend on the request.
    pub headers: IdentityHeaders,
    /// The last assertion, if a router required one. Boxed, because most sessions have none.
    pub(super) assertion: Option<Box<SignedAssertion>>,
    /// Bytes of interned values that this session was the first to use.
    interned_bytes: usize,
    stamp: Stamp,
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

impl CachedSession {
    pub(super) fn new(
        times: SessionTimes,
        standing: Standing,
        headers: IdentityHeaders,
        interned_bytes: usize,
        stamp: Stamp,
    ) -> Self {
        Self {
            standing,
            headers,
            assertion: None,
            interned_bytes,
            stamp,
            times,
            last_used: AtomicTimestamp::new(times.last_seen_at),
            noted: AtomicTimestamp::new(times.last_seen_at),
            queried: AtomicTimestamp::new(Timestamp::now()),
            refreshed: AtomicTimestamp::new(Timestamp::from_unix(0)),
        }
    }

    /// What the lease decides by.
    pub(super) const fn lease_entry(&self) -> Entry {
        let Standing { person, counts_until, .. } = &self.standing;
        Entry { user: person.id.random_bits(), stamp: self.stamp, counts_until: *counts_until }
    }

    /// The session's times. The last use is the last one on this replica or the stored one, whichever is later.
    pub fn times(&self) -> SessionTimes {
        SessionTimes { last_seen_at: self.last_used.get(), ..self.times }
    }

    /// Copies the times of use from the entry that this one replaces.
    pub(super) fn carry_over(&self, older: &Self) {
        self.last_used.advance(older.last_used.get());
        self.noted.advance(older.noted.get());
        self.refreshed.advance(older.refreshed.get());
    }

    /// The same session with another assertion, which was signed for a request that passes at `now`.
    pub(super) fn with_assertion(&self, assertion: SignedAssertion, now: Timestamp) -> Self {
        let copy = |timestamp: &AtomicTimestamp| AtomicTimestamp::new(timestamp.get());
        Self {
            standing: self.standing.clone(),
            headers: self.headers.clone(),
            assertion: Some(Box::new(assertion)),
            interned_bytes: self.interned_bytes,
            stamp: self.stamp,
            times: self.times,
            last_used: AtomicTimestamp::new(self.last_used.get().max(now)),
            noted: copy(&self.noted),
            queried: copy(&self.queried),
            refreshed: copy(&self.refreshed),
        }
    }

    /// Notes a use. Returns `true` if the use has to be written, to one caller per interval.
    pub fn note_use(&self, now: Timestamp, interval: Duration) -> bool {
        self.last_used.advance(now);
        self.noted.take_turn(now, interval)
    }

    /// Whether the session store has to be queried again. Returns `true` to one caller per interval.
    pub fn start_revalidation(&self, now: Timestamp, interval: Duration) -> bool {
        self.queried.take_turn(now, interval)
    }

    /// Whether a due refresh may be attempted. Returns `true` to one caller per `pause`.
    pub fn start_refresh(&self, now: Timestamp, pause: Duration) -> bool {
        self.refreshed.take_turn(now, pause)
    }

    /// The approximate memory use in bytes, including the place in the cache's index.
    pub(super) fn weight(&self) -> u64 {
        let Person { email, name, .. } = &self.standing.person;
        let texts = email.as_ref().map_or(0, |email| email.as_str().len())
            + name.as_ref().map_or(0, |name| name.len())
            + self.headers.size();
        let fixed = size_of::<Self>() + size_of::<CacheKey>() + ALLOCATIONS;
        let assertion = self.assertion.as_ref().map_or(0, |made| made.size());
        (fixed + texts + self.interned_bytes + assertion) as u64
    }
}

/// A timestamp that concurrent requests update. Takes four bytes: seconds since the epoch, until 2106.
#[derive(Debug)]
struct AtomicTimestamp(AtomicU32);

impl AtomicTimestamp {
    fn new(at: Timestamp) -> Self {
        Self(AtomicU32::new(seconds(at)))
    }

    fn get(&self) -> Timestamp {
        Timestamp::from_unix(self.0.load(Ordering::Relaxed).into())
    }

    /// Sets it to a later time. Most requests come in the same second as another and write nothing.
    fn advance(&self, to: Timestamp) {
        if self.get() < to {
            self.0.fetch_max(seconds(to), Ordering::Relaxed);
        }
    }

    /// Sets it to `now` if `interval` has passed. Returns `true` to the one caller that set it.
    fn take_turn(&self, now: Timestamp, interval: Duration) -> bool {
        let taken = self.0.load(Ordering::Relaxed);
        now.since(Timestamp::from_unix(taken.into())) >= interval
            && self.0.compare_exchange(taken, seconds(now), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.unix().max(0)).unwrap_or(u32::MAX)
}
