//! What one tenant may still use on this replica.
//!
//! Guarantee: taking a unit needs neither I/O nor a lock, and no unit is taken twice. A unit of one day is no unit of the next
//! day.

use super::fields::Fields;
use crate::usage::TenantUsage;
use arc_swap::ArcSwapOption;
use gatepost_core::clock::{BootTime, Day, Timestamp};
use gatepost_core::ids::TenantId;
use gatepost_core::quota::RequestLimits;
use gatepost_store::session::quotas::{Draw, Tally};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use tokio::sync::Mutex;

/// A limit that nobody reaches.
const NO_LIMIT: u64 = u64::MAX;
/// An allotment is this part of a day's limit, so that little is unused when a tenant has used up its day.
const PARTS: u64 = 200;
/// The most units of an allotment.
const LARGEST: u64 = 500;
/// How long a store that had no unit left is not asked again, in seconds of the clock, of which the first has begun: another
/// replica may have given some back.
const ASK_AGAIN: i64 = 2;

/// Units of a day, in one word: the day above, the units below.
#[derive(Debug, Default)]
struct DayUnits(AtomicU64);

impl DayUnits {
    fn pack(day: Day, units: u64) -> u64 {
        (u64::from(day.number()) << 32) | units
    }

    fn units(word: u64, day: Day) -> u64 {
        if word >> 32 == u64::from(day.number()) { word & 0xffff_ffff } else { 0 }
    }

    fn of(&self, day: Day) -> u64 {
        Self::units(self.0.load(Ordering::Acquire), day)
    }

    /// Takes one. Returns how many are left then.
    fn take(&self, day: Day) -> Option<u64> {
        let take = |word| Self::units(word, day).checked_sub(1).map(|left| Self::pack(day, left));
        let taken = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, take);
        taken.ok().map(|word| Self::units(word, day) - 1)
    }

    fn add(&self, day: Day, units: u64) {
        let add = |word| Some(Self::pack(day, (Self::units(word, day) + units).min(0xffff_ffff)));
        // The closure always returns a value.
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, add);
    }

    fn take_all(&self, day: Day) -> u64 {
        Self::units(self.0.swap(0, Ordering::AcqRel), day)
    }
}

/// What is known of the counter that all replicas share.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub day: Day,
    pub known: Tally,
    /// Units that were used, or are held, without being drawn, because the store did not answer.
    pub owed: u64,
    /// Until then the store is not asked again.
    pub away_until: BootTime,
    /// A draw to which no answer came.
    pub unanswered: Option<Unanswered>,
}

/// A draw of which nobody knows whether the store carried it out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unanswered {
    pub draw: Draw,
    /// The store answers a draw with this id as it did the first time until then.
    pub until: BootTime,
}

impl Book {
    /// Whether there is anything of this day that the store could have lost.
    pub(super) fn has_known(&self, day: Day) -> bool {
        self.day == day && self.known.drawn + self.owed > 0
    }

    /// Units that are known to be used or held by a replica.
    pub(super) fn used(&self) -> u64 {
        self.known.used() + self.owed
    }
}

/// One tenant.
#[derive(Debug)]
pub(super) struct Account {
    pub tenant: TenantId,
    per_day: AtomicU64,
    per_minute: AtomicU64,
    left: DayUnits,
    /// Units that were drawn and may not be used any more.
    surrendered: DayUnits,
    /// What was used when the store was asked last, on all replicas.
    used: AtomicU64,
    /// Until then there is nothing to draw.
    empty_until: AtomicI64,
    is_refilling: AtomicBool,
    pub book: Mutex<Book>,
    fields: ArcSwapOption<Fields>,
    /// Where requests that pass are counted.
    pub usage: Arc<TenantUsage>,
}

impl Account {
    /// Whether there is anything of today that the store could have lost. Whoever draws now may learn something.
    pub(super) fn has_known(&self) -> bool {
        self.book.try_lock().map_or(true, |book| book.has_known(Timestamp::now().day()))
    }

