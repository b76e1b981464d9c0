//! Explains a past request by its id: the refusal that was stored, and the decision that would be made now.

use super::context::{Context, ExplainError};
use super::question::{Question, RequestUrl};
use super::steps::{Change, DecisionFacts, Step, UtcTime};
use super::{Explanation, MAX_CHANGES, explain};
use crate::site::Site;
use gatepost_core::email::EmailAddress;
use gatepost_core::host::HostName;
use gatepost_core::ids::{RequestId, UserId};
use gatepost_core::refusal::Refusal;
use gatepost_store::directory::{AuditFilter, UserKey};
use gatepost_telemetry::Reason;
use gatepost_telemetry::labels::Label;
use serde::Serialize;
use serde_json::{Value, json};
use std::net::IpAddr;

/// What is stored about a past request.
#[derive(Clone, Debug)]
pub struct PastRequest {
    /// The id of the request.
    pub id: RequestId,
    /// The refusal. `None`: the request was not refused.
    pub refused: Option<RefusalFacts>,
    /// What the request changed.
    pub changes: Vec<Change>,
    /// The explanation of the same request now. `None`: there was no refusal, or the person no longer exists.
    pub now: Option<Explanation>,
}

/// A stored refusal.
#[derive(Clone, Debug, Serialize)]
pub struct RefusalFacts {
    /// When the request was refused.
    pub at: UtcTime,
    /// The person.
    pub user_id: UserId,
    /// The person's address at that time.
    pub email: Option<EmailAddress>,
    /// The protected host.
    pub host: String,
    /// The method.
    pub method: String,
    /// The path without its query. A long path is cut.
    pub path: String,
    /// `navigation`, `fetch` or `websocket`.
    pub kind: &'static str,
    /// The origin whose page sent the request. `None`: the host's own, or the person directly.
    pub asker: Option<String>,
    /// The query of the middleware's address.
    pub requirement: String,
    /// The status of the answer.
    pub status: u16,
    /// The reason as it is named in metrics.
    pub reason: String,
    /// The reason as a sentence.
    pub text: String,
    /// The client's address as the proxy saw it.
    pub address: Option<IpAddr>,
}

impl PastRequest {
    /// Whether the same request would pass now. `None`: not known.
    pub fn is_fixed(&self) -> Option<bool> {
        self.now.as_ref().and_then(Explanation::decision).map(|decision| decision.is_allowed)
    }

    /// The result for programs. Its names are stable. Times are RFC 3339.
    pub fn to_json(&self) -> Value {
        json!({
            "request_id": self.id.to_string(),
            "refused": self.refused,
            "changes": self.changes,
            "now": self.now.as_ref().map(Explanation::to_json),
            "mended": self.is_fixed(),
        })
    }
}

/// Explains a past request by its id.
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
    let now = match refusal.as_ref().and_then(|refusal| question(&context.site, refusal)) {
        Some(question) => match explain(context, &question).await {
            Ok(explanation) => Some(explanation),
            Err(ExplainError::UnknownUser { .. }) => None,
            Err(error) => return Err(error),
        },
        None => None,
    };
    Ok(PastRequest { id, refused: refusal.map(facts), changes, now })
}

/// The same request as a question about now. If its host is no longer protected, the explanation says so.
fn question(site: &Site, refusal: &Refusal) -> Option<Question> {
    let name: HostName = refusal.host.parse().ok()?;
    let origin =
        site.hosts.find(&name).map_or_else(|| format!("https://{name}"), |origin| origin.to_string());
    let path = if refusal.path.starts_with('/') { refusal.path.as_str() } else { "/" };
    let url: RequestUrl = format!("{origin}{path}").parse().ok()?;
    Some(Question {
        user: UserKey::Id(refusal.user),
        url,
        method: refusal.method.parse().ok()?,
        requirement: refusal.requirement.clone(),
        kind: refusal.kind,
        initiator: refusal.initiator.clone(),
        at: None,
    })
}

fn facts(refusal: Refusal) -> RefusalFacts {
    let reason = Reason::ALL.iter().find(|reason| reason.as_str() == refusal.reason);
    // A newer release may have stored a reason that this one does not have.
    let text = reason.map_or_else(
        || format!("refused: {}", refusal.reason),
        |reason| {
            let missing = refusal.missing.clone().unwrap_or_default();
            Step::Decision(DecisionFacts::of(*reason, missing)).text()
        },
    );
    RefusalFacts {
        at: UtcTime(refusal.at),
        user_id: refusal.user,
        email: refusal.email,
        host: refusal.host,
        method: refusal.method,
        path: refusal.path,
        kind: refusal.kind.as_str(),
        asker: refusal.initiator.to_origin_header(),
        requirement: refusal.requirement,
        status: refusal.status,
        reason: refusal.reason,
        text,
        address: refusal.address,
    }
}
