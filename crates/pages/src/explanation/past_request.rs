//! What is known about a past request.

use super::Explanation;
use super::steps::{Change, UtcTime};
use gatepost_core::api_key::KeyId;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{RequestId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::net::IpAddr;

/// What is stored about a past request. It can be read from its JSON again.
#[derive(Clone, Debug, Deserialize)]
pub struct PastRequest {
    /// The id of the request.
    #[serde(rename = "request_id")]
    pub id: RequestId,
    /// The refusal. `None`: the request was not refused.
    pub refused: Option<RefusalFacts>,
    /// What the request changed.
    pub changes: Vec<Change>,
    /// The explanation of the same request now. `None`: there was no refusal, the person or key no longer exists, or the answer
    /// depends on what a program sends.
    pub now: Option<Explanation>,
}

/// A stored refusal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RefusalFacts {
    /// When the request was refused.
    pub at: UtcTime,
    /// The person, or the machine's id as applications get it.
    pub user_id: UserId,
    /// Whether it is a person. Otherwise a key or an application was refused for nobody who is known.
    pub is_person: bool,
    /// The address at that time; of a key, that of whom it named.
    pub email: Option<EmailAddress>,
    /// The protected host.
    pub host: String,
    /// The method.
    pub method: String,
    /// The path without its query. A long path is cut.
    pub path: String,
    /// `navigation`, `fetch` or `websocket`.
    pub kind: Cow<'static, str>,
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
    /// The API key that was sent, by itself or for the person.
    pub key_id: Option<KeyId>,
    /// The name that it had.
    pub via: Option<String>,
    /// What the request asked a tool server for, as in `tool delete_repo`.
    pub tool: Option<String>,
}

impl RefusalFacts {
    /// Who was refused, in words.
    pub fn who(&self) -> String {
        let named = || self.email.as_ref().map_or_else(|| self.user_id.to_string(), ToString::to_string);
        match (self.is_person, self.key_id) {
            (true, _) | (false, None) => named(),
            (false, Some(key)) => format!("the key {}", self.via.clone().unwrap_or_else(|| key.to_string())),
        }
    }

    /// For whom a key sent the request: a person, or an address that is nobody's here or of somebody who is not signed in.
    pub fn sent_for(&self) -> Option<&EmailAddress> {
        self.email.as_ref().filter(|_| !self.is_person && self.key_id.is_some())
    }

    /// Why it is not known whether the same request would pass now.
    pub const fn unknown_because(&self) -> &'static str {
        match (self.is_person, self.via.is_some() || self.key_id.is_some()) {
            (true, false) => "this person no longer exists here",
            (false, false) => "it depends on the access token that the program sends",
            (_, true) => {
                "it depends on the key and on what the program sends with it, or the key no longer exists here"
            }
        }
    }
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
