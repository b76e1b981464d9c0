//! `/verify`: parses a request of the proxy, decides it and answers it. `/verify/nginx` is the same by another protocol.

use super::connection_timeouts::{Activity, Phase};
use super::context::Context;
use super::gate_endpoints;
use super::responder::{Denied, RETRY_AFTER, Responder, Whom, reason_of_failure};
use super::tools;
use crate::gate;
use crate::gate::case::Verdict;
use crate::gate::decide::{decide_from_cache, decide_from_stores};
use crate::gate::forwarded::{AuthProtocol, Forwarded, Malformed, RequestKind};
use crate::gate::reply::reason_of_malformed;
use crate::gate::request::{Target, VerifyRequest, read_headers};
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::RequestId;
use gatepost_core::requirement::Requirement;
use gatepost_pages::{Format, Gate, Refusal};
use gatepost_runtime::authn::LoadError;
use gatepost_runtime::headers::Headers;
use gatepost_runtime::hosts::Unread;
use gatepost_runtime::respond::{self, Answer};
use gatepost_telemetry::{self as telemetry, Credential, Reason};
use hyper::StatusCode;
use hyper::body::Incoming;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The browser must get the answers of these paths itself. Those of `auth_request` never reach it.
const ASKED_ABOUT_ENDPOINT: &str = "nginx must send what is below /.gatepost/ to /verify";

/// A request of the proxy, over HTTP/1.1 or HTTP/2.
pub(super) struct ProxyRequest<'a> {
    pub(super) protocol: AuthProtocol,
    pub(super) query: &'a str,
    pub(super) headers: Headers<'a>,
}

/// Answers a request for `/verify`.
pub(super) async fn verify(
    context: &Arc<Context>,
    activity: &Activity,
    peer: IpAddr,
    proxy: &ProxyRequest<'_>,
    body: &mut Incoming,
) -> Answer {
    let gate = &context.gate;
    let (started, mut waited) = (Instant::now(), Duration::ZERO);
    let mut credential = Credential::None;
    let (answer, reason) = if gate.site.trusts(peer) {
        match find_request(gate, proxy).await {
            Ok(request) => {
                let host = request.origin().host();
                credential = request.credential.label(&gate.site, &request.forwarded, host);
                let verdict = decide_from_cache(gate, &request)
                    .map(|verdict| tools::judge_now(gate, &request, verdict, proxy.headers));
                match verdict {
                    Some(Verdict::Allow { headers, charge: None }) => {
                        (respond::with_headers(StatusCode::OK, headers), Reason::Met)
                    }
                    verdict => {
                        activity.enter(Phase::Busy);
                        // On the heap: a connection must not always carry the room that it needs now and then.
                        let responder = Responder::new(context, &request, proxy.query);
                        Box::pin(respond(responder, verdict, &mut waited, (proxy.headers, body))).await
                    }
                }
            }
            Err(unusable) => refuse(&unusable, proxy),
        }
    } else {
        let request_id = RequestId::generate();
        tracing::warn!(request.id = %request_id, peer = %peer, "/verify was called by a peer that is no trusted proxy");
        (early(&Refusal::UntrustedPeer, proxy, request_id), Reason::UntrustedPeer)
    };
    // The time that a check at the provider took does not count as time of the answer.
    let took = started.elapsed().saturating_sub(waited);
    let label = verdict_of(answer.status());
    gate.stores.metrics.decided(label, reason, took);
    gate.stores.metrics.decided_by(credential, label);
    answer
}

fn verdict_of(status: StatusCode) -> telemetry::Answer {
    telemetry::Answer::of(status.as_u16())
}

/// Why there can be no decision about a request.
enum Unusable<'a> {
    /// A correctly configured proxy does not send these headers.
    Malformed(Malformed),
    /// It names a host that is not protected.
    UnknownHost(Box<Forwarded<'a>>),
    /// The directory cannot say whether it names a tenant's host.
    CannotKnow(Box<Forwarded<'a>>, LoadError),
}

/// Parses a request, and finds its host.
async fn find_request<'a>(
    gate: &'a gate::Context,
    proxy: &ProxyRequest<'a>,
) -> Result<VerifyRequest<'a>, Unusable<'a>> {
    let forwarded = read_headers(&gate.site, proxy.protocol, proxy.headers).map_err(Unusable::Malformed)?;
    let found = match gate.hosts.find_now(&forwarded.host) {
        Ok(found) => found,
        // On the heap: nearly every request finds its host in memory.
        Err(Unread) => match Box::pin(gate.hosts.find(&forwarded.host)).await {
            Ok(found) => found,
            Err(error) => return Err(Unusable::CannotKnow(Box::new(forwarded), error)),
        },
    };
    let Some(host) = found else { return Err(Unusable::UnknownHost(Box::new(forwarded))) };
    VerifyRequest::new(&gate.site, forwarded, host, proxy.query).map_err(Unusable::Malformed)
}

