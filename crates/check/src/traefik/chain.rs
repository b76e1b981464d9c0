//! What stands beside Gatepost in a router's chain and undoes its work.

use super::rule::Branch;
use super::setup::{Link, Middleware, Router, Setup, Spot};
use super::tls_end;
use crate::finding::{Finding, codes};
use gatepost_core::header_names::IDENTITY_HEADERS;
use std::collections::BTreeSet;

codes! {
    PATH_CHANGED = Error "traefik-path-changed":
        "Gatepost judges another path than the application gets, and people come back to one that they never asked for.",
        "Put the middleware that changes the path behind Gatepost's.";
    ERRORS_SWALLOW = Error "traefik-errors-swallow":
        "Redirects and pages of Gatepost are replaced, with their cookies: nobody can sign in. Older versions of Traefik also send the request's cookies to the error service.",
        "Put the errors middleware behind Gatepost's, or leave 300-499 and 503 out of its status.";
    HEADERS_IDENTITY = Error "traefik-headers-identity":
        "The application gets an identity that Gatepost did not write, or loses the one that it wrote; or Gatepost judges a request that nobody sent.",
        "Remove this name from customRequestHeaders.";
    HEADERS_ANSWER = Warning "traefik-headers-answer":
        "Gatepost's redirects and pages are changed on their way: cookies get lost, pages have no style.",
        "Put this headers middleware behind Gatepost's.";
    PAGES_KEPT = Hint "traefik-pages-kept":
        "The browser may keep the application's pages: after somebody has signed out, its Back button shows them again.",
        "Put a headers middleware with Cache-Control: no-store behind Gatepost's (private-pages in traefik/dynamic/middlewares.yml); routers of mere assets need none.";
}

const PATH_CHANGERS: [&str; 5] =
    ["stripPrefix", "stripPrefixRegex", "addPrefix", "replacePath", "replacePathRegex"];
/// Headers of our answers that mean something.
const ANSWER_HEADERS: [&str; 6] = [
    "set-cookie",
    "location",
    "cache-control",
    "content-security-policy",
    "content-type",
    "www-authenticate",
];
/// Statuses with which a gate's answer depends on its headers.
const STATUSES: [u16; 7] = [302, 303, 400, 401, 403, 404, 503];

pub(super) fn look(setup: &Setup<'_>, findings: &mut Vec<Finding>) {
    // A middleware in many chains is one mistake.
    let mut seen = BTreeSet::new();
    for router in &setup.routers {
        let chain = setup.chain(router);
        let Some(gate) = setup.gate_of(router) else { continue };
        for (at, link) in chain.iter().enumerate() {
            let Link::Known(middleware) = link else { continue };
            let is_before = at < gate;
            if seen.insert((middleware.name, middleware.provider, is_before)) {
                identity(middleware, findings);
                if is_before {
                    before(middleware, findings);
                }
            }
        }
    }
    let kept =
        setup.routers.iter().filter(|router| setup.gate_of(router).is_some() && keeps_pages(setup, router));
    findings.extend(kept.map(|router| {
        let found = format!("Router {} lets browsers keep pages.", router.name);
        PAGES_KEPT.at(router.spot.place(), found)
    }));
    findings.dedup_by(|a, b| a.code() == HEADERS_IDENTITY.name && a.code() == b.code() && a.place == b.place);
}

/// Whether a router answers for whole hosts, as for an application's pages, and says nothing about keeping them.
fn keeps_pages(setup: &Setup<'_>, router: &Router<'_>) -> bool {
    let forbids = |link: &Link<'_, '_>| {
        let Link::Known(middleware) = link else { return false };
        let headers = middleware.of_kind("headers").and_then(|headers| headers.get("customResponseHeaders"));
        headers.into_iter().flat_map(Spot::entries).any(|(name, value)| {
            name.eq_ignore_ascii_case("cache-control")
                && value.node.text().is_some_and(|text| text.to_ascii_lowercase().contains("no-store"))
        })
    };
    let is_whole = router.branches.iter().flatten().any(Branch::is_whole);
    is_whole && !setup.chain(router).iter().any(forbids)
}

fn before(middleware: &Middleware<'_>, findings: &mut Vec<Finding>) {
    for kind in PATH_CHANGERS {
        if let Some(spot) = middleware.of_kind(kind) {
            let found = format!("{kind} in {} comes before Gatepost.", middleware.name);
            findings.push(PATH_CHANGED.at(spot.place(), found));
        }
    }
    if let Some(status) = middleware.of_kind("errors").and_then(|errors| errors.get("status"))
        && let Some(code) = STATUSES.into_iter().find(|code| holds(status, *code))
    {
        let found = format!("The errors middleware {} replaces Gatepost's {code}.", middleware.name);
        findings.push(ERRORS_SWALLOW.at(status.place(), found));
    }
    let Some(headers) = middleware.of_kind("headers") else { return };
    if let Some(policy) = headers.get("contentSecurityPolicy") {
        findings.push(
            HEADERS_ANSWER.at(policy.place(), "contentSecurityPolicy replaces that of Gatepost's pages."),
        );
    }
    for (name, spot) in headers.get("customResponseHeaders").into_iter().flat_map(Spot::entries) {
        if ANSWER_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name)) {
            findings
                .push(HEADERS_ANSWER.at(spot.place(), format!("{name} of Gatepost's answers is replaced.")));
        }
    }
}

fn identity(middleware: &Middleware<'_>, findings: &mut Vec<Finding>) {
    let headers = middleware.of_kind("headers").and_then(|headers| headers.get("customRequestHeaders"));
    for (name, spot) in headers.into_iter().flat_map(Spot::entries) {
        let folded = name.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        if tls_end::CLIENT_HEADERS.contains(&folded.as_str()) && tls_end::is_deletion(spot) {
            continue;
        }
        if IDENTITY_HEADERS.contains(&folded.as_str()) || folded.starts_with("x-forwarded-") {
            let found = format!("{} writes {name}.", middleware.name);
            findings.push(HEADERS_IDENTITY.at(spot.place(), found));
        }
    }
}

/// `500-599`, `404`, in a list.
fn holds(status: Spot<'_>, code: u16) -> bool {
    status.node.texts().iter().any(|(text, _)| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let range = first.trim().parse::<u16>().ok().zip(last.trim().parse::<u16>().ok());
        range.is_some_and(|(first, last)| (first..=last).contains(&code))
    })
}
