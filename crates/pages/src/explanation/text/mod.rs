//! The text of each step, the same for a terminal and a page.

mod access;
mod decision;
mod machines;
mod sessions;

use super::steps::{
    HostFacts, Mark, MaxAgeFacts, OriginFacts, PathFacts, PersonFacts, RequestFacts, RequirementFacts, Step,
};
use access::{admin, group, groups, tenant_details, tenants};
use decision::{any_of, decision};
use gatepost_config::duration::display as duration;
use gatepost_telemetry::Reason;
use machines::{key, key_details, tool};
use sessions::{session_details, sessions};
use std::time::Duration;

impl Step {
    /// The title of the step.
    pub const fn title(&self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Host(_) => "host",
            Self::Path(_) => "path",
            Self::Requirement(_) => "requirement",
            Self::Person(_) => "person",
            Self::Key(_) => "key",
            Self::Sessions(_) => "sessions",
            Self::Origin(_) => "origin",
            Self::Groups(_) => "groups",
            Self::Tenants(_) => "tenants",
            Self::Admin(_) => "admin",
            Self::MaxAge(_) => "sign-in's age",
            Self::Tool(_) => "tool",
            Self::Decision(_) => "decision",
        }
    }

    /// The result.
    pub fn mark(&self) -> Mark {
        let ok_if = |ok| if ok { Mark::Ok } else { Mark::No };
        let note_unless = |wanted, ok| if wanted { ok_if(ok) } else { Mark::Note };
        match self {
            Self::Request(facts) => ok_if(facts.problem.is_none()),
            Self::Host(facts) => ok_if(facts.origin.is_some()),
            Self::Path(facts) => note_unless(!facts.is_reserved, true),
            Self::Requirement(facts) => ok_if(facts.problem.is_none()),
            Self::Person(facts) => ok_if(facts.disabled_at.is_none() && facts.email.is_some()),
            Self::Key(facts) => ok_if(facts.problem.is_none()),
            Self::Tool(facts) if !facts.is_judged || (facts.server.is_some() && facts.name.is_none()) => {
                Mark::Note
            }
            Self::Tool(facts) => ok_if(facts.way.is_some()),
            Self::Sessions(facts) => ok_if(!facts.is_assumed && facts.problem.is_none()),
            Self::Origin(facts) => ok_if(!facts.is_cross_origin),
            Self::Groups(facts) => note_unless(!facts.required.is_empty(), facts.is_met),
            Self::Tenants(facts) => note_unless(!facts.required.is_empty(), facts.is_met),
            Self::Admin(facts) => note_unless(facts.is_required, facts.is_admin),
            Self::MaxAge(facts) => note_unless(facts.is_met.is_some(), facts.is_met == Some(true)),
            Self::Decision(facts) if facts.reason == Reason::Asked => Mark::Note,
            Self::Decision(facts) => ok_if(facts.is_allowed),
        }
    }

    /// The result as a sentence.
    pub fn text(&self) -> String {
        match self {
            Self::Request(facts) => request(facts),
            Self::Host(facts) => host(facts),
            Self::Path(facts) => path(facts),
            Self::Requirement(facts) => requirement(facts),
            Self::Person(facts) => person(facts),
            Self::Key(facts) => key(facts),
            Self::Tool(facts) => tool(facts),
            Self::Sessions(facts) => sessions(facts),
            Self::Origin(facts) => origin(facts),
            Self::Groups(facts) => groups(facts),
            Self::Tenants(facts) => tenants(facts),
            Self::Admin(facts) => admin(facts),
            Self::MaxAge(facts) => max_age(facts),
            Self::Decision(facts) => decision(facts),
        }
    }

    /// The details, one per line.
    pub fn details(&self) -> Vec<String> {
        match self {
            Self::Person(facts) => person_details(facts),
            Self::Key(facts) => key_details(facts),
            Self::Sessions(facts) => session_details(facts),
            Self::Groups(facts) => facts.required.iter().chain(&facts.others).map(group).collect(),
            Self::Tenants(facts) => tenant_details(facts),
            _ => Vec::new(),
        }
    }
}

fn request(facts: &RequestFacts) -> String {
    let RequestFacts { method, url, problem } = facts;
    match problem {
        None => format!("{method} {url}"),
        Some(problem) => format!("{method} {url} is malformed and always refused: {problem}"),
    }
}

