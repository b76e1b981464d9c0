//! A queue of exchanges that share a token bucket. Decides which one goes next.

use super::{FailureClass, MAX_WAIT};
use gatepost_oidc::Bucket;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The time after which the number of a class's failures is halved.
const HALF_LIFE: Duration = Duration::from_secs(10);

/// The result of an attempt to begin an exchange.
pub(super) enum Attempt {
    /// It may begin, and is counted.
    Taken,
    /// It waits until this time, or until it is woken.
    Wait(Instant),
    /// The code belongs into another queue.
    WrongQueue,
    /// It may not begin before its deadline. Holds the time after which to try again.
    Refused(Duration),
}

pub(super) struct Queue {
    bucket: Bucket,
    waiting: Vec<Waiting>,
    max_waiting: usize,
    /// Exchanges in flight, which may return their tokens.
    under_way: usize,
    failures: HashMap<FailureClass, Failures>,
}

struct Waiting {
    number: u64,
    classes: [FailureClass; 2],
    changed: Arc<Notify>,
}

/// The number of exchanges of one class that failed or are in flight.
struct Failures {
    count: u32,
    at: Instant,
}

impl Failures {
    fn now(&self, now: Instant) -> u32 {
        let half_lives = now.saturating_duration_since(self.at).as_secs() / HALF_LIFE.as_secs();
        self.count.checked_shr(u32::try_from(half_lives).unwrap_or(u32::MAX)).unwrap_or(0)
    }
}

impl Queue {
    /// A queue that lets `burst` exchanges begin at once, then one per `interval`; at most `max_waiting` wait.
    pub(super) fn new(burst: u32, interval: Duration, max_waiting: usize, now: Instant) -> Self {
        Self {
            bucket: Bucket::new(burst, interval, now.into_std()),
            waiting: Vec::new(),
            max_waiting,
            under_way: 0,
            failures: HashMap::new(),
        }
    }

    /// Joins the queue. If it is full, replaces the request whose class failed most often, else returns `None`.
    pub(super) fn join(
        &mut self,
        number: u64,
        classes: &[FailureClass; 2],
        now: Instant,
    ) -> Option<Arc<Notify>> {
        if self.waiting.len() >= self.max_waiting {
            let order =
                |at: &usize| (self.failures_of(&self.waiting[*at].classes, now), self.waiting[*at].number);
            let last = (0..self.waiting.len()).max_by_key(order)?;
            if self.failures_of(&self.waiting[last].classes, now) <= self.failures_of(classes, now) {
                return None;
            }
            self.waiting.swap_remove(last).changed.notify_one();
        }
        let changed = Arc::<Notify>::default();
        self.waiting.push(Waiting { number, classes: classes.clone(), changed: Arc::clone(&changed) });
        Some(changed)
    }

    /// Lets this exchange begin if it is next and a token is left.
    pub(super) fn try_begin(&mut self, number: u64, now: Instant, deadline: Instant) -> Attempt {
        let Some(next) = self.next(now) else { return Attempt::Refused(MAX_WAIT) };
        if self.waiting[next].number != number {
            let is_there = self.waiting.iter().any(|waiting| waiting.number == number);
            if !is_there || now >= deadline {
                return Attempt::Refused(MAX_WAIT);
            }
            // The next request may still be asleep.
            self.waiting[next].changed.notify_one();
            return Attempt::Wait(deadline);
        }
        if self.bucket.take(now.into_std()) {
            let classes = self.waiting.swap_remove(next).classes;
            self.count(classes, now);
            self.under_way += 1;
            self.wake_next(now);
            return Attempt::Taken;
        }
        let next_at = Instant::from_std(self.bucket.next_at(now.into_std()));
        if now >= deadline || (self.under_way == 0 && next_at > deadline) {
            return Attempt::Refused(next_at.saturating_duration_since(now).max(MAX_WAIT));
        }
        Attempt::Wait(next_at)
    }

    /// Ends an exchange that began.
    pub(super) fn end(&mut self, classes: &[FailureClass; 2], is_counted: bool, now: Instant) {
        self.under_way = self.under_way.saturating_sub(1);
        if !is_counted {
            self.bucket.put_back();
            for class in classes {
                if let Some(failures) = self.failures.get_mut(class) {
                    *failures = Failures { count: failures.now(now).saturating_sub(1), at: now };
                }
            }
        }
        self.failures.retain(|_, failures| failures.now(now) > 0);
        self.wake_next(now);
    }

    pub(super) fn leave(&mut self, number: u64, now: Instant) {
        if let Some(permit) = self.waiting.iter().position(|waiting| waiting.number == number) {
            self.waiting.swap_remove(permit);
            self.wake_next(now);
        }
    }

    /// Wakes all waiting requests, so that they check their lane again.
    pub(super) fn wake_all(&self) {
        self.waiting.iter().for_each(|waiting| waiting.changed.notify_one());
    }

    fn wake_next(&self, now: Instant) {
        if let Some(next) = self.next(now) {
            self.waiting[next].changed.notify_one();
        }
    }

    /// The index of the next request: the one whose classes failed least, then the oldest.
    fn next(&self, now: Instant) -> Option<usize> {
        let order =
            |at: &usize| (self.failures_of(&self.waiting[*at].classes, now), self.waiting[*at].number);
        (0..self.waiting.len()).min_by_key(order)
    }

    /// Whether the queue can be removed without any effect.
    pub(super) fn is_idle(&mut self, now: Instant) -> bool {
        !self.is_in_use()
            && self.bucket.is_full(now.into_std())
            && self.failures.values().all(|failures| failures.now(now) == 0)
    }

    pub(super) fn is_in_use(&self) -> bool {
        self.under_way > 0 || self.has_waiting()
    }

    pub(super) const fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn count(&mut self, classes: [FailureClass; 2], now: Instant) {
        for class in classes {
            let failures = self.failures.entry(class).or_insert(Failures { count: 0, at: now });
            *failures = Failures { count: failures.now(now) + 1, at: now };
        }
    }

    fn failures_of(&self, classes: &[FailureClass; 2], now: Instant) -> [u32; 2] {
        classes.each_ref().map(|class| self.failures.get(class).map_or(0, |failures| failures.now(now)))
    }
}
