//! A secret that may be replaced in its file while Gatepost runs.
//!
//! Whoever uses it asks for the current value each time; the file is looked at on use, at most every ten seconds, and at
//! once after a server refused the value. A file that cannot be read, or holds nothing that may replace the value, leaves
//! the last good one in use, with one warning.

use super::{ClientCredential, Config, StoresConfig};
use gatepost_core::error_chain::Chain;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Well below the minute within which a new secret counts.
pub const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Why a file leaves the last value in use.
pub(super) const MALFORMED: &str = "the file holds no secret of the right form: the last one stays in use";
const UNREADABLE: &str = "a secret's file cannot be read: the last one stays in use";

/// What a file's text becomes: from the value in use and the text, the next value, or one of the sentences that say why
/// there is none. A sentence never holds a part of either.
pub(super) type Take = fn(&str, &str) -> Result<String, &'static str>;

/// For a secret that may become any other of its form.
pub(super) fn take_if(is_sound: bool, text: &str) -> Result<String, &'static str> {
    if is_sound { Ok(text.to_owned()) } else { Err(MALFORMED) }
}

/// A secret from a file, or one that was given itself and never changes. Clones share what was read last.
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
    /// `None`: the next use looks.
    looked_at: Option<Instant>,
    /// Why the last look brought nothing, which was logged.
    fault: Option<&'static str>,
}

impl WatchedSecret {
    /// A secret that was read from `path` and is read again from there; `take` says what may replace it.
    pub(super) fn of_file(path: PathBuf, value: SecretString, take: Take) -> Self {
        Self { file: Some(Source { path, take }), ..Self::from(value) }
    }

    /// The secret as it is now.
    pub fn current(&self) -> SecretString {
        self.current_at(Instant::now())
    }

    /// A server refused the value: the next use looks at the file, however short ago the last look was.
    pub fn look_again(&self) {
        self.held().looked_at = None;
    }

    fn current_at(&self, now: Instant) -> SecretString {
        let mut held = self.held();
        if let Some(source) = &self.file
            && held.looked_at.is_none_or(|at| now.saturating_duration_since(at) >= LOOK_AGAIN)
        {
            held.looked_at = Some(now);
            held.look(source);
        }
        held.value.clone()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn look(&mut self, source: &Source) {
        let path = source.path.display();
        let (fault, error) = match read(&source.path) {
            Ok(text) => match (source.take)(self.value.expose_secret(), &text) {
                Ok(value) => {
                    if value != self.value.expose_secret() {
                        tracing::info!(%path, "a secret was replaced in its file");
                        self.value = SecretString::from(value);
                    }
                    self.fault = None;
                    return;
                }
                Err(fault) => (fault, None),
            },
            Err(error) => (UNREADABLE, Some(error)),
        };
        if self.fault != Some(fault) {
            let error = error.as_ref().map(|error| Chain(error).to_string());
            tracing::warn!(%path, error, "{fault}");
        }
        self.fault = Some(fault);
    }
}

/// What is made of a secret, and made anew when the secret was replaced. A secret of which nothing can be made leaves
/// what was made before.
pub struct MadeOf<T> {
    secret: WatchedSecret,
    make: Box<Make<T>>,
    last: Mutex<(SecretString, T)>,
}

type Make<T> = dyn Fn(&SecretString) -> Option<T> + Send + Sync;

impl<T: Clone> MadeOf<T> {
    /// Makes the first.
    ///
    /// # Errors
    /// As `make`.
    pub fn new<E>(
        secret: WatchedSecret,
        make: impl Fn(&SecretString) -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, E> {
        let value = secret.current();
        let last = Mutex::new((value.clone(), make(&value)?));
        Ok(Self { secret, make: Box::new(move |value| make(value).ok()), last })
    }

    /// What is made of the secret as it is now.
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

    /// As [`WatchedSecret::look_again`].
    pub fn look_again(&self) {
        self.secret.look_again();
    }
}

impl<T> fmt::Debug for MadeOf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MadeOf").field(&self.secret).finish()
    }
}

impl Config {
    /// Looks at the files of secrets where that is due: what was replaced, or is wrong, is logged though nobody may need
    /// the secret for hours.
    pub fn look_at_secrets(&self) {
        if let StoresConfig::Shared { redis_url, database_url } = &self.stores {
            redis_url.current();
            database_url.current();
        }
        for provider in &self.providers {
            match &provider.credential {
                ClientCredential::Secret(secret) | ClientCredential::Certificate(secret) => {
                    secret.current();
                }
                ClientCredential::AssertionFile(_) => {}
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
        let held = Held { value, looked_at: Some(Instant::now()), fault: None };
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
    fn a_refused_secret_is_looked_for_at_once_and_what_nothing_can_be_made_of_leaves_what_was_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        let put = |text: &str| std::fs::write(&path, text).expect("a file");
        put("1");
        let secret = WatchedSecret::of_file(path.clone(), "1".into(), |_, text| Ok(text.to_owned()));
        let number = MadeOf::new(secret, |text| text.expose_secret().parse::<u8>()).expect("a number");
        put("2");
        assert_eq!(number.current(), 1, "looked at short ago");
        for (text, made) in [("2", 2), ("none", 2), ("", 2), ("3", 3)] {
            put(text);
            number.look_again();
            assert_eq!((number.current(), number.current()), (made, made), "{text:?}");
        }
        assert!(MadeOf::new("none".into(), |text| text.expose_secret().parse::<u8>()).is_err());
    }

    #[test]
    fn what_it_holds_is_never_shown() {
        let secret = WatchedSecret::from("hunter2");
        let made = MadeOf::new(secret.clone(), |text| Ok::<_, ()>(text.expose_secret().to_owned()));
        let shown = format!("{secret:?} {:?}", made.expect("made"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
