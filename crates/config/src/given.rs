//! Settings as they were given: each value with its source, not interpreted yet.

use std::collections::BTreeMap;
use std::fmt;

/// The value of one setting and its source.
#[derive(Clone)]
pub(super) struct Given {
    pub value: Value,
    pub source: Source,
}

/// A value that is not interpreted yet.
#[derive(Clone)]
pub(super) enum Value {
    /// From the environment, where lists are comma-separated.
    Text(String),
    /// From the file.
    Toml(toml::Value),
}

/// Where a setting was given. `Display` writes its name as the operator did.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Source {
    Variable(String),
    Toml { key: String, file: String },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::Toml { key, file } => write!(f, "{key} in {file}"),
        }
    }
}

/// All given settings, by key.
pub(super) type Overlay = BTreeMap<String, Given>;
