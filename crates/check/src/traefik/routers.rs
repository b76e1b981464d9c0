//! Checks which routers have the middleware, which should have it, and which must not.

use super::rule::Branch;
use super::setup::{Link, Router, Setup, is_gatepost};
use super::site::Site;
use super::tenants;
use crate::finding::{Finding, codes};
use gatepost_core::host::HostName;
use gatepost_core::return_uri::RESERVED;
use std::collections::BTreeSet;

codes! {
    MIDDLEWARE_UNKNOWN = Error "traefik-middleware-unknown":
        "Traefik leaves out the router. Its requests get 404, or another router without Gatepost answers them.",
        "Correct the name, or give `check` the file that defines it. A middleware of another provider is written with the provider's name, as in gatepost@file.";
    MIDDLEWARE_UNUSED = Warning "traefik-middleware-unused":
        "The requirement in its address restricts nobody.",
        "Put it on the routers that need it, or remove it; or give `check` the file with these routers.";
    ROUTER_OPEN = Warning "traefik-router-open":
        "Everybody can reach what this router matches without signing in. A PathPrefix also matches longer names: /public matches /public-not.",
        "Put the middleware on it, unless it should be open.";
    ROUTER_BYPASS = Error "traefik-router-bypass":
        "Other routers protect this application, but it is open through this one: here, a client can send forged identity headers.",
        "Put the middleware on this router, or remove it.";
    RULE_UNREADABLE = Warning "traefik-rule-unreadable":
        "Traefik leaves out a router with a malformed rule. `check` did not check this router.",
        "Correct the rule: matchers with arguments in backticks, joined by &&, || and !.";
    CATCH_ALL = Warning "traefik-catch-all":
        "If Traefik leaves out a router with Gatepost because of a mistake, this router answers its requests, without Gatepost.",
        "Add a Host(`...`) to its rule.";
    DASHBOARD_OPEN = Error "traefik-dashboard-open":
        "Everybody can read the whole configuration of Traefik.",
        "Put a middleware with `?admin=true` in its address on this router.";
    PUBLIC_GATED = Error "traefik-public-gated":
        "The sign-in itself would need a sign-in: browsers are refused, or redirected for ever.",
        "Remove the middleware from the router of GATEPOST_PUBLIC_URL's host.";
    PUBLIC_MISSING = Warning "traefik-public-missing":
        "Browsers that are sent to sign in get a 404.",
        "Add a router from the host of GATEPOST_PUBLIC_URL to Gatepost's public listener, without the middleware; or give `check` the file that defines it.";
    HOST_UNKNOWN = Error "traefik-host-unknown":
        "Gatepost answers 403 to everybody, because it does not protect this host.",
        "Add the host to GATEPOST_HOSTS. If it is an active host of a tenant, which `check` does not know, nothing is wrong.";
    RESERVED_MISSING = Error "traefik-reserved-missing":
        "The last step of the sign-in, /.gatepost/enter, and its ticket reach an application instead of Gatepost: nobody can sign in.",
        "Add a router for this host with PathPrefix(`/.gatepost/`) and the middleware.";
    RESERVED_OPEN = Error "traefik-reserved-open":
        "Tickets reach the service of this router instead of Gatepost: nobody can sign in.",
        "Put the middleware on this router.";
}

/// The paths that receive tickets. The second is for a long return address, with the number of its cookie.
const TICKET_PATHS: [&str; 2] = ["/.gatepost/enter", "/.gatepost/enter/0"];
/// RFC 9728. This path must be open.
const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource";

pub(super) fn inspect(setup: &Setup<'_>, site: Option<&Site<'_>>, findings: &mut Vec<Finding>) {
    find_unknown_middlewares(setup, findings);
    find_unused_gates(setup, findings);
    let guarded: BTreeSet<String> = setup
        .routers
        .iter()
        .filter(|router| setup.gate_of(router).is_some())
        .map(super::setup::Router::service)
        .collect();
    for router in &setup.routers {
        if router.spot.get("rule").is_some() && router.branches.is_none() {
            let found = format!("The rule of router {} is malformed.", router.name);
            findings.push(RULE_UNREADABLE.at(line_of(router, "rule"), found));
        }
        if setup.gate_of(router).is_some() {
            check_hosts(router, site, findings);
        } else {
            check_open_router(setup, router, site, &guarded, findings);
        }
    }
    check_reserved_path(setup, findings);
    check_public_host(setup, site, findings);
}

