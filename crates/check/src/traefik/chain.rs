//! Checks the other middlewares in a router's chain for those that break or bypass Gatepost.

use super::rule::Branch;
use super::setup::{Link, Middleware, Router, Setup, Spot};
use super::tls_end;
use crate::finding::{Finding, codes};
use gatepost_core::header_names::IDENTITY_HEADERS;
use std::collections::BTreeSet;

codes! {
    PATH_CHANGED = Error "traefik-path-changed":
        "Gatepost decides about a different path than the application receives, and people return to a path that they did not open.",
        "Put the middleware that changes the path after Gatepost's.";
    ERRORS_SWALLOW = Error "traefik-errors-swallow":
        "Gatepost's redirects and pages are replaced, and their cookies are lost: nobody can sign in. Older versions of Traefik also send the request's cookies to the error service.",
        "Put the errors middleware after Gatepost's, or remove 300-499 and 503 from its status.";
    HEADERS_IDENTITY = Error "traefik-headers-identity":
        "The application gets identity headers that Gatepost did not write, or does not get those that it wrote; or Gatepost decides about a different request than the client sent.",
        "Remove this header from customRequestHeaders.";
    HEADERS_ANSWER = Warning "traefik-headers-answer":
        "Gatepost's redirects and pages are changed on their way to the browser: cookies are lost, or pages have no style.",
        "Put this headers middleware after Gatepost's.";
    PAGES_KEPT = Hint "traefik-pages-kept":
        "The browser may store the application's pages: after a person has signed out, the Back button can show them again.",
        "Put a headers middleware with Cache-Control: no-store after Gatepost's (private-pages in traefik/dynamic/middlewares.yml). Routers that only serve assets do not need it.";
}

const PATH_CHANGERS: [&str; 5] =
    ["stripPrefix", "stripPrefixRegex", "addPrefix", "replacePath", "replacePathRegex"];
/// Headers of Gatepost's answers that another middleware must not replace.
const ANSWER_HEADERS: [&str; 6] = [
    "set-cookie",
    "location",
    "cache-control",
    "content-security-policy",
    "content-type",
    "www-authenticate",
];
/// The statuses of Gatepost's answers that need their headers or their page.
const STATUSES: [u16; 7] = [302, 303, 400, 401, 403, 404, 503];

pub(super) fn inspect(setup: &Setup<'_>, findings: &mut Vec<Finding>) {
    // A middleware that is in many chains is reported once.
    let mut seen = BTreeSet::new();
    for router in &setup.routers {
        let chain = setup.chain(router);
        let Some(gate) = setup.gate_of(router) else { continue };
        for (at, link) in chain.iter().enumerate() {
            let Link::Known(middleware) = link else { continue };
            let is_before = at < gate;
            if seen.insert((middleware.name, middleware.provider, is_before)) {
                check_identity_headers(middleware, findings);
                if is_before {
                    check_before_gate(middleware, findings);
                }
            }
        }
    }
    let kept =
        setup.routers.iter().filter(|router| setup.gate_of(router).is_some() && keeps_pages(setup, router));
    findings.extend(kept.map(|router| {
        let found = format!("Router {} lets browsers store pages.", router.name);
        PAGES_KEPT.at(router.spot.place(), found)
    }));
    findings.dedup_by(|a, b| a.code() == HEADERS_IDENTITY.name && a.code() == b.code() && a.place == b.place);
}

/// Whether a router serves all paths of a host, so probably an application's pages, and does not send `no-store`.
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

fn check_before_gate(middleware: &Middleware<'_>, findings: &mut Vec<Finding>) {
    for kind in PATH_CHANGERS {
        if let Some(spot) = middleware.of_kind(kind) {
            let found = format!("{kind} in {} comes before Gatepost.", middleware.name);
            findings.push(PATH_CHANGED.at(spot.place(), found));
        }
    }
    if let Some(status) = middleware.of_kind("errors").and_then(|errors| errors.get("status"))
        && let Some(code) = STATUSES.into_iter().find(|code| contains(status, *code))
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
            findings.push(
                HEADERS_ANSWER
                    .at(spot.place(), format!("The header {name} of Gatepost's answers is replaced.")),
            );
        }
    }
}

fn check_identity_headers(middleware: &Middleware<'_>, findings: &mut Vec<Finding>) {
    let headers = middleware.of_kind("headers").and_then(|headers| headers.get("customRequestHeaders"));
    for (name, spot) in headers.into_iter().flat_map(Spot::entries) {
        let folded = name.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        if tls_end::CLIENT_HEADERS.contains(&folded.as_str()) && tls_end::is_deletion(spot) {
            continue;
        }
        if IDENTITY_HEADERS.contains(&folded.as_str()) || folded.starts_with("x-forwarded-") {
            let found = format!("{} sets {name}.", middleware.name);
            findings.push(HEADERS_IDENTITY.at(spot.place(), found));
        }
    }
}

/// Whether a list as in `500-599,404` contains the status.
fn contains(status: Spot<'_>, code: u16) -> bool {
    status.node.texts().iter().any(|(text, _)| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let range = first.trim().parse::<u16>().ok().zip(last.trim().parse::<u16>().ok());
        range.is_some_and(|(first, last)| (first..=last).contains(&code))
    })
}
