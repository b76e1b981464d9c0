//! The listener that filters lists of tools, prompts and resources (`GATEPOST_MCP__FILTER_ADDR`). The proxy sends list calls
//! here instead of to the tool server, behind the same middleware; Gatepost asks the tool server and leaves out what the
//! caller may not use.
//!
//! Who calls is told by `X-User-Assertion` alone ([`caller`]): `/verify` has signed it for this request, with the patterns
//! that the rules gave the caller at that moment. Whoever reaches this listener by another way can forge none; the proxy's
//! certificate and its network are asked for as the internal listener asks. The worst that a stolen assertion does is to show
//! its own list for the rest of its minute.
//!
//! Guarantee: no list passes unfiltered, and nothing but a list call reaches a tool server from here. Filtering
//! is no security: the gate decides about each call.

mod caller;

use super::connection_timeouts::{Activity, Phase};
use super::context::Context;
use super::received::Received;
use super::rpc;
use super::tools::{Unread, is_json, read, repeated};
use caller::{Caller, CallerError};
use gatepost_core::error_chain::Chain;
use gatepost_core::host::HostName;
use gatepost_core::ids::{RequestId, ServiceName, ToolServerId};
use gatepost_core::mcp::Fault;
use gatepost_core::mcp::list::{List, filtered};
use gatepost_core::mcp::message::{Message, MessageId};
use gatepost_runtime::authn::LoadError;
use gatepost_runtime::headers::Headers;
use gatepost_runtime::respond::{self, Answer};
use gatepost_runtime::tools::GateServer;
use gatepost_runtime::tools::upstream::{UpstreamError, forward};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, HOST, HeaderValue, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use reqwest::Client;
use std::net::IpAddr;
use std::sync::Arc;
use url::Url;