fn line_of(router: &Router<'_>, part: &str) -> crate::Place {
    router.spot.get(part).unwrap_or(router.spot).place()
}

fn branches<'r>(router: &'r Router<'_>) -> &'r [Branch] {
    router.branches.as_deref().unwrap_or_default()
}

fn find_unknown_middlewares(setup: &Setup<'_>, findings: &mut Vec<Finding>) {
    for router in &setup.routers {
        for link in setup.chain(router) {
            let Link::Unknown(name, place) = link else { continue };
            let provider = name.split_once('@').map_or(router.provider, |(_, provider)| provider);
            // Without a file of this provider, nobody can tell whether the middleware exists.
            let is_given = setup.has_provider(provider);
            if is_given
                && !findings
                    .iter()
                    .any(|other| other.code() == MIDDLEWARE_UNKNOWN.name && other.place == place)
            {
                let found = format!("No given file defines the middleware {name} of router {}.", router.name);
                findings.push(MIDDLEWARE_UNKNOWN.at(place, found));
            }
        }
    }
}

fn find_unused_gates(setup: &Setup<'_>, findings: &mut Vec<Finding>) {
    let mut used: Vec<(&str, &str)> = Vec::new();
    for router in &setup.routers {
        for link in setup.chain(router) {
            if let Link::Known(middleware) = link {
                used.push((middleware.name, middleware.provider));
            }
        }
    }
    if setup.routers.is_empty() {
        return;
    }
    let of_tenants = tenants::middlewares(setup);
    used.extend(of_tenants.iter().filter_map(|name| name.split_once('@')));
    for (middleware, _) in setup.gates() {
        if !used.contains(&(middleware.name, middleware.provider)) {
            let found = format!("No router in the given files uses {}.", middleware.name);
            findings.push(MIDDLEWARE_UNUSED.at(middleware.spot.place(), found));
        }
    }
}

fn check_hosts(router: &Router<'_>, site: Option<&Site<'_>>, findings: &mut Vec<Finding>) {
    let Some(site) = site else { return };
    let mut seen = BTreeSet::new();
    for host in branches(router).iter().flat_map(|branch| &branch.hosts) {
        let Ok(name) = host.parse::<HostName>() else { continue };
        if !seen.insert(host) {
            continue;
        }
        if name == *site.public {
            let found = format!("Router {} has the middleware on Gatepost's own public host.", router.name);
            findings.push(PUBLIC_GATED.at(line_of(router, "middlewares"), found));
        } else if site.hosts.find(&name).is_none() {
            let found = format!("Router {} protects {host}, which is not in GATEPOST_HOSTS.", router.name);
            findings.push(HOST_UNKNOWN.at(line_of(router, "rule"), found));
        }
    }
}

fn check_open_router(
    setup: &Setup<'_>,
    router: &Router<'_>,
    site: Option<&Site<'_>>,
    guarded: &BTreeSet<String>,
    findings: &mut Vec<Finding>,
) {
    if has_unknown(setup, router) || has_other_sign_in(setup, router) || is_meant_open(setup, router, site) {
        return;
    }
    let service = router.service();
    let rule = || line_of(router, "rule");
    let name = router.name;
    if service.eq_ignore_ascii_case("api@internal") || service.eq_ignore_ascii_case("dashboard@internal") {
        findings.push(DASHBOARD_OPEN.at(router.spot.place(), format!("Router {name} leads to {service}.")));
    } else if branches(router).iter().any(is_reserved) {
        findings.push(
            RESERVED_OPEN
                .at(rule(), format!("Router {name} matches /.gatepost/ and does not have the middleware.")),
        );
    } else if guarded.contains(&service) && branches(router).iter().any(Branch::is_whole) {
        let found = format!("Router {name} leads to {service}, which other routers protect.");
        findings.push(ROUTER_BYPASS.at(router.spot.place(), found));
    } else if branches(router).iter().any(|branch| branch.hosts.is_empty()) {
        findings.push(
            CATCH_ALL.at(rule(), format!("Router {name} matches any host and does not have the middleware.")),
        );
    } else {
        findings.push(
            ROUTER_OPEN.at(router.spot.place(), format!("Router {name} does not have the middleware.")),
        );
    }
}

