//! The lease of the session cache in every interleaving of its atomic operations: the very file that the product compiles,
//! with `loom`'s atomics in the place of the standard library's.
//!
//! A database is one number here: 0 before a change, 1 after it. An entry is the number that a look-up read, with the
//! stamp taken before. Time is in milliseconds: the change is acknowledged at 0, when the last lease had just been sent.
#![cfg(test)]

#[path = "../../../crates/core/src/clock.rs"]
#[expect(dead_code, reason = "only a part of it is needed here")]
mod clock;
#[path = "../../../crates/runtime/src/invalidation/lease.rs"]
mod lease;

mod sync {
    pub use loom::sync::atomic::{AtomicU64, Ordering};
}

use clock::BootTime;
use lease::{Entry, Lease, Stamp};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use std::time::Duration;

const USER: u64 = 7;

fn at(millis: u64) -> BootTime {
    // Not zero: that is "never".
    BootTime::from_nanos(1_000_000_000 + millis * 1_000_000)
}

/// An entry of the user in which nothing ends.
fn entry(stamp: Stamp) -> Entry {
    Entry { user: USER, stamp, counts_until: BootTime::MAX }
}

struct World {
    database: AtomicU64,
    lease: Lease,
}

impl World {
    /// A lease was sent just before the change.
    fn new() -> Arc<Self> {
        let world = Self { database: AtomicU64::new(0), lease: Lease::new(1) };
        world.lease.reconnect();
        world.lease.extend(at(0));
        Arc::new(world)
    }

    fn commit(&self) {
        self.database.store(1, Ordering::Release);
    }

    fn look_up(&self) -> (Stamp, u64) {
        let stamp = self.lease.stamp(USER);
        (stamp, self.database.load(Ordering::Acquire))
    }
}

fn with_invalidation(
    invalidation: impl FnOnce(&World) + Send + Sync + Copy + 'static,
    server: impl Fn(&World) + Sync + Send + Copy + 'static,
) {
    loom::model(move || {
        let world = World::new();
        let other = Arc::clone(&world);
        let invalidating = thread::spawn(move || invalidation(&other));
        server(&world);
        invalidating.join().expect("the invalidation ends");
    });
}

/// A request that was sent 1 s after the acknowledgement is judged by what was acknowledged.
fn serves_the_present(world: &World) {
    let (stamp, read) = world.look_up();
    if world.lease.is_valid(entry(stamp), || at(1_000)) {
        assert_eq!(read, 1, "an answer from before the change counts 1 s after it");
    }
}

#[test]
fn a_notified_change_is_missed_by_no_replica() {
    let invalidation = |world: &World| {
        world.commit();
        world.lease.invalidate(USER);
        world.lease.extend(at(200));
    };
    with_invalidation(invalidation, serves_the_present);
}

#[test]
fn a_change_of_everybody_is_missed_by_no_replica() {
    let invalidation = |world: &World| {
        world.commit();
        world.lease.invalidate_all();
        world.lease.extend(at(200));
    };
    with_invalidation(invalidation, serves_the_present);
}

#[test]
fn a_change_without_a_listener_is_missed_by_no_replica() {
    let invalidation = |world: &World| {
        world.lease.disconnect();
        world.commit();
        world.lease.reconnect();
        world.lease.extend(at(200));
    };
    with_invalidation(invalidation, serves_the_present);
}

#[test]
fn what_outlives_an_outage_missed_nothing_up_to_the_last_renewal() {
    let invalidation = |world: &World| {
        world.lease.disconnect();
        world.commit();
        world.lease.reconnect();
        world.lease.extend(at(200));
        world.lease.disconnect();
    };
    let server = |world: &World| {
        let (stamp, read) = world.look_up();
        // Only the renewal at 200 reaches so far.
        if world.lease.is_valid_during_outage(entry(stamp), Duration::from_millis(100), || at(250)) {
            assert_eq!(read, 1, "an answer from before the last renewal stands in");
        }
    };
    with_invalidation(invalidation, server);
}

