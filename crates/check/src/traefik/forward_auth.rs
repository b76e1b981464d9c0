//! Checks each option of the `forwardAuth` middlewares that call Gatepost.

use super::setup::{Setup, Spot};
use super::site::Site;
use crate::finding::{Finding, Place, codes, describe};
use gatepost_config::SpeakerConfig;
use gatepost_core::header_names::{IDENTITY_HEADERS, canonical};
use gatepost_core::requirement::Requirement;
use std::collections::BTreeSet;
use url::Url;

codes! {
    GATE_MISSING = Error "traefik-gate-missing":
        "Traefik never calls Gatepost, so every application is open to everybody.",
        "Define a forwardAuth middleware with the address of Gatepost's internal listener and the path /verify, and put it on each router; or give `check` the file that defines it.";
    OPTION_UNKNOWN = Error "traefik-option-unknown":
        "Traefik refuses the whole file, and its routers do not exist.",
        "Correct the option's name.";
    RESPONSE_HEADERS = Error "traefik-response-headers":
        "If a header is missing here, the application receives the header that the client sends: anybody can claim to be anybody. Without Cookie and Authorization, applications receive Gatepost's own credentials.",
        "List all identity headers, Cookie and Authorization in authResponseHeaders.";
    RESPONSE_PATTERN = Error "traefik-response-pattern":
        "Traefik cannot create this middleware, and leaves out its routers.",
        "Correct the regular expression, or list the names in authResponseHeaders instead.";
    REQUEST_HEADERS = Error "traefik-request-headers":
        "Gatepost does not see all headers, so it cannot refuse an alias of an identity header, which then reaches the application. Signing in may fail, too.",
        "Remove authRequestHeaders.";
    FORWARD_HEADER_UNSET = Warning "traefik-forward-header-unset":
        "Traefik logs a warning at every start, and passes the client's X-Forwarded-Port, X-Forwarded-Prefix and X-Real-Ip on.",
        "Set trustForwardHeader: false.";
    BODY_LIMIT_UNSET = Warning "traefik-body-limit-unset":
        "Traefik reads answers of any size into memory, and logs a warning at every start.",
        "Set maxResponseBodySize: 16384.";
    BODY_LIMIT_SMALL = Error "traefik-body-limit-small":
        "Gatepost's pages do not fit. Traefik answers with an empty 401 instead, without redirect and cookie.",
        "Set maxResponseBodySize: 16384. A page of Gatepost has up to 8192 bytes.";
    SIGNIN_URL = Error "traefik-signin-url":
        "Traefik replaces every 401 of Gatepost with a redirect, and its cookies are lost: programs are redirected, too, and people do not return to where they were.",
        "Remove authSigninURL: Gatepost redirects itself.";
    FORWARD_BODY = Warning "traefik-forward-body":
        "Traefik reads every request body into memory before it calls Gatepost, which breaks uploads and streams. Gatepost reads it only where the address has mcp=true.",
        "Remove forwardBody.";
    FORWARD_BODY_MISSING = Error "traefik-forward-body-missing":
        "Gatepost judges messages for tool servers by their body, which does not come: every POST is refused.",
        "Set forwardBody: true and maxBodySize: 4194304 where the address has mcp=true.";
    REQUEST_METHOD = Warning "traefik-request-method":
        "If an idle connection to Gatepost was closed, the next request fails, because Traefik only repeats a GET.",
        "Remove preserveRequestMethod: Gatepost reads X-Forwarded-Method.";
    AUTH_COOKIES = Warning "traefik-auth-cookies":
        "Traefik rewrites the cookies of applications, and may lose attributes that it does not know. Gatepost sets no cookies on requests that pass.",
        "Remove addAuthCookiesToResponse.";
    ADDRESS = Error "traefik-address":
        "Every request is answered with an error, or by something other than Gatepost.",
        "Set address to http://<gatepost>:4181/verify (the internal listener), with requirements as its query.";
    ADDRESS_PUBLIC = Error "traefik-address-public":
        "The public listener has no /verify, so everybody is refused.",
        "Use the port of GATEPOST_INTERNAL_ADDR in the address.";
    ADDRESS_PLAIN = Warning "traefik-address-plain":
        "Whoever can read the network traffic between Traefik and Gatepost can read every cookie and token.",
        "Set GATEPOST_INTERNAL_TLS, or run Gatepost on Traefik's machine, on loopback or in a network that contains only the two.";
    TLS_UNVERIFIED = Warning "traefik-tls-unverified":
        "Whoever controls the network between Traefik and Gatepost can answer in Gatepost's place, and let everybody in.",
        "Set tls.ca instead of tls.insecureSkipVerify.";
    REQUIREMENT = Error "traefik-requirement":
        "Gatepost answers 500 to everybody, because ignoring the mistake could let people in.",
        "Correct the query of the address: group, tenant, admin=true, max_age=SECONDS, api=true, assertion=true, mcp=true.";
}

