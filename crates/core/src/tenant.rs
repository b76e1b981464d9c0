//! What a tenant is, beyond who may enter it.

use std::fmt;
use std::str::FromStr;

/// Where a tenant is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TenantState {
    /// Its members may enter it.
    #[default]
    Active,
    /// Nobody may enter it, and its keys are refused. Its data is kept, and its administrators may read it.
    Suspended,
    /// As if it were gone. It can be restored until it is erased.
    Deleted,
}

impl TenantState {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Active, Self::Suspended, Self::Deleted];

    /// The word that tables and JSON have.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deleted => "deleted",
        }
    }
}

impl fmt::Display for TenantState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not the state of a tenant.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a state of a tenant: expected active, suspended or deleted")]
pub struct TenantStateError(String);

impl FromStr for TenantState {
    type Err = TenantStateError;

    fn from_str(text: &str) -> Result<Self, TenantStateError> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| TenantStateError(text.to_owned()))
    }
}

/// Why a tenant is suspended, for administrators: 1 to 280 characters on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuspensionReason(String);

impl SuspensionReason {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SuspensionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is not a reason.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a reason has 1 to 280 characters, none of them a control character")]
pub struct SuspensionReasonError;

impl FromStr for SuspensionReason {
    type Err = SuspensionReasonError;

    fn from_str(text: &str) -> Result<Self, SuspensionReasonError> {
        let text = text.trim();
        let is_valid = (1..=280).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if is_valid { Ok(Self(text.to_owned())) } else { Err(SuspensionReasonError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_is_written() {
        for state in TenantState::ALL {
            assert_eq!(state.to_string().parse(), Ok(state));
        }
        for text in ["", "Active", "gone", " active"] {
            assert!(text.parse::<TenantState>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_reason_is_one_line_that_says_something() {
        assert_eq!(
            " unpaid ".parse::<SuspensionReason>().map(|reason| reason.to_string()),
            Ok("unpaid".to_owned())
        );
        for text in ["", "  ", "a\nb", &"x".repeat(281)] {
            assert_eq!(text.parse::<SuspensionReason>(), Err(SuspensionReasonError), "{text:?}");
        }
    }
}
