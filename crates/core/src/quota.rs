//! What is said about a quota, in the fields of draft-ietf-httpapi-ratelimit-headers-11.

use std::fmt;
use std::time::Duration;

/// A quota of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaName {
    /// All requests of a day in UTC that count.
    Day,
    /// The requests of one key or token within a minute.
    Minute,
}

impl QuotaName {
    /// The name, as the fields write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Minute => "minute",
        }
    }

    /// The time that the quota is for.
    pub const fn window(self) -> Duration {
        match self {
            Self::Day => Duration::from_hours(24),
            Self::Minute => Duration::from_mins(1),
        }
    }
}

impl fmt::Display for QuotaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How many requests a tenant may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestLimits {
    /// In a day, all together. `None`: as many as one likes.
    pub per_day: Option<u64>,
    /// In a minute, with each key or token. `None`: as many as one likes.
    pub per_minute: Option<u32>,
}

impl RequestLimits {
    /// `RateLimit-Policy` (section 3).
    pub fn policy(&self) -> String {
        let policy =
            |name: QuotaName, most: u64| format!("\"{name}\";q={most};w={}", name.window().as_secs());
        let day = self.per_day.map(|most| policy(QuotaName::Day, most));
        let minute = self.per_minute.map(|most| policy(QuotaName::Minute, most.into()));
        day.into_iter().chain(minute).collect::<Vec<_>>().join(", ")
    }
}

/// `RateLimit` (section 4): of one quota so many requests are left, and it is full again after this time.
pub fn rate_limit(name: QuotaName, left: u64, full_in: Duration) -> String {
    format!("\"{name}\";r={left};t={}", whole_seconds(full_in))
}

/// Whole seconds, rounded up.
pub const fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + if duration.subsec_nanos() > 0 { 1 } else { 0 }
}

/// A quota that is used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaExceeded {
    /// Which one.
    pub name: QuotaName,
    /// All limits that hold.
    pub limits: RequestLimits,
    /// When the next request may come.
    pub retry_after: Duration,
}

impl QuotaExceeded {
    /// The fields of the answer, and their values.
    pub fn fields(&self) -> [(&'static str, String); 3] {
        [
            ("Retry-After", whole_seconds(self.retry_after).max(1).to_string()),
            ("RateLimit-Policy", self.limits.policy()),
            ("RateLimit", rate_limit(self.name, 0, self.retry_after)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_say_which_limits_hold_and_what_is_left() {
        let limits = RequestLimits { per_day: Some(1_000), per_minute: Some(60) };
        let exceeded =
            QuotaExceeded { name: QuotaName::Day, limits, retry_after: Duration::from_millis(41_233_500) };
        let fields = exceeded.fields().map(|(_, value)| value);
        assert_eq!(fields, ["41234", "\"day\";q=1000;w=86400, \"minute\";q=60;w=60", "\"day\";r=0;t=41234"]);
        let limits = RequestLimits { per_day: None, ..limits };
        assert_eq!(limits.policy(), "\"minute\";q=60;w=60");
    }
}
