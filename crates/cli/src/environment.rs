//! The environment of the command: settings as text, and who runs it.

use gatepost_store::directory::{Actor, Who};
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;

/// Prefixes of the variables that can be Gatepost's settings.
const OURS: [&str; 5] = ["GATEPOST_", "MICROSOFT_", "DATABASE_URL", "DATABASE_PASSWORD", "REDIS_URL"];

/// The greatest length of a user's name in the audit.
const LONGEST_NAME: usize = 64;

/// The variables, without variables of other programs that are no text.
#[derive(Debug)]
pub(super) struct Environment(Vec<(String, String)>);

/// A variable that may be a setting is not UTF-8: replacing the bytes would change a secret silently.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the variable {0} is not UTF-8 text")]
pub(super) struct NotText(pub(super) String);

impl Environment {
    pub(super) fn read(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Self, NotText> {
        let mut texts = Vec::new();
        for (name, value) in variables {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => texts.push((name, value)),
                (Ok(name), Err(_)) if OURS.iter().any(|prefix| name.starts_with(prefix)) => {
                    return Err(NotText(name));
                }
                (Err(name), _) if OURS.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) => {
                    return Err(NotText(name.to_string_lossy().into_owned()));
                }
                _ => {}
            }
        }
        Ok(Self(texts))
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = (String, String)> {
        self.0.iter().cloned()
    }

    /// The actor in the audit: `cli:` and the operating system's user, by name if the environment has it (a
    /// container's often does not), else by number.
    pub(super) fn actor(&self) -> Actor {
        let find = |wanted: &str| self.0.iter().find(|(name, value)| name == wanted && !value.is_empty());
        let name = find("LOGNAME").or_else(|| find("USER")).map(|(_, value)| {
            value.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect::<String>()
        });
        let by_number = || std::fs::metadata("/proc/self").map(|process| format!("uid {}", process.uid()));
        let who = name.or_else(|| by_number().ok()).unwrap_or_else(|| "unknown".to_owned());
        Actor::internal(Who::CommandLine(who))
    }
}
