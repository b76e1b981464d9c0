//! Patterns for the names of tools, prompts and resources (MCP).

use serde::{Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The longest pattern, in bytes.
const MAX_LENGTH: usize = 512;

/// A name, or the beginning of names, written with a final `*`. Upper and lower case differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ToolPattern(Box<str>);

/// The text is not a pattern.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a pattern: expected 1 to 512 bytes without control characters, and * at the end alone")]
pub struct ToolPatternError(String);

impl ToolPattern {
    /// Whether it matches a name.
    pub fn matches(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => *self.0 == *name,
        }
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ToolPattern {
    type Err = ToolPatternError;

    fn from_str(text: &str) -> Result<Self, ToolPatternError> {
        let is_plain = !text.contains(char::is_control) && !text.trim_end_matches('*').contains('*');
        let stars = text.len() - text.trim_end_matches('*').len();
        if (1..=MAX_LENGTH).contains(&text.len()) && is_plain && stars <= 1 {
            Ok(Self(text.into()))
        } else {
            Err(ToolPatternError(text.to_owned()))
        }
    }
}

/// What both lists of patterns match, of each pair the narrower one, sorted.
pub fn narrowed(patterns: &[String], limits: &[ToolPattern]) -> Vec<String> {
    let narrower = |one: &str, other: &str| match (one.strip_suffix('*'), other.strip_suffix('*')) {
        (_, Some(beginning)) if one.starts_with(beginning) => Some(one.to_owned()),
        (Some(beginning), _) if other.starts_with(beginning) => Some(other.to_owned()),
        _ => (one == other).then(|| one.to_owned()),
    };
    let pairs = patterns.iter().flat_map(|one| limits.iter().map(move |other| narrower(one, other.as_str())));
    let both: BTreeSet<String> = pairs.flatten().collect();
    both.into_iter().collect()
}

impl fmt::Display for ToolPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ToolPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_at_the_end_alone() {
        let matches = |pattern: &str, name| pattern.parse::<ToolPattern>().expect(pattern).matches(name);
        assert!(matches("get_*", "get_file") && matches("get_*", "get_") && matches("*", "x"));
        assert!(!matches("get_*", "get") && !matches("get_*", "Get_file") && !matches("get", "get_file"));
        for wrong in ["", "a*b", "**", "*a", "a\n", &"a".repeat(513)] {
            assert!(wrong.parse::<ToolPattern>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_limit_narrows_what_is_given() {
        let limits =
            |list: &[&str]| list.iter().map(|text| text.parse().expect("a pattern")).collect::<Vec<_>>();
        let given = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for (patterns, limit, both) in [
            (&["*"][..], &["get_*"][..], &["get_*"][..]),
            (&["get_*"], &["*"], &["get_*"]),
            (&["get_*", "put"], &["get_file", "put"], &["get_file", "put"]),
            (&["get_a*"], &["get_*"], &["get_a*"]),
            (&["get_file"], &["get_*"], &["get_file"]),
            (&["get_*"], &["put_*", "get"], &[]),
        ] {
            assert_eq!(narrowed(&given(patterns), &limits(limit)), both, "{patterns:?} {limit:?}");
        }
    }
}
