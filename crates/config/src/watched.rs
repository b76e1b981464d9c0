//! Secrets that may be replaced in their files while Gatepost runs.
//!
//! Code that uses a secret reads the current value each time. On use, the file is read again if the last read is more
//! than ten seconds ago, or if a server refused the value. If the file cannot be read, or holds no valid replacement,
//! the last good value stays in use and a warning is logged once.

use gatepost_core::error_chain::Chain;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often a secret's file is read at most. A new secret must take effect within a minute.
pub const RELOAD_INTERVAL: Duration = Duration::from_secs(10);

/// The warnings for a file whose last value stays in use.
pub(super) const MALFORMED: &str = "a secret's file holds no valid value: the last one stays in use";
const UNREADABLE: &str = "a secret's file cannot be read: the last one stays in use";

/// Turns the value in use and the file's text into the next value, or into a warning that says why the text cannot
/// replace the value. The warning contains no part of either.
pub(super) type Take = fn(&str, &str) -> Result<String, &'static str>;

/// The result for a secret that any valid text may replace.
pub(super) fn take_if(is_valid: bool, text: &str) -> Result<String, &'static str> {
    if is_valid { Ok(text.to_owned()) } else { Err(MALFORMED) }
}

/// A secret from a file, or one that was given directly and never changes. Clones share the value that was read last.
#[derive(Clone)]
pub struct WatchedSecret {
    file: Option<Source>,
    held: Arc<Mutex<Held>>,
}

#[derive(Clone)]
struct Source {
    path: PathBuf,
    take: Take,
}

struct Held {
    value: SecretString,
    /// When the file was read last; `None` if the next use must read it.
    read_at: Option<Instant>,
    /// The warning that was logged for the last read.
    warning: Option<&'static str>,
}

impl WatchedSecret {
    /// A secret that was read from `path`. `take` decides what may replace it.
    pub(super) fn of_file(path: PathBuf, value: SecretString, take: Take) -> Self {
        Self { file: Some(Source { path, take }), ..Self::from(value) }
    }

    /// The current value, read from the file again if that is due.
    pub fn current(&self) -> SecretString {
        self.current_at(Instant::now())
    }

    /// Makes the next use read the file again. To be called after a server refused the value.
    pub fn reload_on_next_use(&self) {
        self.held().read_at = None;
    }

    fn current_at(&self, now: Instant) -> SecretString {
        let mut held = self.held();
        if let Some(source) = &self.file
            && held.read_at.is_none_or(|at| now.saturating_duration_since(at) >= RELOAD_INTERVAL)
        {
            held.read_at = Some(now);
            held.reload(source);
        }
        held.value.clone()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn reload(&mut self, source: &Source) {
        let path = source.path.display();
        let (warning, error) = match read(&source.path) {
            Ok(text) => match (source.take)(self.value.expose_secret(), &text) {
                Ok(value) => {
                    if value != self.value.expose_secret() {
                        tracing::info!(%path, "a secret was replaced in its file");
                        self.value = SecretString::from(value);
                    }
                    self.warning = None;
                    return;
                }
                Err(warning) => (warning, None),
            },
            Err(error) => (UNREADABLE, Some(error)),
        };
        if self.warning != Some(warning) {
            let error = error.as_ref().map(|error| Chain(error).to_string());
            tracing::warn!(%path, error, "{warning}");
        }
        self.warning = Some(warning);
    }
}

/// A value that is derived from a secret, for example a parsed key. It is derived again when the secret is replaced. If
/// that fails, the last derived value stays in use.
pub struct DerivedSecret<T> {
    secret: WatchedSecret,
    make: Box<Make<T>>,
    last: Mutex<(SecretString, T)>,
}

type Make<T> = dyn Fn(&SecretString) -> Option<T> + Send + Sync;

impl<T: Clone> DerivedSecret<T> {
    /// Derives the first value.
    ///
    /// # Errors
    /// The error of `make`.
    pub fn new<E>(
        secret: WatchedSecret,
        make: impl Fn(&SecretString) -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, E> {
        let value = secret.current();
        let last = Mutex::new((value.clone(), make(&value)?));
        Ok(Self { secret, make: Box::new(move |value| make(value).ok()), last })
    }

    /// The value that is derived from the current secret.
    pub fn current(&self) -> T {
        let secret = self.secret.current();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0.expose_secret() != secret.expose_secret() {
            if let Some(made) = (self.make)(&secret) {
                last.1 = made;
            } else {
                tracing::warn!(secret = ?self.secret, "{MALFORMED}");
            }
            last.0 = secret;
        }
        last.1.clone()
    }

    /// Makes the next use read the secret's file again.
    pub fn reload_on_next_use(&self) {
        self.secret.reload_on_next_use();
    }
}

impl<T> fmt::Debug for DerivedSecret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DerivedSecret").field(&self.secret).finish()
    }
}

/// Reads a secret from a file, without the newlines at the end and without the byte order mark that Windows editors
/// write at the beginning.
///
/// # Errors
/// The file cannot be read, or is not UTF-8.
pub(super) fn read(path: &Path) -> std::io::Result<String> {
    let text = std::fs::read_to_string(path)?;
    Ok(text.trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r']).to_owned())
}

impl From<SecretString> for WatchedSecret {
    fn from(value: SecretString) -> Self {
        let held = Held { value, read_at: Some(Instant::now()), warning: None };
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
    fn a_secret_replaced_in_its_file_takes_effect_within_a_minute_and_a_broken_file_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        std::fs::write(&path, "one\n").expect("a file");
        let take: Take = |_, text| take_if(!text.trim().is_empty(), text);
        let secret = WatchedSecret::of_file(path.clone(), "one".into(), take);
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
    fn a_refused_secret_is_read_again_at_once_and_an_unusable_one_leaves_the_last_value() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        let put = |text: &str| std::fs::write(&path, text).expect("a file");
        put("1");
        let secret = WatchedSecret::of_file(path.clone(), "1".into(), |_, text| Ok(text.to_owned()));
        let number = DerivedSecret::new(secret, |text| text.expose_secret().parse::<u8>()).expect("a number");
        put("2");
        assert_eq!(number.current(), 1, "read a moment ago");
        for (text, made) in [("2", 2), ("none", 2), ("", 2), ("3", 3)] {
            put(text);
            number.reload_on_next_use();
            assert_eq!((number.current(), number.current()), (made, made), "{text:?}");
        }
        assert!(DerivedSecret::new("none".into(), |text| text.expose_secret().parse::<u8>()).is_err());
    }

    #[test]
    fn debug_never_shows_the_secret() {
        let secret = WatchedSecret::from("hunter2");
        let made = DerivedSecret::new(secret.clone(), |text| Ok::<_, ()>(text.expose_secret().to_owned()));
        let shown = format!("{secret:?} {:?}", made.expect("made"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