/// The largest size of a page of Gatepost, in bytes (`crates/pages`).
const LARGEST_PAGE: i64 = 8192;

/// The options of `forwardAuth` in Traefik 3.7.
const OPTIONS: [&str; 14] = [
    "address",
    "tls",
    "trustForwardHeader",
    "authResponseHeaders",
    "authResponseHeadersRegex",
    "authRequestHeaders",
    "addAuthCookiesToResponse",
    "headerField",
    "forwardBody",
    "maxBodySize",
    "maxResponseBodySize",
    "preserveLocationHeader",
    "preserveRequestMethod",
    "authSigninURL",
];

pub(super) fn inspect(setup: &Setup<'_>, site: Option<&Site<'_>>, findings: &mut Vec<Finding>) {
    let has_dynamic = ["file", "docker", "swarm"].iter().any(|provider| setup.has_provider(provider));
    if has_dynamic && setup.gates().next().is_none() {
        let first = setup.routers.first().map(|router| router.spot.place());
        let place = first.or_else(|| setup.middlewares.first().map(|one| one.spot.place()));
        if let Some(place) = place {
            findings.push(GATE_MISSING.at(place, "No forwardAuth middleware leads to /verify."));
        }
    }
    for (_, gate) in setup.gates() {
        options(gate, findings);
        response_headers(gate, site, findings);
        address(gate, site, findings);
    }
}

fn options(gate: Spot<'_>, findings: &mut Vec<Finding>) {
    for (name, spot) in gate.entries() {
        if !OPTIONS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            let nearest = OPTIONS.iter().max_by(|a, b| similarity(a, name).total_cmp(&similarity(b, name)));
            let nearest = nearest.copied().unwrap_or_default();
            findings.push(
                OPTION_UNKNOWN
                    .at(spot.place(), format!("forwardAuth has no option {name}; did you mean {nearest}?")),
            );
        }
    }
    let mut when = |name: &str, is_bad: fn(Spot<'_>) -> bool, code: &'static crate::Code| {
        if let Some(spot) = gate.get(name).filter(|spot| is_bad(*spot)) {
            findings.push(code.at(spot.place(), format!("{name} is {}.", shown(spot))));
        }
    };
    when("authRequestHeaders", is_filled, &REQUEST_HEADERS);
    when("authSigninURL", is_filled, &SIGNIN_URL);
    if !reads_body(gate) {
        when("forwardBody", |spot| spot.node.is_true(), &FORWARD_BODY);
    }
    when("preserveRequestMethod", |spot| spot.node.is_true(), &REQUEST_METHOD);
    when("addAuthCookiesToResponse", is_filled, &AUTH_COOKIES);
    when("maxResponseBodySize", is_too_small, &BODY_LIMIT_SMALL);
    let is_sent = gate.get("forwardBody").is_some_and(|spot| spot.node.is_true());
    if reads_body(gate) && !is_sent {
        findings.push(
            FORWARD_BODY_MISSING.at(gate.place(), "forwardBody is not true, and the address has mcp=true."),
        );
    }
    if let Some(spot) = gate.at("tls.insecureSkipVerify").filter(|spot| spot.node.is_true()) {
        findings.push(TLS_UNVERIFIED.at(spot.place(), "tls.insecureSkipVerify is true."));
    }
    for (name, code) in
        [("trustForwardHeader", &FORWARD_HEADER_UNSET), ("maxResponseBodySize", &BODY_LIMIT_UNSET)]
    {
        if gate.get(name).is_none() {
            findings.push(code.at(gate.place(), format!("{name} is not set.")));
        }
    }
}

/// Whether the address asks Gatepost to read bodies.
fn reads_body(gate: Spot<'_>) -> bool {
    let address =
        gate.get("address").and_then(|spot| spot.node.text()).and_then(|text| Url::parse(text).ok());
    address.is_some_and(|url| url.query_pairs().any(|(name, value)| name == "mcp" && value == "true"))
}

