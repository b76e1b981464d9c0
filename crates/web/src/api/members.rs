//! The members of a body's object, taken one by one. What nobody took is unknown. All flaws are found at once.

use crate::problem_document::Flaw;
use gatepost_core::clock::Timestamp;
use gatepost_core::json_pointer;
use gatepost_core::tier::JsonObject;
use serde_json::{Map, Value};
use std::fmt::Display;
use std::str::FromStr;

/// An object of a body while it is read.
pub(super) struct Members<'a> {
    pointer: String,
    object: Map<String, Value>,
    flaws: &'a mut Vec<Flaw>,
}

/// A member that may be absent, `null`, or a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given<T> {
    Absent,
    Null,
    Value(T),
}

impl<T> Given<T> {
    /// The value, if there is one.
    pub(super) fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }
}

impl<'a> Members<'a> {
    /// Reads an object with `read`, and notes the members that it did not take. `None`: it has flaws.
    pub(super) fn read<T>(
        value: Value,
        pointer: &str,
        flaws: &'a mut Vec<Flaw>,
        read: impl FnOnce(&mut Members<'_>) -> Option<T>,
    ) -> Option<T> {
        let Value::Object(object) = value else {
            flaws.push(Flaw::at(pointer, "not_an_object", "It must be an object."));
            return None;
        };
        let before = flaws.len();
        let mut members = Members { pointer: pointer.to_owned(), object, flaws };
        let read = read(&mut members);
        let unknown: Vec<String> = members.object.keys().cloned().collect();
        for name in unknown {
            members.flaw(&name, "unknown", format!("There is no member {name:?} here."));
        }
        read.filter(|_| members.flaws.len() == before)
    }

    /// Notes a flaw of a member.
    pub(super) fn flaw(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        self.flaws.push(Flaw::at(json_pointer::member(&self.pointer, name), code, detail));
    }

    /// A value that its type parses from text.
    pub(super) fn text<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<Given<T>> {
        match self.object.remove(name) {
            None => Some(Given::Absent),
            Some(Value::Null) => Some(Given::Null),
            Some(Value::String(text)) => match text.parse() {
                Ok(value) => Some(Given::Value(value)),
                Err(error) => {
                    self.flaw(name, "malformed", format!("{error}."));
                    None
                }
            },
            Some(_) => {
                self.flaw(name, "not_a_text", "It must be a text.");
                None
            }
        }
    }

    /// As [`Self::text`], and it must be there.
    pub(super) fn required<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let given = self.text(name)?.value();
        if given.is_none() {
            self.flaw(name, "missing", "It must be there.");
        }
        given
    }

    /// A truth value.
    pub(super) fn required_bool(&mut self, name: &str) -> Option<bool> {
        match self.object.remove(name) {
            Some(Value::Bool(value)) => Some(value),
            None => {
                self.flaw(name, "missing", "It must be there.");
                None
            }
            Some(_) => {
                self.flaw(name, "not_a_truth_value", "It must be true or false.");
                None
            }
        }
    }

    /// A whole number from 0 on.
    pub(super) fn number(&mut self, name: &str) -> Option<Given<u32>> {
        match self.object.remove(name) {
            None => Some(Given::Absent),
            Some(Value::Null) => Some(Given::Null),
            Some(value) => {
                let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
                if number.is_none() {
                    let detail = format!("It must be a whole number from 0 to {}.", u32::MAX);
                    self.flaw(name, "not_a_number", detail);
                }
                number.map(Given::Value)
            }
        }
    }

    /// As [`Self::texts`]. The member may be absent.
    pub(super) fn given_texts<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<Given<Vec<T>>> {
        if self.object.contains_key(name) { self.texts(name).map(Given::Value) } else { Some(Given::Absent) }
    }

    /// A truth value that may be absent.
    pub(super) fn flag(&mut self, name: &str) -> Option<Given<bool>> {
        if self.object.contains_key(name) {
            self.required_bool(name).map(Given::Value)
        } else {
            Some(Given::Absent)
        }
    }

    /// Of several spellings of one member the one that is there, else the first. If two are there that say the same, one is
    /// taken; if they do not, both have a flaw.
    pub(super) fn spelled(&mut self, spellings: &[&'static str]) -> &'static str {
        let mut there = spellings.iter().copied().filter(|name| self.object.contains_key(*name));
        let Some(first) = there.next() else { return spellings[0] };
        let others: Vec<&'static str> = there.collect();
        for other in others {
            if self.object.remove(other) != self.object.get(first).cloned() {
                let detail = format!("It is another spelling of {first:?}, and says something else.");
                self.flaw(other, "disagrees", detail);
            }
        }
        first
    }

    /// An object whose text has at most so many bytes.
    pub(super) fn object(&mut self, name: &str, most: usize) -> Option<Given<JsonObject>> {
        match self.object.remove(name) {
            None => Some(Given::Absent),
            Some(Value::Null) => Some(Given::Null),
            Some(Value::Object(members)) => {
                let object = JsonObject::from(members);
                let is_short = object.to_string().len() <= most;
                if !is_short {
                    self.flaw(name, "too_long", format!("It may have at most {most} bytes."));
                }
                is_short.then_some(Given::Value(object))
            }
            Some(_) => {
                self.flaw(name, "not_an_object", "It must be an object.");
                None
            }
        }
    }

    /// What is said of these members, as it is written.
    pub(super) fn take(&mut self, names: &[&str]) -> Map<String, Value> {
        let member = |name: &&str| Some(((*name).to_owned(), self.object.remove(*name)?));
        names.iter().filter_map(member).collect()
    }

    /// Whether a member is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    /// The end of something. Absent or `null`: it has none.
    pub(super) fn until(&mut self) -> Option<Given<Timestamp>> {
        self.text("until")
    }

    /// The texts of an array, each parsed by its type.
    pub(super) fn texts<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<Vec<T>> {
        match self.object.remove(name) {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(Value::Array(items)) => {
                let list = json_pointer::member(&self.pointer, name);
                let parsed = items.into_iter().enumerate().map(|(at, item)| {
                    let text = item.as_str().ok_or_else(|| "it must be a text".to_owned());
                    let parsed =
                        text.and_then(|text| text.parse().map_err(|error: T::Err| error.to_string()));
                    parsed.map_err(|error| Flaw::at(format!("{list}/{at}"), "malformed", format!("{error}.")))
                });
                let parsed: Vec<Result<T, Flaw>> = parsed.collect();
                let mut values = Vec::new();
                let before = self.flaws.len();
                for item in parsed {
                    match item {
                        Ok(value) => values.push(value),
                        Err(flaw) => self.flaws.push(flaw),
                    }
                }
                (self.flaws.len() == before).then_some(values)
            }
            Some(_) => {
                self.flaw(name, "not_a_list", "It must be a list.");
                None
            }
        }
    }

    /// The items of an array, at most so many, each an object.
    pub(super) fn items<T>(
        &mut self,
        name: &str,
        most: usize,
        mut read: impl FnMut(&mut Members<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = match self.object.remove(name) {
            None => return Some(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.flaw(name, "not_a_list", "It must be a list.");
                return None;
            }
        };
        if items.len() > most {
            self.flaw(name, "too_many", format!("It may have at most {most} items."));
            return None;
        }
        let list = json_pointer::member(&self.pointer, name);
        let read_item = |(at, item)| Members::read(item, &format!("{list}/{at}"), self.flaws, &mut read);
        let found: Vec<Option<T>> = items.into_iter().enumerate().map(read_item).collect();
        found.into_iter().collect()
    }
}
