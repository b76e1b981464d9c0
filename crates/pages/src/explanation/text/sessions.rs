//! The text of the step about sessions.

use super::decision::outcome;
use crate::explanation::steps::{Refresh, SessionFacts, SessionsFacts};

pub(super) fn sessions(facts: &SessionsFacts) -> String {
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

pub(super) fn session_details(facts: &SessionsFacts) -> Vec<String> {
    let mut details: Vec<String> = facts.sessions.iter().flat_map(session).collect();
    if facts.left_out > 0 {
        details.push(format!("and {} more that were used longer ago: gatepost session list", facts.left_out));
    }
    if facts.begun_later > 0 {
        details.push(format!("{} started later", facts.begun_later));
    }
    details
}

/// Three lines about the session that the decision is about, and one line about each other session.
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