fn refuse(unusable: &Unusable<'_>, proxy: &ProxyRequest<'_>) -> (Answer, Reason) {
    let request_id = RequestId::generate();
    match unusable {
        Unusable::Malformed(error) => {
            let what = error.to_string();
            tracing::info!(request.id = %request_id, error = %what, "refused a malformed request");
            (early(&Refusal::Malformed(&what), proxy, request_id), reason_of_malformed(error))
        }
        Unusable::UnknownHost(forwarded) => {
            tracing::info!(request.id = %request_id, host = %forwarded.host, "refused a request for a host that is not protected");
            (early_for(&Refusal::UnknownHost, forwarded, request_id), Reason::UnknownHost)
        }
        Unusable::CannotKnow(forwarded, error) => {
            tracing::error!(request.id = %request_id, host = %forwarded.host, error = %Chain(error), "cannot know whether a tenant has this host");
            let refusal = Refusal::Unavailable { resend: forwarded.is_form(), retry_after: RETRY_AFTER };
            (early_for(&refusal, forwarded, request_id), reason_of_failure(error))
        }
    }
}

/// Answers a request. `verdict` is that of the session cache, if it has one.
///
/// What few requests need has a place of its own on the heap: whoever moves this future moves the room for all that it
/// awaits, and each call of a tool by its body comes here.
async fn respond(
    mut responder: Responder<'_>,
    verdict: Option<Verdict>,
    waited: &mut Duration,
    message: (Headers<'_>, &mut Incoming),
) -> (Answer, Reason) {
    match &responder.request.target {
        Target::Endpoint(..) if responder.forwarded.protocol() == AuthProtocol::AuthRequest => {
            (responder.refuse(&Refusal::Malformed(ASKED_ABOUT_ENDPOINT)), Reason::ForwardedHeaders)
        }
        Target::Endpoint(path, query) => Box::pin(gate_endpoints::answer(&responder, path, query)).await,
        Target::Application(requirement) => {
            // Whoever is about to be judged at once needs the servers once.
            if requirement.mcp.is_some() && !matches!(verdict, Some(Verdict::AskTools(_))) {
                tools::prepare(&mut responder).await;
            }
            judge(&mut responder, requirement, verdict, waited, message).await
        }
        Target::Misconfigured(error) => {
            tracing::error!(request.id = %responder.request_id(), error = %error, keys = Requirement::names(responder.query), "the middleware's address is wrong: nobody passes");
            (responder.refuse(&Refusal::Misconfigured), Reason::MalformedRequirement)
        }
    }
}

async fn judge(
    responder: &mut Responder<'_>,
    requirement: &Requirement,
    verdict: Option<Verdict>,
    waited: &mut Duration,
    message: (Headers<'_>, &mut Incoming),
) -> (Answer, Reason) {
    let verdict = if let Some(verdict) = verdict {
        verdict
    } else {
        let Responder { context, request, .. } = &*responder;
        Box::pin(decide_from_stores(&context.gate, request, requirement, responder.held(), waited)).await
    };
    match verdict {
        Verdict::Allow { headers, charge } => responder.pass(requirement, headers, charge.as_ref()).await,
        Verdict::AskTools(passage) => tools::answer(responder, requirement, passage, message).await,
        Verdict::Deny { denial, user, email, may_request, via } => {
            let whom = Whom { email: email.as_ref(), via: via.as_ref() };
            responder.deny_and_keep(requirement, &denial, Denied { user, whom, may_request })
        }
        Verdict::CannotKnow(error) => (responder.cannot_know(&error), reason_of_failure(&error)),
    }
}

/// Refuses a request whose headers cannot be trusted. They only choose the format, and whether a body is sent.
fn early(refusal: &Refusal<'_>, proxy: &ProxyRequest<'_>, request_id: RequestId) -> Answer {
    let is_navigation = proxy.headers.text("sec-fetch-mode") == Some("navigate");
    let format = Format::choose(&proxy.headers.joined("accept"), is_navigation);
    let gate = Gate { origin: None, brand: None, request_id, format };
    let is_head = proxy.headers.first("x-forwarded-method") == Some(b"HEAD");
    respond::page(refusal.page(&gate), is_head)
}

fn early_for(refusal: &Refusal<'_>, forwarded: &Forwarded<'_>, request_id: RequestId) -> Answer {
    let format = Format::choose(&forwarded.accept(), forwarded.kind() == RequestKind::Navigation);
    let gate = Gate { origin: None, brand: None, request_id, format };
    respond::page(refusal.page(&gate), forwarded.is_head())
}
