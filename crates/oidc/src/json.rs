//! JSON objects in which no member stands twice.
//!
//! Two parsers that differ on which of two `aud` members counts are how a token passes one check and is used under
//! another (RFC 8725 section 2.4, RFC 7519 section 4): here such an object is refused.

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Parses one JSON object and nothing after it.
pub(super) fn object(bytes: &[u8]) -> Result<Map<String, Value>, serde_json::Error> {
    let mut input = serde_json::Deserializer::from_slice(bytes);
    let object = unique(&mut input)?;
    input.end()?;
    Ok(object)
}

/// Reads an object within another parse; for `deserialize_with`.
pub(super) fn unique<'de, D: Deserializer<'de>>(input: D) -> Result<Map<String, Value>, D::Error> {
    input.deserialize_map(Unique)
}

struct Unique;

impl<'de> Visitor<'de> for Unique {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, value)) = members.next_entry::<String, Value>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a member stands twice"));
            }
        }
        Ok(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_object_without_repeated_members_is_read() {
        assert!(object(br#"{"a":1,"b":{"c":[2]}}"#).is_ok());
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"aud":"x","\u0061ud":"y"}"#,
            "[]",
            "1",
            "",
            "{}{}",
            "{} x",
            "\u{feff}{}",
            "{\"a\":}",
        ] {
            assert!(object(text.as_bytes()).is_err(), "{text}");
        }
    }
}
