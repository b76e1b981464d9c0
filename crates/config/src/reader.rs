//! Reads typed values from the merged settings. It records errors and goes on, so that all errors are reported at once.
//!
//! It also records every key that is read. A given setting that was never read is unknown.

use super::error::{ConfigError, ConfigErrors, Problem, hidden, shown};
use super::given::{Given, Overlay, Source, Value};
use super::platform;
use super::raw::{TomlFile, overlay, variable_of};
use super::watched::{self, Take, WatchedSecret};
use gatepost_core::host::Origin;
use secrecy::{ExposeSecret, SecretString};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Proof that an error was recorded, so that the caller does not have to report it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reported;

/// A value, or the proof that its error was recorded.
pub(super) type Read<T> = Result<T, Reported>;

/// What separates the entries of a list in the environment.
#[derive(Clone, Copy)]
pub(super) enum Separator {
    Comma,
    /// Also white space, as the specification writes scopes, and newlines in a file of keys.
    CommaOrSpace,
}

/// The given settings, the keys that were read, and the errors so far.
pub(super) struct Reader {
    given: Overlay,
    read_keys: BTreeSet<String>,
    errors: Vec<ConfigError>,
}

impl Reader {
    pub fn new(file: Option<&TomlFile<'_>>, environment: impl Iterator<Item = (String, String)>) -> Self {
        let (mut given, mut errors) = overlay(file, environment);
        errors.extend(given.values_mut().filter_map(unquote));
        Self { given, read_keys: BTreeSet::new(), errors }
    }

    /// The name of the setting as the operator wrote it, or its environment variable if it is not given.
    pub fn name(&self, key: &str) -> String {
        let variable =
            || platform::variable_of(key, &self.given).map_or_else(|| variable_of(key), str::to_owned);
        self.given.get(key).map_or_else(variable, |given| given.source.to_string())
    }

    /// Whether the setting is given, valid or not. Does not count as reading it.
    pub fn is_given(&self, key: &str) -> bool {
        self.given.contains_key(key)
    }

    /// Whether the file gives the setting as an array.
    pub fn is_array(&self, key: &str) -> bool {
        self.given.get(key).is_some_and(|given| matches!(given.value, Value::Toml(toml::Value::Array(_))))
    }

    /// The parts of the given keys between `prefix` and the last `.`, sorted, without duplicates.
    pub fn names_under(&self, prefix: &str) -> BTreeSet<String> {
        let under = self.given.keys().filter_map(|key| key.strip_prefix(prefix));
        under.filter_map(|rest| rest.rsplit_once('.')).map(|(name, _)| name.to_owned()).collect()
    }

    /// Marks all keys that begin with `prefix` as read, because their error is already recorded.
    pub fn pass_over(&mut self, prefix: &str) {
        let under: Vec<String> = self.given.keys().filter(|key| key.starts_with(prefix)).cloned().collect();
        self.read_keys.extend(under);
    }

    fn take(&mut self, key: &str) -> Option<Given> {
        self.read_keys.insert(key.to_owned());
        self.given.get(key).cloned()
    }

    pub fn fail(&mut self, key: &str, problem: Problem) -> Reported {
        self.errors.push(ConfigError { setting: self.name(key), problem });
        Reported
    }

    pub fn contradiction(&mut self, key: &str, why: impl Into<String>) -> Reported {
        self.fail(key, Problem::Contradiction(why.into()))
    }

    /// Records that the value of a setting is malformed. `found` must not contain a secret.
    pub fn malformed(
        &mut self,
        key: &str,
        found: String,
        expected: impl Into<Cow<'static, str>>,
    ) -> Reported {
        self.fail(key, Problem::Malformed { found, expected: expected.into() })
    }

    pub fn missing(&mut self, key: &str, expected: impl Into<Cow<'static, str>>) -> Reported {
        self.fail(key, Problem::Missing { expected: expected.into() })
    }

