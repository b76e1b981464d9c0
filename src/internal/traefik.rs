//! `/traefik`: the routers of tenants' hosts, for the HTTP provider of Traefik, which asks every few seconds.
//!
//! Guarantee: the answer is whole, or it is not 200. Traefik keeps what it has then.

use super::context::Context;
use gatepost_core::error_chain::Chain;
use gatepost_core::router_options::RouterOptions;
use gatepost_runtime::respond::{self, Answer};
use gatepost_runtime::tenant_routers::TenantRouters;
use hyper::StatusCode;
use std::net::IpAddr;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Answers a request for `/traefik`.
pub(super) async fn answer(context: &Context, peer: IpAddr, query: &str) -> Answer {
    let gate = &context.gate;
    if !gate.site.trusts(peer) {
        tracing::warn!(peer = %peer, "/traefik was called by a peer that is no trusted proxy");
        return respond::empty(StatusCode::FORBIDDEN);
    }
    let options = match RouterOptions::parse(query) {
        Ok(options) => options,
        Err(error) => {
            tracing::error!(error = %error, "the address of Traefik's HTTP provider is wrong");
            return respond::text(StatusCode::BAD_REQUEST, TEXT, format!("{error}\n"));
        }
    };
    match TenantRouters::read(&gate.site, &gate.stores.directory).await {
        Ok(routers) => {
            // Not louder: Traefik asks every few seconds. `gatepost tenant routers` tells the operator.
            for (host, service) in &routers.unrouted {
                tracing::debug!(host = %host, service = %service, "a tenant's host leads to no upstream of GATEPOST_SERVICES");
            }
            respond::text(StatusCode::OK, JSON, routers.configuration(&options).to_string())
        }
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "the routers of tenants cannot be read");
            respond::empty(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}
