//! Checks Traefik's static configuration: entry points, dashboard, providers, access log.

use super::setup::{EntryPoint, Link, Setup, Spot};
use super::site::Site;
use super::tls_end;
use crate::finding::{Finding, codes};
use ipnet::IpNet;
use std::net::IpAddr;

codes! {
    ENTRYPOINT_INSECURE = Error "traefik-entrypoint-insecure":
        "Every client can set X-Forwarded-* itself: it chooses the host, path and method that Gatepost decides about, and the address in logs and limits.",
        "Remove forwardedHeaders.insecure. List a CDN's addresses in forwardedHeaders.trustedIPs.";
    ENTRYPOINT_TRUSTS = Warning "traefik-entrypoint-trusts":
        "Every client that connects through a private address, for example through Docker's proxy for IPv6, can set X-Forwarded-* itself.",
        "List only the addresses of a CDN or load balancer that overwrites these headers, or nothing.";
    ENTRYPOINT_GATED = Error "traefik-entrypoint-gated":
        "The middleware also protects the public host: the sign-in redirects to itself for ever, and certificates by HTTP challenge fail.",
        "Put the middleware on each router instead.";
    ENTRYPOINT_PLAIN = Error "traefik-router-plain":
        "Requests arrive over plain http, and Gatepost answers 400, because cookies must not be sent unencrypted.",
        "Set tls on the router, or http.tls on its entry point, and redirect plain http to https.";
    NO_DEFAULT = Warning "traefik-no-default-entrypoint":
        "Routers without entryPoints listen on all entry points, also on one for metrics or the dashboard.",
        "Set asDefault: true on the public entry point.";
    ALIASES = Hint "traefik-aliases":
        "An alias of an identity header (X_User_Email) reaches applications whose routers do not have Gatepost's middleware. On the others, Gatepost refuses it.",
        "Set http.aliasHeadersStrategy: reject on the entry point (Traefik 3.7.12 and newer).";
    API_INSECURE = Error "traefik-api-insecure":
        "Whoever reaches port 8080 can read the whole configuration without signing in.",
        "Remove api.insecure, and give the dashboard a router whose middleware has `?admin=true` in its address.";
    DOCKER_EXPOSED = Warning "traefik-docker-exposed":
        "Every container that starts gets a router without the middleware.",
        "Set exposedByDefault: false at the provider, and traefik.enable=true on the containers that should have routers.";
    ACCESS_LOG = Hint "traefik-access-log":
        "The access log contains sign-in codes and tickets. They are valid only once and for a minute, but should not be in a log.",
        "Set accessLog.fields.queryParameters.defaultMode: drop.";
}

pub(super) fn inspect(setup: &Setup<'_>, site: Option<&Site<'_>>, findings: &mut Vec<Finding>) {
    for point in &setup.entry_points {
        check_trusted_addresses(point.spot, findings);
        check_middlewares(setup, point.spot, findings);
    }
    for root in setup.statics() {
        check_global_options(root, findings);
    }
    let is_web = |point: &&EntryPoint<'_>| {
        let address = point.spot.get("address").and_then(|address| address.node.text()).unwrap_or_default();
        !["traefik", "internal", "metrics", "ping"].contains(&point.name) && !address.starts_with("127.")
    };
    if let Some(first) = setup.entry_points.iter().find(is_web) {
        let is_unset = |point: &&EntryPoint<'_>| {
            is_web(point) && !point.redirects() && point.spot.at("http.aliasHeadersStrategy").is_none()
        };
        if let Some(point) = setup.entry_points.iter().find(is_unset) {
            let found = format!("Entry point {} passes aliases of headers on.", point.name);
            findings.push(ALIASES.at(point.spot.place(), found));
        }
        let is_ambiguous = setup.entry_points.len() > 1
            && !setup.entry_points.iter().any(EntryPoint::is_default)
            && setup.routers.iter().any(|router| router.spot.get("entryPoints").is_none());
        if is_ambiguous {
            findings.push(NO_DEFAULT.at(first.spot.place(), "No entry point is the default."));
        }
    }
    if !site.is_some_and(|site| site.is_development) {
        plain_routers(setup, findings);
    }
}

fn check_trusted_addresses(point: Spot<'_>, findings: &mut Vec<Finding>) {
    if let Some(flag) = point.at("forwardedHeaders.insecure").filter(|flag| flag.node.is_true()) {
        findings.push(ENTRYPOINT_INSECURE.at(flag.place(), "forwardedHeaders.insecure is true."));
    }
    for list in ["forwardedHeaders.trustedIPs", "proxyProtocol.trustedIPs"] {
        let Some(list) = point.at(list) else { continue };
        for (text, line) in list.node.texts() {
            let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            if network.is_ok_and(|network| is_broad(&network)) {
                findings.push(ENTRYPOINT_TRUSTS.at(list.line(line), format!("{text} is trusted.")));
            }
        }
    }
}

/// Whether a network is private, or a large part of the Internet. A single private address is probably intended, except
/// `.1`, which is Docker's gateway in most networks.
fn is_broad(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => {
            let is_one = network.prefix_len() == 32 && network.addr().octets()[3] != 1;
            (network.addr().is_private() && !is_one) || network.prefix_len() < 8
        }
        IpNet::V6(network) => {
            (network.addr().is_unique_local() && network.prefix_len() < 128) || network.prefix_len() < 16
        }
    }
}

fn check_middlewares(setup: &Setup<'_>, point: Spot<'_>, findings: &mut Vec<Finding>) {
    let Some(list) = point.at("http.middlewares") else { return };
    let mut links = Vec::new();
    setup.follow(list, "file", &mut links, 0);
    if links.iter().any(|link| matches!(link, Link::Known(one) if one.gate().is_some())) {
        findings.push(ENTRYPOINT_GATED.at(list.place(), "The entry point has the middleware."));
    }
}

fn check_global_options(root: Spot<'_>, findings: &mut Vec<Finding>) {
    if let Some(flag) = root.at("api.insecure").filter(|flag| flag.node.is_true()) {
        findings.push(API_INSECURE.at(flag.place(), "api.insecure is true."));
    }
    for provider in ["docker", "swarm"] {
        let Some(spot) = root.at(&format!("providers.{provider}")) else { continue };
        let exposed = spot.get("exposedByDefault");
        if !exposed.is_some_and(|flag| flag.node.is_false()) {
            let place = exposed.unwrap_or(spot).place();
            findings.push(DOCKER_EXPOSED.at(place, format!("providers.{provider} exposes every container.")));
        }
    }
    if let Some(log) = root.get("accessLog").filter(|log| !log.node.is_false()) {
        let mode = log.at("fields.queryParameters.defaultMode").and_then(|mode| mode.node.text());
        let drops = mode.is_some_and(|mode| mode.eq_ignore_ascii_case("drop"));
        if !drops {
            findings.push(ACCESS_LOG.at(log.place(), "The access log contains the query of each request."));
        }
    }
}

/// Finds routers with the middleware that can only be reached over plain http.
fn plain_routers(setup: &Setup<'_>, findings: &mut Vec<Finding>) {
    for router in setup.routers.iter().filter(|router| setup.gate_of(router).is_some()) {
        let own = router.spot.get("tls").is_some_and(|tls| !tls.node.is_false());
        let points = setup.entry_points_of(router);
        let is_plain =
            !points.is_empty() && points.iter().all(|point| !point.has_tls() && !point.redirects());
        if !own && is_plain && !tls_end::ends_before(setup, router) {
            let found = format!("Router {} has no TLS.", router.name);
            findings.push(ENTRYPOINT_PLAIN.at(router.spot.place(), found));
        }
    }
}