/// Whether the alternative matches the paths that receive tickets, but not all paths.
fn is_reserved(branch: &Branch) -> bool {
    let paths = &branch.paths;
    let takes_tickets = TICKET_PATHS.iter().any(|ticket| paths.iter().all(|path| path.covers(ticket)));
    !paths.is_empty() && takes_tickets && !paths.iter().any(|path| path.covers("/x"))
}

/// Whether Traefik leaves out the router because of an unknown middleware, which is reported already.
fn has_unknown(setup: &Setup<'_>, router: &Router<'_>) -> bool {
    setup.chain(router).iter().any(|link| matches!(link, Link::Unknown(..)))
}

/// Whether the router has another kind of sign-in, or only redirects.
fn has_other_sign_in(setup: &Setup<'_>, router: &Router<'_>) -> bool {
    const KINDS: [&str; 5] = ["basicAuth", "digestAuth", "forwardAuth", "redirectScheme", "redirectRegex"];
    setup
        .chain(router)
        .iter()
        .any(|link| matches!(link, Link::Known(one) if KINDS.iter().any(|kind| one.of_kind(kind).is_some())))
}

fn is_meant_open(setup: &Setup<'_>, router: &Router<'_>, site: Option<&Site<'_>>) -> bool {
    let service = router.service();
    if ["ping@internal", "noop@internal", "acme-http@internal"].contains(&service.as_str()) {
        return true;
    }
    let is_public = |branch: &Branch| {
        site.is_some_and(|site| branch.hosts.iter().all(|host| host == site.public.as_str()))
            && !branch.hosts.is_empty()
    };
    let is_metadata = |branch: &Branch| {
        branch.paths.iter().any(|path| path.covers(RESOURCE_METADATA) && !path.covers("/x"))
    };
    let leads_home = setup.servers(&service).iter().any(|url| {
        url.host_str().is_some_and(is_gatepost)
            || site.is_some_and(|site| is_local(url) && url.port_or_known_default() == Some(site.public_port))
    });
    let owner = router.owner.is_some_and(is_gatepost);
    let branches = branches(router);
    leads_home
        || owner
        || (!branches.is_empty() && branches.iter().all(|branch| is_public(branch) || is_metadata(branch)))
}

pub(super) fn is_local(url: &url::Url) -> bool {
    url.host_str().is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]")
}

/// Checks that `/.gatepost/` reaches Gatepost on every host of a router with the middleware.
fn check_reserved_path(setup: &Setup<'_>, findings: &mut Vec<Finding>) {
    let gated = || setup.routers.iter().filter(|router| setup.gate_of(router).is_some());
    let mut seen = BTreeSet::new();
    for router in gated() {
        for host in branches(router).iter().flat_map(|branch| &branch.hosts) {
            let is_covered = || {
                let leads_here = |path| gated().flat_map(branches).any(|branch| branch.covers(host, path));
                TICKET_PATHS.into_iter().all(leads_here)
            };
            if seen.insert(host.as_str()) && !is_covered() {
                let found = format!("On {host} no router with Gatepost matches {RESERVED}.");
                findings.push(RESERVED_MISSING.at(line_of(router, "rule"), found));
            }
        }
    }
}

fn check_public_host(setup: &Setup<'_>, site: Option<&Site<'_>>, findings: &mut Vec<Finding>) {
    let (Some(site), Some(first)) = (site, setup.routers.first()) else { return };
    let takes = |branch: &Branch| branch.takes(site.public.as_str()) || branch.is_host_pattern;
    if !setup.routers.iter().flat_map(branches).any(takes) {
        let found = format!("No router matches {}.", site.public);
        findings.push(PUBLIC_MISSING.at(first.spot.place(), found));
    }
}