    pub(super) fn new(tenant: TenantId, limits: RequestLimits, usage: Arc<TenantUsage>) -> Self {
        let account = Self {
            tenant,
            per_day: AtomicU64::new(NO_LIMIT),
            per_minute: AtomicU64::new(NO_LIMIT),
            left: DayUnits::default(),
            surrendered: DayUnits::default(),
            used: AtomicU64::default(),
            empty_until: AtomicI64::default(),
            is_refilling: AtomicBool::default(),
            book: Mutex::default(),
            fields: ArcSwapOption::empty(),
            usage,
        };
        account.set_limits(limits, Timestamp::from_unix(0).day());
        account
    }

    /// Sets what holds from now on. Units that were drawn under another limit are not used.
    pub(super) fn set_limits(&self, limits: RequestLimits, today: Day) {
        let per_day = limits.per_day.unwrap_or(NO_LIMIT);
        self.per_minute.store(limits.per_minute.map_or(NO_LIMIT, u64::from), Ordering::Release);
        if self.per_day.swap(per_day, Ordering::AcqRel) != per_day {
            self.surrender(today);
            self.empty_until.store(0, Ordering::Release);
        }
        self.fields.store(None);
    }

    pub(super) fn limits(&self) -> RequestLimits {
        let limit = |limit: &AtomicU64| Some(limit.load(Ordering::Acquire)).filter(|most| *most != NO_LIMIT);
        let per_minute = limit(&self.per_minute).map(|most| u32::try_from(most).unwrap_or(u32::MAX));
        RequestLimits { per_day: limit(&self.per_day), per_minute }
    }

    pub(super) fn per_day(&self) -> Option<u64> {
        self.limits().per_day
    }

    /// Takes one unit of this day. Returns how many are left then.
    pub(super) fn take(&self, day: Day) -> Option<u64> {
        self.left.take(day)
    }

    /// Puts a unit back that was taken.
    pub(super) fn put_back(&self, day: Day) {
        self.left.add(day, 1);
    }

    /// Units that this replica holds.
    pub(super) fn held(&self, day: Day) -> u64 {
        self.left.of(day)
    }

    /// Adds what was granted under this limit.
    pub(super) fn grant(&self, day: Day, units: u64, limit: u64) {
        self.left.add(day, units);
        if self.per_day.load(Ordering::Acquire) != limit {
            self.surrender(day);
        }
    }

    /// Keeps the units that this replica holds from being used.
    pub(super) fn surrender(&self, day: Day) {
        let held = self.left.take_all(day);
        self.surrendered.add(day, held);
    }

    /// Adds units that are to be given back.
    pub(super) fn surrender_units(&self, day: Day, units: u64) {
        self.surrendered.add(day, units);
    }

    /// Takes the units that are to be given back.
    pub(super) fn take_surrendered(&self, day: Day) -> u64 {
        self.surrendered.take_all(day)
    }

    /// Whether units are to be given back.
    pub(super) fn has_surrendered(&self, day: Day) -> bool {
        self.surrendered.of(day) > 0
    }

    /// Notes what is used on all replicas.
    pub(super) fn note_used(&self, used: u64) {
        self.used.store(used, Ordering::Release);
    }

    /// Notes that there is nothing to draw for this day, from now on.
    pub(super) fn note_empty(&self, day: Day) {
        self.note_empty_at(day, Timestamp::now());
    }

    fn note_empty_at(&self, day: Day, now: Timestamp) {
        // The draw may have taken until the next day.
        if now.day() == day {
            self.empty_until.store(now.unix() + ASK_AGAIN, Ordering::Release);
        }
    }

    /// Whether there was nothing to draw a moment ago, on the same day.
    pub(super) fn is_empty(&self, now: Timestamp) -> bool {
        let until = self.empty_until.load(Ordering::Acquire);
        // Not for long after the clock was set back.
        let is_recent = (1..=ASK_AGAIN).contains(&(until - now.unix()));
        is_recent && Timestamp::from_unix(until - ASK_AGAIN).day() == now.day()
    }

