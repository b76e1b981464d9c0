//! A month of the calendar, in UTC.

use crate::clock::{Day, Timestamp};
use std::fmt;
use std::str::FromStr;
use time::{Date, OffsetDateTime};

/// A month in UTC, as `2026-11`. Months are ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i32,
    /// From 1 to 12.
    month: u8,
}

/// A text that is not a month.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a month: expected one from 1970-01 to 9999-12, as 2026-11")]
pub struct MonthError(String);

impl Month {
    /// The month of a day.
    pub fn of(day: Day) -> Self {
        let date =
            OffsetDateTime::from_unix_timestamp(day.start().unix()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Self { year: date.year(), month: date.month().into() }
    }

    /// The first day.
    pub fn first_day(self) -> Day {
        let month = self.month.try_into().unwrap_or(time::Month::January);
        let date = Date::from_calendar_date(self.year, month, 1);
        let start = date.map_or(0, |date| date.midnight().assume_utc().unix_timestamp());
        Timestamp::from_unix(start).day()
    }

    /// The last day.
    pub fn last_day(self) -> Day {
        Day::from_number(self.plus(1).first_day().number().saturating_sub(1))
    }

    /// So many months later, or earlier.
    #[must_use]
    pub fn plus(self, months: i32) -> Self {
        let number = self.year * 12 + i32::from(self.month) - 1 + months;
        Self { year: number.div_euclid(12), month: u8::try_from(number.rem_euclid(12) + 1).unwrap_or(1) }
    }

    /// The month of a number as [`Self::number`] makes it.
    pub fn from_number(number: i64) -> Option<Self> {
        format!("{:04}-{:02}", number / 100, number % 100).parse().ok()
    }

    /// The year and the month, as `202611`, as tables have it.
    pub fn number(self) -> i64 {
        i64::from(self.year) * 100 + i64::from(self.month)
    }
}

/// The months for which a tenant owes the price of the month itself: from the one in which it was created to this one or, if it was
/// deleted, to that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenantMonths {
    first: Month,
    last: Month,
}

impl TenantMonths {
    /// `deleted_at` is `None` while it is not deleted.
    pub fn new(created_at: Timestamp, deleted_at: Option<Timestamp>, now: Timestamp) -> Self {
        let last = deleted_at.map_or(now, |deleted_at| deleted_at.min(now));
        Self { first: Month::of(created_at.day()), last: Month::of(last.day()) }
    }

    /// Whether a month is among them.
    pub fn contains(self, month: Month) -> bool {
        (self.first..=self.last).contains(&month)
    }

    /// All of them, by time.
    pub fn months(self) -> impl Iterator<Item = Month> {
        std::iter::successors(Some(self.first), |month| Some(month.plus(1)))
            .take_while(move |month| *month <= self.last)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let fail = || MonthError(text.to_owned());
        let is_plain = text.len() == 7 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let (year, month) = text.split_once('-').filter(|_| is_plain).ok_or_else(fail)?;
        let (year, month) = (year.parse().map_err(|_| fail())?, month.parse().map_err(|_| fail())?);
        if (1970..=9999).contains(&year) && (1..=12).contains(&month) {
            Ok(Self { year, month })
        } else {
            Err(fail())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        text.parse().expect("a month")
    }

    fn day_of(time: &str) -> Day {
        time.parse::<Timestamp>().expect("a time").day()
    }

    #[test]
    fn a_month_begins_and_ends_at_midnight_in_utc() {
        let (last, first) = (day_of("2026-11-30T23:59:59Z"), day_of("2026-12-01T00:00:00Z"));
        assert_eq!((Month::of(last), Month::of(first)), (month("2026-11"), month("2026-12")));
        assert_eq!((month("2026-11").last_day(), month("2026-12").first_day()), (last, first));
        // It is December in Berlin already.
        assert_eq!(Month::of(day_of("2026-12-01T00:30:00+01:00")), month("2026-11"));
    }

    #[test]
    fn months_are_counted_over_the_end_of_the_year() {
        assert_eq!(month("2026-11").plus(2), month("2027-01"));
        assert_eq!(month("2026-01").plus(-1), month("2025-12"));
        assert_eq!(month("2028-02").last_day(), day_of("2028-02-29T12:00:00Z"));
        assert_eq!(Month::from_number(202_603), Some(month("2026-03")));
        assert_eq!(
            (month("2026-03").number(), month("2026-03").to_string()),
            (202_603, "2026-03".to_owned())
        );
    }

    #[test]
    fn a_tenant_has_the_months_from_its_creation_to_this_one_or_its_deletion() {
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let (created, now) = (time("2026-11-30T23:59:59Z"), time("2027-02-01T00:00:00Z"));
        let months = |deleted| -> Vec<String> {
            TenantMonths::new(created, deleted, now).months().map(|month| month.to_string()).collect()
        };
        assert_eq!(months(None), ["2026-11", "2026-12", "2027-01", "2027-02"]);
        assert_eq!(months(Some(time("2026-12-31T23:59:59Z"))), ["2026-11", "2026-12"]);
        assert_eq!(months(Some(time("2027-12-31T23:59:59Z"))).len(), 4, "another clock's time");
        let own = TenantMonths::new(created, None, now);
        for (text, is_own) in [("2026-10", false), ("2026-11", true), ("2027-02", true), ("2027-03", false)] {
            assert_eq!(own.contains(month(text)), is_own, "{text}");
        }
    }

    #[test]
    fn what_is_no_month_is_refused() {
        for text in ["", "2026", "2026-13", "2026-00", "26-11", "2026-1", "2026-11-01", "+026-11", "1969-12"]
        {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }
}
