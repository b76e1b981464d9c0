//! The answers to programs that send a request for a person (`GATEPOST_SPEAKERS__*`).

use super::{Content, Gate, content};
use crate::message::{Fact, Tone};
use crate::page::Page;
use serde_json::json;

/// The challenge says why (RFC 6750 section 3).
pub(super) fn invalid<'a>(why: &str) -> Content<'a> {
    let first = "The request comes with a statement about a person that does not count here.";
    let heading = "This statement does not count";
    let mut content = content(401, "invalid_token", Tone::Stop, heading, &[first]);
    content.facts.push(Fact::new("Reason", why));
    let challenge = format!("Bearer error=\"invalid_token\", error_description=\"{why}\"");
    content.header = Some(("WWW-Authenticate", challenge));
    content
}

pub(super) fn refused<'a>(why: &str) -> Content<'a> {
    let first = "The API key is valid, but no request may be sent for a person with it here.";
    let heading = "This key may not act for people here";
    let mut content = content(403, "key_refused", Tone::Stop, heading, &[first]);
    content.facts.push(Fact::new("Reason", why));
    content
}

/// Clients of tool servers show the message of a JSON-RPC error to the person. The code is the status: the specification
/// of 2026-07-28 allows no new codes between -32768 and -32000.
pub(super) fn nobody(gate: &Gate<'_>, sign_in_at: &str) -> Page {
    let message = format!("You are not signed in. Sign in at {sign_in_at} once, then try again.");
    let request_id = gate.request_id.to_string();
    let data = json!({ "request_id": request_id, "reason": "sign_in", "help": sign_in_at });
    let error = json!({ "code": 403, "message": message, "data": data });
    Page::json(403, &json!({ "jsonrpc": "2.0", "id": null, "error": error }))
}
