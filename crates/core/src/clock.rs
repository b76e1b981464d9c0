//! The clocks. All code reads the time here, and nowhere else.
//!
//! Times that are stored or compared between replicas are [`Timestamp`]s: whole seconds since the epoch, the unit of
//! every `*_at` column and of the JWT claims `iat`, `exp` and `auth_time` (RFC 7519 section 2, `NumericDate`).

use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The current time of the operating system's clock.
    #[expect(clippy::disallowed_methods, reason = "all code reads the clock here")]
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    /// A time given in seconds since the epoch.
    pub const fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// Adds `duration`; saturates at the largest value.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)))
    }

    /// Subtracts `duration`; saturates at the smallest value.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)))
    }

    /// The time from `earlier` to this timestamp; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// A day in UTC, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

impl Day {
    /// The length of a day.
    pub const LENGTH: Duration = Duration::from_hours(24);

    /// The day that has this number.
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The days since 1970-01-01.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// When the day begins.
    pub fn start(self) -> Timestamp {
        Timestamp(i64::from(self.0) * 86_400)
    }

    /// When the day ends and the next one begins.
    pub fn end(self) -> Timestamp {
        self.start().plus(Self::LENGTH)
    }
}

impl Timestamp {
    /// The day in UTC.
    pub fn day(self) -> Day {
        Day(u32::try_from(self.0.div_euclid(86_400)).unwrap_or(0))
    }
}

/// Nanoseconds since the machine started, including the time it was suspended (`CLOCK_BOOTTIME`). Leases are measured
/// with it because it never jumps. It cannot be compared between machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootTime(u64);

impl BootTime {
    /// After every other time: a limit that is never reached.
    pub const MAX: Self = Self(u64::MAX);

    /// The current value of the clock.
    pub fn now() -> Self {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        Self(seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0))
    }

    /// A time given in nanoseconds since the machine started.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the machine started.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Adds `duration`; saturates at the largest value.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}
