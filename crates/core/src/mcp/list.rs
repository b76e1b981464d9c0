//! The answer to a list call, without what somebody may not use. Pure.
//!
//! Guarantee: a list is filtered or refused. What stays is byte for byte what the server sent, in its order; what two
//! readers could take for different lists or names is refused. [`Usable`] asks the rules that also decide about calls.

#[cfg(test)]
mod tests;

use super::message::{MessageId, refuse_likeness};
use super::pattern::Kind;
use super::rules::{Holder, Rule, RuleSet, User};
use crate::access::Access;
use crate::tool_pattern::{ToolPattern, ToolPatternError};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// The longest that a client may keep a list, in milliseconds: rules change.
const MAX_TTL: u64 = 60_000;
const TTL: &str = "ttlMs";
const SCOPE: &str = "cacheScope";
const CURSOR: &str = "nextCursor";
/// Members of an answer that decide what it is.
const MEMBERS: [&str; 5] = ["jsonrpc", "id", "result", "error", "method"];

/// A method that lists what a server has.
#[derive(Debug, PartialEq, Eq)]
pub struct List {
    method: &'static str,
    /// The member of the result that holds the list.
    member: &'static str,
    /// The member of each entry that names it.
    name: &'static str,
    kind: Kind,
}

const LISTS: [List; 4] = [
    List { method: "tools/list", member: "tools", name: "name", kind: Kind::Tool },
    List { method: "prompts/list", member: "prompts", name: "name", kind: Kind::Prompt },
    List { method: "resources/list", member: "resources", name: "uri", kind: Kind::Resource },
    List {
        method: "resources/templates/list",
        member: "resourceTemplates",
        name: "uriTemplate",
        kind: Kind::Resource,
    },
];

impl List {
    /// The list that a method asks for, if it asks for one.
    pub fn of(method: &str) -> Option<&'static Self> {
        LISTS.iter().find(|list| list.method == method)
    }

    /// The list of what a rule of this kind names.
    pub fn of_kind(kind: Kind) -> &'static Self {
        match kind {
            Kind::Tool => &LISTS[0],
            Kind::Prompt => &LISTS[1],
            Kind::Resource => &LISTS[2],
        }
    }

    /// The method that asks for it.
    pub const fn method(&self) -> &'static str {
        self.method
    }

    const fn is_of_templates(&self) -> bool {
        matches!(self.name.as_bytes(), b"uriTemplate")
    }
}

/// What somebody may use of one server, by the patterns that the gate has found for them.
#[derive(Debug)]
pub struct Usable {
    rules: RuleSet,
    resources: Vec<ToolPattern>,
}

impl Usable {
    /// From patterns of [`RuleSet::patterns`].
    ///
    /// # Errors
    /// One of them is no pattern.
    pub fn new(tools: &[String], prompts: &[String], resources: &[String]) -> Result<Self, ToolPatternError> {
        let parse = |list: &[String]| list.iter().map(|text| text.parse()).collect::<Result<Vec<_>, _>>();
        let resources: Vec<ToolPattern> = parse(resources)?;
        let kinds = [
            (Kind::Tool, parse(tools)?),
            (Kind::Prompt, parse(prompts)?),
            (Kind::Resource, resources.clone()),
        ];
        let rule = |kind| move |pattern| Rule { holder: Holder::Everyone, kind, pattern };
        let rules = kinds.into_iter().flat_map(|(kind, patterns)| patterns.into_iter().map(rule(kind)));
        Ok(Self { rules: RuleSet::new(rules), resources })
    }

    /// Whether an entry of this name stays in a list.
    fn shows(&self, list: &List, name: &str) -> bool {
        match name.split_once('{') {
            Some((fixed, _)) if list.is_of_templates() => self.may_open_some(fixed),
            _ => self.allows(list.kind, name),
        }
    }

    fn allows(&self, kind: Kind, name: &str) -> bool {
        // Patterns are all that somebody has: without any of a kind they may use nothing of it.
        let user = User { access: &Access::default(), role: None, key: None, tools: &[], needs_rule: true };
        self.rules.allows(kind, name, &user)
    }

    /// Whether a template that begins like this may stand for a resource that they may read.
    fn may_open_some(&self, fixed: &str) -> bool {
        self.resources.iter().any(|pattern| match pattern.as_str().strip_suffix('*') {
            Some(beginning) => beginning.starts_with(fixed) || fixed.starts_with(beginning),
            None => pattern.as_str().starts_with(fixed),
        })
    }
}

/// What goes to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filtered {
    /// The answer with the list that they may see.
    List(String),
    /// The server's error, as it is.
    Error(String),
}

/// Why an answer cannot be filtered. Never names anything of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAList(pub(super) String);