#[test]
fn what_is_known_to_have_changed_never_stands_in() {
    let invalidation = |world: &World| {
        world.commit();
        world.lease.invalidate(USER);
        world.lease.extend(at(200));
        world.lease.disconnect();
    };
    let server = |world: &World| {
        let (stamp, read) = world.look_up();
        if world.lease.is_valid_during_outage(entry(stamp), Duration::from_millis(100), || at(250)) {
            assert_eq!(read, 1, "an answer from before the change stands in");
        }
    };
    with_invalidation(invalidation, server);
}

#[test]
fn without_a_lease_nothing_counts() {
    loom::model(|| {
        let lease = Lease::new(1);
        let stamp = lease.stamp(USER);
        assert!(!lease.is_valid(entry(stamp), || at(0)));
        assert!(!lease.is_valid_during_outage(entry(stamp), Duration::from_mins(1), || at(0)));
        lease.reconnect();
        let stamp = lease.stamp(USER);
        lease.extend(at(0));
        assert!(lease.is_valid(entry(stamp), || at(899)) && lease.holds(at(899)));
        assert!(!lease.is_valid(entry(stamp), || at(900)) && !lease.holds(at(900)));
        assert!(lease.is_valid_during_outage(entry(stamp), Duration::from_mins(1), || at(59_999)));
        assert!(!lease.is_valid_during_outage(entry(stamp), Duration::from_mins(1), || at(60_000)));
        lease.disconnect();
        assert!(!lease.is_valid(entry(stamp), || at(1)));
        assert!(lease.is_valid_during_outage(entry(stamp), Duration::from_mins(1), || at(59_999)));
    });
}

/// Between the first word of the new connection and the first renewal, what was cached before stands in for look-ups that fail,
/// and what is looked up is kept.
#[test]
fn while_it_returns_nothing_counts_by_the_lease_and_what_stood_in_still_does() {
    loom::model(|| {
        let lease = Lease::new(1);
        assert!(!lease.is_returning());
        lease.reconnect();
        lease.extend(at(0));
        let before = entry(lease.stamp(USER));
        lease.disconnect();
        assert!(!lease.is_returning());
        let missed = entry(lease.stamp(USER));
        lease.reconnect();
        assert!(lease.is_returning() && !lease.holds(at(1)));
        let again = entry(lease.stamp(USER));
        let stands_in = |entry, now| lease.is_valid_during_outage(entry, Duration::from_mins(1), || at(now));
        for entry in [before, missed, again] {
            assert!(!lease.is_valid(entry, || at(1)));
        }
        assert!(stands_in(before, 500) && stands_in(again, 500));
        lease.extend(at(500));
        assert!(!lease.is_returning() && lease.is_valid(again, || at(501)));
        for entry in [before, missed] {
            assert!(!lease.is_valid(entry, || at(501)) && !stands_in(entry, 501), "it may lack a change");
        }
    });
}

#[test]
fn what_ends_by_itself_counts_until_then_with_or_without_a_lease() {
    loom::model(|| {
        let lease = Lease::new(1);
        lease.reconnect();
        lease.extend(at(0));
        let ends = |millis| Entry { counts_until: at(millis), ..entry(lease.stamp(USER)) };
        for millis in [1, 500, 899] {
            assert!(
                lease.is_valid(ends(millis), || at(millis - 1))
                    && !lease.is_valid(ends(millis), || at(millis))
            );
        }
        assert!(!lease.is_valid(ends(2_000), || at(900)), "a late end extends no lease");
        let kept = [500, 5_000, 120_000].map(ends);
        lease.disconnect();
        let stands_in = |entry, now| lease.is_valid_during_outage(entry, Duration::from_mins(1), || at(now));
        for (entry, millis) in kept.into_iter().zip([500, 5_000, 60_000]) {
            assert!(stands_in(entry, millis - 1) && !stands_in(entry, millis));
        }
    });
}
