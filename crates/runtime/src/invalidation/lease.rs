//! The lease under which cached answers of the directory are valid.
//!
//! Guarantee: suppose the [`Stamp`] of an entry was taken before the entry was looked up, and [`Lease::is_valid`] accepts
//! it for a request. Then the entry includes every change whose commit was acknowledged 1 s before that request was
//! sent, and nothing that has ended. This rests on the order of three reads in `is_valid`: the lease, then the counters, then the clock. A thread
//! that sees an extended lease also sees every change that was applied before the extension (release and acquire on
//! `until`). The serving thread reads the clock last, and that clock also runs while the process is suspended.
//! `tests/model` tries every interleaving.
//!
//! Entries are invalidated by counters and not removed: a change increments the counter of a stripe of people. Entries
//! that were looked up before the change become invalid wherever they are, including look-ups that have not ended.

use super::BootTime;
use super::sync::{AtomicU64, Ordering};
use std::time::Duration;

/// How long a lease lasts, counted from the moment when its renewal was sent.
pub const LEASE: Duration = Duration::from_millis(900);

/// The end of a lease that was not renewed yet since changes are received again. No clock is so early.
const RETURNING: u64 = 1;

/// The counters at the moment when a look-up began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    era: u64,
    stripe: u64,
}

/// What decides whether a cached entry is valid.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The person or the API key whose changes concern it.
    pub user: u64,
    /// The counters when its look-up began.
    pub stamp: Stamp,
    /// From this point on it is not valid, whatever the lease says: a part of the person's access ends then by itself, and
    /// nobody reports that.
    pub counts_until: BootTime,
}

/// Decides which cached entries are valid, and until when.
#[derive(Debug)]
pub struct Lease {
    /// Incremented when the access of everybody may have changed, and when the connection that reports changes is lost
    /// or restored.
    era: AtomicU64,
    /// Each is incremented when the access of a person in its stripe changes.
    stripes: Box<[AtomicU64]>,
    /// Entries are valid before this point in boot time. 0: no changes are received.
    until: AtomicU64,
    /// When the renewal of the last lease was sent.
    renewed: AtomicU64,
    /// Entries of an older era may lack a change and are never used in an outage.
    sound_since: AtomicU64,
}

impl Lease {
    /// Creates a lease that is not valid yet. People share `stripes` counters: a change to one person also invalidates
    /// the entries of the others in that stripe.
    pub fn new(stripes: usize) -> Self {
        Self {
            era: AtomicU64::new(1),
            stripes: (0..stripes.max(1)).map(|_| AtomicU64::new(0)).collect(),
            until: AtomicU64::new(0),
            renewed: AtomicU64::new(0),
            sound_since: AtomicU64::new(u64::MAX),
        }
    }

    /// The current counters for a person. Take it before anything about the person is read.
    pub fn stamp(&self, user: u64) -> Stamp {
        Stamp { era: self.era.load(Ordering::Acquire), stripe: self.stripe(user).load(Ordering::Acquire) }
    }

    /// Whether an entry is valid now. `clock` is read last.
    pub fn is_valid(&self, entry: Entry, clock: impl FnOnce() -> BootTime) -> bool {
        let until = self.until.load(Ordering::Acquire).min(entry.counts_until.nanos());
        self.stamp(entry.user) == entry.stamp && clock().nanos() < until
    }

    /// Whether an entry may be used while the database cannot be reached: it includes every change up to the last
    /// renewal, that renewal was sent less than `stale` ago, and nothing in it has ended.
    pub fn is_valid_during_outage(
        &self,
        Entry { user, stamp, counts_until }: Entry,
        stale: Duration,
        clock: impl FnOnce() -> BootTime,
    ) -> bool {
        let renewed = BootTime::from_nanos(self.renewed.load(Ordering::Acquire));
        let is_sound = renewed > BootTime::default()
            && stamp.era >= self.sound_since.load(Ordering::Acquire)
            && stamp.stripe == self.stripe(user).load(Ordering::Acquire);
        is_sound && clock() < renewed.plus(stale).min(counts_until)
    }

    /// Whether the lease is valid at `now`.
    pub fn holds(&self, now: BootTime) -> bool {
        now.nanos() < self.until.load(Ordering::Acquire)
    }

    /// Invalidates the entries of one person, whose access has changed.
    pub fn invalidate(&self, user: u64) {
        self.stripe(user).fetch_add(1, Ordering::AcqRel);
    }

    /// Invalidates all entries: the access of everybody may have changed.
    pub fn invalidate_all(&self) {
        let era = self.era.fetch_add(1, Ordering::AcqRel) + 1;
        self.sound_since.store(era, Ordering::Release);
    }

    /// The connection that reports changes is lost: no entry is valid now, but [`Self::is_valid_during_outage`] may
    /// accept those that were.
    pub fn disconnect(&self) {
        self.until.store(0, Ordering::Release);
        self.era.fetch_add(1, Ordering::AcqRel);
    }

    /// Changes are reported again. Invalidates what was looked up since the connection was lost, which may have missed
    /// one. Until the next [`Self::extend`], [`Self::is_valid_during_outage`] may accept what it accepted before.
    pub fn reconnect(&self) {
        self.era.fetch_add(1, Ordering::AcqRel);
        self.until.store(RETURNING, Ordering::Release);
    }

    /// Whether changes are reported again, and the lease was not extended yet.
    pub fn is_returning(&self) -> bool {
        self.until.load(Ordering::Acquire) == RETURNING
    }

    /// Extends the lease after a renewal that was sent at `sent`. Every change that was reported before the answer must
    /// have been applied.
    pub fn extend(&self, sent: BootTime) {
        self.sound_since.store(self.era.load(Ordering::Acquire), Ordering::Release);
        self.renewed.store(sent.nanos(), Ordering::Release);
        self.until.store(sent.plus(LEASE).nanos(), Ordering::Release);
    }

    fn stripe(&self, user: u64) -> &AtomicU64 {
        let index = usize::try_from(user % self.stripes.len() as u64).unwrap_or(0);
        &self.stripes[index]
    }
}
