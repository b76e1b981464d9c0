//! The names of meters.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Requests with a key or token that passed, and those that passed a router with `meter=api_requests`.
pub const API_REQUESTS: &str = "api_requests";
/// Calls of tools, prompts and resources that passed, by tool server.
pub const TOOL_CALLS: &str = "tool_calls";
/// How often a sign-in ended on a host of the tenant.
pub const SIGN_INS: &str = "sign_ins";
/// People who were let in: each once a day, and once a month in what is about a month.
pub const ACTIVE_USERS: &str = "active_users";
/// The meters that Gatepost counts. Nobody else reports them.
pub const OWN_METERS: [&str; 4] = [API_REQUESTS, TOOL_CALLS, SIGN_INS, ACTIVE_USERS];

/// The name of a meter: 1 to 64 letters, digits, `.`, `-` and `_`, the first one a letter or a digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MeterName(Arc<str>);

/// A text that is not the name of a meter.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} is not the name of a meter: expected 1 to 64 of A-Z, a-z, 0-9, . - and _, the first a letter or digit"
)]
pub struct MeterError(String);

impl MeterName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether Gatepost counts it.
    pub fn is_own(&self) -> bool {
        OWN_METERS.contains(&self.as_str())
    }
}

impl FromStr for MeterName {
    type Err = MeterError;

    fn from_str(text: &str) -> Result<Self, MeterError> {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let begins_well = text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
        if begins_well && text.len() <= 64 && text.bytes().all(is_plain) {
            Ok(Self(text.into()))
        } else {
            Err(MeterError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for MeterName {
    type Error = MeterError;

    fn try_from(text: String) -> Result<Self, MeterError> {
        text.parse()
    }
}

impl From<MeterName> for String {
    fn from(name: MeterName) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for MeterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_no_formula_and_no_path() {
        for name in ["api_requests", "com.example.workflow-runs", "7"] {
            assert_eq!(name.parse::<MeterName>().map(|name| name.to_string()).as_deref(), Ok(name));
        }
        let long = "x".repeat(65);
        for name in ["", "-1", ".", "=1+1", "a b", "a/b", "ä", "@x", &*long] {
            assert!(name.parse::<MeterName>().is_err(), "{name}");
        }
        assert!(OWN_METERS.iter().all(|name| name.parse::<MeterName>().is_ok_and(|name| name.is_own())));
    }
}
