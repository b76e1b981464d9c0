//! The days of which somebody wants to know the usage.

use gatepost_core::clock::Day;
use gatepost_core::usage::Month;
use std::fmt;
use std::str::FromStr;

/// The most days of one answer.
pub const MOST_DAYS: u32 = 400;

/// Of which time each row is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UsageStep {
    #[default]
    Day,
    Month,
}

impl fmt::Display for UsageStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Day => "day",
            Self::Month => "month",
        })
    }
}

impl FromStr for UsageStep {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "day" => Ok(Self::Day),
            "month" => Ok(Self::Month),
            _ => Err("expected day or month"),
        }
    }
}

/// The days of which somebody wants to know the usage, both included. Those of a step of months are whole months: people who were
/// let in before the first day would else count as new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageSpan {
    pub from: Day,
    pub to: Day,
    pub step: UsageStep,
}

/// Days that cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    #[error("the last day is before the first one")]
    Backwards,
    #[error("an answer has at most {MOST_DAYS} days")]
    TooLong,
}

impl UsageSpan {
    /// What is not given: days are those of the month so far, months are the last twelve.
    ///
    /// # Errors
    /// [`SpanError`].
    pub fn new(from: Option<Day>, to: Option<Day>, step: UsageStep, today: Day) -> Result<Self, SpanError> {
        let to = to.unwrap_or_else(|| from.map_or(today, |from| from.max(today)));
        let month = Month::of(to);
        let (from, to) = match step {
            UsageStep::Day => (from.unwrap_or_else(|| month.first_day()), to),
            UsageStep::Month => {
                let first = from.map_or_else(|| month.plus(-11), Month::of);
                (first.first_day(), month.last_day())
            }
        };
        if to < from {
            Err(SpanError::Backwards)
        } else if to.number() - from.number() >= MOST_DAYS {
            Err(SpanError::TooLong)
        } else {
            Ok(Self { from, to, step })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().expect("a day")
    }

    fn span(from: Option<&str>, to: Option<&str>, step: UsageStep) -> Result<(String, String), SpanError> {
        let span = UsageSpan::new(from.map(day), to.map(day), step, day("2026-11-30"))?;
        Ok((span.from.iso(), span.to.iso()))
    }

    #[test]
    fn what_is_not_given_is_this_month_or_the_last_twelve() {
        let told = |from: &str, to: &str| Ok((from.to_owned(), to.to_owned()));
        assert_eq!(span(None, None, UsageStep::Day), told("2026-11-01", "2026-11-30"));
        assert_eq!(span(Some("2026-10-07"), None, UsageStep::Day), told("2026-10-07", "2026-11-30"));
        assert_eq!(span(None, Some("2026-10-07"), UsageStep::Day), told("2026-10-01", "2026-10-07"));
        assert_eq!(span(None, None, UsageStep::Month), told("2025-12-01", "2026-11-30"));
        let widened = span(Some("2026-02-07"), Some("2026-03-01"), UsageStep::Month);
        assert_eq!(widened, told("2026-02-01", "2026-03-31"));
    }

    #[test]
    fn a_span_has_days_and_not_too_many() {
        assert_eq!(span(Some("2026-11-02"), Some("2026-11-01"), UsageStep::Day), Err(SpanError::Backwards));
        assert!(span(Some("2025-10-27"), Some("2026-11-30"), UsageStep::Day).is_ok());
        assert_eq!(span(Some("2025-10-26"), Some("2026-11-30"), UsageStep::Day), Err(SpanError::TooLong));
        assert_eq!(span(Some("2025-09-01"), Some("2026-11-30"), UsageStep::Month), Err(SpanError::TooLong));
    }
}
