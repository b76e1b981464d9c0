//! Reads the section `rules`: who may use which tools, prompts and resources of tool servers.

use super::super::fault::Place;
use super::{Files, Reference};
use gatepost_check::traefik::Node;
use gatepost_core::access::Role;
use gatepost_core::ids::{GroupName, ToolServerId};
use gatepost_core::mcp::pattern::{Kind, Subject};
use gatepost_core::mcp::rules::Holder;
use gatepost_core::tool_pattern::ToolPattern;
use gatepost_store::directory::files::DeclaredRule;
use std::str::FromStr;

const NAMES: [&str; 8] = ["server", "everyone", "group", "role", "key", "tool", "prompt", "resource"];

/// The id of a key, as the subject of a rule has it.
struct Key(String);

impl FromStr for Key {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match format!("key:{text}").parse() {
            Ok(Subject::Key(id)) => Ok(Self(id)),
            _ => Err("this is not the id of a key: gatepost key list shows it"),
        }
    }
}

/// `everyone: true` alone.
struct Everyone;

impl FromStr for Everyone {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text == "true" { Ok(Self) } else { Err("everyone can only be true: leave it out otherwise") }
    }
}

pub(super) fn rules(files: &mut Files, section: &Node) {
    let Some(items) = files.list(section) else { return };
    files.declared.rules.get_or_insert_default();
    for item in items {
        let entries = files.entries(item, &NAMES);
        let Some(server) = files.required::<ToolServerId>(item, &entries, "server") else { continue };
        let holder = one_of(files, item, &entries, &["everyone", "group", "role", "key"]);
        let kind = one_of(files, item, &entries, &["tool", "prompt", "resource"]);
        let (Some((who, holder)), Some((kind, pattern))) = (holder, kind) else { continue };
        let holder = match who {
            "everyone" => files.parsed::<Everyone>(holder).map(|Everyone| Holder::Everyone),
            "group" => group(files, item, holder),
            "role" => files.parsed::<Role>(holder).map(Holder::Role),
            _ => files.parsed::<Key>(holder).map(|Key(id)| Holder::Key(id)),
        };
        let pattern = files.parsed::<ToolPattern>(pattern);
        let (Some(holder), Some(pattern), Ok(kind)) = (holder, pattern, kind.parse::<Kind>()) else {
            continue;
        };
        let place = files.place(item.line);
        files.references.push((place.clone(), Reference::ToolServer(server.clone())));
        add(files, DeclaredRule { server, kind, holder, pattern }, place);
    }
}

fn group(files: &mut Files, item: &Node, node: &Node) -> Option<Holder> {
    let name = files.parsed::<GroupName>(node)?;
    let place = files.place(item.line);
    files.references.push((place, Reference::Group(name.clone())));
    Some(Holder::Group(name))
}

fn add(files: &mut Files, rule: DeclaredRule, place: Place) {
    if let Some(first) = files.rules.get(&rule) {
        let why = format!("this rule is already in {first}");
        return files.fault(place.line, why);
    }
    files.rules.insert(rule.clone(), place);
    files.declared.rules.get_or_insert_default().insert(rule);
}

/// The only entry of these.
fn one_of<'n>(
    files: &mut Files,
    item: &Node,
    entries: &[(&'static str, &'n Node)],
    names: &[&'static str],
) -> Option<(&'static str, &'n Node)> {
    let found: Vec<_> = entries.iter().filter(|(name, _)| names.contains(name)).collect();
    if let [one] = found[..] {
        return Some(*one);
    }
    files.fault(item.line, format!("expected exactly one of {}", names.join(", ")));
    None
}
