//! The routes of the internal listener.

use super::connection_timeouts::Activity;
use super::context::{Context, Surface};
use super::filter;
use super::health;
use super::nginx;
use super::received::Received;
use super::traefik;
use super::verify::{ProxyRequest, verify};
use crate::gate::forwarded::AuthProtocol;
use gatepost_runtime::headers::Headers;
use gatepost_runtime::respond::{self, Answer};
use hyper::StatusCode;
use std::net::IpAddr;
use std::sync::Arc;

/// Answers a request of the internal listener.
pub(super) async fn answer(
    context: &Arc<Context>,
    surface: Surface,
    activity: &Activity,
    peer: IpAddr,
    received: Received<'_>,
) -> Answer {
    if surface == Surface::Filter {
        // On the heap: a connection of the proxy must not always carry this room.
        return Box::pin(filter::answer(context, activity, peer, received)).await;
    }
    let Received { head, body } = received;
    match head.uri.path() {
        path @ ("/verify" | nginx::PATH) if surface == Surface::Internal => {
            let by_nginx = path == nginx::PATH;
            let protocol = if by_nginx { AuthProtocol::AuthRequest } else { AuthProtocol::ForwardAuth };
            let query = head.uri.query().unwrap_or_default();
            let request = ProxyRequest { protocol, query, headers: Headers::new(&head.headers) };
            let answer = verify(context, activity, peer, &request, body).await;
            if by_nginx { nginx::for_auth_request(answer) } else { answer }
        }
        "/traefik" if surface == Surface::Internal => {
            Box::pin(traefik::answer(context, peer, head.uri.query().unwrap_or_default())).await
        }
        "/livez" => health::alive(context, head),
        "/readyz" => health::ready(context, head),
        "/metrics" => respond::text(StatusCode::OK, gatepost_telemetry::CONTENT_TYPE, metrics(context)),
        _ => respond::empty(StatusCode::NOT_FOUND),
    }
}

fn metrics(context: &Context) -> String {
    let (sessions, bytes) = context.gate.cache.size();
    let metrics = &context.gate.stores.metrics;
    metrics.cached_sessions(sessions, bytes);
    metrics.redis_failovers(context.gate.stores.sessions.failovers());
    metrics.encode()
}
