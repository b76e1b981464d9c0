//! When a key ends, as a form says it.

use super::super::ends::{ChoiceView, EndChoice, Ends, EnteredEnd};
use crate::words::Moment;
use gatepost_core::api_key::KeyExpiry;
use gatepost_core::clock::Timestamp;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// A choice of a form: when a key ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyEndChoice {
    /// As it is. A new key has no such choice.
    Keep,
    ThirtyDays,
    #[default]
    NinetyDays,
    Year,
    /// The time that was entered.
    Other,
    /// For administrators of the system, with a reason.
    Never,
}

impl KeyEndChoice {
    const ALL: [Self; 6] =
        [Self::Keep, Self::ThirtyDays, Self::NinetyDays, Self::Year, Self::Other, Self::Never];

    /// Its value in forms.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::ThirtyDays => "30d",
            Self::NinetyDays => "90d",
            Self::Year => "365d",
            Self::Other => "other",
            Self::Never => "never",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Keep => "As it is",
            Self::ThirtyDays => "In 30 days",
            Self::NinetyDays => "In 90 days",
            Self::Year => "In 365 days",
            Self::Other => "At another time",
            Self::Never => "Never",
        }
    }

    const fn days(self) -> Option<u32> {
        match self {
            Self::ThirtyDays => Some(30),
            Self::NinetyDays => Some(90),
            Self::Year => Some(365),
            _ => None,
        }
    }

    fn at(self, now: Timestamp) -> Option<Timestamp> {
        self.days().map(|days| now.plus(DAY * days))
    }
}

/// What a form says about the end of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnteredKeyEnd {
    pub choice: KeyEndChoice,
    /// The other time, as it was entered.
    pub at: String,
}

impl EnteredKeyEnd {
    /// What the form of a key that is there shows.
    pub fn kept() -> Self {
        Self { choice: KeyEndChoice::Keep, at: String::new() }
    }

    /// Reads the fields `end` and `at`. An unknown choice counts as none.
    pub fn new(end: Option<&str>, at: Option<&str>) -> Option<Self> {
        let choice = KeyEndChoice::ALL.into_iter().find(|choice| Some(choice.as_str()) == end)?;
        Some(Self { choice, at: at.unwrap_or_default().trim().to_owned() })
    }

    /// When the key ends. `None`: it stays as it is.
    ///
    /// # Errors
    /// What is wrong, as a sentence.
    pub fn expiry(&self, reason: &str, now: Timestamp) -> Result<Option<KeyExpiry>, &'static str> {
        Ok(match self.choice {
            KeyEndChoice::Keep => None,
            KeyEndChoice::Never => Some(KeyExpiry::Never(reason.to_owned())),
            KeyEndChoice::Other => {
                let other = EnteredEnd { choice: EndChoice::Other, at: self.at.clone() };
                other.until(now)?.map(KeyExpiry::At)
            }
            choice => choice.at(now).map(KeyExpiry::At),
        })
    }

    /// The fields of a form. `keep` is the end that the key has.
    #[expect(
        clippy::option_option,
        reason = "a key that is there may have no end, and a new key keeps nothing"
    )]
    pub(super) fn fields<'a>(
        &'a self,
        keep: Option<Option<Timestamp>>,
        may_be_endless: bool,
        error: Option<&'a str>,
        now: Timestamp,
    ) -> Ends<'a> {
        let is_offered = |choice: &KeyEndChoice| match choice {
            KeyEndChoice::Keep => keep.is_some(),
            KeyEndChoice::Never => may_be_endless || self.choice == KeyEndChoice::Never,
            _ => true,
        };
        let at = |choice: KeyEndChoice| match (choice, keep) {
            (KeyEndChoice::Keep, Some(None)) => Some("never".to_owned()),
            (KeyEndChoice::Keep, Some(Some(end))) => Some(Moment(end).to_string()),
            (KeyEndChoice::Never, _) => Some("with a reason".to_owned()),
            _ => choice.at(now).map(|at| Moment(at).to_string()),
        };
        let view = |choice: KeyEndChoice| ChoiceView {
            value: choice.as_str(),
            text: choice.text(),
            at: at(choice),
            is_chosen: choice == self.choice,
        };
        let choices = KeyEndChoice::ALL.into_iter().filter(is_offered).map(view).collect();
        Ends { id: "end", legend: "When does it end?", choices, at: self.field_value(), error }
    }

    /// The field takes nothing else than a time.
    fn field_value(&self) -> &str {
        let other = EnteredEnd { choice: EndChoice::Other, at: self.at.clone() };
        if other.is_time() { &self.at } else { "" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_the_end_that_it_names() {
        let now: Timestamp = "2026-11-28T12:00:00Z".parse().expect("a time");
        let expiry = |end: &str, at: &str, reason: &str| {
            EnteredKeyEnd::new(Some(end), Some(at)).expect("a choice").expiry(reason, now)
        };
        let at = |text: &str| Ok(Some(KeyExpiry::At(text.parse().expect("a time"))));
        assert_eq!(expiry("keep", "", ""), Ok(None));
        assert_eq!(expiry("30d", "", ""), at("2026-12-28T12:00:00Z"));
        assert_eq!(expiry("90d", "x", ""), at("2027-02-26T12:00:00Z"));
        assert_eq!(expiry("365d", "", ""), at("2027-11-28T12:00:00Z"));
        assert_eq!(expiry("other", "2027-01-31T17:00", ""), at("2027-01-31T17:00:00Z"));
        assert!(expiry("other", "", "").is_err() && expiry("other", "2026-11-28T12:00", "").is_err());
        assert_eq!(expiry("never", "", "ours"), Ok(Some(KeyExpiry::Never("ours".to_owned()))));
        assert_eq!(EnteredKeyEnd::new(Some("1d"), None), None);
        assert_eq!(EnteredKeyEnd::new(None, None), None);
    }
}
