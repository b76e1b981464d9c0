//! The text of the steps about an API key and about a tool server.

use super::decision::any_of;
use crate::explanation::steps::{KeyFacts, ToolFacts};

pub(super) fn key(facts: &KeyFacts) -> String {
    let KeyFacts { id, name, problem, revoked_at, .. } = facts;
    match (revoked_at, problem) {
        (Some(at), _) => format!("{name} ({id}) was revoked {at}"),
        (None, Some(problem)) => format!("{name} ({id}) does not count for this request: {problem}"),
        (None, None) => format!("{name} ({id}) counts here"),
    }
}

pub(super) fn key_details(facts: &KeyFacts) -> Vec<String> {
    let list = |what: &str, names: &[String]| format!("{what} {}", names.join(", "));
    let mut details = vec![list("for", &facts.scopes), list("at", &facts.hosts)];
    if !facts.networks.is_empty() {
        details.push(list("only from", &facts.networks));
    }
    if !facts.tools.is_empty() {
        details.push(list("only for the tools", &facts.tools));
    }
    if !facts.groups.is_empty() {
        let groups: Vec<String> = facts.groups.iter().map(ToString::to_string).collect();
        details.push(list("in the groups", &groups));
    }
    details.extend(facts.tenant.iter().map(|tenant| format!("opens the tenant {tenant}")));
    details.extend(facts.owner.iter().map(|owner| format!("ends with its owner {owner}")));
    details.extend(facts.expires_at.iter().map(|at| format!("expires {at}")));
    details
}

pub(super) fn tool(facts: &ToolFacts) -> String {
    if !facts.is_judged {
        return "the router does not ask about tools, so the rules of tool servers do not count: mcp=true is missing in the \
                middleware's address"
            .to_owned();
    }
    let Some(server) = &facts.server else {
        return "no tool server of the router's tenant and mode has this address".to_owned();
    };
    let patterns = if facts.patterns.is_empty() { "none".to_owned() } else { facts.patterns.join(", ") };
    let Some((kind, name)) = facts.kind.as_deref().zip(facts.name.as_ref()) else {
        return format!("{server}: of its tools {patterns}");
    };
    if let Some(lack) = facts.missing_key {
        return format!("{server}: {kind} {name} needs {}", lack.as_str());
    }
    match facts.way.as_deref() {
        Some("administrator") => format!("{server}: {kind} {name}, as a system administrator"),
        Some("open") => format!("{server}: {kind} {name}, because no rule is about this kind"),
        Some(way) => format!("{server}: {kind} {name}, by a rule for {way}"),
        None if facts.missing_groups.is_empty() => format!("{server}: no rule gives {kind} {name}"),
        None => format!("{server}: {kind} {name} is for {}", any_of("the group", &facts.missing_groups)),
    }
}
