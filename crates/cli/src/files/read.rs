//! Reads the files of a folder into what they declare together, and collects all errors with their lines.
//!
//! Every value is read as the text that stands there: `yes`, `007` and `1.0` are names like any other. Nothing has a
//! default that deletes: a section without a value is an error.

mod keys;
mod people;
mod rules;
mod tiers;

pub(super) use tiers::text as text_of_allowance;

use super::fault::{Fault, Place};
use gatepost_check::traefik::{Node, Value, read_only_document};
use gatepost_core::access::Role;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{GroupName, TenantId, TierId, ToolServerId};
use gatepost_store::directory::UserKey;
use gatepost_store::directory::files::{
    Declared, DeclaredGroup, DeclaredRule, DeclaredTenant, KeyPlace, MOST_STEPS,
};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Display;
use std::io;
use std::path::Path;
use std::str::FromStr;

/// The maximum size of one file in bytes.
const LARGEST: u64 = 4 << 20;

/// What the files declare, and what it refers to.
#[derive(Debug, Default)]
pub struct Files {
    pub declared: Declared,
    /// What must exist, with the place where the files name it.
    pub references: Vec<(Place, Reference)>,
    pub faults: Vec<Fault>,
    file: String,
    groups: BTreeMap<GroupName, Place>,
    tenants: BTreeMap<TenantId, Place>,
    pub(super) links: BTreeMap<ExternalGroup, Place>,
    pub(super) admins: BTreeMap<String, Place>,
    pub(super) tiers: BTreeMap<TierId, Place>,
    pub(super) rules: BTreeMap<DeclaredRule, Place>,
    pub(super) keys: BTreeMap<KeyPlace, Place>,
}

/// The name of a tenant that people see. No store keeps U+0000.
struct Label(String);

impl FromStr for Label {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text.contains('\0') { Err("a name cannot hold U+0000") } else { Ok(Self(text.to_owned())) }
    }
}

/// Something that must exist before the files can be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    Group(GroupName),
    /// A group of a provider that can be linked to this group.
    Link(GroupName, ExternalGroup),
    User(UserKey),
    ToolServer(ToolServerId),
    Tenant(TenantId),
    /// What is declared of this key can be.
    Key(KeyPlace),
}

/// Reads `*.yaml` and `*.yml` of a folder, in the order of their names.
///
/// # Errors
/// The folder or a file cannot be read.
pub fn read(folder: &Path) -> io::Result<Files> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if is_yaml && !name.starts_with('.') && path.is_file() {
            names.push((name, path));
        }
    }
    names.sort();
    let mut files = Files::default();
    for (name, path) in names {
        if std::fs::metadata(&path)?.len() > LARGEST {
            return Err(io::Error::other(format!("{name} is larger than 4 MiB")));
        }
        let bytes = std::fs::read(&path)?;
        files.file = name;
        match String::from_utf8(bytes) {
            Ok(text) => files.add(&text),
            Err(error) => {
                let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = before.split(|byte| *byte == b'\n').count();
                files.fault(line, "this is not UTF-8");
            }
        }
    }
    if files.declared == Declared::default() && files.faults.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "no *.yaml file there has a section groups, tenants, admins, tiers, rules or keys",
        ));
    }
    if files.declared.len() > MOST_STEPS {
        let many = files.declared.len();
        return Err(io::Error::other(format!("they declare {many} things, and {MOST_STEPS} is the maximum")));
    }
    Ok(files)
}

impl Files {
    /// Reads one file.
    fn add(&mut self, text: &str) {
        let document = match read_only_document(text) {
            Ok(document) => document,
            Err(error) => return self.fault(error.line, error.why),
        };
        if matches!(document.value, Value::Nothing) {
            return;
        }
        for (name, section) in
            self.entries(&document, &["groups", "tenants", "admins", "tiers", "rules", "keys"])
        {
            match name {
                "groups" => self.groups(section),
                "tenants" => self.tenants(section),
                "admins" => people::admins(self, section),
                "tiers" => tiers::tiers(self, section),
                "rules" => rules::rules(self, section),
                _ => keys::keys(self, section),
            }
        }
    }

    fn groups(&mut self, section: &Node) {
        let Some(items) = self.list(section) else { return };
        self.declared.groups.get_or_insert_default();
        for item in items {
            let entries = self.entries(item, &["name", "links", "members"]);
            let Some(name) = self.required::<GroupName>(item, &entries, "name") else { continue };
            let mut group = DeclaredGroup::default();
            for (key, node) in &entries {
                match *key {
                    "links" => self.links(&name, node, &mut group),
                    "members" => group.members = people::members(self, node),
                    _ => {}
                }
            }
            let place = self.place(item.line);
            match self.groups.entry(name.clone()) {
                Entry::Occupied(first) => {
                    let why = format!("group {name} is already in {}", first.get());
                    self.fault(place.line, why);
                }
                Entry::Vacant(entry) => {
                    entry.insert(place);
                    self.declared.groups.get_or_insert_default().insert(name, group);
                }
            }
        }
    }

