//! Timestamps as text in UTC: to the minute for people, in RFC 3339 for programs.

use super::clock::{Day, Timestamp};
use std::str::FromStr;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

/// Formats as `2026-11-24 23:35`, in UTC, for people.
pub fn minute(at: Timestamp) -> String {
    date(at).format(format_description!("[year]-[month]-[day] [hour]:[minute]")).unwrap_or_default()
}

/// Formats as `2026-11-24T23:35:01Z` (RFC 3339, UTC), for programs.
pub fn rfc3339(at: Timestamp) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    date(at).format(format).unwrap_or_default()
}

impl Day {
    /// Formats as `20261129`.
    pub fn compact(self) -> String {
        date(self.start()).format(format_description!("[year][month][day]")).unwrap_or_default()
    }

    /// Formats as `2026-11-29` (RFC 3339, `full-date`).
    pub fn iso(self) -> String {
        date(self.start()).format(format_description!("[year]-[month]-[day]")).unwrap_or_default()
    }
}

/// A text that is not a day.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a day: expected one from 1970-01-01 to 9999-12-31, as 2026-11-24")]
pub struct DayError(String);

impl FromStr for Day {
    type Err = DayError;

    /// Reads `2026-11-24`, in UTC.
    fn from_str(text: &str) -> Result<Self, DayError> {
        let is_plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let date = Date::parse(text, format_description!("[year]-[month]-[day]"));
        let date = date.ok().filter(|date| is_plain && date.year() >= 1970);
        date.map(|date| Timestamp::from_unix(date.midnight().assume_utc().unix_timestamp()).day())
            .ok_or_else(|| DayError(text.to_owned()))
    }
}

/// A timestamp outside the calendar's range becomes 1970-01-01.
fn date(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at.unix()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// A text that is not an RFC 3339 timestamp.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} is not a timestamp: expected RFC 3339, as in 2026-11-24T23:35:00Z or 2026-11-25T00:35:00+01:00"
)]
pub struct TimestampError(String);

impl FromStr for Timestamp {
    type Err = TimestampError;

    /// Reads RFC 3339. The offset is required: a time without one would depend on the machine's time zone.
    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let date = OffsetDateTime::parse(text, &Rfc3339);
        date.map(|date| Self::from_unix(date.unix_timestamp())).map_err(|_| TimestampError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_for_people_and_rfc_3339_for_programs() {
        let at = Timestamp::from_unix(1_795_563_301);
        assert_eq!((minute(at).as_str(), rfc3339(at).as_str()), ("2026-11-24 23:35", "2026-11-24T23:35:01Z"));
    }

    #[test]
    fn a_day_begins_and_ends_at_midnight_in_utc() {
        let at = Timestamp::from_unix(1_795_563_301);
        let day = at.day();
        assert_eq!(
            (day.compact().as_str(), rfc3339(day.start()).as_str()),
            ("20261124", "2026-11-24T00:00:00Z")
        );
        assert_eq!(
            (day.end().day().compact().as_str(), day.end().since(day.start())),
            ("20261125", Day::LENGTH)
        );
        assert_eq!(day.end().minus(std::time::Duration::from_secs(1)).day(), day);
    }

    #[test]
    fn a_day_is_read_as_it_is_written() {
        let day = Timestamp::from_unix(1_795_563_301).day();
        assert_eq!((day.iso().parse(), day.iso().as_str()), (Ok(day), "2026-11-24"));
        for text in ["", "20261124", "2026-11", "2026-11-31", "2026-13-01", "1969-12-31", "+2026-11-2"] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_is_read_with_its_offset_and_never_without() {
        let at = Ok(Timestamp::from_unix(1_795_563_301));
        for text in ["2026-11-24T23:35:01Z", "2026-11-25T00:35:01+01:00", "2026-11-24t23:35:01.5z"] {
            assert_eq!(text.parse(), at, "{text}");
        }
        for text in ["", "2026-11-24T23:35:01", "2026-11-24", "23:35", "yesterday", "2026-13-01T00:00:00Z"] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }
}
