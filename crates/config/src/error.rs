//! What is wrong with a configuration: every fault at once, each with the setting's name as it was given.
//!
//! Guarantees that no error holds a secret's value: secrets are described by [`hidden`], never by [`shown`].

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

/// All that is wrong; never empty.
#[derive(Debug)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// The faults, in the order of the settings' names.
    pub fn list(&self) -> &[ConfigError] {
        &self.0
    }

    pub(super) fn new(mut errors: Vec<ConfigError>) -> Self {
        errors.sort_by_cached_key(ToString::to_string);
        Self(errors)
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0.len() == 1 { "" } else { "s" };
        write!(f, "{} error{plural} in the configuration:", self.0.len())?;
        self.0.iter().try_for_each(|error| write!(f, "\n  {error}"))
    }
}

impl std::error::Error for ConfigErrors {}

/// One fault: the setting, as it was given, and what is wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct ConfigError {
    /// The environment variable, or the key and its file.
    pub setting: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What can be wrong with a setting.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Nothing reads it.
    #[error("unknown setting{}", did_you_mean(.suggestion.as_deref()))]
    Unknown {
        /// The setting that was probably meant.
        suggestion: Option<String>,
    },
    /// Other programs have such a setting; Gatepost does it in another way.
    #[error("unknown setting: {0}")]
    Elsewhere(String),
    /// The contract names it; this version does not do it.
    #[error("not supported by this version yet")]
    NotYet,
    /// Must be given.
    #[error("missing: expected {expected}")]
    Missing {
        /// What to give.
        expected: Cow<'static, str>,
    },
    /// Given, but not what the setting takes.
    #[error("found {found}, expected {expected}")]
    Malformed {
        /// A plain value, or a description of a secret one.
        found: String,
        /// What the setting takes.
        expected: Cow<'static, str>,
    },
    /// A file that a setting names cannot be read; the message holds the cause.
    #[error("cannot read {}: {cause}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's word.
        cause: std::io::Error,
    },
    /// Each setting may be right alone; together they are not.
    #[error("{0}")]
    Contradiction(String),
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

/// A plain value as an error shows it: quoted, one line, short, and without a password that an address may hold.
pub(super) fn shown(text: &str) -> String {
    let text = match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            Cow::Owned(format!("{}..{}", &text[..scheme + 3], &text[at..]))
        }
        _ => Cow::Borrowed(text),
    };
    let short: String = text.chars().take(80).collect();
    if short.len() < text.len() { format!("{short:?}...") } else { format!("{short:?}") }
}

/// A secret as an error shows it.
pub(super) fn hidden(text: &str) -> String {
    format!("a secret of {} bytes (not shown)", text.len())
}
