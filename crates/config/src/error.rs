//! The errors of a configuration. All are reported at once, each with the setting's name as the operator wrote it.
//!
//! Guarantees that no error contains a secret: secrets are described with [`hidden`], never with [`shown`].

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

/// All errors of a configuration; never empty.
#[derive(Debug)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// The errors, sorted by their text, which begins with the setting's name.
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

/// One error: the setting and what is wrong with it.
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
    /// No setting has this name.
    #[error("unknown setting{}", did_you_mean(.suggestion.as_deref()))]
    Unknown {
        /// The setting with the most similar name, if one is similar enough.
        suggestion: Option<String>,
    },
    /// Other programs have this setting, but Gatepost needs none for the purpose. The text says what to do instead.
    #[error("unknown setting: {0}")]
    NotNeeded(String),
    /// A required setting is not given.
    #[error("missing: expected {expected}")]
    Missing {
        /// What the setting takes.
        expected: Cow<'static, str>,
    },
    /// The value is not one that the setting takes.
    #[error("found {found}, expected {expected}")]
    Malformed {
        /// The value, or a description of it if it is a secret.
        found: String,
        /// What the setting takes.
        expected: Cow<'static, str>,
    },
    /// The file that a setting names cannot be read.
    #[error("cannot read {}: {cause}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's error, which the message contains.
        cause: std::io::Error,
    },
    /// The value is valid alone, but not together with another setting.
    #[error("{0}")]
    Contradiction(String),
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

/// Formats a value for an error message: quoted, on one line, at most 80 characters, without the user and password of a
/// URL.
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

/// Describes a secret for an error message, without showing it.
pub(super) fn hidden(text: &str) -> String {
    format!("a secret of {} bytes (not shown)", text.len())
}
