//! Writes what the directory holds as the files that `gatepost apply` reads. The same state is always the same text.

use super::read::text_of_allowance;
use gatepost_core::calendar::rfc3339;
use gatepost_core::clock::Timestamp;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::GroupName;
use gatepost_core::mcp::rules::Holder;
use gatepost_core::tier::JsonObject;
use gatepost_core::usage::{Price, Prices};
use gatepost_store::directory::files::{
    DeclaredKey, DeclaredRule, Held, HeldGroup, HeldMember, KeyEnd, KeyPlace, UsedBy,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The files of an export.
pub const FILES: [&str; 6] =
    ["groups.yaml", "tenants.yaml", "admins.yaml", "tiers.yaml", "rules.yaml", "keys.yaml"];

/// The links of each group.
type Links<'a> = BTreeMap<&'a GroupName, Vec<&'a ExternalGroup>>;

/// The texts of the files.
#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    /// Each file with its text. `None`: it is not written.
    pub files: [(&'static str, Option<String>); 6],
    pub groups: usize,
    pub tenants: usize,
    pub tiers: usize,
    pub rules: usize,
    /// Keys of which no other bears the name.
    pub keys: usize,
}

/// Writes the files, with people or without.
pub fn write(held: &Held, with_members: bool) -> Written {
    let mut links = Links::new();
    for (external, link) in &held.links {
        links.entry(&link.group).or_default().push(external);
    }
    let is_written = |(name, group): &(&GroupName, &HeldGroup)| links.contains_key(name) || is_ours(group);
    let groups: Vec<_> = held.groups.iter().filter(is_written).collect();
    let [groups_file, tenants_file, admins_file, tiers_file, rules_file, keys_file] = FILES;
    Written {
        groups: groups.len(),
        tenants: held.tenants.len(),
        tiers: held.tiers.len(),
        rules: rules(held).len(),
        keys: keys(held).len(),
        files: [
            (groups_file, Some(groups_text(&groups, &links, with_members))),
            (tenants_file, Some(tenants_text(held))),
            (admins_file, with_members.then(|| admins_text(held))),
            (tiers_file, Some(tiers_text(held))),
            (rules_file, Some(rules_text(held))),
            (keys_file, Some(keys_text(held))),
        ],
    }
}

/// What the configuration or a provider made is not written, unless something was added to it here.
fn is_ours(group: &HeldGroup) -> bool {
    group.used_by == UsedBy::Nobody || group.is_managed || !group.members.is_empty()
}

fn groups_text(groups: &[(&GroupName, &HeldGroup)], links: &Links<'_>, with_members: bool) -> String {
    let mut text = begin("groups", groups.is_empty());
    for (name, group) in groups {
        line(&mut text, &format!("  - name: {}", quoted(name.as_str())));
        if let Some(links) = links.get(name) {
            line(&mut text, "    links:");
            for external in links {
                line(&mut text, &format!("      - {}", quoted(&external.to_string())));
            }
        }
        if with_members {
            members_text(&mut text, &group.members);
        }
    }
    text
}

fn members_text(text: &mut String, members: &[HeldMember]) {
    if members.is_empty() {
        return line(text, "    members: []");
    }
    line(text, "    members:");
    let mut members: Vec<(String, Option<Timestamp>)> =
        members.iter().map(|member| (member.key().to_string(), member.until)).collect();
    members.sort_unstable();
    for (user, until) in members {
        match until {
            None => line(text, &format!("      - {}", quoted(&user))),
            Some(until) => {
                line(text, &format!("      - user: {}", quoted(&user)));
                line(text, &format!("        until: {}", rfc3339(until)));
            }
        }
    }
}

fn tenants_text(held: &Held) -> String {
    let mut text = begin("tenants", held.tenants.is_empty());
    for (id, tenant) in &held.tenants {
        line(&mut text, &format!("  - id: {}", quoted(id.as_str())));
        if let Some(name) = &tenant.name {
            line(&mut text, &format!("    name: {}", quoted(name)));
        }
        if !tenant.groups.is_empty() {
            line(&mut text, "    groups:");
        }
        for (group, mapping) in &tenant.groups {
            line(&mut text, &format!("      - group: {}", quoted(group.as_str())));
            line(&mut text, &format!("        role: {}", mapping.role));
        }
    }
    text
}

fn admins_text(held: &Held) -> String {
    let mut admins: Vec<_> = held
        .admins
        .iter()
        .map(|one| (one.holder.key().to_string(), one.is_admin, one.holder.until))
        .collect();
    admins.sort_unstable();
    let mut text = begin("admins", admins.is_empty());
    for (user, is_admin, until) in admins {
        if is_admin && until.is_none() {
            line(&mut text, &format!("  - {}", quoted(&user)));
            continue;
        }
        line(&mut text, &format!("  - user: {}", quoted(&user)));
        line(&mut text, &format!("    is_admin: {is_admin}"));
        if let Some(until) = until {
            line(&mut text, &format!("    until: {}", rfc3339(until)));
        }
    }
    text
}

fn tiers_text(held: &Held) -> String {
    let mut text = begin("tiers", held.tiers.is_empty());
    for (id, tier) in &held.tiers {
        line(&mut text, &format!("  - id: {}", quoted(id.as_str())));
        object_text(&mut text, "features", &tier.terms.allowances.features);
        object_text(&mut text, "limits", &tier.terms.allowances.limits);
        if let Some(prices) = &tier.terms.prices {
            prices_text(&mut text, prices);
        }
    }
    text
}

fn prices_text(text: &mut String, Prices { currency, base, meters }: &Prices) {
    line(text, "    prices:");
    line(text, &format!("      currency: {currency}"));
    line(text, &format!("      base: {base}"));
    if !meters.is_empty() {
        line(text, "      meters:");
    }
    for (meter, Price { included, per, price }) in meters {
        line(text, &format!("        {}:", quoted(meter.as_str())));
        line(text, &format!("          included: {included}"));
        line(text, &format!("          per: {per}"));
        line(text, &format!("          price: {price}"));
    }
}

fn object_text(text: &mut String, name: &str, object: &JsonObject) {
    if object.is_empty() {
        return;
    }
    line(text, &format!("    {name}:"));
    for (name, value) in object.members() {
        // Numbers and truth values need no quotes: every value is read as its text.
        let value = match value {
            serde_json::Value::String(_) => quoted(&text_of_allowance(value)),
            other => text_of_allowance(other),
        };
        line(text, &format!("      {}: {value}", quoted(name)));
    }
}

/// A rule for a group that was deleted is for nobody, and no file can say so.
fn rules(held: &Held) -> BTreeSet<&DeclaredRule> {
    held.rules.iter().map(|one| &one.rule).filter(|rule| rule.holder != Holder::Nobody).collect()
}

fn rules_text(held: &Held) -> String {
    let rules = rules(held);
    let mut text = begin("rules", rules.is_empty());
    for DeclaredRule { server, kind, holder, pattern } in rules {
        line(&mut text, &format!("  - server: {}", quoted(server.as_str())));
        match holder {
            Holder::Group(name) => line(&mut text, &format!("    group: {}", quoted(name.as_str()))),
            Holder::Role(role) => line(&mut text, &format!("    role: {role}")),
            Holder::Key(id) => line(&mut text, &format!("    key: {}", quoted(id))),
            Holder::Everyone | Holder::Nobody => line(&mut text, "    everyone: true"),
        }
        line(&mut text, &format!("    {kind}: {}", quoted(pattern.as_str())));
    }
    text
}

/// The keys that a file can name.
fn keys(held: &Held) -> BTreeMap<&KeyPlace, &DeclaredKey> {
    let places = held.keys_by_place().into_iter();
    places
        .filter_map(|(place, keys)| if let [one] = keys[..] { Some((place, &one.key)) } else { None })
        .collect()
}

fn keys_text(held: &Held) -> String {
    let keys = keys(held);
    let mut text = begin("keys", keys.is_empty());
    for (place, key) in keys {
        line(&mut text, &format!("  - name: {}", quoted(&place.name)));
        if let Some(tenant) = &place.tenant {
            line(&mut text, &format!("    tenant: {}", quoted(tenant.as_str())));
        }
        list_text(&mut text, "scopes", &key.scopes);
        list_text(&mut text, "groups", &key.groups);
        list_text(&mut text, "hosts", &key.hosts);
        list_text(&mut text, "networks", &key.networks);
        list_text(&mut text, "tools", &key.tools);
        if let Some(number) = key.requests_per_minute {
            line(&mut text, &format!("    requests_per_minute: {number}"));
        }
        match &key.end {
            KeyEnd::At(at) => line(&mut text, &format!("    until: {}", rfc3339(*at))),
            KeyEnd::Never(why) => line(&mut text, &format!("    endless: {}", quoted(why))),
        }
    }
    text
}

fn list_text<T: ToString>(text: &mut String, name: &str, items: &BTreeSet<T>) {
    if items.is_empty() {
        return;
    }
    line(text, &format!("    {name}:"));
    for item in items {
        line(text, &format!("      - {}", quoted(&item.to_string())));
    }
}

fn begin(section: &str, is_empty: bool) -> String {
    if is_empty { format!("{section}: []\n") } else { format!("{section}:\n") }
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// A scalar that every reader of YAML takes for this text: as it is if nothing else can be meant, else in double quotes.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    // Words and numbers that some reader takes for something else begin with a digit or a sign, or are one of these.
    let is_word = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word));
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_plain) && !is_word {
        return text.to_owned();
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            _ if is_hidden(c) => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(c));
            }
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// What YAML does not allow as it is, and what a person who reads the file would not see.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{a0}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{10ffff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_check::traefik::read_only_document;
    use proptest::prelude::*;

    fn read_back(text: &str) -> Option<String> {
        let document = read_only_document(&format!("- name: {}\n- after\n", quoted(text))).ok()?;
        document.items().first()?.get("name")?.text().map(str::to_owned)
    }

    #[test]
    fn a_name_that_yaml_takes_for_something_else_is_in_quotes() {
        for text in [
            "yes",
            "No",
            "~",
            "null",
            "- x",
            "-",
            "a: b",
            "#c",
            "'",
            "\"",
            "\\",
            "1e3",
            "007",
            "*a",
            "&a",
            "!t",
            "%d",
            "[",
            "{a}",
            "a #b",
            "@x",
            "`",
            "|",
            ">",
            "?",
            "<<",
            "\u{1f600}",
            "\u{2028}",
            "\u{feff}x",
            "\u{202e}x",
            "é",
            "a\nb",
            "\t",
            "",
            "---",
            "...",
        ] {
            assert!(quoted(text).starts_with('"'), "{text:?}");
            assert_eq!(read_back(text).as_deref(), Some(text));
        }
        assert_eq!(quoted("MCP-GitHub"), "MCP-GitHub");
        assert_eq!(quoted("a@b.example"), "a@b.example");
        assert!(!quoted("\u{202e}gpj").contains('\u{202e}'), "a reader sees what is hidden");
        let longest = "\u{1f600}".repeat(256);
        assert_eq!(read_back(&longest), Some(longest));
    }

    proptest! {
        #[test]
        fn every_text_is_read_as_it_was_written(text in any::<String>(), spiced in "([-:#'\"~ \\\\]|yes|[a-z0-9é]){0,40}") {
            prop_assert_eq!(read_back(&text), Some(text));
            prop_assert_eq!(read_back(&spiced), Some(spiced));
        }
    }
}
