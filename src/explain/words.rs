//! The text of each step, the same for a terminal and a page.

use super::steps::{
    AdminFacts, DecisionFacts, GroupFacts, GroupsFacts, HostFacts, Mark, MaxAgeFacts, OriginFacts, PathFacts,
    PersonFacts, Refresh, RequestFacts, RequirementFacts, SessionFacts, SessionsFacts, SourceFacts, Step,
    TenantFacts, TenantsFacts,
};
use gatepost_config::duration::display as duration;
use gatepost_telemetry::Reason;
use std::fmt::Display;
use std::time::Duration;

impl Step {
    /// What the step is about, in a word or two.
    pub const fn title(&self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Host(_) => "host",
            Self::Path(_) => "path",
            Self::Requirement(_) => "requirement",
            Self::Person(_) => "person",
            Self::Sessions(_) => "sessions",
            Self::Origin(_) => "origin",
            Self::Groups(_) => "groups",
            Self::Tenants(_) => "tenants",
            Self::Admin(_) => "admin",
            Self::MaxAge(_) => "sign-in's age",
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

    /// What was found, in a sentence.
    pub fn says(&self) -> String {
        match self {
            Self::Request(facts) => request(facts),
            Self::Host(facts) => host(facts),
            Self::Path(facts) => path(facts),
            Self::Requirement(facts) => requirement(facts),
            Self::Person(facts) => person(facts),
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
    match &facts.pattern {
        Some(pattern) if *pattern == facts.name => format!("{} is protected", facts.name),
        Some(pattern) => format!("{} is protected, by the entry {pattern} of GATEPOST_HOSTS", facts.name),
        None if facts.is_public => {
            format!(
                "{} is Gatepost's own public host, which needs no middleware and is never protected",
                facts.name
            )
        }
        None => format!("{} is not protected: no entry of GATEPOST_HOSTS matches it", facts.name),
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

fn any_of<T: Display>(what: &str, names: &[T]) -> String {
    let list = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if names.len() == 1 { format!("{what} {list}") } else { format!("any of {what}s {list}") }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
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

fn sessions(facts: &SessionsFacts) -> String {
    if let Some(problem) = &facts.problem {
        return format!(
            "not known, the session store does not answer ({problem}): /verify answers 503 if it needs the store. \
             The following steps assume a new session"
        );
    }
    if !facts.is_assumed {
        return "signed in; the following steps are about the session marked with *".to_owned();
    }
    let none = if facts.sessions.is_empty() { "no session" } else { "no valid session" };
    format!("{none}: /verify requires a sign-in first. The following steps assume a new session")
}

fn session_details(facts: &SessionsFacts) -> Vec<String> {
    let mut details: Vec<String> = facts.sessions.iter().flat_map(session).collect();
    if facts.left_out > 0 {
        details.push(format!("and {} more that were used longer ago: gatepost session list", facts.left_out));
    }
    if facts.begun_later > 0 {
        details.push(format!("{} started later", facts.begun_later));
    }
    details
}

/// All about the one that the decision is about, of the others the first line.
fn session(facts: &SessionFacts) -> Vec<String> {
    let star = if facts.is_judged { "*" } else { " " };
    let SessionFacts { provider, begun_at, last_seen_at, session, .. } = facts;
    let outcome = outcome(facts.reason);
    let first =
        format!("{star} started {begun_at} with {provider}, last use {last_seen_at}: {outcome} [{session}]");
    if !facts.is_judged {
        return vec![first];
    }
    let refresh = match (facts.checked_at, facts.refresh) {
        (None, _) => {
            "the provider returned no refresh token and is never asked again (..__RECHECK=off)".to_owned()
        }
        (Some(at), Refresh::NotDue) => format!("the provider was asked {at}"),
        (Some(at), Refresh::InBackground) => {
            format!("the provider was asked {at}, and is asked again during the next request")
        }
        (Some(at), Refresh::AtNavigation) => format!(
            "the provider was asked {at} and returned no refresh token: the next navigation is redirected through it, other requests pass"
        ),
        (Some(at), Refresh::BySignIn) => format!(
            "the provider was asked {at} and returned no refresh token: no request passes before a navigation is redirected through it"
        ),
        (Some(at), Refresh::First) => {
            format!("the provider was asked {at}, and is asked again before the next request passes")
        }
    };
    let SessionFacts { auth_time, idle_until, expires_at, .. } = facts;
    let proof =
        auth_time.map_or_else(|| "at a time that the provider did not send".to_owned(), |at| at.to_string());
    vec![
        first,
        format!("  ends at {idle_until} if not used, at the latest at {expires_at}"),
        format!("  last proof of identity {proof}; {refresh}"),
    ]
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

fn groups(facts: &GroupsFacts) -> String {
    match (facts.required.is_empty(), facts.is_met) {
        (true, _) if facts.others.is_empty() => "none required; in none".to_owned(),
        (true, _) => format!("none required; in {}", count(facts.others.len(), "group")),
        (false, true) => "in a required group".to_owned(),
        (false, false) => "in none of the required groups".to_owned(),
    }
}

fn group(facts: &GroupFacts) -> String {
    let name = &facts.name;
    if facts.is_member {
        let sources = facts.sources.iter().map(source).collect::<Vec<_>>().join("; ");
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

fn source(source: &SourceFacts) -> String {
    match source {
        SourceFacts::Manual => "added by an administrator".to_owned(),
        SourceFacts::Scim => "by SCIM".to_owned(),
        SourceFacts::Provider { external, display_name, link } => {
            let called = display_name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
            let how = match *link {
                "config" => "linked by GATEPOST_GROUPS",
                "manual" => "linked by an administrator",
                "trusted" => "the provider's name is trusted",
                _ => "not linked: its name is its id, and its members are not admins",
            };
            format!("through {external}{called}, {how}")
        }
    }
}

fn tenants(facts: &TenantsFacts) -> String {
    match (facts.required.is_empty(), facts.is_met) {
        (true, _) if facts.opened.is_empty() => "none required; the groups give access to none".to_owned(),
        (true, _) => {
            format!("none required; the groups give access to {}", count(facts.opened.len(), "tenant"))
        }
        (false, true) => "has access to a required tenant".to_owned(),
        (false, false) => "has access to none of the required tenants".to_owned(),
    }
}

fn tenant_details(facts: &TenantsFacts) -> Vec<String> {
    if facts.required.is_empty() {
        return facts.opened.iter().map(|(id, role)| format!("{id}: as {role}")).collect();
    }
    facts.required.iter().map(tenant).collect()
}

fn tenant(facts: &TenantFacts) -> String {
    let id = &facts.id;
    let named = |groups: &mut dyn Iterator<Item = String>| groups.collect::<Vec<_>>().join(", ");
    let through = named(&mut facts.through.iter().map(|(group, role)| format!("group {group} (as {role})")));
    match facts.role {
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

fn admin(facts: &AdminFacts) -> String {
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

fn decision(facts: &DecisionFacts) -> String {
    match facts.reason {
        Reason::GroupMissing | Reason::TenantMissing | Reason::NotAdmin => missing(facts),
        reason => outcome(reason).to_owned(),
    }
}

const fn outcome(reason: Reason) -> &'static str {
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
        Reason::CrossOrigin => "refused: another origin requests a change",
        Reason::MaxAge => {
            "has to sign in again: the last proof of identity is too old, or its time is not known"
        }
        Reason::GroupMissing | Reason::TenantMissing | Reason::NotAdmin => "refused: not allowed",
        _ => "does not pass",
    }
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
    format!("refused: {}", parts.join("; "))
}
