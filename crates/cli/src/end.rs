//! `--for` and `--until`: when a membership or a decision about an admin ends.

use super::console::Console;
use super::error::CommandError;
use super::report::{minute, minute_of};
use clap::Args;
use gatepost_config::duration;
use gatepost_core::clock::Timestamp;
use std::str::FromStr;
use std::time::Duration;

/// The longest time that `--for` accepts. What is to last longer needs no end.
const LONGEST: Duration = Duration::from_hours(36_500 * 24);

#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false)]
pub(super) struct End {
    /// End after this time, by itself: 30m, 8h or 7d
    #[arg(long = "for", value_name = "DURATION")]
    span: Option<Span>,
    /// End at this time, by itself: 2026-12-04T17:00Z
    #[arg(long, value_name = "TIME")]
    until: Option<Until>,
}

impl End {
    /// The second from which it counts no more. The database's clock decides when that is, so a span begins there.
    pub(super) async fn at(self, console: &Console) -> Result<Option<Timestamp>, CommandError> {
        match (self.span, self.until) {
            (Some(Span(span)), _) => Ok(Some(console.clock().await?.plus(span))),
            (None, until) => Ok(until.map(|Until(at)| at)),
        }
    }
}

/// The same for an end as text.
pub(super) fn until_text(end: Option<&String>) -> String {
    end.map(|end| format!(" until {} UTC", minute_of(end))).unwrap_or_default()
}

/// ` until 2026-12-04 17:00 UTC`, or nothing.
pub(super) fn until(end: Option<Timestamp>) -> String {
    end.map(|end| format!(" until {} UTC", minute(end))).unwrap_or_default()
}

/// A positive duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span(Duration);

/// The text is not such a duration.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a duration from 1s to 36500d: expected 30m, 8h or 7d")]
struct SpanError(String);

impl FromStr for Span {
    type Err = SpanError;
    fn from_str(text: &str) -> Result<Self, SpanError> {
        let span = duration::parse(text).filter(|span| !span.is_zero() && *span <= LONGEST);
        span.map(Self).ok_or_else(|| SpanError(text.to_owned()))
    }
}

/// A time with its offset. The seconds may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Until(Timestamp);

/// The text is not such a time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a time: expected 2026-12-04T17:00Z or 2026-12-04T18:00:00+01:00, with the offset")]
struct UntilError(String);

impl FromStr for Until {
    type Err = UntilError;
    fn from_str(text: &str) -> Result<Self, UntilError> {
        let with_seconds = || {
            let (minutes, offset) = text.split_at_checked("2026-12-04T17:00".len())?;
            format!("{minutes}:00{offset}").parse().ok()
        };
        let at = text.parse().ok().or_else(with_seconds);
        at.map(Self).ok_or_else(|| UntilError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_positive_and_within_the_calendar() {
        let span = |text: &str| text.parse::<Span>().ok().map(|Span(span)| span.as_secs());
        for (text, seconds) in
            [("1s", 1), ("30m", 1_800), ("8h", 28_800), ("7d", 604_800), ("36500d", 3_153_600_000)]
        {
            assert_eq!(span(text), Some(seconds), "{text}");
        }
        for text in [
            "",
            "0s",
            "0d",
            "36501d",
            "18446744073709551615d",
            "213503982334601d",
            "8",
            "-8h",
            "1h30m",
            "8 h",
        ] {
            assert_eq!(span(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_has_its_offset_and_may_lack_its_seconds() {
        let until = |text: &str| text.parse::<Until>().ok().map(|Until(at)| at.unix());
        for text in [
            "2026-12-04T17:00Z",
            "2026-12-04T17:00:00Z",
            "2026-12-04T18:00+01:00",
            "2026-12-04T18:00:00+01:00",
        ] {
            assert_eq!(until(text), Some(1_796_403_600), "{text}");
        }
        for text in [
            "",
            "2026-12-04",
            "2026-12-04T17:00",
            "2026-12-04T17Z",
            "17:00Z",
            "tomorrow",
            "2026-12-04T25:00Z",
            "2026-12-04T17:0ä",
        ] {
            assert_eq!(until(text), None, "{text}");
        }
    }
}
