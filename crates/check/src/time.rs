//! Compares a store's clock with this machine's.

use gatepost_core::clock::Timestamp;

/// Seconds; a smaller difference may be the time that the answer took.
const TOLERATED: i64 = 5;

/// Describes the difference between the clocks; `None` if it is small.
pub(super) fn skew(theirs: Timestamp, whose: &str) -> Option<String> {
    let ahead = Timestamp::now().unix() - theirs.unix();
    let way = if ahead > 0 { "ahead of" } else { "behind" };
    (ahead.abs() > TOLERATED)
        .then(|| format!("This machine's clock is {} s {way} that of {whose}.", ahead.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_wrong_clock_is_reported_with_its_direction() {
        let now = Timestamp::now();
        assert_eq!(skew(now, "Redis"), None);
        let late = skew(now.minus(Duration::from_mins(1)), "Redis").unwrap_or_default();
        assert!(late.contains("ahead of that of Redis"), "{late}");
        let early = skew(now.plus(Duration::from_mins(1)), "Redis").unwrap_or_default();
        assert!(early.contains("behind that of Redis"), "{early}");
    }
}
