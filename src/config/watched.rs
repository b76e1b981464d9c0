//! A secret that may be replaced in its file while Gatepost runs.
//!
//! Whoever uses it asks for the current value each time; the file is looked at on use, at most every ten seconds. A
//! file that cannot be read, or holds no secret of the right form, leaves the last good value in use.

use crate::telemetry::Chain;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Well below the minute within which a new secret counts.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// A secret from a file, or one that was given itself and never changes. Clones share what was read last.
#[derive(Clone)]
pub struct WatchedSecret {
    file: Option<Source>,
    held: Arc<Mutex<Held>>,
}

#[derive(Clone)]
struct Source {
    path: PathBuf,
    /// Whether a text can be this secret.
    is_sound: fn(&str) -> bool,
}

struct Held {
    value: SecretString,
    looked_at: Instant,
    /// The last look brought nothing, which was logged.
    is_failing: bool,
}

impl WatchedSecret {
    /// A secret that was read from `path` and is read again from there; only texts that are `is_sound` replace it.
    pub fn of_file(path: PathBuf, value: SecretString, is_sound: fn(&str) -> bool) -> Self {
        Self { file: Some(Source { path, is_sound }), ..Self::from(value) }
    }

    /// The secret as it is now.
    pub fn current(&self) -> SecretString {
        self.current_at(Instant::now())
    }

    fn current_at(&self, now: Instant) -> SecretString {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = &self.file
            && now.saturating_duration_since(held.looked_at) >= LOOK_AGAIN
        {
            held.looked_at = now;
            held.look(source);
        }
        held.value.clone()
    }
}

impl Held {
    fn look(&mut self, source: &Source) {
        let path = source.path.display();
        match read(&source.path) {
            Ok(text) if !(source.is_sound)(&text) => {
                if !self.is_failing {
                    tracing::warn!(%path, "the file holds no secret of the right form: the last one stays in use");
                }
                self.is_failing = true;
            }
            Ok(text) => {
                if text != self.value.expose_secret() {
                    tracing::info!(%path, "a secret was replaced in its file and is in use from now on");
                    self.value = SecretString::from(text);
                }
                self.is_failing = false;
            }
            Err(error) => {
                if !self.is_failing {
                    tracing::warn!(%path, error = %Chain(&error), "a secret's file cannot be read: the last one stays in use");
                }
                self.is_failing = true;
            }
        }
    }
}

/// The secret in a file: its text without the newlines at its end, and without the byte order mark with which editors of
/// Windows begin a file.
///
/// # Errors
/// As [`std::fs::read_to_string`].
pub(super) fn read(path: &Path) -> std::io::Result<String> {
    let text = std::fs::read_to_string(path)?;
    Ok(text.trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r']).to_owned())
}

impl From<SecretString> for WatchedSecret {
    fn from(value: SecretString) -> Self {
        let held = Held { value, looked_at: Instant::now(), is_failing: false };
        Self { file: None, held: Arc::new(Mutex::new(held)) }
    }
}

impl From<String> for WatchedSecret {
    fn from(value: String) -> Self {
        SecretString::from(value).into()
    }
}

impl From<&str> for WatchedSecret {
    fn from(value: &str) -> Self {
        SecretString::from(value).into()
    }
}

impl fmt::Debug for WatchedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.file.as_ref().map(|source| &source.path);
        f.debug_struct("WatchedSecret").field("file", &path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_replaced_in_its_file_counts_within_a_minute_and_a_broken_file_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        std::fs::write(&path, "one\n").expect("a file");
        let is_sound = |text: &str| !text.trim().is_empty();
        let secret = WatchedSecret::of_file(path.clone(), "one".into(), is_sound);
        let start = Instant::now();
        let at = |seconds| {
            let now = start + Duration::from_secs(seconds);
            secret.current_at(now).expose_secret().to_owned()
        };
        std::fs::write(&path, "two\r\n").expect("a file");
        assert_eq!(at(1), "one", "the file is not read at each use");
        assert_eq!(at(59), "two");
        std::fs::write(&path, "\n").expect("a file");
        assert_eq!(at(119), "two", "half written");
        std::fs::remove_file(&path).expect("no file");
        assert_eq!(at(179), "two");
        std::fs::write(&path, "three").expect("a file");
        assert_eq!((at(239).as_str(), secret.clone().current().expose_secret()), ("three", "three"));
    }

    #[test]
    fn what_it_holds_is_never_shown() {
        let shown = format!("{:?}", WatchedSecret::from("hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
