//! A person's proposal of a tenant: what they propose, and what became of it.

use super::access_request::steers;
use super::administration::Version;
use std::fmt;
use std::str::FromStr;

/// The tier of a tenant that somebody proposed.
pub const PROPOSED_TIER: &str = "free";

/// What became of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposalState {
    /// Nobody has decided yet.
    Open,
    /// A system administrator said yes, and the tenant was created.
    Approved,
    /// A system administrator said no.
    Refused,
}

impl ProposalState {
    /// All states, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Open, Self::Approved, Self::Refused];

    /// The word that tables and JSON have.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Refused => "refused",
        }
    }

    /// The version of a proposal. It changes once, when it is decided.
    pub const fn version(self) -> Version {
        Version::from_number(match self {
            Self::Open => 1,
            Self::Approved | Self::Refused => 2,
        })
    }
}

impl fmt::Display for ProposalState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no [`ProposalState`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not the state of a proposal: expected open, approved or refused")]
pub struct ProposalStateError(String);

impl FromStr for ProposalState {
    type Err = ProposalStateError;
    fn from_str(text: &str) -> Result<Self, ProposalStateError> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| ProposalStateError(text.to_owned()))
    }
}

/// The name that people are to see of a proposed tenant: 1 to [`ProposedName::MAX`] characters on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedName(String);

impl ProposedName {
    /// The most characters.
    pub const MAX: usize = 256;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProposedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is not a [`ProposedName`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a name has 1 to {max} characters, none of them a control character", max = ProposedName::MAX)]
pub struct ProposedNameError;

/// White space around it is left out. A stranger writes the name and an administrator reads it, so characters that turn
/// the direction of text are control characters here.
impl FromStr for ProposedName {
    type Err = ProposedNameError;
    fn from_str(text: &str) -> Result<Self, ProposedNameError> {
        let text = text.trim();
        let is_short = (1..=Self::MAX).contains(&text.chars().count());
        let is_plain = !text.chars().any(|c| c.is_control() || steers(c));
        if is_short && is_plain { Ok(Self(text.to_owned())) } else { Err(ProposedNameError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_is_written() {
        for state in ProposalState::ALL {
            assert_eq!(state.to_string().parse(), Ok(state));
        }
        for text in ["", "Open", "granted", "withdrawn"] {
            assert!(text.parse::<ProposalState>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_name_is_one_line_that_reads_as_it_is() {
        let name = |text: &str| text.parse::<ProposedName>().map(|name| name.to_string());
        assert_eq!(name("  ACME \u{1f600} Inc. "), Ok("ACME \u{1f600} Inc.".to_owned()));
        assert_eq!(name(&"\u{e9}".repeat(256)), Ok("\u{e9}".repeat(256)));
        for text in ["", "  ", "a\nb", "a\u{0}b", "a\u{202e}b", "a\u{2067}b", &"x".repeat(257)] {
            assert_eq!(name(text), Err(ProposedNameError), "{text:?}");
        }
    }
}