/// Why no list is answered.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("The request came from no trusted proxy.")]
    Peer,
    #[error("The request names no protected host.")]
    Host,
    #[error("Nobody says who asks for the list.")]
    Caller(#[from] CallerError),
    #[error("No tool server of this router is registered at this address.")]
    NoServer,
    #[error("Only POST asks for a list.")]
    Method,
    #[error("{0}")]
    Fault(Fault),
    #[error("Only tools/list, prompts/list, resources/list and resources/templates/list are answered here.")]
    NotAList,
    #[error("Too many lists are asked for at this moment.")]
    TooMany,
    #[error("The tool servers are not known at this moment.")]
    CannotKnow(#[source] Arc<LoadError>),
    #[error("The tool server {0} has no service, so its lists cannot be filtered.")]
    NoService(ToolServerId),
    #[error("The tool server {0} has the service {1}, which is not in GATEPOST_SERVICES.")]
    UnknownService(ToolServerId, ServiceName),
    #[error("The list of the tool server {0} could not be filtered: {1}.")]
    Upstream(ToolServerId, #[source] UpstreamError),
}

impl Refused {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Peer | Self::Host | Self::Caller(_) | Self::NoServer => StatusCode::FORBIDDEN,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Fault(Fault::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Fault(_) | Self::NotAList => StatusCode::BAD_REQUEST,
            Self::TooMany | Self::CannotKnow(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoService(_) | Self::UnknownService(..) | Self::Upstream(..) => StatusCode::BAD_GATEWAY,
        }
    }

    const fn reason(&self) -> &'static str {
        match self {
            Self::Peer => "untrusted_peer",
            Self::Host => "unknown_host",
            Self::Caller(_) => "unknown_caller",
            Self::NoServer => "unknown_tool_server",
            Self::Method | Self::Fault(_) => "unreadable",
            Self::NotAList => "no_list",
            Self::TooMany | Self::CannotKnow(_) => "unavailable",
            Self::NoService(_) | Self::UnknownService(..) => "no_service",
            Self::Upstream(..) => "not_filtered",
        }
    }
}

/// Answers a request of the listener for lists.
pub(super) async fn answer(
    context: &Arc<Context>,
    activity: &Activity,
    peer: IpAddr,
    Received { head, body }: Received<'_>,
) -> Answer {
    activity.enter(Phase::Busy);
    let mut id = MessageId::default();
    let refused = match list(context, peer, (head, body), &mut id).await {
        Ok(answer) => return answer,
        Err(refused) => refused,
    };
    let request_id = RequestId::generate();
    tracing::warn!(
        request.id = %request_id,
        path = head.uri.path(),
        reason = refused.reason(),
        error = %Chain(&refused),
        "a list call was not answered"
    );
    let site = &context.gate.site;
    let said = (refused.reason(), refused.to_string());
    let mut answer = rpc::failure(site, request_id, &id, refused.status(), said);
    match refused.status() {
        StatusCode::METHOD_NOT_ALLOWED => {
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"))
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"))
        }
        _ => None,
    };
    answer
}

async fn list(
    context: &Arc<Context>,
    peer: IpAddr,
    (head, body): (&Parts, &mut Incoming),
    id: &mut MessageId,
) -> Result<Answer, Refused> {
    let gate = &context.gate;
    if !gate.site.trusts(peer) {
        return Err(Refused::Peer);
    }
    let found = gate.hosts.find(&host(head).ok_or(Refused::Host)?).await;
    let protected = found.map_err(|error| Refused::CannotKnow(Arc::new(error)))?.ok_or(Refused::Host)?;
    let origin = protected.origin();
    let headers = Headers::new(&head.headers);
    // Before anything is read: only somebody whom the gate has let in makes Gatepost do more.
    let caller = Caller::of(headers, &gate.assertion_keys, &gate.site.config.public_url, origin.host())?;
    let servers = gate.tool_servers.current().await.map_err(|error| Refused::CannotKnow(Arc::new(error)))?;
    let server = servers.find(origin.host(), head.uri.path().as_bytes());
    let server = server.filter(|server| caller.is_at(&server.id)).ok_or(Refused::NoServer)?;
    if head.method != Method::POST {
        return Err(Refused::Method);
    }
    let _permit = context.listing.try_acquire(caller.id()).ok_or(Refused::TooMany)?;
    let (text, list) = message(headers, body, id).await?;
    let (client, service) = service(context, server)?;
    let hidden: Vec<&str> = gate.site.speakers.hidden_headers().collect();
    let reply = forward((client, service), head, text, &hidden).await;
    let failed = |error| Refused::Upstream(server.id.clone(), error);
    let reply = reply.map_err(failed)?;
    let found = filtered(&reply.text, list, id, caller.usable());
    let text = reply.checked(found).map_err(failed)?;
    Ok(respond::text(reply.status, "application/json", text))
}

/// The host that the request names.
fn host(head: &Parts) -> Option<HostName> {
    if let Some(authority) = head.uri.authority() {
        return authority.as_str().parse().ok();
    }
    let mut named = head.headers.get_all(HOST).into_iter();
    let (Some(host), None) = (named.next(), named.next()) else { return None };
    host.to_str().ok()?.parse().ok()
}

/// Reads a list call, and notes its id.
async fn message(
    headers: Headers<'_>,
    body: &mut Incoming,
    id: &mut MessageId,
) -> Result<(Bytes, &'static List), Refused> {
    if !is_json(headers) {
        let why = "it is not application/json without a content coding";
        return Err(Refused::Fault(Fault::Unreadable(why.to_owned())));
    }
    let (text, _permit) = read(body).await.map_err(|unread| match unread {
        Unread::Fault(fault) => Refused::Fault(fault),
        Unread::Unavailable => Refused::TooMany,
    })?;
    let message = Message::read(&text).map_err(Refused::Fault)?;
    *id = message.id.clone();
    repeated(headers).agree_with(&message).map_err(Refused::Fault)?;
    let list = message.method.as_deref().filter(|_| message.is_request).and_then(List::of);
    Ok((text, list.ok_or(Refused::NotAList)?))
}

/// Where the server is reached, and what reaches it. Only the configuration names addresses.
fn service<'a>(context: &'a Context, server: &GateServer) -> Result<(&'a Client, &'a Url), Refused> {
    let name = server.service.as_ref().ok_or_else(|| Refused::NoService(server.id.clone()))?;
    let url = context.gate.site.config.services.get(name);
    context
        .upstreams
        .as_ref()
        .zip(url)
        .ok_or_else(|| Refused::UnknownService(server.id.clone(), name.clone()))
}
