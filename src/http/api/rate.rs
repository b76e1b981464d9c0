//! How many requests each caller of the API has, and how answers say it. The caller is whom the sealed cookie names, so
//! strangers cannot fill the memory, and what they send costs no look-up.

use crate::rate::{Left, Quota};
use std::time::Duration;

/// 20 requests a second, and 60 at once after a pause.
pub(super) const QUOTA: Quota = Quota::new(Duration::from_millis(50), 60);

/// `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11 section 3).
pub(super) fn policy() -> String {
    format!("\"api\";q={};w={}", QUOTA.burst, QUOTA.window().as_secs())
}

/// `RateLimit` (section 4).
pub(super) fn limit(left: Left) -> String {
    format!("\"api\";r={};t={}", left.requests, seconds(left.full_in))
}

/// `Retry-After`.
pub(super) fn retry_after(wait: Duration) -> String {
    seconds(wait).max(1).to_string()
}

/// Whole seconds, rounded up.
const fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + if duration.subsec_nanos() > 0 { 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_said_in_whole_seconds() {
        let left = Left { requests: 0, full_in: Duration::from_millis(2_950), wait: Some(QUOTA.interval) };
        assert_eq!((policy().as_str(), limit(left).as_str()), ("\"api\";q=60;w=3", "\"api\";r=0;t=3"));
        let waits = [QUOTA.interval, Duration::from_millis(1_001)].map(retry_after);
        assert_eq!(waits, ["1", "2"]);
    }
}
