//! A message for a tool server: its body is read when it is known who sends it and that they may enter, then what it asks
//! for is judged.
//!
//! Guarantee: nobody but a person who may enter makes the gate read a body, and all bodies together take at most
//! [`MAX_BODIES`] at a time.

use super::responder::{Denied, Responder, Whom, reason_of_failure};
use super::rpc;
use crate::gate;
use crate::gate::case::Verdict;
use crate::gate::pass::count_now;
use crate::gate::request::{Target, VerifyRequest};
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::{Denial, Missing};
use gatepost_core::mcp::headers::{Repeated, Sent};
use gatepost_core::mcp::message::{Ask, Message, MessageId};
use gatepost_core::mcp::pattern::Kind;
use gatepost_core::mcp::{Fault, MAX_BODY, Mode};
use gatepost_core::requirement::Requirement;
use gatepost_pages::Refusal;
use gatepost_runtime::headers::Headers;
use gatepost_runtime::respond::Answer;
use gatepost_runtime::tools::{Addresses, GateServer, NO_SERVER, ToolPassage};
use gatepost_telemetry::Reason;
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::HeaderName;
use std::future::poll_fn;
use std::mem;
use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// The bodies that are read at a time, in KiB.
const MAX_BODIES: usize = 64 * 1024;
/// Of a body that is too long so much is read and thrown away, so that the proxy gets to read the answer.
const MAX_DISCARDED: usize = 8 * 1024 * 1024;
/// The time for reading a body. The proxy has it whole before it asks.
const BODY_TIME: Duration = Duration::from_secs(5);
/// `Retry-After` when too many bodies are read.
const RETRY_AFTER: Duration = Duration::from_secs(1);

// As constants they are hashed and not parsed at each request.
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

static BODIES: Semaphore = Semaphore::const_new(MAX_BODIES);

/// What is found in a message.
struct Asked {
    id: MessageId,
    ask: Ask,
}

/// Why a body was not read.
pub(super) enum Unread {
    Fault(Fault),
    /// Too many are read, or it came too slowly or not at all.
    Unavailable,
}

/// Notes which tool server a request is for, and whether its answers are read by a program that speaks JSON-RPC.
pub(super) async fn prepare(responder: &mut Responder<'_>) {
    let known = responder.context.gate.tool_servers.known().await;
    note(responder, known.as_deref().map(Deref::deref));
}

fn note(responder: &mut Responder<'_>, servers: Option<&Addresses>) {
    if responder.forwarded.method() == "POST" {
        responder.rpc = Some(MessageId::default());
    }
    let (host, path) = (responder.origin.host(), responder.forwarded.path());
    responder.server = servers.and_then(|servers| servers.find(host, path)).cloned();
}

/// Decides about a message whose headers say all that the router wants to know, and counts it, without I/O. What has to be
/// read, or refused by name, stays for [`answer`].
pub(super) fn judge_now(
    gate: &gate::Context,
    request: &VerifyRequest<'_>,
    verdict: Verdict,
    headers: Headers<'_>,
) -> Verdict {
    let Verdict::AskTools(mut passage) = verdict else { return verdict };
    let Target::Application(requirement @ Requirement { mcp: Some(Mode::Headers), .. }) = &request.target
    else {
        return Verdict::AskTools(passage);
    };
    let found = gate.tool_servers.look(|servers| {
        let server = servers.find(request.origin().host(), request.forwarded.path())?;
        if !server.is_meant(requirement, Mode::Headers) || passage.require_grant(server).is_err() {
            return None;
        }
        let asked = by_headers(request.forwarded.method(), headers).ok()?;
        let headers = decide(gate, &mut passage, (servers, server), &asked.ask).ok()?;
        note_call(gate, &mut passage, server, &asked.ask);
        Some(headers)
    });
    match found.flatten() {
        Some(headers) => count_now(gate, Verdict::Allow { headers, charge: passage.charge.take() }),
        None => Verdict::AskTools(passage),
    }
}

/// Counts the call of a tool that the rules permit: at once, or with the request where a quota may still refuse that.
fn note_call(gate: &gate::Context, passage: &mut ToolPassage, server: &GateServer, ask: &Ask) {
    if !matches!(ask, Ask::Call(call) if call.kind == Kind::Tool) {
        return;
    }
    let calls = server.calls(&gate.usage);
    match &mut passage.charge {
        Some(charge) => charge.calls = Some(Arc::clone(calls)),
        None => calls.add(Timestamp::now().day()),
    }
}

fn decide(
    gate: &gate::Context,
    passage: &mut ToolPassage,
    (servers, server): (&Addresses, &Arc<GateServer>),
    ask: &Ask,
) -> Result<HeaderMap, Missing> {
    let limit = gate.site.config.verify.groups_header_limit;
    let grant = |passage: &ToolPassage| passage.kept_grant(servers, server, limit);
    passage.decide(server, ask, grant, |claims| claims.sign(&gate.assertion_keys))
}

