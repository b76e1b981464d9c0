//! A time on the command line: with its offset, as a day, or as a duration ago.

use gatepost_config::duration;
use gatepost_core::clock::Timestamp;
use std::str::FromStr;

/// A time; "an hour ago" is resolved when the command line is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment(pub(super) Timestamp);

/// The text is not a time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} is not a time: expected 2026-11-24T23:35:00Z, 2026-11-24 (its midnight, UTC), or 15m, 12h, 7d (ago)"
)]
pub(super) struct MomentError(String);

impl FromStr for Moment {
    type Err = MomentError;
    fn from_str(text: &str) -> Result<Self, MomentError> {
        let ago = || duration::parse(text).map(|ago| Timestamp::now().minus(ago));
        let day = || format!("{text}T00:00:00Z").parse().ok();
        let at = text.parse().ok().or_else(ago).or_else(day);
        at.map(Self).ok_or_else(|| MomentError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_point_in_time_has_an_offset_or_is_a_day_or_so_long_ago() {
        let at = |text: &str| text.parse::<Moment>().ok().map(|moment| moment.0.unix());
        assert_eq!(at("2026-11-24T23:35:01Z"), Some(1_795_563_301));
        assert_eq!(at("2026-11-25T00:35:01+01:00"), Some(1_795_563_301));
        assert_eq!(at("2026-11-24"), Some(1_795_478_400));
        let hour_ago = Timestamp::now().minus(Duration::from_hours(1)).unix();
        assert!(at("1h").is_some_and(|at| at.abs_diff(hour_ago) <= 1));
        for text in ["", "yesterday", "24.11.2026", "2026-11-31", "2026-11-24T23:35", "1", "-1h"] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