fn host(facts: &HostFacts) -> String {
    if let Some(tenant) = &facts.tenant {
        return format!("{} is a host of tenant {tenant}: only who may enter the tenant passes", facts.name);
    }
    match &facts.pattern {
        Some(pattern) if *pattern == facts.name => format!("{} is protected", facts.name),
        Some(pattern) => format!("{} is protected, by the entry {pattern} of GATEPOST_HOSTS", facts.name),
        None if facts.is_public => {
            format!(
                "{} is Gatepost's own public host, which needs no middleware and is never protected",
                facts.name
            )
        }
        None => format!(
            "{} is not protected: no entry of GATEPOST_HOSTS matches it, and it is no active host of a tenant",
            facts.name
        ),
    }
}

fn path(facts: &PathFacts) -> String {
    let text = if facts.is_reserved {
        "the path is below /.gatepost/: Gatepost itself answers, regardless of the requirement, and never with 200"
    } else {
        "the path belongs to the application"
    };
    text.to_owned()
}

fn requirement(facts: &RequirementFacts) -> String {
    if let Some(problem) = &facts.problem {
        return format!("the middleware's address is wrong, so nobody has access: {problem}");
    }
    let mut parts = Vec::new();
    if !facts.groups.is_empty() {
        parts.push(format!("in {}", any_of("the group", &facts.groups)));
    }
    if !facts.tenants.is_empty() {
        parts.push(format!("has access to {}", any_of("the tenant", &facts.tenants)));
    }
    if facts.admin {
        parts.push("an admin".to_owned());
    }
    if let Some(age) = facts.max_age {
        parts.push(format!("signed in at most {} ago", duration(Duration::from_secs(age))));
    }
    let demands = if parts.is_empty() { "signed in, nothing else".to_owned() } else { parts.join("; ") };
    let api = if facts.api { " (api: never redirected)" } else { "" };
    let assertion = if facts.assertion { " (assertion: with the signed header)" } else { "" };
    format!("{demands}{api}{assertion}")
}

fn person(facts: &PersonFacts) -> String {
    let name = facts.email.as_ref().map_or_else(|| facts.id.to_string(), ToString::to_string);
    if let Some(at) = facts.disabled_at {
        format!(
            "{name} has been disabled since {at}, so sign-ins are refused. To fix this: gatepost user enable {name}"
        )
    } else if facts.email.is_none() {
        format!(
            "{name} has no e-mail address, which is required for access: the next sign-in has to provide one"
        )
    } else if facts.providers.is_empty() {
        format!("{name} is known, but nobody has signed in with this address yet")
    } else {
        format!("{name} is known and may sign in")
    }
}

fn person_details(facts: &PersonFacts) -> Vec<String> {
    let mut details = vec![format!("id {}, known since {}", facts.id, facts.created_at)];
    let providers: Vec<_> = facts.providers.iter().map(ToString::to_string).collect();
    if let Some(at) = facts.last_sign_in_at {
        details.push(format!("last sign-in {at}, with {}", providers.join(", ")));
    }
    if let Some(at) = facts.sessions_not_before {
        details.push(format!("sessions started before {at} have ended"));
    }
    details
}

fn origin(facts: &OriginFacts) -> String {
    match (&facts.asker, facts.is_cross_origin) {
        (None, _) => "the person's own request, not another site's".to_owned(),
        (Some(asker), false) => {
            format!("sent by a page of {asker}, which is allowed, or the request changes nothing")
        }
        (Some(asker), true) => format!(
            "a page of another origin ({asker}) requests a change: refused, unless GATEPOST_ALLOWED_ORIGINS contains it"
        ),
    }
}

fn max_age(facts: &MaxAgeFacts) -> String {
    let age = duration(Duration::from_secs(facts.max_age));
    match (facts.is_met, facts.auth_time) {
        (Some(true), Some(at)) => format!("the last proof of identity, {at}, is at most {age} old"),
        (Some(_), Some(at)) => {
            format!("the last proof of identity, {at}, is older than {age}: the person has to sign in again")
        }
        (Some(_), None) => format!(
            "the provider did not say when the person signed in, so the age is not known: the person has to sign in again, \
             and passes if the provider then sends a time that is at most {age} ago"
        ),
        (None, _) => format!("at most {age}; not evaluated, because the request is refused before this step"),
    }
}
