//! Reads the sections about people: a text, or a map where there is an end.

use super::super::fault::Place;
use super::{Files, Reference};
use gatepost_check::traefik::{Node, Value};
use gatepost_core::clock::Timestamp;
use gatepost_store::directory::UserKey;
use gatepost_store::directory::files::{DeclaredAdmin, DeclaredMember};
use std::collections::BTreeMap;

/// A truth value.
struct Truth(bool);

impl std::str::FromStr for Truth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err(format!("{text:?} is neither true nor false")),
        }
    }
}

/// What a file says about one person.
struct Person {
    user: UserKey,
    until: Option<Timestamp>,
    is_admin: bool,
}

fn person(files: &mut Files, item: &Node, names: &[&'static str]) -> Option<Person> {
    let (user, until, is_admin) = if matches!(item.value, Value::Text(_)) {
        (files.parsed::<UserKey>(item)?, None, None)
    } else {
        let entries = files.entries(item, names);
        let user = files.required::<UserKey>(item, &entries, "user")?;
        let find = |name: &str| entries.iter().find(|(key, _)| *key == name).map(|(_, node)| *node);
        let until = match find("until") {
            Some(node) => Some(files.parsed::<Timestamp>(node)?),
            None => None,
        };
        let is_admin = match find("is_admin") {
            Some(node) => Some(files.parsed::<Truth>(node)?.0),
            None => None,
        };
        (user, until, is_admin)
    };
    if matches!(user, UserKey::Id(_)) {
        let place = files.place(item.line);
        files.references.push((place, Reference::User(user.clone())));
    }
    Some(Person { user, until, is_admin: is_admin.unwrap_or(true) })
}

/// The members of one group.
pub(super) fn members(files: &mut Files, node: &Node) -> Option<Vec<DeclaredMember>> {
    let items = files.list(node)?;
    let mut seen: BTreeMap<String, Place> = BTreeMap::new();
    let mut members = Vec::new();
    for item in items {
        let Some(Person { user, until, .. }) = person(files, item, &["user", "until"]) else { continue };
        if seen.insert(user.to_string(), files.place(item.line)).is_some() {
            files.fault(item.line, format!("{user} is in this list twice"));
        }
        members.push(DeclaredMember { user, until });
    }
    Some(members)
}

/// The section `admins`.
pub(super) fn admins(files: &mut Files, section: &Node) {
    let Some(items) = files.list(section) else { return };
    files.declared.admins.get_or_insert_default();
    for item in items {
        let Some(one) = person(files, item, &["user", "is_admin", "until"]) else { continue };
        let Person { user, until, is_admin } = one;
        let place = files.place(item.line);
        if let Some(first) = files.admins.insert(user.to_string(), place) {
            files.fault(item.line, format!("{user} is already in {first}"));
            continue;
        }
        files.declared.admins.get_or_insert_default().push(DeclaredAdmin { user, is_admin, until });
    }
}
