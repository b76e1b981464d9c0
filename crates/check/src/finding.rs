//! A finding: its severity and code, where it was found, what was found, what can happen and how to fix it.
//!
//! What can happen and how to fix it depend only on the code, so that `docs/check.md` can list them. No finding
//! contains a secret.

use gatepost_certs::tls::TlsFault;
use gatepost_core::error_chain::Chain;
use serde_json::{Value, json};
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

/// The severity of a finding. Only errors make `gatepost check` fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Checked, and as it should be.
    Ok,
    /// Good to know; nothing is wrong.
    Hint,
    /// Works, but not as well or as safely as it should.
    Warning,
    /// Does not work, or lets people in who should not get in.
    Error,
}

impl Severity {
    /// The severity, as text output and JSON write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Hint => "hint",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A kind of finding. Scripts use its name, so it must not change.
#[derive(Debug)]
pub struct Code {
    /// The name, as in JSON and in `docs/check.md`.
    pub name: &'static str,
    /// The severity of its findings.
    pub severity: Severity,
    /// What can happen.
    pub risk: &'static str,
    /// How to fix it.
    pub fix: &'static str,
}

impl Code {
    /// Makes a finding of this kind.
    pub fn at(&'static self, place: impl Into<Place>, found: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Wrong(self), place: place.into(), found: found.into(), fix: None }
    }

    /// Makes a finding of this kind for a TLS error, with a fix for that error.
    pub fn of_tls(&'static self, place: impl Into<Place>, fault: TlsFault) -> Finding {
        Finding { fix: Some(fault.fix), ..self.at(place, fault.found) }
    }
}

/// Where something was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A setting, by its environment variable, or by its key and file.
    Setting(String),
    /// A line of a file, counted from 1; 0 for the whole file.
    Line(PathBuf, usize),
}

impl Place {
    pub fn line(file: &Path, line: usize) -> Self {
        Self::Line(file.to_owned(), line)
    }
}

impl From<&str> for Place {
    fn from(setting: &str) -> Self {
        Self::Setting(setting.to_owned())
    }
}

impl From<String> for Place {
    fn from(setting: String) -> Self {
        Self::Setting(setting)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(name) => f.write_str(name),
            Self::Line(file, 0) => write!(f, "{}", file.display()),
            Self::Line(file, line) => write!(f, "{}:{line}", file.display()),
        }
    }
}

#[derive(Debug)]
enum Verdict {
    Fine(&'static str),
    Wrong(&'static Code),
}

/// The result of one check.
#[derive(Debug)]
pub struct Finding {
    verdict: Verdict,
    /// Where it was found.
    pub place: Place,
    /// What was found, in one sentence. Contains no secret.
    pub found: String,
    /// How to fix this finding, if that differs from the code's text.
    fix: Option<String>,
}

impl Finding {
    /// Makes a finding for a part that is as it should be. `part` takes the place of the code.
    pub fn fine(part: &'static str, place: impl Into<Place>, found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fine(part), place: place.into(), found: found.into(), fix: None }
    }

    /// The severity: the code's, or [`Severity::Ok`].
    pub const fn severity(&self) -> Severity {
        match self.verdict {
            Verdict::Fine(_) => Severity::Ok,
            Verdict::Wrong(code) => code.severity,
        }
    }

    /// The name of the code, or of the part that is as it should be.
    pub const fn code(&self) -> &'static str {
        match self.verdict {
            Verdict::Fine(part) => part,
            Verdict::Wrong(code) => code.name,
        }
    }

    /// What can happen, and how to fix it; `None` for a part that is as it should be.
    pub fn advice(&self) -> Option<(&'static str, &str)> {
        match self.verdict {
            Verdict::Fine(_) => None,
            Verdict::Wrong(code) => Some((code.risk, self.fix.as_deref().unwrap_or(code.fix))),
        }
    }

    /// The finding in the form that `docs/check.md` describes.
    pub fn to_json(&self) -> Value {
        let place = match &self.place {
            Place::Setting(name) => json!({ "setting": name }),
            Place::Line(file, 0) => json!({ "file": file.to_string_lossy() }),
            Place::Line(file, line) => json!({ "file": file.to_string_lossy(), "line": line }),
        };
        let (risk, fix) = self.advice().unzip();
        json!({
            "severity": self.severity().as_str(), "code": self.code(), "where": place,
            "found": self.found, "risk": risk, "mend": fix,
        })
    }
}

/// Formats an error and its causes as a sentence.
pub(super) fn describe(error: &(dyn Error + 'static)) -> String {
    sentence(&Chain(error).to_string())
}

/// Turns a message into a sentence: with a capital letter and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    let end = if text.ends_with(['.', '?']) { "" } else { "." };
    format!("{}{rest}{end}", first.to_uppercase())
}

/// Defines the codes of one part: a constant for each, and `CODES`, the list of all.
macro_rules! codes {
    ($($name:ident = $severity:ident $text:literal: $risk:literal, $fix:expr;)+) => {
        $(static $name: $crate::finding::Code = $crate::finding::Code {
            name: $text,
            severity: $crate::finding::Severity::$severity,
            risk: $risk,
            fix: $fix,
        };)+
        /// Every kind of finding of this part.
        pub(crate) static CODES: &[&$crate::finding::Code] = &[$(&$name),+];
    };
}
pub(super) use codes;
