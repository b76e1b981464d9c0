//! A finding: how bad, which code, where, what was found, what can happen and how it is mended.
//!
//! What can happen and how to mend it belong to the code, so that `docs/check.md` can say the same. No finding holds a
//! secret's value.

use gatepost_certs::tls::TlsFault;
use gatepost_core::error_chain::Chain;
use serde_json::{Value, json};
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

/// How bad a finding is; only errors make `gatepost check` fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Looked at and as it should be.
    Ok,
    /// Worth knowing.
    Hint,
    /// Works, but not as well or as safely as it should.
    Warning,
    /// Does not work, or lets in who should stay out.
    Error,
}

impl Severity {
    /// The word for people and programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Hint => "hint",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A kind of finding, under a name that stays as it is.
#[derive(Debug)]
pub struct Code {
    /// The name, for scripts and for `docs/check.md`.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What can happen.
    pub risk: &'static str,
    /// What to do.
    pub mend: &'static str,
}

impl Code {
    /// A finding of this kind.
    pub fn at(&'static self, place: impl Into<Place>, found: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Wrong(self), place: place.into(), found: found.into(), mend: None }
    }

    /// A finding of this kind that TLS failed, with what mends just that.
    pub fn of_tls(&'static self, place: impl Into<Place>, fault: TlsFault) -> Finding {
        Finding { mend: Some(fault.mend), ..self.at(place, fault.found) }
    }
}

/// Where something was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A setting, as it is written in the environment, or the key and its file.
    Setting(String),
    /// A line of a file, from 1; 0 is the file as a whole.
    Line(PathBuf, usize),
}

impl Place {
    /// A line of a file.
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

/// One thing that was looked at.
#[derive(Debug)]
pub struct Finding {
    verdict: Verdict,
    /// Where.
    pub place: Place,
    /// What is there, in a sentence; never a secret's value.
    pub found: String,
    /// What to do about just this, where it is more than the code says.
    mend: Option<String>,
}

impl Finding {
    /// A part that is as it should be; `part` stands in the code's place.
    pub fn fine(part: &'static str, place: impl Into<Place>, found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fine(part), place: place.into(), found: found.into(), mend: None }
    }

    /// How bad it is.
    pub const fn severity(&self) -> Severity {
        match self.verdict {
            Verdict::Fine(_) => Severity::Ok,
            Verdict::Wrong(code) => code.severity,
        }
    }

    /// The code's name; of what is fine, the part's.
    pub const fn code(&self) -> &'static str {
        match self.verdict {
            Verdict::Fine(part) => part,
            Verdict::Wrong(code) => code.name,
        }
    }

    /// What can happen and how it is mended; nothing for what is fine.
    pub fn advice(&self) -> Option<(&'static str, &str)> {
        match self.verdict {
            Verdict::Fine(_) => None,
            Verdict::Wrong(code) => Some((code.risk, self.mend.as_deref().unwrap_or(code.mend))),
        }
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let place = match &self.place {
            Place::Setting(name) => json!({ "setting": name }),
            Place::Line(file, 0) => json!({ "file": file.to_string_lossy() }),
            Place::Line(file, line) => json!({ "file": file.to_string_lossy(), "line": line }),
        };
        let (risk, mend) = self.advice().unzip();
        json!({
            "severity": self.severity().as_str(), "code": self.code(), "where": place,
            "found": self.found, "risk": risk, "mend": mend,
        })
    }
}

/// An error with its causes, as a sentence.
pub(super) fn told(error: &(dyn Error + 'static)) -> String {
    sentence(&Chain(error).to_string())
}

/// A message as a sentence: a capital first, a stop at the end.
pub(super) fn sentence(text: &str) -> String {
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    let end = if text.ends_with(['.', '?']) { "" } else { "." };
    format!("{}{rest}{end}", first.to_uppercase())
}

/// The codes of one part: a constant for each, and `CODES`, the list of all.
macro_rules! codes {
    ($($name:ident = $severity:ident $text:literal: $risk:literal, $mend:expr;)+) => {
        $(static $name: $crate::finding::Code = $crate::finding::Code {
            name: $text,
            severity: $crate::finding::Severity::$severity,
            risk: $risk,
            mend: $mend,
        };)+
        /// Every kind of finding of this part.
        pub(crate) static CODES: &[&$crate::finding::Code] = &[$(&$name),+];
    };
}
pub(super) use codes;