    fn links(&mut self, name: &GroupName, node: &Node, group: &mut DeclaredGroup) {
        for item in self.list(node).unwrap_or_default() {
            let Some(external) = self.parsed::<ExternalGroup>(item) else { continue };
            let place = self.place(item.line);
            if let Some(first) = self.links.get(&external) {
                let why = format!("{external} is already linked in {first}");
                self.fault(item.line, why);
                continue;
            }
            self.links.insert(external.clone(), place.clone());
            self.references.push((place, Reference::Link(name.clone(), external.clone())));
            group.links.insert(external);
        }
    }

    fn tenants(&mut self, section: &Node) {
        let Some(items) = self.list(section) else { return };
        self.declared.tenants.get_or_insert_default();
        for item in items {
            let entries = self.entries(item, &["id", "name", "groups"]);
            let Some(id) = self.required::<TenantId>(item, &entries, "id") else { continue };
            let mut tenant = DeclaredTenant::default();
            for (key, node) in &entries {
                match *key {
                    "name" => tenant.name = self.parsed::<Label>(node).map(|label| label.0),
                    "groups" => self.mappings(node, &mut tenant),
                    _ => {}
                }
            }
            let place = self.place(item.line);
            match self.tenants.entry(id.clone()) {
                Entry::Occupied(first) => {
                    let why = format!("tenant {id} is already in {}", first.get());
                    self.fault(place.line, why);
                }
                Entry::Vacant(entry) => {
                    entry.insert(place);
                    self.declared.tenants.get_or_insert_default().insert(id, tenant);
                }
            }
        }
    }

    fn mappings(&mut self, node: &Node, tenant: &mut DeclaredTenant) {
        for item in self.list(node).unwrap_or_default() {
            let entries = self.entries(item, &["group", "role"]);
            let Some(group) = self.required::<GroupName>(item, &entries, "group") else { continue };
            let Some(role) = self.required::<Role>(item, &entries, "role") else { continue };
            let place = self.place(item.line);
            self.references.push((place, Reference::Group(group.clone())));
            if tenant.groups.insert(group.clone(), role).is_some() {
                self.fault(item.line, format!("group {group} is in this list twice"));
            }
        }
    }

    /// The entries of a map with these names alone.
    pub(super) fn entries<'n>(
        &mut self,
        node: &'n Node,
        names: &[&'static str],
    ) -> Vec<(&'static str, &'n Node)> {
        let expected = names.join(", ");
        if !matches!(node.value, Value::Map(_)) {
            self.fault(node.line, format!("expected a map with {expected}"));
        }
        let mut entries = Vec::new();
        for (name, node) in node.entries() {
            match names.iter().find(|one| *one == name) {
                Some(name) => entries.push((*name, node)),
                None => self.fault(node.line, format!("{name:?} is not known here: expected {expected}")),
            }
        }
        entries
    }

    pub(super) fn list<'n>(&mut self, node: &'n Node) -> Option<&'n [Node]> {
        if matches!(node.value, Value::List(_)) {
            return Some(node.items());
        }
        self.fault(node.line, "expected a list; [] is an empty one");
        None
    }

    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, node: &Node) -> Option<T> {
        let Some(text) = node.text() else {
            self.fault(node.line, "expected a text; \"~\" and \"null\" need quotes");
            return None;
        };
        text.parse().map_err(|error: T::Err| self.fault(node.line, error.to_string())).ok()
    }

    pub(super) fn required<T: FromStr<Err: Display>>(
        &mut self,
        item: &Node,
        entries: &[(&'static str, &Node)],
        name: &'static str,
    ) -> Option<T> {
        match entries.iter().find(|(key, _)| *key == name) {
            Some((_, node)) => self.parsed(node),
            None if matches!(item.value, Value::Map(_)) => {
                self.fault(item.line, format!("{name} is missing"));
                None
            }
            None => None,
        }
    }

    pub(super) fn place(&self, line: usize) -> Place {
        Place { file: self.file.clone(), line }
    }

    pub(super) fn fault(&mut self, line: usize, why: impl Into<String>) {
        self.faults.push(Fault { place: self.place(line), why: why.into() });
    }
}
