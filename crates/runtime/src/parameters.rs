//! Parameters of an address or a form, each at most once.
//!
//! Two readers of `iss=a&iss=b` may take different values, and a check on one would not hold for the other. So a known
//! parameter that occurs twice makes the whole request invalid (RFC 6749 section 3.1). Unknown parameters are ignored.

use serde::Deserializer;
use serde::de::value::Error as ValueError;
use serde::de::{self, DeserializeOwned, Visitor};
use std::fmt;
use url::form_urlencoded;

/// A known parameter was sent more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parameter {0} was sent more than once")]
pub struct Repeated(&'static str);

/// Why parameters cannot be read into a struct.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ParameterError {
    /// A known parameter occurs twice.
    #[error(transparent)]
    Repeated(#[from] Repeated),
    /// A parameter is missing, or its value is invalid.
    #[error(transparent)]
    Value(#[from] ValueError),
}

impl de::Error for ParameterError {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self::Value(ValueError::custom(what))
    }
}

/// Parses the parameters into a struct, whose fields are the known parameters.
///
/// # Errors
/// [`ParameterError`].
pub fn parse<T: DeserializeOwned>(encoded: &[u8]) -> Result<T, ParameterError> {
    T::deserialize(Once(encoded))
}

/// Deserialises only structs, because their fields say which parameters are known.
struct Once<'a>(&'a [u8]);

impl<'de> Deserializer<'de> for Once<'de> {
    type Error = ParameterError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ParameterError> {
        Err(de::Error::custom("parameters are read into a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ParameterError> {
        let mut seen = vec![false; fields.len()];
        for (found, _) in form_urlencoded::parse(self.0) {
            let Some(at) = fields.iter().position(|field| *field == found) else { continue };
            if std::mem::replace(&mut seen[at], true) {
                return Err(Repeated(fields[at]).into());
            }
        }
        let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(self.0));
        Ok(pairs.deserialize_struct(name, fields, visitor)?)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Parameters {
        code: Option<String>,
        iss: Option<String>,
    }

    #[test]
    fn a_parameter_that_counts_stands_there_once_or_the_request_is_refused() {
        let text = |value: &str| Some(value.to_owned());
        let read = |encoded: &str| parse::<Parameters>(encoded.as_bytes());
        for encoded in ["", "x=1&x=2"] {
            assert_eq!(read(encoded), Ok(Parameters { code: None, iss: None }), "{encoded}");
        }
        assert_eq!(read("iss=a%20b&x=1&x=2&code="), Ok(Parameters { code: text(""), iss: text("a b") }));
        assert_eq!(read("code=%ff"), Ok(Parameters { code: text("\u{fffd}"), iss: None }));
        for encoded in ["iss=a&iss=b", "iss=a&iss=a", "iss=&code=1&iss=", "iss&%69ss=a", "code=1&iss=a&iss=b"]
        {
            assert_eq!(read(encoded), Err(Repeated("iss").into()), "{encoded}");
        }
        let list = parse::<Vec<String>>(b"a=b");
        assert!(matches!(list, Err(ParameterError::Value(_))), "a list would not say what counts: {list:?}");
    }
}
