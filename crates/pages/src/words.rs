//! Times, durations and devices in words.

use gatepost_core::calendar::rfc3339;
use gatepost_core::clock::Timestamp;
use std::fmt;
use std::time::Duration;
use time::OffsetDateTime;
use time::macros::format_description;

/// A time for people, in UTC: without scripts the reader's time zone is not known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(pub(super) Timestamp);

impl Moment {
    /// For the `datetime` attribute (RFC 3339).
    pub(super) fn machine(self) -> String {
        rfc3339(self.0)
    }

    /// As short as it is clear within a year.
    pub(super) fn short(self) -> String {
        let format = format_description!(
            "[weekday repr:short] [day padding:none] [month repr:short], [hour]:[minute] UTC"
        );
        self.date().format(&format).unwrap_or_default()
    }

    /// With the day of the week, for a time that somebody chose.
    pub(super) fn with_weekday(self) -> String {
        let format =
            format_description!("[weekday] [day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
        self.date().format(&format).unwrap_or_default()
    }

    /// Dates outside the calendar become its beginning.
    fn date(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.0.unix()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
        f.write_str(&self.date().format(&format).unwrap_or_default())
    }
}

/// A day (UTC) for people, without its year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day(i64);

impl Day {
    const SECONDS: i64 = 86_400;

    pub(super) const fn of(at: Timestamp) -> Self {
        Self(at.unix().div_euclid(Self::SECONDS))
    }

    /// Its first second.
    pub(super) const fn start(self) -> Timestamp {
        Timestamp::from_unix(self.0 * Self::SECONDS)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = format_description!("[day padding:none] [month repr:long]");
        f.write_str(&Moment(self.start()).date().format(&format).unwrap_or_default())
    }
}

/// "1 person", "12 people", "1000+ people".
pub(super) fn people(number: &str) -> String {
    if number == "1" { "1 person".to_owned() } else { format!("{number} people") }
}

/// "12,345": with a comma before each three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// "15 minutes": in the largest unit that divides the duration.
pub(super) fn duration(duration: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let seconds = duration.as_secs();
    let exact = UNITS.iter().find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit));
    let (unit, name) = exact.copied().unwrap_or((1, "second"));
    count(seconds / unit, name)
}

/// "3 hours ago", rounded down; "just now" below a minute.
pub(super) fn ago(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..60 => "just now".to_owned(),
        60..3600 => format!("{} ago", count(seconds / 60, "minute")),
        3600..172_800 => format!("{} ago", count(seconds / 3600, "hour")),
        _ => format!("{} ago", count(seconds / 86_400, "day")),
    }
}

/// "1 day", "2 days".
pub(super) fn count(number: u64, unit: &str) -> String {
    if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
}

/// Makes the first letter upper case: "passes" becomes "Passes".
pub(super) fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(characters).collect()
}

/// At most `limit` characters; an ellipsis replaces the rest.
pub(super) fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit.saturating_sub(1)).chain(['\u{2026}']).collect()
}

/// "Firefox on Windows", from the `User-Agent`; never used for decisions.
pub fn device(user_agent: &str) -> String {
    // Each name also occurs in the headers of later ones, so the order matters.
    const BROWSERS: [(&str, &str); 12] = [
        ("Edg/", "Edge"),
        ("EdgA/", "Edge"),
        ("EdgiOS/", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Vivaldi/", "Vivaldi"),
        ("FxiOS/", "Firefox"),
        ("Firefox/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("CrOS", "ChromeOS"),
        ("Windows", "Windows"),
        ("Macintosh", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "Unknown device".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_by_what_its_owner_calls_it() {
        for (user_agent, want) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
                "Chrome on Linux",
            ),
            ("curl/8.14.1", "curl"),
            ("", "Unknown device"),
            ("<script>", "Unknown device"),
        ] {
            assert_eq!(device(user_agent), want);
        }
    }

    #[test]
    fn durations_are_exact_and_ages_are_rounded() {
        for (seconds, want) in [
            (900, "15 minutes"),
            (3600, "1 hour"),
            (5400, "90 minutes"),
            (90, "90 seconds"),
            (0, "0 seconds"),
            (86_400, "1 day"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), want);
        }
        for (seconds, want) in
            [(59, "just now"), (60, "1 minute ago"), (7199, "1 hour ago"), (172_800, "2 days ago")]
        {
            assert_eq!(ago(Duration::from_secs(seconds)), want);
        }
    }

    #[test]
    fn large_numbers_are_grouped_and_days_have_no_year() {
        for (number, want) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), want);
        }
        let day = Day::of(Timestamp::from_unix(1_795_563_300));
        assert_eq!((day.to_string().as_str(), day.start().unix() % 86_400), ("24 November", 0));
    }

    #[test]
    fn a_moment_reads_the_same_for_people_and_programs() {
        let moment = Moment(Timestamp::from_unix(1_795_563_300));
        assert_eq!(
            (moment.to_string().as_str(), moment.machine().as_str()),
            ("24 November 2026, 23:35 UTC", "2026-11-24T23:35:00Z")
        );
    }
}
