//! Each step in words, the same for a terminal and a page.

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

    /// How it came out.
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

    /// The particulars, a line each.
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
        Some(problem) => format!("{method} {url} is refused as malformed, whoever asks: {problem}"),
    }
}

fn host(facts: &HostFacts) -> String {
    match &facts.pattern {
        Some(pattern) if *pattern == facts.name => format!("{} is protected", facts.name),
        Some(pattern) => format!("{} is protected, by the entry {pattern} of GATEPOST_HOSTS", facts.name),
        None if facts.is_public => {
            format!(
                "{} is Gatepost's own public host: it needs no middleware and is never protected",
                facts.name
            )
        }
        None => format!("{} is not protected: no entry of GATEPOST_HOSTS covers it", facts.name),
    }
}

fn path(facts: &PathFacts) -> String {
    let text = if facts.is_reserved {
        "the path is below /.gatepost/: Gatepost itself answers, whatever the router demands, never with 200"
    } else {
        "the path is the application's"
    };
    text.to_owned()
}

fn requirement(facts: &RequirementFacts) -> String {
    if let Some(problem) = &facts.problem {
        return format!("the middleware's address is wrong, so nobody passes: {problem}");
    }
    let mut parts = Vec::new();
    if !facts.groups.is_empty() {
        parts.push(format!("in {}", any_of("the group", &facts.groups)));
    }
    if !facts.tenants.is_empty() {
        parts.push(format!("may enter {}", any_of("the tenant", &facts.tenants)));
    }
    if facts.admin {
        parts.push("an admin".to_owned());
    }
    if let Some(age) = facts.max_age {
        parts.push(format!("signed in at most {} ago", duration(Duration::from_secs(age))));
    }
    let demands = if parts.is_empty() { "signed in, nothing more".to_owned() } else { parts.join("; ") };
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
        format!("{name} is disabled since {at}: signing in is refused. To mend: gatepost user enable {name}")
    } else if facts.email.is_none() {
        format!(
            "{name} has no e-mail address, and nobody passes without one: the next sign-in has to bring one"
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
        details.push(format!("sessions begun before {at} are over"));
    }
    details
}

fn sessions(facts: &SessionsFacts) -> String {
    if let Some(problem) = &facts.problem {
        return format!(
            "not known, the session store does not answer ({problem}): /verify says 503 where it has to ask. \
             What follows assumes a session that has just begun"
        );
    }
    if !facts.is_assumed {
        return "signed in; what follows is about the session marked with *".to_owned();
    }
    let none = if facts.sessions.is_empty() { "signed in nowhere" } else { "no session lives any more" };
    format!("{none}: /verify asks for a sign-in first. What follows assumes a session that has just begun")
}

fn session_details(facts: &SessionsFacts) -> Vec<String> {
    let mut details: Vec<String> = facts.sessions.iter().flat_map(session).collect();
    if facts.left_out > 0 {
        details.push(format!("and {} more, used longer ago: gatepost session list", facts.left_out));
    }
    if facts.begun_later > 0 {
        details.push(format!("{} began later", facts.begun_later));
    }
    details
}

/// All about the one that the decision is about, of the others the first line.
fn session(facts: &SessionFacts) -> Vec<String> {
    let star = if facts.is_judged { "*" } else { " " };
    let SessionFacts { provider, begun_at, last_seen_at, session, .. } = facts;
    let outcome = outcome(facts.reason);
    let first =
        format!("{star} begun {begun_at} with {provider}, last use {last_seen_at}: {outcome} [{session}]");
    if !facts.is_judged {
        return vec![first];
    }
    let refresh = match (facts.checked_at, facts.refresh) {
        (None, _) => {
            "the provider gave no refresh token and is never asked again (..__RECHECK=off)".to_owned()
        }
        (Some(at), Refresh::NotDue) => format!("the provider was asked {at}"),
        (Some(at), Refresh::InBackground) => {
            format!("the provider was asked {at}, and is again beside the next request")
        }
        (Some(at), Refresh::AtNavigation) => format!(
            "the provider was asked {at} and gave no refresh token: the next navigation goes through it, other requests pass"
        ),
        (Some(at), Refresh::BySignIn) => format!(
            "the provider was asked {at} and gave no refresh token: nothing passes before a navigation went through it"
        ),
        (Some(at), Refresh::First) => {
            format!("the provider was asked {at}, and is again before anybody passes")
        }
    };
    let SessionFacts { auth_time, idle_until, expires_at, .. } = facts;
    let proof =
        auth_time.map_or_else(|| "at a time that the provider did not tell".to_owned(), |at| at.to_string());
    vec![
        first,
        format!("  idle from {idle_until} if not used, over at {expires_at}"),
        format!("  last proof of who it is {proof}; {refresh}"),
    ]
}

fn origin(facts: &OriginFacts) -> String {
    match (&facts.asker, facts.is_cross_origin) {
        (None, _) => "the person's own request, not another site's".to_owned(),
        (Some(asker), false) => {
            format!("asked by a page of {asker}: it may, or nothing can be changed by it")
        }
        (Some(asker), true) => format!(
            "a page of another origin ({asker}) asks for a change: refused, unless GATEPOST_ALLOWED_ORIGINS names it"
        ),
    }
}