    /// Whether more units are to be drawn before the last one is used. Says so once, until [`Self::note_refilled`].
    pub(super) fn begins_refill(&self, left: u64, limit: u64, now: Timestamp) -> bool {
        left <= allotment(limit) / 2 && !self.is_empty(now) && !self.is_refilling.swap(true, Ordering::AcqRel)
    }

    pub(super) fn note_refilled(&self) {
        self.is_refilling.store(false, Ordering::Release);
    }

    /// What answers say. It is made once a second.
    pub(super) fn fields(&self, now: Timestamp) -> Arc<Fields> {
        if let Some(fields) = self.fields.load().as_ref().filter(|fields| fields.made_at == now) {
            return Arc::clone(fields);
        }
        let held = self.left.of(now.day());
        let used = if held > 0 { self.used.load(Ordering::Acquire) } else { 0 };
        let fields = Arc::new(Fields::new(self.limits(), (used, held), now));
        self.fields.store(Some(Arc::clone(&fields)));
        fields
    }
}

/// The units of an allotment under this limit.
pub(super) const fn allotment(limit: u64) -> u64 {
    let part = limit / PARTS;
    if part == 0 {
        1
    } else if part > LARGEST {
        LARGEST
    } else {
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Day = Day::from_number(20_786);
    const TOMORROW: Day = Day::from_number(20_787);

    fn account(per_day: u64) -> Account {
        let limits = RequestLimits { per_day: Some(per_day), per_minute: None };
        Account::new("acme".parse().expect("an id"), limits, Arc::default())
    }

    #[test]
    fn units_are_taken_one_by_one_and_none_is_left_for_the_next_day() {
        let account = account(1_000);
        assert_eq!(account.take(TODAY), None);
        account.grant(TODAY, 2, 1_000);
        assert_eq!(
            (account.take(TODAY), account.take(TOMORROW), account.take(TODAY)),
            (Some(1), None, Some(0))
        );
        account.grant(TODAY, 1, 1_000);
        account.grant(TOMORROW, 5, 1_000);
        assert_eq!((account.take(TODAY), account.held(TOMORROW)), (None, 5));
    }

    #[test]
    fn units_that_were_drawn_under_another_limit_are_given_back() {
        let account = account(1_000);
        account.grant(TODAY, 5, 1_000);
        account.set_limits(RequestLimits { per_day: Some(10), per_minute: None }, TODAY);
        assert_eq!((account.take(TODAY), account.take_surrendered(TODAY)), (None, 5));
        account.grant(TODAY, 5, 1_000);
        assert_eq!(
            (account.take(TODAY), account.take_surrendered(TODAY)),
            (None, 5),
            "the draw was under way"
        );
    }

    #[test]
    fn an_empty_day_is_asked_for_again_soon_and_the_next_day_at_once() {
        let account = account(10);
        let last = TODAY.end().minus(std::time::Duration::from_secs(1));
        account.note_empty_at(TODAY, last);
        assert!(account.is_empty(last));
        assert!(!account.is_empty(TODAY.end()));
        let noon = TODAY.start().plus(std::time::Duration::from_hours(12));
        account.note_empty_at(TODAY, noon);
        assert!(account.is_empty(noon.plus(std::time::Duration::from_secs(1))), "at least a second");
        assert!(!account.is_empty(noon.plus(std::time::Duration::from_secs(2))));
        assert!(!account.is_empty(TODAY.start()), "the clock was set back");
        account.note_empty_at(TODAY, TODAY.end());
        assert!(!account.is_empty(TODAY.end()), "the draw for today ended tomorrow");
    }

    #[test]
    fn an_allotment_is_a_small_part_of_the_limit_and_never_nothing() {
        for (limit, units) in [(0, 1), (1, 1), (199, 1), (1_000, 5), (100_000, 500), (10_000_000, 500)] {
            assert_eq!(allotment(limit), units, "{limit}");
        }
    }
}
