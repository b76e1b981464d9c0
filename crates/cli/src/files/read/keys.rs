//! Reads the section `keys`: API keys of machines, without their secrets.

use super::{Files, Reference};
use gatepost_check::traefik::Node;
use gatepost_core::api_key::KeyName;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::TenantId;
use gatepost_store::directory::files::{DeclaredKey, KeyEnd, KeyPlace};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::num::NonZeroU32;
use std::str::FromStr;

const NAMES: [&str; 10] = [
    "name",
    "tenant",
    "scopes",
    "groups",
    "hosts",
    "networks",
    "tools",
    "requests_per_minute",
    "until",
    "endless",
];

/// Why a key never ends.
struct Reason(String);

impl FromStr for Reason {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.is_empty() || text.contains('\0') {
            return Err("endless says why the key never ends");
        }
        Ok(Self(text.to_owned()))
    }
}

pub(super) fn keys(files: &mut Files, section: &Node) {
    let Some(items) = files.list(section) else { return };
    files.declared.keys.get_or_insert_default();
    for item in items {
        let entries = files.entries(item, &NAMES);
        let Some(name) = files.required::<KeyName>(item, &entries, "name") else { continue };
        let find = |name: &str| entries.iter().find(|(key, _)| *key == name).map(|(_, node)| *node);
        let tenant = match find("tenant") {
            Some(node) => match files.parsed::<TenantId>(node) {
                Some(tenant) => Some(tenant),
                None => continue,
            },
            None => None,
        };
        let end = match (find("until"), find("endless")) {
            (Some(node), None) => files.parsed::<Timestamp>(node).map(KeyEnd::At),
            (None, Some(node)) => files.parsed::<Reason>(node).map(|Reason(why)| KeyEnd::Never(why)),
            _ => {
                files.fault(item.line, "expected either until, or endless with the reason");
                None
            }
        };
        let requests = find("requests_per_minute").map(|node| files.parsed::<NonZeroU32>(node));
        let key = DeclaredKey {
            scopes: set(files, find("scopes")),
            groups: set(files, find("groups")),
            hosts: set(files, find("hosts")),
            networks: set(files, find("networks")),
            tools: set(files, find("tools")),
            requests_per_minute: requests.flatten().map(NonZeroU32::get),
            end: match end {
                Some(end) => end,
                None => continue,
            },
        };
        add(files, item, KeyPlace { tenant, name: name.as_str().to_owned() }, key);
    }
}

fn set<T: FromStr<Err: Display> + Ord>(files: &mut Files, node: Option<&Node>) -> BTreeSet<T> {
    let items = node.and_then(|node| files.list(node)).unwrap_or_default();
    items.iter().filter_map(|item| files.parsed(item)).collect()
}

fn add(files: &mut Files, item: &Node, place: KeyPlace, key: DeclaredKey) {
    let at = files.place(item.line);
    if let Some(first) = files.keys.insert(place.clone(), at.clone()) {
        files.fault(item.line, format!("{place} is already in {first}"));
        return;
    }
    let groups = key.groups.iter().cloned().map(Reference::Group);
    let tenant = place.tenant.iter().cloned().map(Reference::Tenant);
    let all = groups.chain(tenant).chain([Reference::Key(place.clone())]);
    files.references.extend(all.map(|reference| (at.clone(), reference)));
    files.declared.keys.get_or_insert_default().insert(place, key);
}