fn groups(facts: &GroupsFacts) -> String {
    match (facts.required.is_empty(), facts.is_met) {
        (true, _) if facts.others.is_empty() => "none demanded; in none".to_owned(),
        (true, _) => format!("none demanded; in {}", count(facts.others.len(), "group")),
        (false, true) => "in a group that is demanded".to_owned(),
        (false, false) => "in none of the groups that are demanded".to_owned(),
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
            "{name}: not in it, but in {namesake}, which is called so at its provider and not linked. To mend: \
             gatepost group link {name} {namesake}"
        );
    }
    if !facts.exists {
        return format!(
            "{name}: there is no such group here. To make it: gatepost group link {name} PROVIDER:ID"
        );
    }
    match facts.links.as_slice() {
        [] => format!("{name}: not in it; it stands for no provider's group"),
        links => format!("{name}: not in it; it stands for {}", links.join(", ")),
    }
}

fn source(source: &SourceFacts) -> String {
    match source {
        SourceFacts::Manual => "by hand".to_owned(),
        SourceFacts::Scim => "by SCIM".to_owned(),
        SourceFacts::Provider { external, display_name, link } => {
            let called = display_name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
            let how = match *link {
                "config" => "linked by GATEPOST_GROUPS",
                "manual" => "linked by hand",
                "trusted" => "its provider's name is trusted",
                _ => "not linked: it bears its id and makes no admin",
            };
            format!("through {external}{called}, {how}")
        }
    }
}

fn tenants(facts: &TenantsFacts) -> String {
    match (facts.required.is_empty(), facts.is_met) {
        (true, _) if facts.opened.is_empty() => "none demanded; the groups open none".to_owned(),
        (true, _) => format!("none demanded; the groups open {}", count(facts.opened.len(), "tenant")),
        (false, true) => "may enter a tenant that is demanded".to_owned(),
        (false, false) => "may enter none of the tenants that are demanded".to_owned(),
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
            format!("{id}: as {role}, because an admin may enter every tenant")
        }
        Some(role) => format!("{id}: as {role}, through {through}"),
        None if !facts.exists => {
            format!("{id}: there is no such tenant here. To make it: gatepost tenant create {id}")
        }
        None if facts.opened_by.is_empty() => {
            format!("{id}: no group opens it. To mend: gatepost tenant map GROUP {id}")
        }
        None => {
            let groups = named(&mut facts.opened_by.keys().map(ToString::to_string));
            format!("{id}: opened by {groups}, in none of which the person is")
        }
    }
}

fn admin(facts: &AdminFacts) -> String {
    let reasons = facts.reasons.join(", ");
    match (facts.is_admin, facts.explicit) {
        (true, Some(_)) => "an admin, by an explicit word (gatepost admin grant)".to_owned(),
        (true, None) => format!("an admin, through {reasons}"),
        (false, Some(_)) if facts.reasons.is_empty() => {
            "no admin, by an explicit word (gatepost admin revoke)".to_owned()
        }
        (false, Some(_)) => {
            format!("no admin, by an explicit word (gatepost admin revoke), which outweighs {reasons}")
        }
        (false, None) => "no admin: neither a group nor a role nor an explicit word makes one".to_owned(),
    }
}

fn max_age(facts: &MaxAgeFacts) -> String {
    let age = duration(Duration::from_secs(facts.max_age));
    match (facts.is_met, facts.auth_time) {
        (Some(true), Some(at)) => format!("the last proof, {at}, is at most {age} old"),
        (Some(_), Some(at)) => {
            format!("the last proof, {at}, is older than {age}: the person has to sign in again")
        }
        (Some(_), None) => format!(
            "the provider did not say when the person signed in, so nobody knows whether that was {age} ago: the person has \
             to sign in again, and passes if the provider then sends auth_time"
        ),
        (None, _) => format!("at most {age}; judged last, and the request fails before"),
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
        Reason::UnknownHost => "refused, whoever asks: the host is not protected here",
        Reason::MalformedRequirement => "refused, whoever asks: the middleware's address is wrong",
        Reason::ForwardedHeaders | Reason::PlainHttp => "refused, whoever asks: the request is malformed",
        Reason::Expired => "has to sign in: idle or absolute lifetime is over",
        Reason::SessionEnded => "has to sign in: the session was ended",
        Reason::UserDisabled => "has to sign in, which is refused: the person is disabled",
        Reason::NoAddress => "has to sign in: the person has no address",
        Reason::RefreshPending => "the provider has to be asked before this session is used again",
        Reason::CrossOrigin => "refused: another origin asks for a change",
        Reason::MaxAge => "has to sign in again: the last proof is too old, or its time is not known",
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
        parts.push(format!("may not enter {}", any_of("the tenant", &facts.missing_tenants)));
    }
    if facts.missing_admin {
        parts.push("no admin".to_owned());
    }
    format!("refused: {}", parts.join("; "))
}
