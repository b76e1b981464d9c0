//! Checks the routers that send list calls of tool servers to Gatepost, which filters the answers (docs/mcp.md#lists).

use super::routers::is_local;
use super::setup::{Link, Router, Setup, is_gatepost};
use super::site::Site;
use crate::finding::{Finding, codes};
use gatepost_core::requirement::Requirement;
use url::Url;

codes! {
    LISTS_ASSERTION = Error "traefik-lists-assertion":
        "Gatepost does not learn who asks and what they may use, and refuses every list with 403: clients see no tools.",
        "Put the middleware of the tool server on this router, and let its address have mcp=true (or mcp=headers) and assertion=true.";
}

pub(super) fn inspect(setup: &Setup<'_>, site: Option<&Site<'_>>, findings: &mut Vec<Finding>) {
    let Some(port) = site.and_then(|site| site.filter_port) else { return };
    let leads_here = |url: &Url| {
        url.port_or_known_default() == Some(port)
            && (url.host_str().is_some_and(is_gatepost) || is_local(url))
    };
    for router in &setup.routers {
        if setup.servers(&router.service()).iter().any(leads_here) {
            findings.extend(check(setup, router));
        }
    }
}

fn check(setup: &Setup<'_>, router: &Router<'_>) -> Option<Finding> {
    let chain = setup.chain(router);
    // Traefik leaves out a router with an unknown middleware, which is reported already.
    if chain.iter().any(|link| matches!(link, Link::Unknown(..))) {
        return None;
    }
    let gate = chain.iter().find_map(|link| match link {
        Link::Known(middleware) => Some((middleware.name, middleware.gate()?)),
        Link::Unknown(..) => None,
    });
    let Some((name, gate)) = gate else {
        let found =
            format!("Router {} leads to GATEPOST_MCP__FILTER_ADDR without the middleware.", router.name);
        return Some(LISTS_ASSERTION.at(router.spot.place(), found));
    };
    let address = gate.get("address")?;
    // A requirement that cannot be read is reported already.
    let url = Url::parse(address.node.text()?).ok()?;
    let requirement = Requirement::parse(url.query().unwrap_or_default()).ok()?;
    let lacks: Vec<&str> =
        [("mcp=true", requirement.mcp.is_some()), ("assertion=true", requirement.assertion)]
            .into_iter()
            .filter(|(_, is_there)| !is_there)
            .map(|(name, _)| name)
            .collect();
    let found = || {
        let lacks = lacks.join(" and ");
        format!(
            "Router {} leads to GATEPOST_MCP__FILTER_ADDR, and the address of {name} lacks {lacks}.",
            router.name
        )
    };
    (!lacks.is_empty()).then(|| LISTS_ASSERTION.at(address.place(), found()))
}