fn similarity(option: &str, name: &str) -> f64 {
    strsim::jaro_winkler(&option.to_ascii_lowercase(), &name.to_ascii_lowercase())
}

fn is_filled(spot: Spot<'_>) -> bool {
    !spot.node.texts().is_empty()
}

/// Whether a page may not fit. -1 means no limit, which is intended if it is written down.
fn is_too_small(spot: Spot<'_>) -> bool {
    spot.node.text().and_then(|text| text.parse::<i64>().ok()).is_some_and(|n| (0..LARGEST_PAGE).contains(&n))
}

fn shown(spot: Spot<'_>) -> String {
    match spot.node.text() {
        Some(text) => text.to_owned(),
        None => spot.node.texts().iter().map(|(text, _)| *text).collect::<Vec<_>>().join(", "),
    }
}

fn response_headers(gate: Spot<'_>, site: Option<&Site<'_>>, findings: &mut Vec<Finding>) {
    let list = gate.get("authResponseHeaders");
    let names = list.map(|list| list.node.texts()).unwrap_or_default();
    let pattern = gate.get("authResponseHeadersRegex").filter(|spot| spot.node.text() != Some(""));
    let expression = pattern.and_then(|spot| Some((spot, regex_lite::Regex::new(spot.node.text()?))));
    if let Some((spot, Err(error))) = &expression {
        let found = format!("authResponseHeadersRegex cannot be read: {error}.");
        findings.push(RESPONSE_PATTERN.at(spot.place(), found));
    }
    let is_matched =
        |name: &str| matches!(&expression, Some((_, Ok(expression))) if expression.is_match(name));
    let is_listed = |name: &str| names.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    let words: BTreeSet<&str> =
        site.iter().flat_map(|site| site.speakers).flat_map(SpeakerConfig::hidden_headers).collect();
    let missing: Vec<String> = IDENTITY_HEADERS
        .into_iter()
        .chain(words)
        .map(canonical)
        .filter(|name| !is_listed(name) && !is_matched(name))
        .collect();
    if !missing.is_empty() {
        let place = list.or(pattern).unwrap_or(gate).place();
        let found = format!("authResponseHeaders does not list {}.", missing.join(", "));
        findings.push(RESPONSE_HEADERS.at(place, found));
    }
}

fn address(gate: Spot<'_>, site: Option<&Site<'_>>, findings: &mut Vec<Finding>) {
    let Some(spot) = gate.get("address") else { return };
    let text = spot.node.text().unwrap_or_default();
    let Some(url) = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https")) else {
        findings.push(ADDRESS.at(spot.place(), format!("{text:?} is not an address.")));
        return;
    };
    let is_public_port = |site: &&Site<'_>| {
        url.port_or_known_default() == Some(site.public_port) && site.public_port != site.internal_port
    };
    if site.is_some_and(|site| is_public_port(&site)) {
        findings.push(ADDRESS_PUBLIC.at(spot.place(), format!("{text} leads to the public listener.")));
    } else if url.path() != "/verify" {
        let found = format!("The path is {}; for Traefik it is /verify.", url.path());
        findings.push(ADDRESS.at(spot.place(), found));
    }
    // Plain http to a TLS listener is reported by the module `tls`.
    let is_plain = url.scheme() == "http" && !site.is_some_and(|site| site.has_tls);
    if is_plain && !crate::loopback::is_on_this_machine(&url) {
        let host = url.host_str().unwrap_or_default();
        findings.push(ADDRESS_PLAIN.at(spot.place(), format!("Plain http to {host}.")));
    }
    if let Err(error) = Requirement::parse(url.query().unwrap_or_default()) {
        findings.push(REQUIREMENT.at(spot.place(), describe(&error)));
    }
}

/// The requirements in the addresses that can be parsed.
pub(super) fn requirements(setup: &Setup<'_>) -> Vec<(Requirement, Place)> {
    let read = |gate: Spot<'_>| {
        let spot = gate.get("address")?;
        let url = Url::parse(spot.node.text()?).ok()?;
        Some((Requirement::parse(url.query().unwrap_or_default()).ok()?, spot.place()))
    };
    setup.gates().filter_map(|(_, gate)| read(gate)).collect()
}
