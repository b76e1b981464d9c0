//! A cached session states *who* holds a cookie, never *whether* they may pass: requirement, host, lifetimes and
//! `max_age` are judged at each request. Peers whose cache key lacked an input of the decision had to publish an advisory.

use crate::gate::assertion::Made;
use crate::gate::identity_headers::Rendered;
use crate::invalidation::lease::Stamp;
use gatepost_core::access::{Person, Standing};
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::SessionTimes;
use gatepost_core::secret::Hash;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Bytes that a cached session takes besides its own and those of its texts: its place in the cache's index, and what the
/// allocator adds to four pieces of memory.
const ALLOCATIONS: usize = 140;

/// Key of a session in the cache: SHA-256 over the host and the cookie's value, so that what one host's cookie opens no other
/// host's request finds.
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
    /// Who, and what they may.
    pub standing: Standing,
    /// The identity headers that do not depend on the request.
    pub headers: Rendered,
    /// Where a router asked for one, on the heap: most ask for none.
    pub(super) assertion: Option<Box<Made>>,
    /// Bytes of what it shares with others, but was the first to bring.
    brought: usize,
    pub(super) stamp: Stamp,
    times: SessionTimes,
    last_used: Moment,
    noted: Moment,
    asked: Moment,
    refreshed: Moment,
}

impl CachedSession {
    pub(super) fn new(
        times: SessionTimes,
        standing: Standing,
        headers: Rendered,
        brought: usize,
        stamp: Stamp,
    ) -> Self {
        Self {
            standing,
            headers,
            assertion: None,
            brought,
            stamp,
            times,
            last_used: Moment::new(times.last_seen_at),
            noted: Moment::new(times.last_seen_at),
            asked: Moment::new(Timestamp::now()),
            refreshed: Moment::new(Timestamp::from_unix(0)),
        }
    }

    /// The session's times, last use as far as this process knows it.
    pub fn times(&self) -> SessionTimes {
        SessionTimes { last_seen_at: self.last_used.get(), ..self.times }
    }

    /// Takes over what an older entry for the same session knows of its use.
    pub(super) fn carry_over(&self, older: &Self) {
        self.last_used.advance(older.last_used.get());
        self.noted.advance(older.noted.get());
        self.refreshed.advance(older.refreshed.get());
    }

    /// The same session with another assertion, which was made for a request that passed just now.
    pub(super) fn with_assertion(&self, assertion: Made, now: Timestamp) -> Self {
        let same = |moment: &Moment| Moment::new(moment.get());
        Self {
            standing: self.standing.clone(),
            headers: self.headers.clone(),
            assertion: Some(Box::new(assertion)),
            brought: self.brought,
            stamp: self.stamp,
            times: self.times,
            last_used: Moment::new(self.last_used.get().max(now)),
            noted: same(&self.noted),
            asked: same(&self.asked),
            refreshed: same(&self.refreshed),
        }
    }

    /// Notes a use; tells whether it is time to write it down, to one caller alone.
    pub fn note_use(&self, now: Timestamp, interval: Duration) -> bool {
        self.last_used.advance(now);
        self.noted.take_turn(now, interval)
    }

    /// Whether it is time to ask the session store again, to one caller alone.
    pub fn is_due(&self, now: Timestamp, interval: Duration) -> bool {
        self.asked.take_turn(now, interval)
    }

    /// Whether a due refresh may be tried now, to one caller alone.
    pub fn may_refresh(&self, now: Timestamp, pause: Duration) -> bool {
        self.refreshed.take_turn(now, pause)
    }

    /// About how many bytes it takes, with its place in the cache's index.
    pub(super) fn weight(&self) -> u64 {
        let Person { email, name, .. } = &self.standing.person;
        let texts = email.as_ref().map_or(0, |email| email.as_str().len())
            + name.as_ref().map_or(0, |name| name.len())
            + self.headers.size();
        let fixed = size_of::<Self>() + size_of::<CacheKey>() + ALLOCATIONS;
        let assertion = self.assertion.as_ref().map_or(0, |made| made.size());
        (fixed + texts + self.brought + assertion) as u64
    }
}

/// A point in time that many requests move, in four bytes: seconds since the epoch, until 2106.
#[derive(Debug)]
struct Moment(AtomicU32);

impl Moment {
    fn new(at: Timestamp) -> Self {
        Self(AtomicU32::new(seconds(at)))
    }

    fn get(&self) -> Timestamp {
        Timestamp::from_unix(self.0.load(Ordering::Relaxed).into())
    }

    /// Written only when it moves: most requests come within the second of another.
    fn advance(&self, to: Timestamp) {
        if self.get() < to {
            self.0.fetch_max(seconds(to), Ordering::Relaxed);
        }
    }

    /// One caller per interval gets the turn.
    fn take_turn(&self, now: Timestamp, interval: Duration) -> bool {
        let taken = self.0.load(Ordering::Relaxed);
        now.since(Timestamp::from_unix(taken.into())) >= interval
            && self.0.compare_exchange(taken, seconds(now), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.unix().max(0)).unwrap_or(u32::MAX)
}