    /// Reads a value; `None` if it is not given. `expected` describes the valid values in the error.
    pub fn value<T>(
        &mut self,
        key: &str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Read<Option<T>> {
        let Some(given) = self.take(key) else { return Ok(None) };
        let text = match given.value {
            Value::Text(text) | Value::Toml(toml::Value::String(text)) => text,
            Value::Toml(toml::Value::Integer(number)) => number.to_string(),
            Value::Toml(toml::Value::Boolean(flag)) => flag.to_string(),
            Value::Toml(other) => return Err(self.malformed(key, kind_of(&other), expected)),
        };
        if text.is_empty() {
            return Err(self.malformed(
                key,
                "nothing".to_owned(),
                format!("{expected}, or no such setting at all"),
            ));
        }
        parse(&text).map(Some).ok_or_else(|| self.malformed(key, shown(&text), expected))
    }

    pub fn required<T>(
        &mut self,
        key: &str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Read<T> {
        self.value(key, expected, parse)?.ok_or_else(|| self.missing(key, expected))
    }

    /// Reads a value that must be one of `words`.
    pub fn word<T: Clone>(
        &mut self,
        key: &str,
        words: &[(&str, T)],
        expected: &'static str,
    ) -> Read<Option<T>> {
        self.value(key, expected, |text| {
            words.iter().find(|(word, _)| *word == text).map(|(_, value)| value.clone())
        })
    }

    /// Reads `true` or `false`.
    pub fn flag(&mut self, key: &str) -> Read<Option<bool>> {
        self.word(key, &[("true", true), ("false", false)], "true or false")
    }

    pub fn path(&mut self, key: &str, expected: &'static str) -> Read<Option<PathBuf>> {
        self.value(key, expected, |text| Some(PathBuf::from(text)))
    }

    /// Reads a list, and records an error for every malformed entry. An empty list is not the same as a list that is
    /// not given.
    pub fn list<T>(
        &mut self,
        key: &str,
        expected: &'static str,
        separator: Separator,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Read<Option<Vec<T>>> {
        let Some(given) = self.take(key) else { return Ok(None) };
        let entries = self.entries(key, given.value, separator, "an array of strings")?;
        let read: Vec<Read<T>> = entries
            .iter()
            .map(|entry| parse(entry).ok_or_else(|| self.malformed(key, shown(entry), expected)))
            .collect();
        read.into_iter().collect::<Read<Vec<T>>>().map(Some)
    }

    /// Reads a list that must not be empty, because an empty list could be mistaken for no limit.
    pub fn filled_list<T>(
        &mut self,
        key: &str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Read<Option<Vec<T>>> {
        match self.list(key, expected, Separator::Comma, parse)? {
            Some(list) if list.is_empty() => Err(self.malformed(key, "an empty list".to_owned(), expected)),
            list => Ok(list),
        }
    }

    fn entries(
        &mut self,
        key: &str,
        value: Value,
        by: Separator,
        expected: &'static str,
    ) -> Read<Vec<String>> {
        match value {
            Value::Text(text) => Ok(split(&text, by)),
            Value::Toml(toml::Value::Array(array)) => {
                let text = |value| {
                    if let toml::Value::String(text) = value { Ok(text) } else { Err(kind_of(&value)) }
                };
                let texts: Result<Vec<String>, String> = array.into_iter().map(text).collect();
                texts.map_err(|kind| self.malformed(key, format!("an array with {kind}"), expected))
            }
            Value::Toml(other) => Err(self.malformed(key, kind_of(&other), expected)),
        }
    }

    /// Reads pairs: a table in the file, in which a name may have an array of values, or comma-separated `NAME=VALUE`.
    pub fn pairs(&mut self, key: &str, expected: &'static str) -> Read<Vec<(String, String)>> {
        let Some(given) = self.take(key) else { return Ok(Vec::new()) };
        let table = match given.value {
            Value::Toml(toml::Value::Table(table)) => table,
            Value::Text(text) => {
                let pair = |entry: String| match entry.split_once('=') {
                    Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
                    None => Err(self.malformed(key, shown(&entry), expected)),
                };
                let read: Vec<_> = split(&text, Separator::Comma).into_iter().map(pair).collect();
                return read.into_iter().collect();
            }
            Value::Toml(other) => {
                return Err(self.malformed(key, kind_of(&other), "a table NAME = \"VALUE\""));
            }
        };
        let mut pairs = Vec::new();
        for (name, value) in table {
            let values = match value {
                toml::Value::String(text) => vec![text],
                other => {
                    self.entries(key, Value::Toml(other), Separator::Comma, "NAME = \"VALUE\" or an array")?
                }
            };
            pairs.extend(values.into_iter().map(|value| (name.clone(), value)));
        }
        Ok(pairs)
    }

    /// Reads a secret, which is given as `<key>` or as `<key>_file`. Errors describe it without showing it.
    pub fn secret(&mut self, key: &str, expected: &'static str) -> Read<Option<Found>> {
        let file_key = format!("{key}_file");
        let (plain, file) = (self.take(key), self.take(&file_key));
        if let (Some(plain), Some(file)) = (&plain, &file)
            && is_variable(plain) == is_variable(file)
        {
            return Err(
                self.contradiction(key, format!("{} is also given: give only one of them", file.source))
            );
        }
        // The environment takes precedence, in either of the two forms.
        let file = file.filter(|file| plain.is_none() || is_variable(file));
        match (file, plain) {
            (Some(file), _) => self.secret_file(&file_key, file.value, expected),
            (None, Some(plain)) => self.plain_secret(key, plain.value, expected),
            (None, None) => Ok(None),
        }
    }

    fn plain_secret(&mut self, key: &str, value: Value, expected: &'static str) -> Read<Option<Found>> {
        let texts = match value {
            Value::Text(text) | Value::Toml(toml::Value::String(text)) => vec![text],
            other @ Value::Toml(toml::Value::Array(_)) => {
                self.entries(key, other, Separator::Comma, expected)?
            }
            Value::Toml(other) => return Err(self.malformed(key, kind_of(&other), expected)),
        };
        self.found_secret(key, texts.join(","), None, expected)
    }

    fn secret_file(&mut self, key: &str, value: Value, expected: &'static str) -> Read<Option<Found>> {
        let path = match value {
            Value::Text(text) | Value::Toml(toml::Value::String(text)) if !text.is_empty() => {
                PathBuf::from(text)
            }
            _ => return Err(self.malformed(key, "no path".to_owned(), "the path of a file")),
        };
        let text = watched::read(&path)
            .map_err(|cause| self.fail(key, Problem::Unreadable { path: path.clone(), cause }))?;
        self.found_secret(key, text, Some(path), expected)
    }

    fn found_secret(
        &mut self,
        key: &str,
        text: String,
        file: Option<PathBuf>,
        expected: &'static str,
    ) -> Read<Option<Found>> {
        if text.trim().is_empty() {
            return Err(self.malformed(key, "nothing".to_owned(), expected));
        }
        Ok(Some(Found { key: key.to_owned(), value: SecretString::from(text), file }))
    }

    pub fn malformed_secret(&mut self, secret: &Found, expected: impl Into<Cow<'static, str>>) -> Reported {
        self.malformed(&secret.key, hidden(secret.value.expose_secret()), expected)
    }

    /// Reads the text of a file that a setting names.
    pub fn file(&mut self, key: &str, path: &Path) -> Read<String> {
        std::fs::read_to_string(path)
            .map_err(|cause| self.fail(key, Problem::Unreadable { path: path.to_owned(), cause }))
    }

    fn explain_redirect_uri(&self, provider: &str) -> Problem {
        let text = self.given.get("public_url").and_then(|given| match &given.value {
            Value::Text(text) | Value::Toml(toml::Value::String(text)) => Some(text.as_str()),
            Value::Toml(_) => None,
        });
        let public = text.and_then(|text| text.parse::<Origin>().ok()).map(|origin| origin.to_string());
        let public = public.unwrap_or_else(|| "GATEPOST_PUBLIC_URL".to_owned());
        Problem::NotNeeded(format!(
            "Gatepost builds the redirect URI itself; register {public}/callback/{provider} at the provider"
        ))
    }

    /// All keys that were read.
    #[cfg(test)]
    pub fn read_keys(&self) -> &BTreeSet<String> {
        &self.read_keys
    }

    /// Returns the configuration, or all errors, including the unknown settings.
    pub fn finish<T>(self, built: Read<T>) -> Result<T, ConfigErrors> {
        self.finish_part("", built)
    }

    /// Returns a part of the configuration, or all errors; settings are unknown that begin with `prefix` and were not read.
    pub fn finish_part<T>(mut self, prefix: &str, built: Read<T>) -> Result<T, ConfigErrors> {
        let unknown: Vec<ConfigError> = self
            .given
            .iter()
            .filter(|(key, _)| key.starts_with(prefix) && !self.read_keys.contains(*key))
            .map(|(key, given)| {
                let setting = given.source.to_string();
                if let Some(id) = redirect_uri_of(key) {
                    return ConfigError { setting, problem: self.explain_redirect_uri(id) };
                }
                let suggestion = super::suggest::suggestion(&given.source, key, &self.read_keys);
                ConfigError { setting, problem: Problem::Unknown { suggestion } }
            })
            .collect();
        self.errors.extend(unknown);
        match built {
            Ok(value) if self.errors.is_empty() => Ok(value),
            _ => Err(ConfigErrors::new(self.errors)),
        }
    }
}

/// The provider's id, if the key is a redirect URI under one of the names that other programs use.
fn redirect_uri_of(key: &str) -> Option<&str> {
    let (id, setting) = key.strip_prefix("providers.")?.split_once('.')?;
    matches!(setting, "redirect_uri" | "redirect_url" | "callback_url").then_some(id)
}

/// A secret, and where it was found.
pub(super) struct Found {
    pub key: String,
    pub value: SecretString,
    /// The path of its file, if it was given as one.
    pub file: Option<PathBuf>,
}

impl Found {
    /// Makes a secret that is read again when its file changes. `take` decides what may replace the value.
    pub fn watched(self, take: Take) -> WatchedSecret {
        match self.file {
            Some(path) => WatchedSecret::of_file(path, self.value, take),
            None => self.value.into(),
        }
    }
}

/// Reports a value in quotes, which `docker run --env-file` does not remove. Removes the quotes, so that the value
/// causes no further errors.
fn unquote(given: &mut Given) -> Option<ConfigError> {
    let Value::Text(text) = &mut given.value else { return None };
    let inner = ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))?;
    *text = inner.to_owned();
    let problem = Problem::Malformed {
        found: "a value in quotes".to_owned(),
        expected: "the value without them: `docker run --env-file` keeps quotes as a part of it".into(),
    };
    Some(ConfigError { setting: given.source.to_string(), problem })
}

fn is_variable(given: &Given) -> bool {
    matches!(given.source, Source::Variable(_))
}

fn split(text: &str, by: Separator) -> Vec<String> {
    let is_separator = |c: char| c == ',' || (matches!(by, Separator::CommaOrSpace) && c.is_whitespace());
    text.split(is_separator).map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}

fn kind_of(value: &toml::Value) -> String {
    match value {
        toml::Value::Array(_) => "an array".to_owned(),
        other => format!("a value of type {}", other.type_str()),
    }
}
