//! Reads the section `tiers`.
//!
//! Features and limits are numbers, truth values and texts. A value is what it is as JSON: `25` and `true` are no texts, and
//! `'"25"'` is one. Whatever is no JSON is a text, as `none`.

use super::Files;
use gatepost_check::traefik::Node;
use gatepost_core::ids::TierId;
use gatepost_core::tier::{Allowances, JsonObject, TierTerms};
use gatepost_core::usage::Prices;
use serde_json::{Map, Value};

pub(super) fn tiers(files: &mut Files, section: &Node) {
    let Some(items) = files.list(section) else { return };
    files.declared.tiers.get_or_insert_default();
    for item in items {
        let entries = files.entries(item, &["id", "features", "limits", "prices"]);
        let Some(id) = files.required::<TierId>(item, &entries, "id") else { continue };
        let mut object = |name: &str| {
            let found = entries.iter().find(|(key, _)| *key == name);
            found.map_or_else(JsonObject::default, |(_, node)| object(files, node))
        };
        let allowances = Allowances { features: object("features"), limits: object("limits") };
        for flaw in allowances.flaws() {
            let member = flaw.member.map(|member| format!(".{member}")).unwrap_or_default();
            files.fault(item.line, format!("{}{member}: expected {}", flaw.part, flaw.expected));
        }
        let found = entries.iter().find(|(key, _)| *key == "prices").map(|(_, node)| *node);
        let prices = found.and_then(|node| prices(files, node));
        let place = files.place(item.line);
        if let Some(first) = files.tiers.insert(id.clone(), place) {
            files.fault(item.line, format!("tier {id} is already in {first}"));
        }
        files.declared.tiers.get_or_insert_default().insert(id, TierTerms { allowances, prices });
    }
}

fn object(files: &mut Files, node: &Node) -> JsonObject {
    let mut members = Map::new();
    if !matches!(node.value, gatepost_check::traefik::Value::Map(_)) {
        files.fault(node.line, "expected a map of names and values; {} is an empty one");
    }
    for (name, node) in node.entries() {
        match node.text() {
            Some(text) => drop(members.insert(name.clone(), value(text))),
            None => files.fault(node.line, format!("{name}: expected a number, a truth value or a text")),
        }
    }
    members.into()
}

fn prices(files: &mut Files, node: &Node) -> Option<Prices> {
    let Value::Object(members) = whole(node) else {
        files.fault(node.line, "prices: expected a map of currency, base and meters");
        return None;
    };
    let flaws = match Prices::read(&members) {
        Ok(prices) => return Some(prices),
        Err(flaws) => flaws,
    };
    for flaw in flaws {
        files.fault(node.line, format!("prices{}: expected {}", flaw.at.replace('/', "."), flaw.expected));
    }
    None
}

/// A map of maps and values. What is neither is `null`, which nothing takes.
fn whole(node: &Node) -> Value {
    if matches!(node.value, gatepost_check::traefik::Value::Map(_)) {
        node.entries().iter().map(|(name, node)| (name.clone(), whole(node))).collect::<Map<_, _>>().into()
    } else {
        node.text().map_or(Value::Null, value)
    }
}

fn value(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::String(_))) => value,
        _ => Value::String(text.to_owned()),
    }
}

/// The text that [`value`] reads as this value.
pub(in crate::files) fn text(value: &Value) -> String {
    match value {
        Value::String(text) if self::value(text) == *value => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_value_is_read_as_it_was_written() {
        for value in [
            json!(25),
            json!(1.5),
            json!(true),
            json!("none"),
            json!("25"),
            json!("true"),
            json!("null"),
            json!("\"25\""),
            json!(""),
            json!("[1]"),
            json!("a b"),
        ] {
            assert_eq!(super::value(&text(&value)), value);
        }
        assert_eq!((text(&json!("none")), text(&json!("25"))), ("none".to_owned(), "\"25\"".to_owned()));
    }
}
