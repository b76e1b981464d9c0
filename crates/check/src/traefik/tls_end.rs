//! Checks the options that depend on where the browsers' TLS ends: at Traefik, or before it (cloudflared, a load
//! balancer). `trustForwardHeader` of the middleware and `forwardedHeaders.trustedIPs` of the entry point must both
//! fit.

use super::setup::{EntryPoint, Link, Middleware, Router, Setup, Spot};
use super::site::Site;
use crate::finding::{Finding, codes};

codes! {
    FORWARD_HEADER_TRUSTED = Error "traefik-forward-header-trusted":
        "Whoever reaches Traefik from a trusted address, for example through a CDN, can choose the host, path and method that Gatepost decides about.",
        "Set trustForwardHeader: false. True is only right if TLS ends before Traefik. Then the entry point has forwardedHeaders.trustedIPs and no TLS, which `check` can only see in the static file (docs/traefik.md).";
    FORWARD_HEADER_REFUSED = Error "traefik-forward-header-refused":
        "TLS ends before Traefik, so Traefik reports plain http to Gatepost, which answers 400 to every request.",
        "Set trustForwardHeader: true, and put the headers middleware of docs/traefik.md before this one.";
    FORWARD_HEADER_CLIENTS = Warning "traefik-forward-header-clients":
        "Load balancers pass the client's X-Forwarded-Host, X-Forwarded-Uri and X-Forwarded-Method on: a client can choose the host, path and method that Gatepost decides about.",
        "Put a headers middleware before this one that deletes these three headers (docs/traefik.md).";
}

/// Headers that a client behind a load balancer may have set. Traefik sets them itself if they are deleted first.
pub(super) const CLIENT_HEADERS: [&str; 3] = ["x-forwarded-host", "x-forwarded-uri", "x-forwarded-method"];

pub(super) fn inspect(setup: &Setup<'_>, site: Option<&Site<'_>>, findings: &mut Vec<Finding>) {
    for (middleware, gate) in setup.gates() {
        let option = gate.get("trustForwardHeader");
        let place = option.unwrap_or(gate).place();
        let is_trusted = option.is_some_and(|option| option.node.is_true());
        let routers: Vec<&Router<'_>> =
            setup.routers.iter().filter(|router| uses(setup, router, middleware)).collect();
        let is_before = !routers.is_empty() && routers.iter().all(|router| ends_before(setup, router));
        match (is_trusted, is_before) {
            (true, false) => {
                findings.push(FORWARD_HEADER_TRUSTED.at(place, "trustForwardHeader is true."));
            }
            (true, true) => {
                if let Some(router) = routers.iter().find(|router| !deletes_client_headers(setup, router)) {
                    let found =
                        format!("Router {} passes the client's three headers on to Gatepost.", router.name);
                    findings.push(FORWARD_HEADER_CLIENTS.at(place, found));
                }
            }
            (false, true) if !site.is_some_and(|site| site.is_development) => {
                let found =
                    "trustForwardHeader is not true, but the entry points have trustedIPs and no TLS.";
                findings.push(FORWARD_HEADER_REFUSED.at(place, found));
            }
            (false, _) => {}
        }
    }
}

/// Whether the TLS of this router's requests ends before Traefik, as far as the given static files tell.
pub(super) fn ends_before(setup: &Setup<'_>, router: &Router<'_>) -> bool {
    let own = router.spot.get("tls").is_some_and(|tls| !tls.node.is_false());
    let mut points = setup.entry_points_of(router).into_iter().filter(|point| !point.redirects()).peekable();
    !own && points.peek().is_some() && points.all(|point| !point.has_tls() && trusts_listed_addresses(point))
}

/// Whether the entry point accepts `X-Forwarded-*` only from listed addresses.
fn trusts_listed_addresses(point: &EntryPoint<'_>) -> bool {
    let everybody = point.spot.at("forwardedHeaders.insecure").is_some_and(|flag| flag.node.is_true());
    let named =
        point.spot.at("forwardedHeaders.trustedIPs").is_some_and(|list| !list.node.texts().is_empty());
    named && !everybody
}

fn uses(setup: &Setup<'_>, router: &Router<'_>, middleware: &Middleware<'_>) -> bool {
    setup.chain(router).iter().any(|link| is(link, middleware))
}

fn is(link: &Link<'_, '_>, middleware: &Middleware<'_>) -> bool {
    matches!(link, Link::Known(one) if one.name == middleware.name && one.provider == middleware.provider)
}

fn deletes_client_headers(setup: &Setup<'_>, router: &Router<'_>) -> bool {
    let chain = setup.chain(router);
    let before = setup.gate_of(router).map_or(&[][..], |gate| &chain[..gate]);
    let deleted: Vec<String> = before
        .iter()
        .filter_map(|link| match link {
            Link::Known(one) => one.of_kind("headers")?.get("customRequestHeaders"),
            Link::Unknown(..) => None,
        })
        .flat_map(Spot::entries)
        .filter(|(_, value)| is_deletion(*value))
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    CLIENT_HEADERS.iter().all(|name| deleted.iter().any(|own| own == name))
}

/// Whether an entry of `customRequestHeaders` deletes the header, which an empty value does.
pub(super) fn is_deletion(value: Spot<'_>) -> bool {
    value.node.text() == Some("")
}
