//! A pass says *who* holds a cookie, never *whether* they may: requirement, host, lifetimes and `max_age` are judged at
//! each request. Peers whose cache key lacked an input of the decision have had to publish an advisory.

use super::lease::Stamp;
use crate::domain::access::{Person, Standing};
use crate::domain::clock::Timestamp;
use crate::domain::decision::SessionTimes;
use crate::domain::secret::Hash;
use crate::verify::assertion::Made;
use crate::verify::identity::Rendered;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// What a pass takes besides its own bytes and those of its texts: its place in memory's index, and what the allocator
/// adds to four pieces of memory.
const ALLOCATIONS: usize = 160;

/// Names a pass in memory: SHA-256 over the host and the cookie's value, so that what one host's cookie opens no other
/// host's request finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PassKey([u8; 32]);

impl PassKey {
    /// The key of a cookie's value on a host.
    pub fn of(host: &str, cookie: &str) -> Self {
        Self(*Hash::of(&[host.as_bytes(), cookie.as_bytes()]).as_bytes())
    }
}

/// One session on one host.
#[derive(Debug)]
pub struct Pass {
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
    last_used: AtomicI64,
    noted: AtomicI64,
    asked: AtomicI64,
    refreshed: AtomicI64,
}

impl Pass {
    pub(super) fn new(
        times: SessionTimes,
        standing: Standing,
        headers: Rendered,
        brought: usize,
        stamp: Stamp,
    ) -> Self {
        let last_seen = times.last_seen_at.unix();
        Self {
            standing,
            headers,
            assertion: None,
            brought,
            stamp,
            times,
            last_used: AtomicI64::new(last_seen),
            noted: AtomicI64::new(last_seen),
            asked: AtomicI64::new(Timestamp::now().unix()),
            refreshed: AtomicI64::new(i64::MIN),
        }
    }

    /// The session's times, last use as far as this process knows it.
    pub fn times(&self) -> SessionTimes {
        let last_used = Timestamp::from_unix(self.last_used.load(Ordering::Relaxed));
        SessionTimes { last_seen_at: self.times.last_seen_at.max(last_used), ..self.times }
    }

    /// Keeps in mind what an older pass to the same session knows of its use.
    pub(super) fn remember(&self, older: &Self) {
        self.last_used.fetch_max(older.last_used.load(Ordering::Relaxed), Ordering::Relaxed);
        self.noted.fetch_max(older.noted.load(Ordering::Relaxed), Ordering::Relaxed);
        self.refreshed.fetch_max(older.refreshed.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// The same pass with another assertion, which was made for somebody who passed just now.
    pub(super) fn with_assertion(&self, assertion: Made, now: Timestamp) -> Self {
        let same = |value: &AtomicI64| AtomicI64::new(value.load(Ordering::Relaxed));
        Self {
            standing: self.standing.clone(),
            headers: self.headers.clone(),
            assertion: Some(Box::new(assertion)),
            brought: self.brought,
            stamp: self.stamp,
            times: self.times,
            last_used: AtomicI64::new(self.last_used.load(Ordering::Relaxed).max(now.unix())),
            noted: same(&self.noted),
            asked: same(&self.asked),
            refreshed: same(&self.refreshed),
        }
    }

    /// Notes a use; tells whether it is time to write it down, to one caller alone.
    pub fn note_use(&self, now: Timestamp, interval: Duration) -> bool {
        if self.last_used.load(Ordering::Relaxed) < now.unix() {
            self.last_used.store(now.unix(), Ordering::Relaxed);
        }
        take_turn(&self.noted, now, interval)
    }

    /// Whether it is time to ask the session store again, to one caller alone.
    pub fn is_due(&self, now: Timestamp, interval: Duration) -> bool {
        take_turn(&self.asked, now, interval)
    }

    /// Whether a due refresh may be tried now, to one caller alone.
    pub fn may_refresh(&self, now: Timestamp, pause: Duration) -> bool {
        take_turn(&self.refreshed, now, pause)
    }

    /// About how many bytes the pass takes, with its place in memory's index.
    pub(super) fn weight(&self) -> u64 {
        let Person { email, name, .. } = &self.standing.person;
        let texts = email.as_ref().map_or(0, |email| email.as_str().len())
            + name.as_ref().map_or(0, |name| name.len())
            + self.headers.size();
        let fixed = size_of::<Self>() + size_of::<PassKey>() + ALLOCATIONS;
        let assertion = self.assertion.as_ref().map_or(0, |made| made.size());
        (fixed + texts + self.brought + assertion) as u64
    }
}

/// One caller per interval gets the turn.
fn take_turn(last: &AtomicI64, now: Timestamp, interval: Duration) -> bool {
    let taken = last.load(Ordering::Relaxed);
    now.since(Timestamp::from_unix(taken)) >= interval
        && last.compare_exchange(taken, now.unix(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
}