/// Answers a request of a person who may enter.
pub(super) async fn answer(
    responder: &mut Responder<'_>,
    requirement: &Requirement,
    mut passage: Box<ToolPassage>,
    (headers, body): (Headers<'_>, &mut Incoming),
) -> (Answer, Reason) {
    let gate = Arc::clone(&responder.context.gate);
    // What tells where to sign in may be old, what decides must not.
    let current = gate.tool_servers.current().await;
    note(responder, current.as_deref().ok().map(Deref::deref));
    let servers = match current {
        Ok(servers) => servers,
        Err(error) => return (responder.cannot_know(&error), reason_of_failure(&error)),
    };
    let mode = requirement.mcp.unwrap_or_default();
    let server = responder.server.clone().filter(|server| passage.reaches(server, requirement, mode));
    let Some(server) = server else {
        tracing::warn!(
            request.id = %responder.request_id(),
            host = %responder.origin.host(),
            mode = mode.as_str(),
            "no tool server of the router's tenant and mode has this address: `gatepost tool-server list` shows all"
        );
        let missing = Missing { tool: Some(NO_SERVER.to_owned()), ..Missing::default() };
        let (answer, _) = refuse(responder, requirement, missing, &passage);
        return (answer, Reason::UnknownToolServer);
    };
    if let Err(denial) = passage.require_grant(&server) {
        let whom = Whom { email: Some(&passage.email), via: passage.via.as_ref() };
        let denied = Denied { user: Some(passage.user), whom, may_request: false };
        return responder.deny_and_keep(requirement, &Denial::Token(denial), denied);
    }
    let asked = match mode {
        Mode::Body => by_body(responder.forwarded.method(), headers, body).await,
        Mode::Headers => by_headers(responder.forwarded.method(), headers),
    };
    let ask = match asked {
        Ok(Asked { id, ask }) => {
            responder.rpc = responder.rpc.take().map(|_| id);
            ask
        }
        Err((id, Unread::Fault(fault))) => {
            tracing::info!(request.id = %responder.request_id(), tool_server = %server.id, %fault, "refused a message for a tool server");
            let reason =
                if fault == Fault::TooLarge { Reason::MessageTooLarge } else { Reason::MalformedMessage };
            return (rpc::fault(&gate.site, responder.request_id(), &id, &fault), reason);
        }
        Err((_, Unread::Unavailable)) => {
            let refusal = Refusal::Unavailable { resend: false, retry_after: RETRY_AFTER };
            return (responder.refuse(&refusal), Reason::Overloaded);
        }
    };
    match decide(&gate, &mut passage, (&servers, &server), &ask) {
        Ok(headers) => {
            note_call(&gate, &mut passage, &server, &ask);
            responder.pass(requirement, headers, passage.charge.as_ref()).await
        }
        Err(missing) => refuse(responder, requirement, missing, &passage),
    }
}

fn refuse(
    responder: &Responder<'_>,
    requirement: &Requirement,
    missing: Missing,
    passage: &ToolPassage,
) -> (Answer, Reason) {
    let whom = Whom { email: Some(&passage.email), via: passage.via.as_ref() };
    let denied = Denied { user: Some(passage.user), whom, may_request: passage.may_request };
    responder.deny_and_keep(requirement, &Denial::Forbidden(missing), denied)
}

type Found = Result<Asked, (MessageId, Unread)>;

/// Without a body, in the current revision, which knows POST alone.
fn by_headers(method: &str, headers: Headers<'_>) -> Found {
    let unread = |fault| (MessageId::default(), Unread::Fault(fault));
    if method != "POST" {
        return Err(unread(Fault::UnsupportedVersion(String::new())));
    }
    let ask = repeated(headers).ask().map_err(unread)?;
    Ok(Asked { id: MessageId::default(), ask })
}

async fn by_body(method: &str, headers: Headers<'_>, body: &mut Incoming) -> Found {
    let unread = |fault| (MessageId::default(), Unread::Fault(fault));
    let unreadable = |why: &str| unread(Fault::Unreadable(why.to_owned()));
    // Of old sessions, which open a stream or end. Whoever reads bodies there as well must not find a message.
    let is_without = matches!(method, "GET" | "HEAD" | "DELETE" | "OPTIONS");
    if !is_without && method != "POST" {
        return Err(unreadable("the method is not POST"));
    }
    if method == "POST" && !is_json(headers) {
        return Err(unreadable("it is not application/json without a content coding"));
    }
    let (read, _permit) = read(body).await.map_err(|unread| (MessageId::default(), unread))?;
    if is_without {
        // Whoever opened a session may end it.
        let ask = if matches!(method, "GET" | "HEAD") { Ask::Stream } else { Ask::Look };
        let asked = Asked { id: MessageId::default(), ask };
        return if read.is_empty() { Ok(asked) } else { Err(unreadable("only POST has a body")) };
    }
    if read.is_empty() {
        return Err(unreadable("it is empty, or the middleware lacks forwardBody: true"));
    }
    let message = Message::read(&read).map_err(unread)?;
    match repeated(headers).agree_with(&message) {
        Ok(()) => Ok(Asked { id: message.id.clone(), ask: message.into_ask() }),
        Err(fault) => Err((message.id, Unread::Fault(fault))),
    }
}

pub(super) fn repeated(headers: Headers<'_>) -> Repeated<'_> {
    Repeated {
        version: Sent::of(headers.all(PROTOCOL_VERSION)),
        method: Sent::of(headers.all(METHOD)),
        name: Sent::of(headers.all(NAME)),
    }
}

/// Whether the body is said to be JSON in UTF-8, as it is.
pub(super) fn is_json(headers: Headers<'_>) -> bool {
    headers.is_plain("application/json")
}

/// Reads a body. The permit is for its memory.
pub(super) async fn read(body: &mut Incoming) -> Result<(Bytes, SemaphorePermit<'static>), Unread> {
    let hint = body.size_hint();
    let expected = usize::try_from(hint.upper().unwrap_or(u64::MAX)).unwrap_or(usize::MAX).min(MAX_BODY);
    let room = u32::try_from(expected.div_ceil(1024).max(1)).unwrap_or(u32::MAX);
    let permit = BODIES.try_acquire_many(room).map_err(|_| Unread::Unavailable)?;
    let whole = async {
        let (mut parts, mut length) = (BodyParts::default(), 0);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(drop)?.into_data() else { continue };
            length += data.len();
            if length <= MAX_BODY {
                parts.add(data, expected);
            } else {
                parts = BodyParts::default();
            }
            if length > MAX_DISCARDED {
                break;
            }
        }
        Ok::<_, ()>((parts.whole(), length))
    };
    match in_time(whole).await {
        Some(Ok((_, length))) if length > MAX_BODY => Err(Unread::Fault(Fault::TooLarge)),
        Some(Ok((read, _))) => Ok((read, permit)),
        Some(Err(())) | None => Err(Unread::Unavailable),
    }
}

/// What was read of a body. Most bodies come in one part, which is not copied.
#[derive(Default)]
struct BodyParts {
    first: Bytes,
    all: Vec<u8>,
}

impl BodyParts {
    /// Adds a part. So many bytes are expected in all.
    fn add(&mut self, part: Bytes, expected: usize) {
        if self.first.is_empty() && self.all.is_empty() {
            self.first = part;
            return;
        }
        if self.all.is_empty() {
            self.all.reserve(expected.min(64 * 1024));
            self.all.extend_from_slice(&mem::take(&mut self.first));
        }
        self.all.extend_from_slice(&part);
    }

    fn whole(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.into() }
    }
}

