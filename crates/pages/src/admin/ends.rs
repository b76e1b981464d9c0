//! When something that a form gives ends: quick choices, and a time of one's own.

use crate::words::Moment;
use gatepost_core::calendar;
use gatepost_core::clock::Timestamp;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// A choice of a form: when something ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndChoice {
    #[default]
    Never,
    EightHours,
    OneDay,
    /// The end of the next Friday that is not today (UTC).
    Friday,
    ThirtyDays,
    /// The time that was entered.
    Other,
}

impl EndChoice {
    const ALL: [Self; 6] =
        [Self::Never, Self::EightHours, Self::OneDay, Self::Friday, Self::ThirtyDays, Self::Other];

    /// Its value in forms.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::EightHours => "8h",
            Self::OneDay => "1d",
            Self::Friday => "friday",
            Self::ThirtyDays => "30d",
            Self::Other => "other",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Never => "For good",
            Self::EightHours => "For 8 hours",
            Self::OneDay => "For 1 day",
            Self::Friday => "Until Friday",
            Self::ThirtyDays => "For 30 days",
            Self::Other => "Until another time",
        }
    }

    /// When it ends, of those that end at a known time.
    fn at(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Never | Self::Other => None,
            Self::EightHours => Some(now.plus(Duration::from_hours(8))),
            Self::OneDay => Some(now.plus(DAY)),
            Self::Friday => Some(end_of_friday(now)),
            Self::ThirtyDays => Some(now.plus(DAY * 30)),
        }
    }
}

/// What a form says about an end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnteredEnd {
    pub choice: EndChoice,
    /// The other time, as it was entered.
    pub at: String,
}

impl EnteredEnd {
    /// Reads the fields `end` and `at`. An unknown choice counts as none.
    pub fn new(end: Option<&str>, at: Option<&str>) -> Option<Self> {
        let choice = EndChoice::ALL.into_iter().find(|choice| Some(choice.as_str()) == end)?;
        Some(Self { choice, at: at.unwrap_or_default().trim().to_owned() })
    }

    /// What a form shows for something that ends then.
    pub fn shown(until: Option<Timestamp>) -> Self {
        match until {
            None => Self::default(),
            Some(until) => {
                Self { choice: EndChoice::Other, at: calendar::minute(until).replacen(' ', "T", 1) }
            }
        }
    }

    fn time(&self) -> Option<Timestamp> {
        // Browsers leave out seconds that are 0 (HTML section 2.3.5.5).
        let seconds = if self.at.matches(':').count() == 1 { ":00Z" } else { "Z" };
        format!("{}{seconds}", self.at).parse().ok()
    }

    /// Whether the other time is one.
    pub(super) fn is_time(&self) -> bool {
        self.time().is_some()
    }

    /// When it ends. `None`: never.
    ///
    /// # Errors
    /// What is wrong, as a sentence.
    pub fn until(&self, now: Timestamp) -> Result<Option<Timestamp>, &'static str> {
        if self.choice != EndChoice::Other {
            return Ok(self.choice.at(now));
        }
        let until = self.time().ok_or("Enter a date and a time, such as 2027-01-31T17:00.")?;
        if until > now { Ok(Some(until)) } else { Err("This time has passed. Enter a later one.") }
    }
}

/// The last minute of the next Friday that is not today.
fn end_of_friday(now: Timestamp) -> Timestamp {
    const DAY_SECONDS: i64 = 86_400;
    let today = now.unix().div_euclid(DAY_SECONDS);
    // 1 January 1970 was a Thursday.
    let since_friday = (today - 1).rem_euclid(7);
    let friday = today + 7 - since_friday;
    Timestamp::from_unix((friday + 1) * DAY_SECONDS - 60)
}

/// The fields of a form.
#[derive(Clone, Debug)]
pub(super) struct Ends<'a> {
    /// Unique on the page.
    pub(super) id: &'static str,
    pub(super) legend: &'static str,
    pub(super) choices: Vec<ChoiceView>,
    pub(super) at: &'a str,
    pub(super) error: Option<&'a str>,
}

#[derive(Clone, Debug)]
pub(super) struct ChoiceView {
    pub(super) value: &'static str,
    pub(super) text: &'static str,
    pub(super) at: Option<String>,
    pub(super) is_chosen: bool,
}

impl<'a> Ends<'a> {
    pub(super) fn new(
        id: &'static str,
        legend: &'static str,
        entered: &'a EnteredEnd,
        error: Option<&'a str>,
        now: Timestamp,
    ) -> Self {
        let choice = |choice: EndChoice| ChoiceView {
            value: choice.as_str(),
            text: choice.text(),
            at: choice.at(now).map(|at| Moment(at).short()),
            is_chosen: choice == entered.choice,
        };
        // The field takes nothing else.
        let at = if entered.is_time() { entered.at.as_str() } else { "" };
        Self { id, legend, choices: EndChoice::ALL.map(choice).into(), at, error }
    }

    /// Only choices that end.
    pub(super) fn of_time(mut self) -> Self {
        self.choices.retain(|choice| choice.value != EndChoice::Never.as_str());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entered(end: &str, at: &str) -> EnteredEnd {
        EnteredEnd::new(Some(end), Some(at)).expect("a choice")
    }

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn friday_is_the_next_one_and_never_today() {
        for (now, friday) in [
            ("2026-11-26T00:00:00Z", "2026-11-27T23:59:00Z"),
            ("2026-11-26T23:59:59Z", "2026-11-27T23:59:00Z"),
            ("2026-11-27T00:00:00Z", "2026-12-04T23:59:00Z"),
            ("2026-11-28T12:00:00Z", "2026-12-04T23:59:00Z"),
            ("2026-12-31T12:00:00Z", "2027-01-01T23:59:00Z"),
        ] {
            assert_eq!(entered("friday", "").until(time(now)), Ok(Some(time(friday))), "{now}");
        }
    }

    #[test]
    fn a_time_of_ones_own_is_utc_and_in_the_future() {
        let now = time("2026-11-28T12:00:00Z");
        for (at, until) in
            [("2026-11-28T12:01", "2026-11-28T12:01:00Z"), ("2027-01-31T17:00:30", "2027-01-31T17:00:30Z")]
        {
            assert_eq!(entered("other", at).until(now), Ok(Some(time(until))), "{at}");
        }
        for at in [
            "",
            "2026-11-28",
            "2026-11-28T12:00",
            "2025-01-01T00:00",
            "x",
            "2026-11-28T12:01Z",
            "99999-01-01T00:00",
        ] {
            assert!(entered("other", at).until(now).is_err(), "{at}");
        }
        assert_eq!(entered("never", "x").until(now), Ok(None));
        assert_eq!(entered("1d", "").until(now), Ok(Some(time("2026-11-29T12:00:00Z"))));
        assert_eq!(EnteredEnd::new(Some("2d"), None), None);
        assert_eq!(EnteredEnd::new(None, None), None);
    }

    #[test]
    fn what_a_form_shows_is_what_it_reads_back() {
        let (now, until) = (time("2026-11-28T12:00:00Z"), time("2027-01-31T17:00:00Z"));
        assert_eq!(EnteredEnd::shown(Some(until)).until(now), Ok(Some(until)));
        assert_eq!(EnteredEnd::shown(None).until(now), Ok(None));
    }
}
