//! Why a request was refused, by its number: what was said then, and what would be said now.

use super::context::{Context, ExplainError};
use super::question::{AskedUrl, Question};
use super::steps::{Change, DecisionFacts, Moment, Step};
use super::{Explanation, MAX_CHANGES, explain};
use gatepost_core::asking::Refusal;
use gatepost_core::email::EmailAddress;
use gatepost_core::host::HostName;
use gatepost_core::ids::{RequestId, UserId};
use gatepost_store::directory::{AuditFilter, UserKey};
use gatepost_telemetry::Reason;
use gatepost_telemetry::labels::Label;
use serde::Serialize;
use serde_json::{Value, json};
use std::net::IpAddr;

/// What is known about a request.
#[derive(Clone, Debug)]
pub struct PastRequest {
    /// Its number.
    pub id: RequestId,
    /// What it was refused; `None`: it changed something, or was refused nothing.
    pub refused: Option<RefusalFacts>,
    /// What it changed.
    pub changes: Vec<Change>,
    /// The same person's same request, now; `None`: there was no refusal, or the person is gone.
    pub now: Option<Explanation>,
}

/// A refusal as it was.
#[derive(Clone, Debug, Serialize)]
pub struct RefusalFacts {
    /// When.
    pub at: Moment,
    /// Who.
    pub user_id: UserId,
    /// Their address then.
    pub email: Option<EmailAddress>,
    /// The protected host.
    pub host: String,
    /// The method.
    pub method: String,
    /// The path, perhaps cut, without its query.
    pub path: String,
    /// `navigation`, `fetch` or `websocket`.
    pub kind: &'static str,
    /// The origin whose page asked; `None`: the host's own.
    pub asker: Option<String>,
    /// The middleware's query.
    pub requirement: String,
    /// The answer's status.
    pub status: u16,
    /// The word for why, as in metrics.
    pub reason: String,
    /// Why, in a sentence.
    pub text: String,
    /// The client's address as the proxy saw it.
    pub address: Option<IpAddr>,
}

impl PastRequest {
    /// Would the same request pass now? `None`: cannot be said.
    pub fn is_mended(&self) -> Option<bool> {
        self.now.as_ref().and_then(Explanation::decision).map(|decision| decision.is_allowed)
    }

    /// For programs: names that stay as they are, times as RFC 3339.
    pub fn to_json(&self) -> Value {
        json!({
            "request_id": self.id.to_string(),
            "refused": self.refused,
            "changes": self.changes,
            "now": self.now.as_ref().map(Explanation::to_json),
            "mended": self.is_mended(),
        })
    }
}

/// Explains a request by its number.
///
/// # Errors
/// [`ExplainError::UnknownRequest`], [`ExplainError::Directory`].
pub async fn explain_request(context: &Context, id: RequestId) -> Result<PastRequest, ExplainError> {
    let refusal = context.stores.directory.find_refusal(id).await?;
    let filter = AuditFilter { request_id: Some(id), ..AuditFilter::default() };
    let changes: Vec<Change> = context
        .stores
        .directory
        .list_audit(&filter, MAX_CHANGES)
        .await?
        .into_iter()
        .rev()
        .map(Change::from)
        .collect();
    if refusal.is_none() && changes.is_empty() {
        return Err(ExplainError::UnknownRequest(id));
    }
    let now = match refusal.as_ref().and_then(|refusal| question(context, refusal)) {
        Some(question) => match explain(context, &question).await {
            Ok(explanation) => Some(explanation),
            Err(ExplainError::UnknownUser { .. }) => None,
            Err(error) => return Err(error),
        },
        None => None,
    };
    Ok(PastRequest { id, refused: refusal.map(facts), changes, now })
}

/// The same request, asked again. A host that is not protected any more is explained as such.
fn question(context: &Context, refusal: &Refusal) -> Option<Question> {
    let name: HostName = refusal.host.parse().ok()?;
    let origin =
        context.site.hosts.find(&name).map_or_else(|| format!("https://{name}"), |origin| origin.to_string());
    let path = if refusal.path.starts_with('/') { refusal.path.as_str() } else { "/" };
    let url: AskedUrl = format!("{origin}{path}").parse().ok()?;
    Some(Question {
        user: UserKey::Id(refusal.user),
        url,
        method: refusal.method.parse().ok()?,
        requirement: refusal.requirement.clone(),
        kind: refusal.kind,
        asker: refusal.asker.clone(),
        at: None,
    })
}

fn facts(refusal: Refusal) -> RefusalFacts {
    let reason = Reason::ALL.iter().find(|reason| reason.as_str() == refusal.reason);
    // A newer Gatepost may have words that this one does not know.
    let text = reason.map_or_else(
        || format!("refused: {}", refusal.reason),
        |reason| {
            let missing = refusal.missing.clone().unwrap_or_default();
            Step::Decision(DecisionFacts::of(*reason, missing)).says()
        },
    );
    RefusalFacts {
        at: Moment(refusal.at),
        user_id: refusal.user,
        email: refusal.email,
        host: refusal.host,
        method: refusal.method,
        path: refusal.path,
        kind: refusal.kind.as_str(),
        asker: refusal.asker.named(),
        requirement: refusal.requirement,
        status: refusal.status,
        reason: refusal.reason,
        text,
        address: refusal.address,
    }
}
