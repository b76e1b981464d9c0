//! JSON of a body, read strictly: no member twice, no more than 16 levels, and what is wrong with its place.

use crate::problem_document::Flaw;
use gatepost_core::json_pointer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::fmt;

/// Levels of arrays and objects.
const MOST_LEVELS: usize = 16;

/// Parses a body.
///
/// # Errors
/// Every member that occurs twice, or why it is no JSON.
pub(super) fn parse(text: &[u8]) -> Result<Value, Vec<Flaw>> {
    let flaws = RefCell::new(Vec::new());
    let mut reader = serde_json::Deserializer::from_slice(text);
    let place = Place { pointer: String::new(), level: 0, flaws: &flaws };
    let parsed = place.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    let mut flaws = flaws.into_inner();
    match parsed {
        Ok(value) if flaws.is_empty() => Ok(value),
        Ok(_) => Err(flaws),
        Err(error) => {
            flaws.push(Flaw::at("", "not_json", format!("The body is not valid JSON: {error}.")));
            Err(flaws)
        }
    }
}

struct Place<'a> {
    pointer: String,
    level: usize,
    flaws: &'a RefCell<Vec<Flaw>>,
}

impl Place<'_> {
    fn child(&self, member: &str) -> Self {
        Self {
            pointer: json_pointer::member(&self.pointer, member),
            level: self.level + 1,
            flaws: self.flaws,
        }
    }

    fn demand_level<E: serde::de::Error>(&self) -> Result<(), E> {
        if self.level < MOST_LEVELS {
            Ok(())
        } else {
            Err(E::custom(format!("more than {MOST_LEVELS} levels")))
        }
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.demand_level()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.child(&list.len().to_string()))? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        self.demand_level()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let child = self.child(&name);
            if object.contains_key(&name) {
                let detail = format!("The member {name:?} occurs twice.");
                self.flaws.borrow_mut().push(Flaw::at(child.pointer.clone(), "repeated", detail));
            }
            let value = members.next_value_seed(child)?;
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn codes(text: &[u8]) -> Vec<(String, &'static str)> {
        let flaws = parse(text).expect_err("it is not valid");
        flaws.into_iter().map(|flaw| (flaw.pointer.expect("a place"), flaw.code)).collect()
    }

    #[test]
    fn json_is_read_as_it_is_written() {
        let text = br#"{"a": [1, -2, 1.5, "x", null, true], "b": {"c": {}}}"#;
        assert_eq!(parse(text), Ok(json!({"a": [1, -2, 1.5, "x", null, true], "b": {"c": {}}})));
    }

    #[test]
    fn all_repeated_members_are_named_at_once() {
        let text = br#"{"a": 1, "a": 2, "b/~": {"c": [{"d": 1, "d": 1}]}, "b/~": 1}"#;
        let found = codes(text);
        let want = [("/a", "repeated"), ("/b~1~0/c/0/d", "repeated"), ("/b~1~0", "repeated")];
        assert_eq!(found, want.map(|(pointer, code)| (pointer.to_owned(), code)));
    }

    #[test]
    fn what_is_no_json_or_too_deep_is_refused() {
        let deep = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(deep(MOST_LEVELS).as_bytes()).is_ok());
        for text in [
            b"".as_slice(),
            b"{",
            b"{}{}",
            b"{a: 1}",
            b"\xff",
            b"{\"a\": \"\xff\"}",
            b"\"\\ud800\"",
            b"1e999",
            deep(MOST_LEVELS + 1).as_bytes(),
            deep(60_000).as_bytes(),
        ] {
            assert_eq!(codes(text), [(String::new(), "not_json")], "{:?}", String::from_utf8_lossy(text));
        }
    }
}
