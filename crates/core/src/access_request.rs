//! A person's request for access: what they ask for, and what became of it.

use super::administration::{Matter, Version};
use super::decision::Missing;
use super::ids::{GroupName, TenantId};
use std::fmt;
use std::str::FromStr;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// To be in a group.
    Group(GroupName),
    /// To be a member of a tenant.
    Tenant(TenantId),
}

impl Wanted {
    /// What a decision about it concerns. Groups belong to the platform, also those that open a single tenant.
    pub fn matter(&self) -> Matter {
        match self {
            Self::Group(_) => Matter::Platform,
            Self::Tenant(id) => Matter::Tenant(id.clone()),
        }
    }

    /// `group` or `tenant`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Group(_) => "group",
            Self::Tenant(_) => "tenant",
        }
    }

    /// The group's name or the tenant's id.
    pub fn name(&self) -> &str {
        match self {
            Self::Group(name) => name.as_str(),
            Self::Tenant(id) => id.as_str(),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.name())
    }
}

impl Missing {
    /// Whether membership of a group, of a tenant, or of both would be enough. Nobody enters a tenant that is suspended, and nothing opens more
    /// than their tenant to those whom its own provider identifies.
    pub fn is_curable(&self) -> bool {
        let lacks_membership = !self.groups.is_empty() || !self.tenants.is_empty();
        lacks_membership && !self.admin && self.suspended.is_none() && self.confined_to.is_none()
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// Nobody has decided yet.
    Open,
    /// An administrator gave what was asked for.
    Granted,
    /// An administrator said no.
    Declined,
    /// The person needs it no more.
    Withdrawn,
}

impl RequestState {
    /// All states, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Open, Self::Granted, Self::Declined, Self::Withdrawn];

    /// The word that tables, JSON and the webhook have.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Granted => "granted",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The version of a request. It changes once, when it is decided.
    pub const fn version(self) -> Version {
        Version::from_number(match self {
            Self::Open => 1,
            Self::Granted | Self::Declined | Self::Withdrawn => 2,
        })
    }
}

impl fmt::Display for RequestState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no [`RequestState`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not the state of a request: expected open, granted, declined or withdrawn")]
pub struct RequestStateError(String);

impl FromStr for RequestState {
    type Err = RequestStateError;
    fn from_str(text: &str) -> Result<Self, RequestStateError> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| RequestStateError(text.to_owned()))
    }
}

/// A sentence that a person writes with a request, or an administrator with a decision: plain text in one line, 1 to
/// [`Remark::MAX`] characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark(String);

impl Remark {
    /// The most characters.
    pub const MAX: usize = 280;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads what somebody may leave out: white space alone is no remark.
    ///
    /// # Errors
    /// [`RemarkError`].
    pub fn optional(text: &str) -> Result<Option<Self>, RemarkError> {
        match text.parse() {
            Ok(remark) => Ok(Some(remark)),
            Err(RemarkError::Empty) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not a [`Remark`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RemarkError {
    /// It is empty.
    #[error("the text is empty")]
    Empty,
    /// It is too long.
    #[error("the text has {0} characters: at most {max} are kept", max = Remark::MAX)]
    TooLong(usize),
}

/// Whether a character turns the direction of the text around it, so that it reads differently than it is.
pub(super) const fn steers(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Line breaks and other white space become single spaces. Control characters, and those that turn the direction of the
/// text around them, are left out: they could make it read differently than it is.
impl FromStr for Remark {
    type Err = RemarkError;
    fn from_str(text: &str) -> Result<Self, RemarkError> {
        let keeps = |c: &char| c.is_whitespace() || !(c.is_control() || steers(*c));
        let kept: String = text.chars().filter(keeps).collect();
        let text = kept.split_whitespace().collect::<Vec<_>>().join(" ");
        match text.chars().count() {
            0 => Err(RemarkError::Empty),
            length if length > Self::MAX => Err(RemarkError::TooLong(length)),
            _ => Ok(Self(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_is_one_line_of_plain_text() {
        let remark = |text: &str| text.parse::<Remark>().map(|remark| remark.to_string());
        assert_eq!(
            remark(" for the\r\n\taudit \u{202e}on\u{7} Monday "),
            Ok("for the audit on Monday".to_owned())
        );
        assert_eq!(remark(&"\u{1f600}".repeat(280)), Ok("\u{1f600}".repeat(280)));
        assert_eq!(remark(&"x".repeat(281)), Err(RemarkError::TooLong(281)));
        for empty in ["", " \r\n ", "\u{202e}"] {
            assert_eq!(remark(empty), Err(RemarkError::Empty));
            assert_eq!(Remark::optional(empty), Ok(None));
        }
    }

    #[test]
    fn a_refusal_is_curable_only_if_groups_or_tenants_are_all_that_is_missing() {
        let group = Missing { groups: vec!["A".parse().expect("a name")], ..Missing::default() };
        let tenant = Missing { tenants: vec!["t".parse().expect("an id")], ..Missing::default() };
        assert!(group.is_curable() && tenant.is_curable());
        assert!(!Missing { admin: true, ..group }.is_curable(), "no group makes an administrator here");
        assert!(!Missing::default().is_curable());
    }

    #[test]
    fn a_state_is_read_as_it_is_written() {
        for state in RequestState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert!("Open".parse::<RequestState>().is_err());
    }
}
