//! Explains a past request by its id: the refusal that was stored, and the decision that would be made now.

use super::context::Context;
use super::{MAX_CHANGES, change, explain};
use gatepost_admin::explain::{Asker, ExplainError, Question, RequestUrl};
use gatepost_core::administration::Scope;
use gatepost_core::host::HostName;
use gatepost_core::ids::RequestId;
use gatepost_core::mcp::message::Call;
use gatepost_core::refusal::{Refusal, Refused};
use gatepost_pages::explanation::{Change, DecisionFacts, PastRequest, RefusalFacts, Step, UtcTime};
use gatepost_runtime::hosts::Hosts;
use gatepost_store::directory::{AuditFilter, UserKey};
use gatepost_telemetry::Reason;
use gatepost_telemetry::labels::Label;

pub(super) async fn explain_request(context: &Context, id: RequestId) -> Result<PastRequest, ExplainError> {
    let refusal = context.stores.directory.find_refusal(id).await?;
    let filter = AuditFilter { request_id: Some(id), ..AuditFilter::default() };
    let changes: Vec<Change> = context
        .stores
        .directory
        .list_audit(&Scope::System, &filter, MAX_CHANGES)
        .await?
        .into_iter()
        .rev()
        .map(change)
        .collect();
    if refusal.is_none() && changes.is_empty() {
        return Err(ExplainError::UnknownRequest(id));
    }
    let asked = match &refusal {
        Some(refusal) => question(&context.hosts, refusal).await?,
        None => None,
    };
    let now = match asked {
        Some(question) => match explain(context, &question).await {
            Ok(explanation) => Some(explanation),
            Err(ExplainError::UnknownUser { .. } | ExplainError::UnknownKey(_)) => None,
            Err(error) => return Err(error),
        },
        None => None,
    };
    Ok(PastRequest { id, refused: refusal.map(facts), changes, now })
}

/// The same request as a question about now. If its host is no longer protected, the explanation says so.
async fn question(hosts: &Hosts, refusal: &Refusal) -> Result<Option<Question>, ExplainError> {
    let (Some(asker), Ok(name)) = (asker(refusal), refusal.host.parse::<HostName>()) else {
        return Ok(None);
    };
    let found = hosts.find(&name).await?;
    let origin = found.map_or_else(|| format!("https://{name}"), |host| host.origin().to_string());
    Ok(question_at(&origin, asker, refusal))
}

fn question_at(origin: &str, asker: Asker, refusal: &Refusal) -> Option<Question> {
    let path = if refusal.path.starts_with('/') { refusal.path.as_str() } else { "/" };
    let url: RequestUrl = format!("{origin}{path}").parse().ok()?;
    Some(Question {
        asker,
        url,
        method: refusal.method.parse().ok()?,
        requirement: refusal.requirement.clone(),
        kind: refusal.kind,
        initiator: refusal.initiator.clone(),
        at: None,
        call: refusal.missing.as_ref().and_then(|missing| asked(missing.tool.as_deref()?)),
        client: refusal.address,
    })
}

/// Who would send it again. `None`: a key for a person, which says nothing about what either may alone, or an application.
fn asker(refusal: &Refusal) -> Option<Asker> {
    const OF_WORDS: [Reason; 3] = [Reason::InvalidWord, Reason::WordRefused, Reason::NobodyToActFor];
    match Refused::of(refusal.user, refusal.key) {
        Refused::Person(user) if refusal.via.is_none() && refusal.key.is_none() => {
            Some(Asker::Person(UserKey::Id(user)))
        }
        Refused::Key(key) if OF_WORDS.iter().all(|reason| reason.as_str() != refusal.reason) => {
            Some(Asker::Key(key))
        }
        Refused::Person(_) | Refused::Key(_) | Refused::Application => None,
    }
}

/// What was asked for, from what the refusal says was missing: `tool delete_repo`.
fn asked(tool: &str) -> Option<Call> {
    let (kind, name) = tool.split_once(' ')?;
    Some(Call { kind: kind.parse().ok()?, name: name.to_owned() })
}

fn facts(refusal: Refusal) -> RefusalFacts {
    let reason = Reason::ALL.iter().find(|reason| reason.as_str() == refusal.reason);
    // A newer release may have stored a reason that this one does not have.
    let tool = refusal.missing.as_ref().and_then(|missing| missing.tool.clone());
    let text = match (&refusal.detail, reason) {
        (Some(detail), _) => format!("refused: {detail}"),
        (None, None) => format!("refused: {}", refusal.reason),
        (None, Some(reason)) => {
            let missing = refusal.missing.clone().unwrap_or_default();
            Step::Decision(DecisionFacts::of(*reason, missing)).text()
        }
    };
    RefusalFacts {
        at: UtcTime(refusal.at),
        user_id: refusal.user,
        is_person: matches!(Refused::of(refusal.user, refusal.key), Refused::Person(_)),
        email: refusal.email,
        host: refusal.host,
        method: refusal.method,
        path: refusal.path,
        kind: refusal.kind.as_str().into(),
        asker: refusal.initiator.to_origin_header(),
        requirement: refusal.requirement,
        status: refusal.status,
        reason: refusal.reason,
        text,
        address: refusal.address,
        key_id: refusal.key,
        via: refusal.via,
        tool,
    }
}
