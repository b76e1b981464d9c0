//! The answers to programs that send a request for a person (`GATEPOST_SPEAKERS__*`).

use super::{Content, Gate, content, invalid_credential, refused_key};
use crate::message::Tone;
use crate::page::Page;
use serde_json::json;

pub(super) fn invalid<'a>(why: &str) -> Content<'a> {
    let first = "The request comes with a statement about a person that does not count here.";
    invalid_credential("This statement does not count", first, why)
}

pub(super) fn refused<'a>(why: &str) -> Content<'a> {
    let first = "The API key is valid, but no request may be sent for a person with it here.";
    refused_key("This key may not act for people here", first, why)
}

pub(super) fn nobody<'a>(sign_in_at: &str) -> Content<'a> {
    let first = format!("Sign in at {sign_in_at} once, then try again.");
    content(403, "sign_in", Tone::Wait, "You are not signed in", &[&first])
}

/// Clients of tool servers show the message of a JSON-RPC error to the person. The code is the status: the specification
/// of 2026-07-28 allows no new codes between -32768 and -32000.
pub(super) fn nobody_page(gate: &Gate<'_>, message: &str, sign_in_at: &str) -> Page {
    let request_id = gate.request_id.to_string();
    let data = json!({ "request_id": request_id, "reason": "sign_in", "help": sign_in_at });
    let error = json!({ "code": 403, "message": message, "data": data });
    Page::json(403, &json!({ "jsonrpc": "2.0", "id": null, "error": error }))
}