/// Waits for a body, no longer than [`BODY_TIME`]. A body that came with its head is there when it is asked for a second
/// time, and needs no timer: making one wakes the thread's timers up.
async fn in_time<T>(whole: impl Future<Output = T>) -> Option<T> {
    let (mut whole, mut is_second) = (pin!(whole), false);
    let soon = poll_fn(|context| match whole.as_mut().poll(context) {
        Poll::Ready(read) => Poll::Ready(Some(read)),
        Poll::Pending if mem::replace(&mut is_second, true) => Poll::Ready(None),
        Poll::Pending => {
            context.waker().wake_by_ref();
            Poll::Pending
        }
    });
    match soon.await {
        None => timeout(BODY_TIME, whole).await.ok(),
        read => read,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};

    #[test]
    fn the_parts_of_a_body_are_joined_and_a_single_one_is_not_copied() {
        let whole = |texts: &[&'static str]| {
            let mut parts = BodyParts::default();
            for text in texts {
                parts.add(Bytes::from_static(text.as_bytes()), 9);
            }
            parts.whole()
        };
        for texts in
            [&["abc", "def", "ghi"][..], &["", "abc", "defghi"], &["abcdefgh", "", "i"], &["abcdefghi"]]
        {
            assert_eq!(whole(texts), "abcdefghi", "{texts:?}");
        }
        let one = "abcdefghi";
        assert_eq!((whole(&[one]).as_ptr(), whole(&[])), (one.as_ptr(), Bytes::new()));
    }

    #[test]
    fn only_plain_json_is_read() {
        let of = |list: &[(HeaderName, &'static str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in list {
                map.append(name.clone(), HeaderValue::from_static(value));
            }
            is_json(Headers::new(&map))
        };
        for sent in ["application/json", "Application/JSON; charset=UTF-8", "application/json;"] {
            assert!(of(&[(CONTENT_TYPE, sent)]), "{sent}");
        }
        for sent in [
            "text/plain",
            "application/json-rpc",
            "application/json; charset=utf-16",
            "application/x; application/json",
        ] {
            assert!(!of(&[(CONTENT_TYPE, sent)]), "{sent}");
        }
        assert!(!of(&[]));
        assert!(!of(&[(CONTENT_TYPE, "application/json"), (CONTENT_TYPE, "application/json")]));
        assert!(!of(&[(CONTENT_TYPE, "application/json"), (CONTENT_ENCODING, "gzip")]));
    }
}
