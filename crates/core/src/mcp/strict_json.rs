//! Reads JSON with `serde_json`, and refuses what other readers understand differently or not at all: members that occur
//! twice in one object, and values that are nested deeply.
//!
//! What is not UTF-8 is refused as well, and `serde_json` itself refuses halves of surrogate pairs, `NaN`, comments, a byte
//! order mark, control characters in strings and text after the value.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// How deeply objects and arrays may be nested.
pub(super) const MAX_DEPTH: usize = 64;

/// What stands at one place of a text. Of arrays and objects only that they are there.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Seen<'de> {
    Null,
    Bool,
    Number(Number),
    Text(Cow<'de, str>),
    Array,
    Object,
}

/// Is told each member of the objects that it wants to look into.
pub(super) trait Listener<'de> {
    /// Whether the members of the object below this member must be told, too.
    fn wants(&self, path: &[Cow<'de, str>]) -> bool;
    /// One member of an object that was wanted: where it stands, and what it is.
    ///
    /// # Errors
    /// Why the text is refused.
    fn member(&mut self, path: &[Cow<'de, str>], value: Seen<'de>) -> Result<(), &'static str>;
}

/// Reads a whole text.
///
/// # Errors
/// Why it is refused, and at which line and column.
pub(super) fn read<'de>(text: &'de [u8], listener: &mut impl Listener<'de>) -> Result<Seen<'de>, String> {
    // Checked once: else each string is checked by itself.
    let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8".to_owned())?;
    let mut json = serde_json::Deserializer::from_str(text);
    let mut reading = Reading { listener, path: Vec::new(), names: Names::default() };
    let value = Value { reading: &mut reading, depth: 0, keeps_text: false, is_wanted: true };
    let seen = value.deserialize(&mut json).map_err(|error| error.to_string())?;
    json.end().map_err(|error| error.to_string())?;
    Ok(seen)
}

/// What is known while a text is read.
struct Reading<'a, 'de, L> {
    listener: &'a mut L,
    /// The members in which the reader stands, of the objects that the listener looks into.
    path: Vec<Cow<'de, str>>,
    names: Names<'de>,
}

/// One value of the text.
struct Value<'a, 'b, 'de, L> {
    reading: &'a mut Reading<'b, 'de, L>,
    /// How many objects and arrays it stands in.
    depth: usize,
    /// Whether the listener is told what it is.
    keeps_text: bool,
    /// Whether the listener looks into it.
    is_wanted: bool,
}

impl<'de, L: Listener<'de>> DeserializeSeed<'de> for Value<'_, '_, 'de, L> {
    type Value = Seen<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Seen<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<L> Value<'_, '_, '_, L> {
    fn enter<E: Error>(&self) -> Result<usize, E> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH { Err(E::custom("it is nested too deeply")) } else { Ok(depth) }
    }
}

impl<'de, L: Listener<'de>> Visitor<'de> for Value<'_, '_, 'de, L> {
    type Value = Seen<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Seen<'de>, E> {
        Ok(Seen::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Seen<'de>, E> {
        Ok(Seen::Bool)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Seen<'de>, E> {
        Ok(Seen::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Seen<'de>, E> {
        Ok(Seen::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Seen<'de>, E> {
        Number::from_f64(number).map(Seen::Number).ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Seen<'de>, E> {
        Ok(Seen::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Seen<'de>, E> {
        // A long string with escapes that nobody looks at is not copied.
        let kept = if self.keeps_text { text } else { "" };
        Ok(Seen::Text(Cow::Owned(kept.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Seen<'de>, A::Error> {
        let depth = self.enter()?;
        let reading = self.reading;
        while items
            .next_element_seed(Value { reading, depth, keeps_text: false, is_wanted: false })?
            .is_some()
        {}
        Ok(Seen::Array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Seen<'de>, A::Error> {
        let depth = self.enter()?;
        let Self { reading, is_wanted, .. } = self;
        let mut own = reading.names.open();
        while let Some(name) = members.next_key_seed(Name)? {
            if !reading.names.insert(&mut own, name.clone()) {
                return Err(A::Error::custom("a member occurs twice in one object"));
            }
            if !is_wanted {
                members.next_value_seed(Value { reading, depth, keeps_text: false, is_wanted: false })?;
                continue;
            }
            reading.path.push(name);
            let is_wanted = reading.listener.wants(&reading.path);
            let seen = members.next_value_seed(Value { reading, depth, keeps_text: true, is_wanted })?;
            reading.listener.member(&reading.path, seen).map_err(A::Error::custom)?;
            reading.path.pop();
        }
        reading.names.close(&own);
        Ok(Seen::Object)
    }
}

/// So many names are compared one by one, which is faster than hashing them.
const FEW: usize = 8;

/// The names of the members of all objects in which the reader stands, the innermost last. One list for all of them takes
/// memory once.
#[derive(Default)]
struct Names<'de>(Vec<Cow<'de, str>>);

/// The names of the members of one object.
struct Own<'de> {
    /// Where its names begin, of which there are at most [`FEW`].
    start: usize,
    /// All names, if there are more.
    many: HashSet<Cow<'de, str>>,
}

impl<'de> Names<'de> {
    /// Begins an object within those that are open.
    fn open(&self) -> Own<'de> {
        Own { start: self.0.len(), many: HashSet::new() }
    }

    /// Adds a name to the innermost object. Returns whether it is new.
    fn insert(&mut self, own: &mut Own<'de>, name: Cow<'de, str>) -> bool {
        let few = &self.0[own.start..];
        if few.len() < FEW {
            let is_new = !few.contains(&name);
            self.0.push(name);
            return is_new;
        }
        if own.many.is_empty() {
            own.many.extend(few.iter().cloned());
        }
        own.many.insert(name)
    }

    /// Ends the innermost object.
    fn close(&mut self, own: &Own<'de>) {
        self.0.truncate(own.start);
    }
}

/// The name of a member, borrowed from the text where it has no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl<'de> Listener<'de> for Nothing {
        fn wants(&self, _: &[Cow<'de, str>]) -> bool {
            false
        }

        fn member(&mut self, _: &[Cow<'de, str>], _: Seen<'de>) -> Result<(), &'static str> {
            Ok(())
        }
    }

    #[test]
    fn a_member_that_occurs_twice_is_found_among_few_and_among_many() {
        for count in 2..3 * FEW {
            for (first, second) in [(0, 1), (0, count - 1), (count / 2, count - 1), (count - 2, count - 1)] {
                let name = |at| if at == second && first != second { first } else { at };
                let member = |at: usize| format!(r#""m{}":{at}"#, name(at));
                let text = |member: &dyn Fn(usize) -> String| {
                    format!("{{{}}}", (0..count).map(member).collect::<Vec<_>>().join(","))
                };
                let twice = text(&member);
                assert_eq!(read(twice.as_bytes(), &mut Nothing).is_err(), first != second, "{twice}");
                let once = text(&|at| format!(r#""m{at}":{at}"#));
                assert!(read(once.as_bytes(), &mut Nothing).is_ok(), "{once}");
            }
        }
    }
}
