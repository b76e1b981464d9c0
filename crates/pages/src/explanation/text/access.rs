//! The text of the steps about groups, tenants and admins.

use crate::explanation::steps::{
    AdminFacts, GroupFacts, GroupsFacts, SourceFacts, TenantFacts, TenantsFacts,
};

pub(super) fn groups(facts: &GroupsFacts) -> String {
    match (facts.required.is_empty(), facts.is_met) {
        (true, _) if facts.others.is_empty() => "none required; in none".to_owned(),
        (true, _) => format!("none required; in {}", count(facts.others.len(), "group")),
        (false, true) => "in a required group".to_owned(),
        (false, false) => "in none of the required groups".to_owned(),
    }
}

pub(super) fn group(facts: &GroupFacts) -> String {
    let name = &facts.name;
    if facts.is_member {
        let sources = facts.sources.iter().map(SourceFacts::text).collect::<Vec<_>>().join("; ");
        return format!("{name}: in it, {sources}");
    }
    if let Some(namesake) = facts.namesakes.first() {
        return format!(
            "{name}: not in it, but in {namesake}, which has this name at its provider and is not linked. To fix this: \
             gatepost group link {name} {namesake}"
        );
    }
    if !facts.exists {
        return format!(
            "{name}: there is no such group here. To create it: gatepost group link {name} PROVIDER:ID"
        );
    }
    match facts.links.as_slice() {
        [] => format!("{name}: not in it; it is not linked to a provider's group"),
        links => format!("{name}: not in it; it is linked to {}", links.join(", ")),
    }
}

impl SourceFacts {
    /// Who says that somebody is in a group.
    pub fn text(&self) -> String {
        match self {
            Self::Manual => "added by an administrator".to_owned(),
            Self::Scim => "by SCIM".to_owned(),
            Self::Provider { external, display_name, link } => {
                let called = display_name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
                let how = match &**link {
                    "config" => "linked by GATEPOST_GROUPS",
                    "manual" => "linked by an administrator",
                    "trusted" => "the provider's name is trusted",
                    _ => "not linked: its name is its id, and its members are not admins",
                };
                format!("through {external}{called}, {how}")
            }
        }
    }
}

pub(super) fn tenants(facts: &TenantsFacts) -> String {
    match (facts.required.is_empty(), facts.is_met) {
        (true, _) if facts.opened.is_empty() => "none required; the groups give access to none".to_owned(),
        (true, _) => {
            format!("none required; the groups give access to {}", count(facts.opened.len(), "tenant"))
        }
        (false, true) => "has access to a required tenant".to_owned(),
        (false, false) => "has access to none of the required tenants".to_owned(),
    }
}

pub(super) fn tenant_details(facts: &TenantsFacts) -> Vec<String> {
    if facts.required.is_empty() {
        return facts.opened.iter().map(|(id, role)| format!("{id}: as {role}")).collect();
    }
    facts.required.iter().map(|required| tenant(required, facts.opened.contains_key(&required.id))).collect()
}

fn tenant(facts: &TenantFacts, is_member: bool) -> String {
    let id = &facts.id;
    let named = |groups: &mut dyn Iterator<Item = String>| groups.collect::<Vec<_>>().join(", ");
    let through = named(&mut facts.through.iter().map(|(group, role)| format!("group {group} (as {role})")));
    match facts.role {
        Some(role) if through.is_empty() && is_member => {
            format!("{id}: as {role}, as a member of its own")
        }
        Some(role) if through.is_empty() => {
            format!("{id}: as {role}, because an admin has access to every tenant")
        }
        Some(role) => format!("{id}: as {role}, through {through}"),
        None if !facts.exists => {
            format!("{id}: there is no such tenant here. To create it: gatepost tenant create {id}")
        }
        None if facts.opened_by.is_empty() => {
            format!("{id}: no group has access to it. To fix this: gatepost tenant map GROUP {id}")
        }
        None => {
            let groups = named(&mut facts.opened_by.keys().map(ToString::to_string));
            format!("{id}: the person is in none of the groups with access: {groups}")
        }
    }
}

pub(super) fn admin(facts: &AdminFacts) -> String {
    let reasons = facts.reasons.join(", ");
    match (facts.is_admin, facts.explicit) {
        (true, Some(_)) => "an admin, set explicitly (gatepost admin grant)".to_owned(),
        (true, None) => format!("an admin, through {reasons}"),
        (false, Some(_)) if facts.reasons.is_empty() => {
            "no admin, set explicitly (gatepost admin revoke)".to_owned()
        }
        (false, Some(_)) => {
            format!("no admin, set explicitly (gatepost admin revoke), which overrides {reasons}")
        }
        (false, None) => "no admin: neither set explicitly nor through a group or role".to_owned(),
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
