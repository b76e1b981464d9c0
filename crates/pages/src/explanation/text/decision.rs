//! The text of the decision, and of the decision about one session.

use crate::explanation::steps::DecisionFacts;
use gatepost_telemetry::Reason;
use std::fmt::Display;

pub(super) fn decision(facts: &DecisionFacts) -> String {
    match facts.reason {
        Reason::GroupMissing | Reason::TenantMissing | Reason::NotAdmin => missing(facts),
        Reason::TenantSuspended if facts.suspended_tenant.is_some() => suspended(facts),
        Reason::ToolForbidden if facts.missing_tool.is_some() => tool(facts),
        reason => outcome(reason).to_owned(),
    }
}

fn tool(facts: &DecisionFacts) -> String {
    let what = facts.missing_tool.as_deref().unwrap_or_default();
    match facts.missing_key {
        Some(lack) => format!("refused: {what} needs {}", lack.as_str()),
        None if facts.missing_groups.is_empty() => {
            format!("refused: no rule of the tool server allows {what}")
        }
        None => format!("refused: {what} is for {}", any_of("the group", &facts.missing_groups)),
    }
}

pub(super) const fn outcome(reason: Reason) -> &'static str {
    match reason {
        Reason::Met => "passes",
        Reason::Asked => "Gatepost itself answers here",
        Reason::UnknownHost => "always refused: the host is not protected here",
        Reason::MalformedRequirement => "always refused: the middleware's address is wrong",
        Reason::ForwardedHeaders | Reason::PlainHttp => "always refused: the request is malformed",
        Reason::Expired => "has to sign in: the idle or absolute timeout has passed",
        Reason::SessionEnded => "has to sign in: the session was ended",
        Reason::UserDisabled => "has to sign in, which is refused: the person is disabled",
        Reason::NoAddress => "has to sign in: the person has no address",
        Reason::RefreshPending => "the provider has to be asked before this session is used again",
        Reason::ToolForbidden => "refused: no rule of the tool server allows it",
        Reason::UnknownToolServer => "refused: no tool server has this address",
        Reason::MalformedMessage => "refused: the message is not understood",
        Reason::MessageTooLarge => "refused: the message is too long",
        Reason::Overloaded => "not decided: too many messages at once",
        Reason::CrossOrigin => "refused: another origin requests a change",
        Reason::MaxAge => {
            "has to sign in again: the last proof of identity is too old, or its time is not known"
        }
        Reason::GroupMissing | Reason::TenantMissing | Reason::NotAdmin => "refused: not allowed",
        Reason::TenantSuspended => "refused: the tenant is suspended",
        _ => "does not pass",
    }
}

fn suspended(facts: &DecisionFacts) -> String {
    let ids = facts.suspended_tenant.iter();
    let said = |id| format!("refused: tenant {id} is suspended. To resume it: gatepost tenant resume {id}");
    ids.map(said).collect()
}

fn missing(facts: &DecisionFacts) -> String {
    let mut parts = Vec::new();
    if !facts.missing_groups.is_empty() {
        parts.push(format!("not in {}", any_of("the group", &facts.missing_groups)));
    }
    if !facts.missing_tenants.is_empty() {
        parts.push(format!("no access to {}", any_of("the tenant", &facts.missing_tenants)));
    }
    if facts.missing_admin {
        parts.push("no admin".to_owned());
    }
    if let Some(tenant) = &facts.confined_to {
        parts.push(format!(
            "the provider of tenant {tenant} identifies the person, which opens nothing outside of that tenant"
        ));
    }
    format!("refused: {}", parts.join("; "))
}

pub(super) fn any_of<T: Display>(what: &str, names: &[T]) -> String {
    let list = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if names.len() == 1 { format!("{what} {list}") } else { format!("any of {what}s {list}") }
}
