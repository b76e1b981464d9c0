//! Typed access to the members of a token or of userinfo.

use super::json;
use super::token_error::TokenError;
use gatepost_core::clock::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The latest time that is accepted: 9999-12-31. Later ones, such as `1e300`, are mistakes or attacks.
const END_OF_TIME: i64 = 253_402_300_799;

/// The members of a JSON object that a provider made.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct Claims(#[serde(deserialize_with = "json::unique")] Map<String, Value>);

impl Claims {
    pub fn members(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }

    pub const fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// A member of any type. `null` counts as absent.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A string. A member of another type counts as absent.
    pub fn find_text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// A string, or `None` if it is absent. Another type is an error.
    pub fn text(&self, name: &'static str) -> Result<Option<&str>, TokenError> {
        self.get(name).map(|value| value.as_str().ok_or(TokenError::MalformedClaim(name))).transpose()
    }

    /// An identifier: 1 to 255 printable ASCII characters (OpenID Connect Core section 2 on `sub`).
    pub fn identifier(&self, name: &'static str) -> Result<Option<&str>, TokenError> {
        let text = self.text(name)?;
        let is_sound =
            |text: &str| (1..=255).contains(&text.len()) && text.bytes().all(|b| (0x20..=0x7e).contains(&b));
        if text.is_some_and(|text| !is_sound(text)) {
            Err(TokenError::MalformedClaim(name))
        } else {
            Ok(text)
        }
    }

    /// A `NumericDate` (RFC 7519 section 2), fractions of a second dropped.
    pub fn moment(&self, name: &'static str) -> Result<Option<Timestamp>, TokenError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a float too large saturates, and is refused just below"
        )]
        let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds.floor() as i64));
        let sound = seconds.filter(|seconds| (0..=END_OF_TIME).contains(seconds));
        sound.map(|seconds| Some(Timestamp::from_unix(seconds))).ok_or(TokenError::MalformedClaim(name))
    }

    /// Whether a member means "true", in any of the forms that providers use.
    pub fn is_true(&self, name: &str) -> bool {
        match self.get(name) {
            Some(Value::Bool(value)) => *value,
            Some(Value::String(value)) => value == "true" || value == "1",
            Some(Value::Number(value)) => value.as_u64() == Some(1),
            _ => false,
        }
    }
}

/// The claim, or [`TokenError::MissingClaim`].
pub(super) fn required<T>(claim: Option<T>, name: &'static str) -> Result<T, TokenError> {
    claim.ok_or(TokenError::MissingClaim(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(text: &str) -> Claims {
        Claims::new(super::super::json::object(text.as_bytes()).expect("an object"))
    }

    #[test]
    fn moments_are_numbers_within_time() {
        let moment = |value: &str| claims(&format!("{{\"exp\":{value}}}")).moment("exp");
        assert_eq!(moment("1700000000"), Ok(Some(Timestamp::from_unix(1_700_000_000))));
        assert_eq!(moment("1700000000.9"), Ok(Some(Timestamp::from_unix(1_700_000_000))));
        assert_eq!(moment("null"), Ok(None));
        for value in ["1e300", "-1", "\"1700000000\"", "true", "[]", "253402300800", "18446744073709551615"] {
            assert_eq!(moment(value), Err(TokenError::MalformedClaim("exp")), "{value}");
        }
    }

    #[test]
    fn identifiers_are_short_printable_ascii() {
        let subject = |value: &str| {
            claims(&format!("{{\"sub\":\"{value}\"}}")).identifier("sub").map(|sub| sub.is_some())
        };
        assert_eq!(subject("auth0|5f7c8ec7"), Ok(true));
        for value in [String::new(), "a".repeat(256), "zo\u{eb}".into(), "a\\nb".into()] {
            assert_eq!(subject(&value), Err(TokenError::MalformedClaim("sub")), "{value:?}");
        }
        assert_eq!(claims("{\"sub\":7}").identifier("sub").err(), Some(TokenError::MalformedClaim("sub")));
    }
}
