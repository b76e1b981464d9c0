//! Refusals for programs that speak JSON-RPC, and the challenge that tells them where to sign in (RFC 9728 section 5.1).

use gatepost_core::ids::{GroupName, RequestId};
use gatepost_core::mcp::message::MessageId;
use gatepost_core::mcp::{CURRENT_VERSION, Fault};
use gatepost_pages::{Gate, Refusal};
use gatepost_runtime::respond::{self, Answer};
use gatepost_runtime::site::Site;
use gatepost_runtime::tools::{GateServer, NO_SERVER};
use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue, WWW_AUTHENTICATE};
use serde_json::{Value, json};

/// The challenge of a page for people.
const PLAIN_CHALLENGE: &str = "Bearer realm=\"gatepost\"";

/// The words of a page and of JSON name the session cookie and `login_url`, which this form does not have.
const NOBODY: &str = "Nobody is signed in. Send an access token or an API key.";

/// A refusal that a page would show.
pub(super) fn refusal(site: &Site, id: &MessageId, refusal: &Refusal<'_>, gate: &Gate<'_>) -> Answer {
    let (status, text, headers) = refusal.words(gate);
    let (message, reason) = match refusal {
        Refusal::Forbidden { missing, .. } => match &missing.tool {
            Some(tool) if tool == NO_SERVER => (
                "No tool server of this router is registered at this address.".to_owned(),
                "unknown_tool_server",
            ),
            Some(tool) => {
                let name = ["tool ", "prompt ", "resource ", "method "];
                let name = name.iter().find_map(|kind| tool.strip_prefix(kind)).unwrap_or(tool);
                (format!("You may not use {name}. Missing: {}.", groups(missing)), "tool")
            }
            None => (format!("You may not use this tool server. Missing: {missing}."), "requirement"),
        },
        Refusal::SignIn { .. } => (NOBODY.to_owned(), "sign_in_required"),
        Refusal::NobodyToActFor { .. } => (text, "sign_in"),
        Refusal::StepUp { .. } => (text, "step_up_required"),
        Refusal::ScopeMissing(_) => (text, "insufficient_scope"),
        Refusal::CrossOrigin => (text, "cross_origin"),
        Refusal::QuotaExceeded(_) => (text, "quota_exceeded"),
        Refusal::Unavailable { .. } | Refusal::Recheck { .. } => (text, "unavailable"),
        _ => (text, "refused"),
    };
    let help = match refusal {
        Refusal::Forbidden { request: Some(request), .. } => (*request).to_owned(),
        _ => site.public_address("/", &[]).to_string(),
    };
    let data = json!({ "request_id": gate.request_id.to_string(), "reason": reason, "help": help });
    let mut answer = answer(status, i32::from(status), id, &message, &data);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(&value)) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

fn groups(missing: &gatepost_core::decision::Missing) -> String {
    if let Some(lack) = missing.key {
        return lack.as_str().to_owned();
    }
    let names: Vec<&str> = missing.groups.iter().map(GroupName::as_str).collect();
    if names.is_empty() {
        "a rule that allows it to you".to_owned()
    } else {
        format!("group {}", names.join(" or "))
    }
}

/// A message that cannot be judged.
pub(super) fn fault(site: &Site, request_id: RequestId, id: &MessageId, fault: &Fault) -> Answer {
    let reason = match fault {
        Fault::TooLarge => "too_large",
        Fault::Unreadable(_) => "unreadable",
        Fault::HeaderMismatch(_) => "header_mismatch",
        Fault::VersionMissing => "version_missing",
        Fault::UnsupportedVersion(_) => "unsupported_version",
    };
    let help = site.public_address("/", &[]).to_string();
    let mut data = json!({ "request_id": request_id.to_string(), "reason": reason, "help": help });
    if let Fault::UnsupportedVersion(requested) = fault {
        data["supported"] = json!([CURRENT_VERSION]);
        data["requested"] = json!(requested);
    }
    answer(fault.status(), fault.code(), id, &fault.to_string(), &data)
}

/// A list that is not answered.
pub(super) fn failure(
    site: &Site,
    request_id: RequestId,
    id: &MessageId,
    status: StatusCode,
    (reason, message): (&str, String),
) -> Answer {
    let help = site.public_address("/", &[]).to_string();
    let data = json!({ "request_id": request_id.to_string(), "reason": reason, "help": help });
    answer(status.as_u16(), i32::from(status.as_u16()), id, &message, &data)
}

fn answer(status: u16, code: i32, id: &MessageId, message: &str, data: &Value) -> Answer {
    let error = json!({ "code": code, "message": message, "data": data });
    let body = json!({ "jsonrpc": "2.0", "id": id.as_json(), "error": error });
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    respond::text(status, "application/json", body.to_string())
}

/// All scopes that a request to a tool server needs. `missing` are those that its provider demands of every token, which Entra
/// spells without the API.
pub(super) fn all_scopes(missing: &[String], server: &GateServer) -> Vec<String> {
    let is_other = |scope: &&String| {
        let is_end = |own: &String| own == *scope || own.ends_with(&format!("/{scope}"));
        !server.scopes.iter().any(is_end)
    };
    missing.iter().filter(is_other).chain(&server.scopes).cloned().collect()
}

/// Adds where the tool server's authorization server is named to a 401, and to a 403 that other scopes would help. Every other
/// answer stays: a client would ask for scopes that do not help.
pub(super) fn challenge(answer: &mut Answer, server: &GateServer) {
    let lacks_scope =
        answer.status() == StatusCode::FORBIDDEN && answer.headers().contains_key(WWW_AUTHENTICATE);
    if answer.status() != StatusCode::UNAUTHORIZED && !lacks_scope {
        return;
    }
    let mut place = format!("resource_metadata=\"{}\"", server.url.metadata_url());
    if !server.scopes.is_empty() && !lacks_scope {
        place.extend([", scope=\"", &*server.scopes.join(" "), "\""]);
    }
    let present = answer.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
    let value = match present {
        Some(challenge) if challenge != PLAIN_CHALLENGE => format!("{challenge}, {place}"),
        _ => format!("Bearer {place}"),
    };
    if let Ok(value) = HeaderValue::from_str(&value) {
        answer.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
}
