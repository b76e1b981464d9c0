//! `/livez` and `/readyz`: text for people and probes, JSON for programs that ask for it.

use super::context::Context;
use gatepost_pages::Format;
use gatepost_runtime::headers::Headers;
use gatepost_runtime::respond::{self, Answer};
use hyper::StatusCode;
use hyper::http::request::Parts;
use serde::Serialize;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// How this replica is, the same at both paths.
#[derive(Serialize)]
struct Health {
    ready: bool,
    /// Why not. `null`: it is ready.
    why: Option<String>,
    version: &'static str,
    /// The id of this replica, anew at each start.
    replica: String,
    /// The id of the replica that leads. `null`: none does, or the directory does not answer.
    leader: Option<String>,
    /// How long ago the leader renewed its lease, in milliseconds. `null`: the directory has not answered yet.
    lease_age_ms: Option<u64>,
}

/// Whether the process answers: it does.
pub(super) fn alive(context: &Context, head: &Parts) -> Answer {
    if wants_json(head) {
        return json(StatusCode::OK, context, context.readiness.reason_not_ready());
    }
    respond::text(StatusCode::OK, TEXT, "alive\n")
}

/// Whether this replica should get requests: 200, or 503 with the reason.
pub(super) fn ready(context: &Context, head: &Parts) -> Answer {
    let why = context.readiness.reason_not_ready();
    let status = if why.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if wants_json(head) {
        return json(status, context, why);
    }
    respond::text(status, TEXT, why.map_or_else(|| "ready\n".to_owned(), |why| format!("not ready: {why}\n")))
}

/// Only by name: probes send `*/*`, and have always got text.
fn wants_json(head: &Parts) -> bool {
    Format::choose(&Headers::new(&head.headers).joined("accept"), true) == Format::Json
}

fn json(status: StatusCode, context: &Context, why: Option<String>) -> Answer {
    let seen = context.leadership.seen();
    let health = Health {
        ready: why.is_none(),
        why,
        version: env!("CARGO_PKG_VERSION"),
        replica: context.leadership.replica().to_string(),
        leader: seen.leader,
        lease_age_ms: seen.lease_age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
    };
    match serde_json::to_vec(&health) {
        Ok(body) => respond::text(status, JSON, body),
        Err(_) => respond::empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}