impl NotAList {
    pub(super) fn because(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// An object: its members in order, each as it was written.
#[derive(Debug)]
pub(super) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Text(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                let names: HashSet<&str> = members.iter().map(|(name, _)| &**name).collect();
                if names.len() == members.len() {
                    Ok(Members(members))
                } else {
                    Err(A::Error::custom("a member occurs twice"))
                }
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

impl<'a> Members<'a> {
    /// Reads an object of which these members decide what it is.
    pub(super) fn read(text: &'a str, decisive: &[&'static str]) -> Result<Self, NotAList> {
        // The message of serde_json may quote what it reads.
        let read: Self = serde_json::from_str(text)
            .map_err(|error| NotAList::because(format!("{:?} at line {}", error.classify(), error.line())))?;
        for (name, _) in &read.0 {
            refuse_likeness(name, decisive).map_err(NotAList::because)?;
        }
        Ok(read)
    }

    /// Reads an answer.
    pub(super) fn of_answer(text: &'a str) -> Result<Self, NotAList> {
        Self::read(text, &MEMBERS)
    }

    pub(super) fn find(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| *value)
    }

    /// Writes the object again, with other values for some of its members, and those that it lacks at its end.
    fn written(&self, others: &[(&str, String)]) -> Result<String, NotAList> {
        let changed = |name: &str| others.iter().find(|(other, _)| *other == name).map(|(_, value)| &**value);
        let old = self.0.iter().map(|(name, value)| (&**name, changed(name).unwrap_or_else(|| value.get())));
        let new = others.iter().filter(|(name, _)| self.find(name).is_none());
        let all: Vec<_> = old.chain(new.map(|(name, value)| (*name, &**value))).collect();
        let mut text =
            String::with_capacity(all.iter().map(|(name, value)| name.len() + value.len() + 4).sum());
        for (name, value) in all {
            text.push(if text.is_empty() { '{' } else { ',' });
            text.push_str(&serde_json::to_string(name).map_err(|_| NotAList::because("a name is no text"))?);
            text.push(':');
            text.push_str(value);
        }
        text.push_str(if text.is_empty() { "{}" } else { "}" });
        Ok(text)
    }
}

/// Filters the answer to the request with this id.
///
/// # Errors
/// It is not an answer to it, or holds no such list.
pub fn filtered(text: &str, list: &List, id: &MessageId, usable: &Usable) -> Result<Filtered, NotAList> {
    let answer = Members::of_answer(text)?;
    match result_of(&answer, id)? {
        Some(result) => {
            let result = filtered_result(result.get(), list, usable)?;
            Ok(Filtered::List(answer.written(&[("result", result)])?))
        }
        None => Ok(Filtered::Error(text.to_owned())),
    }
}

/// A page of a list: what its entries are called, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The names; of resources their addresses.
    pub names: Vec<String>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// Reads the names in the answer to the request with this id. `None`: the server's error.
///
/// # Errors
/// As [`filtered`].
pub fn names(text: &str, list: &List, id: &MessageId) -> Result<Option<Page>, NotAList> {
    let answer = Members::of_answer(text)?;
    let Some(result) = result_of(&answer, id)? else { return Ok(None) };
    let result = Members::read(result.get(), &[list.member, CURSOR])?;
    let names = entries(&result, list)?.into_iter().map(|(name, _)| name.into_owned()).collect();
    let next = result.find(CURSOR).map(|next| serde_json::from_str(next.get())).transpose();
    let next = next.map_err(|_| NotAList::because("its cursor is no text"))?;
    Ok(Some(Page { names, next: next.flatten() }))
}

/// The result of an answer to the request with this id. `None`: the server's error.
fn result_of<'a>(answer: &Members<'a>, id: &MessageId) -> Result<Option<&'a RawValue>, NotAList> {
    let its_id = answer.find("id").map(|id| serde_json::from_str::<Value>(id.get()));
    let is_ours = matches!(&its_id, Some(Ok(its)) if its == id.as_json());
    if answer.find("method").is_some() {
        return Err(NotAList::because("it is a request"));
    }
    match (answer.find("result"), answer.find("error")) {
        (Some(result), None) if is_ours => Ok(Some(result)),
        // A server that cannot read a request does not know its id.
        (None, Some(error)) if is_ours || matches!(its_id, None | Some(Ok(Value::Null))) => {
            Members::read(error.get(), &[])?;
            Ok(None)
        }
        (Some(_), Some(_)) | (None, None) => Err(NotAList::because("it has not one of result and error")),
        _ => Err(NotAList::because("it has another id than the request")),
    }
}

/// The entries of a list, each with its name.
fn entries<'a>(result: &Members<'a>, list: &List) -> Result<Vec<(Cow<'a, str>, &'a RawValue)>, NotAList> {
    let entries = result.find(list.member).ok_or_else(|| NotAList::because("it has no list"))?;
    let entries: Vec<&RawValue> =
        serde_json::from_str(entries.get()).map_err(|_| NotAList::because("its list is no array"))?;
    let named = |entry: &'a RawValue| {
        let members = Members::read(entry.get(), &[list.name])?;
        let name = members.find(list.name).ok_or_else(|| NotAList::because("an entry has no name"))?;
        let Text(name) = serde_json::from_str(name.get())
            .map_err(|_| NotAList::because("the name of an entry is no text"))?;
        Ok((name, entry))
    };
    entries.into_iter().map(named).collect()
}

fn filtered_result(text: &str, list: &List, usable: &Usable) -> Result<String, NotAList> {
    let result = Members::read(text, &[list.member, TTL, SCOPE])?;
    let mut kept = String::from("[");
    for (name, entry) in entries(&result, list)? {
        if usable.shows(list, &name) {
            if kept.len() > 1 {
                kept.push(',');
            }
            kept.push_str(entry.get());
        }
    }
    kept.push(']');
    let ttl = result.find(TTL).and_then(|ttl| serde_json::from_str::<u64>(ttl.get()).ok()).unwrap_or(0);
    let ttl = ttl.min(MAX_TTL).to_string();
    result.written(&[(list.member, kept), (TTL, ttl), (SCOPE, "\"private\"".to_owned())])
}
