//! What is kept in memory counts only under a lease (SIGN-IN.md, "The pass cache's protocol").
//!
//! Guarantee: an entry whose [`Stamp`] was taken before its look-up, and of which [`Lease::counts`] says that it counts
//! for a request, misses no change whose commit was acknowledged 1 s before that request was sent. It rests on the
//! order of three reads in `counts`: the lease, then the stamp's counters, then the clock. Whoever sees an extended lease
//! sees every change that was told before the extension (release and acquire on `until`); and the clock, read last by
//! the serving thread itself, has run on while the process was stopped. `tests/model` tries every interleaving.
//!
//! Counters instead of removal: a change moves the counter of a stripe of people, so that entries looked up before it
//! stop counting wherever they are, also those that are being looked up just now.

use super::BootTime;
use super::sync::{AtomicU64, Ordering};
use std::time::Duration;

/// A lease lasts so long from the moment when its renewal was sent.
pub const LEASE: Duration = Duration::from_millis(900);

/// What was known when a look-up began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    era: u64,
    stripe: u64,
}

/// Which entries count, and until when.
#[derive(Debug)]
pub struct Lease {
    /// Moves when anybody's access may have changed, and when the connection that tells is lost or found.
    era: AtomicU64,
    /// Moves when somebody's of this stripe has.
    stripes: Box<[AtomicU64]>,
    /// Entries count before this point of boot time.
    until: AtomicU64,
    /// When the renewal of the last lease was sent.
    renewed: AtomicU64,
    /// Entries of this era and later have missed nothing that was told up to `renewed`, or were looked up after it.
    sound_since: AtomicU64,
}

impl Lease {
    /// No lease yet. People share `stripes` counters: a change of one has the others of the stripe looked up again.
    pub fn new(stripes: usize) -> Self {
        Self {
            era: AtomicU64::new(1),
            stripes: (0..stripes.max(1)).map(|_| AtomicU64::new(0)).collect(),
            until: AtomicU64::new(0),
            renewed: AtomicU64::new(0),
            sound_since: AtomicU64::new(u64::MAX),
        }
    }

    /// To be taken before anything is read about a person.
    pub fn stamp(&self, user: u64) -> Stamp {
        Stamp { era: self.era.load(Ordering::Acquire), stripe: self.stripe(user).load(Ordering::Acquire) }
    }

    /// Does an entry with this stamp count now? `clock` is read last.
    pub fn counts(&self, stamp: Stamp, user: u64, clock: impl FnOnce() -> BootTime) -> bool {
        let until = self.until.load(Ordering::Acquire);
        self.stamp(user) == stamp && clock().nanos() < until
    }

    /// Does an entry count while the database cannot be reached? Only what it did not miss up to the last renewal, and
    /// only for `stale` after that was sent.
    pub fn outlives(
        &self,
        stamp: Stamp,
        user: u64,
        stale: Duration,
        clock: impl FnOnce() -> BootTime,
    ) -> bool {
        let renewed = BootTime::from_nanos(self.renewed.load(Ordering::Acquire));
        let is_sound = renewed > BootTime::default()
            && stamp.era >= self.sound_since.load(Ordering::Acquire)
            && stamp.stripe == self.stripe(user).load(Ordering::Acquire);
        is_sound && clock() < renewed.plus(stale)
    }

    /// Is there a lease at all?
    pub fn holds(&self, now: BootTime) -> bool {
        now.nanos() < self.until.load(Ordering::Acquire)
    }

    /// Somebody's access changed.
    pub fn forget(&self, user: u64) {
        self.stripe(user).fetch_add(1, Ordering::AcqRel);
    }

    /// Anybody's may have.
    pub fn forget_all(&self) {
        let era = self.era.fetch_add(1, Ordering::AcqRel) + 1;
        self.sound_since.store(era, Ordering::Release);
    }

    /// The connection that tells is lost: nothing counts, but what counted may outlive it.
    pub fn lose(&self) {
        self.until.store(0, Ordering::Release);
        self.era.fetch_add(1, Ordering::AcqRel);
    }

    /// Changes are told again: what was looked up since the loss may have missed one.
    pub fn found(&self) {
        self.era.fetch_add(1, Ordering::AcqRel);
    }

    /// A renewal sent at `sent` was answered, and every change that came before the answer has been forgotten.
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
