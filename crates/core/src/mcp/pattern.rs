//! The words of one rule: for whom, and what kind of thing. Which of them says [`ToolPattern`].
//!
//! [`ToolPattern`]: crate::tool_pattern::ToolPattern

use crate::access::{Role, RoleError};
use crate::ids::{GroupId, IdError};
use std::fmt;
use std::str::FromStr;

/// The longest id of a key, in bytes.
const MAX_KEY: usize = 64;

/// What a tool server offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Called by `tools/call`.
    Tool,
    /// Fetched by `prompts/get`.
    Prompt,
    /// Read by `resources/read`.
    Resource,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Tool, Self::Prompt, Self::Resource];

    /// The word in rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Prompt => "prompt",
            Self::Resource => "resource",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| RuleError::Kind(text.to_owned()))
    }
}

/// For whom a rule is. Written `everyone`, `group:7`, `role:member` or `key:<id>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Everybody who may enter.
    Everyone,
    /// The members of this group.
    Group(GroupId),
    /// Nobody: the group was deleted. The rule still closes its kind. Nobody can ask for this subject.
    DeletedGroup,
    /// Those who have this role in the tenant of the server, or a higher one.
    Role(Role),
    /// This key.
    Key(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyone => f.write_str("everyone"),
            Self::Group(id) => write!(f, "group:{id}"),
            Self::DeletedGroup => f.write_str("group:deleted"),
            Self::Role(role) => write!(f, "role:{role}"),
            Self::Key(id) => write!(f, "key:{id}"),
        }
    }
}

impl FromStr for Subject {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        match text.split_once(':') {
            None if text == "everyone" => Ok(Self::Everyone),
            Some(("group", id)) => Ok(Self::Group(id.parse()?)),
            Some(("role", role)) => Ok(Self::Role(role.parse()?)),
            Some(("key", id)) if is_key(id) => Ok(Self::Key(id.to_owned())),
            _ => Err(RuleError::Subject(text.to_owned())),
        }
    }
}

fn is_key(id: &str) -> bool {
    (1..=MAX_KEY).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A text that is not a part of a rule.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RuleError {
    /// Not a [`Kind`].
    #[error("{0:?} is not a kind: expected tool, prompt or resource")]
    Kind(String),
    /// Not a [`Subject`].
    #[error("{0:?} is not a subject: expected everyone, group:NUMBER, role:ROLE or key:ID")]
    Subject(String),
    /// The number of a group.
    #[error(transparent)]
    Group(#[from] IdError),
    /// The name of a role.
    #[error(transparent)]
    Role(#[from] RoleError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["everyone", "group:7", "role:viewer", "key:0190a0b0-0000-7000-8000-000000000001"] {
            assert_eq!(text.parse::<Subject>().map(|subject| subject.to_string()), Ok(text.to_owned()));
        }
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }

    #[test]
    fn what_is_not_exactly_understood_is_an_error() {
        for text in [
            "",
            "Everyone",
            "everyone:",
            "group:",
            "group:x",
            "group:deleted",
            "group:-1",
            "role:owner",
            "key:",
            "key:a b",
            "user:1",
        ] {
            assert!(text.parse::<Subject>().is_err(), "{text}");
        }
        assert!("tools".parse::<Kind>().is_err());
    }
}
