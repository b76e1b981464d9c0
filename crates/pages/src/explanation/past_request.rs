//! What is known about a past request.

use super::Explanation;
use super::steps::{Change, UtcTime};
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{RequestId, UserId};
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
    /// The explanation of the same request now. `None`: there was no refusal, the person no longer exists, or the answer
    /// depends on the key of a program.
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
    /// The name of the API key by which a program sent the request for the person.
    pub via: Option<String>,
    /// What the request asked a tool server for, as in `tool delete_repo`.
    pub tool: Option<String>,
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
