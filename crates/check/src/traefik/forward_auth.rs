//! The `forwardAuth` middlewares that ask Gatepost, option by option (`DESIGN.md` section 4).

use super::Site;
use super::setup::{Setup, Spot};
use crate::finding::{Finding, Place, codes, told};
use gatepost_core::header_names::{IDENTITY_HEADERS, canonical};
use gatepost_core::requirement::Requirement;
use url::Url;

codes! {
    GATE_MISSING = Error "traefik-gate-missing":
        "Nothing asks Gatepost: every application is open to everybody.",
        "Define a forwardAuth middleware with the address of Gatepost's internal listener and path /verify, and put it on each router; or give `check` the file that has it.";
    OPTION_UNKNOWN = Error "traefik-option-unknown":
        "Traefik refuses the whole file, and its routers vanish.",
        "Correct the option's name.";
    RESPONSE_HEADERS = Error "traefik-response-headers":
        "What a client sends under a name that is missing here reaches the application: anybody can say who they are. Without Cookie and Authorization, applications see Gatepost's own credentials.",
        "List all identity headers, Cookie and Authorization in authResponseHeaders.";
    RESPONSE_PATTERN = Error "traefik-response-pattern":
        "Traefik does not build this middleware and drops its routers.",
        "Correct the expression, or list the names in authResponseHeaders instead.";
    REQUEST_HEADERS = Error "traefik-request-headers":
        "Gatepost cannot refuse what it does not see: an alias of an identity header passes it unseen and reaches the application. Signing in may break as well.",
        "Remove authRequestHeaders.";
    FORWARD_HEADER_UNSET = Warning "traefik-forward-header-unset":
        "Traefik warns at every start and passes X-Forwarded-Port, -Prefix and X-Real-Ip on as the client wrote them.",
        "Set trustForwardHeader: false.";
    BODY_LIMIT_UNSET = Warning "traefik-body-limit-unset":
        "Traefik reads an answer of any size into its memory, and warns at every start.",
        "Set maxResponseBodySize: 16384.";
    BODY_LIMIT_SMALL = Error "traefik-body-limit-small":
        "A page that says why somebody does not pass becomes an empty 401, without redirect or cookie.",
        "Set maxResponseBodySize: 16384; a page of Gatepost has up to 8192 bytes.";
    SIGNIN_URL = Error "traefik-signin-url":
        "Every 401 is replaced, with its cookies: programs are redirected, and people do not come back to where they were.",
        "Remove authSigninURL; Gatepost redirects by itself.";
    FORWARD_BODY = Warning "traefik-forward-body":
        "Traefik holds every request body in memory before it asks: uploads and streams break. Gatepost reads none of it.",
        "Remove forwardBody.";
    REQUEST_METHOD = Warning "traefik-request-method":
        "A connection that was closed while idle fails the request: Traefik repeats only a GET.",
        "Remove preserveRequestMethod; Gatepost reads X-Forwarded-Method.";
    AUTH_COOKIES = Warning "traefik-auth-cookies":
        "Traefik rewrites the cookies of applications, and may lose attributes that it does not know. Gatepost sets none on a request that passes.",
        "Remove addAuthCookiesToResponse.";
    ADDRESS = Error "traefik-address":
        "Every request is answered with an error, or by something that is not the gate.",
        "Set address to http://<gatepost>:4181/verify (the internal listener), with requirements as its query.";
    ADDRESS_PUBLIC = Error "traefik-address-public":
        "The public listener has no /verify: everybody is refused.",
        "Use the port of GATEPOST_INTERNAL_ADDR in the address.";
    ADDRESS_PLAIN = Warning "traefik-address-plain":
        "Whoever listens between Traefik and Gatepost reads every cookie and token.",
        "Set GATEPOST_INTERNAL_TLS, or run Gatepost beside Traefik, on loopback or a network that holds only the two.";
    TLS_UNVERIFIED = Warning "traefik-tls-unverified":
        "Anybody between Traefik and Gatepost can answer in Gatepost's place, and let everybody in.",
        "Give tls.ca instead of tls.insecureSkipVerify.";
    REQUIREMENT = Error "traefik-requirement":
        "Gatepost answers 500 to everybody: a requirement that is not understood must not open.",
        "Correct the query of the address: group, tenant, admin=true, max_age=SECONDS, api=true, assertion=true.";
}

/// A page has at most so many bytes (`http/pages`).
const LARGEST_PAGE: i64 = 8192;

/// Traefik's options (3.7).
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

pub(super) fn look(setup: &Setup<'_>, site: Option<&Site<'_>>, findings: &mut Vec<Finding>) {
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
        response_headers(gate, findings);
        address(gate, site, findings);
    }
}

fn options(gate: Spot<'_>, findings: &mut Vec<Finding>) {
    for (name, spot) in gate.entries() {
        if !OPTIONS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            let nearest = OPTIONS.iter().max_by(|a, b| likeness(a, name).total_cmp(&likeness(b, name)));
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
    when("forwardBody", |spot| spot.node.is_true(), &FORWARD_BODY);
    when("preserveRequestMethod", |spot| spot.node.is_true(), &REQUEST_METHOD);
    when("addAuthCookiesToResponse", is_filled, &AUTH_COOKIES);
    when("maxResponseBodySize", is_too_small, &BODY_LIMIT_SMALL);
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

fn likeness(option: &str, name: &str) -> f64 {
    strsim::jaro_winkler(&option.to_ascii_lowercase(), &name.to_ascii_lowercase())
}

fn is_filled(spot: Spot<'_>) -> bool {
    !spot.node.texts().is_empty()
}

/// -1 is no limit, and said on purpose.
fn is_too_small(spot: Spot<'_>) -> bool {
    spot.node.text().and_then(|text| text.parse::<i64>().ok()).is_some_and(|n| (0..LARGEST_PAGE).contains(&n))
}

fn shown(spot: Spot<'_>) -> String {
    match spot.node.text() {
        Some(text) => text.to_owned(),
        None => spot.node.texts().iter().map(|(text, _)| *text).collect::<Vec<_>>().join(", "),
    }
}

fn response_headers(gate: Spot<'_>, findings: &mut Vec<Finding>) {
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
    let missing: Vec<String> = IDENTITY_HEADERS
        .into_iter()
        .map(canonical)
        .filter(|name| !is_listed(name) && !is_matched(name))
        .collect();
    if !missing.is_empty() {
        let place = list.or(pattern).unwrap_or(gate).place();
        let found = format!("authResponseHeaders lacks {}.", missing.join(", "));
        findings.push(RESPONSE_HEADERS.at(place, found));
    }
}

fn address(gate: Spot<'_>, site: Option<&Site<'_>>, findings: &mut Vec<Finding>) {
    let Some(spot) = gate.get("address") else { return };
    let text = spot.node.text().unwrap_or_default();
    let Some(url) = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https")) else {
        findings.push(ADDRESS.at(spot.place(), format!("{text:?} is no address.")));
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
    // A listener that speaks TLS is never reached in plain http: that is said elsewhere.
    let is_plain = url.scheme() == "http" && !site.is_some_and(|site| site.has_tls);
    if is_plain && !crate::stays_near(&url) {
        let host = url.host_str().unwrap_or_default();
        findings.push(ADDRESS_PLAIN.at(spot.place(), format!("Plain http to {host}.")));
    }
    if let Err(error) = Requirement::parse(url.query().unwrap_or_default()) {
        findings.push(REQUIREMENT.at(spot.place(), told(&error)));
    }
}

/// The requirements of the addresses that can be read.
pub(super) fn requirements(setup: &Setup<'_>) -> Vec<(Requirement, Place)> {
    let read = |gate: Spot<'_>| {
        let spot = gate.get("address")?;
        let url = Url::parse(spot.node.text()?).ok()?;
        Some((Requirement::parse(url.query().unwrap_or_default()).ok()?, spot.place()))
    };
    setup.gates().filter_map(|(_, gate)| read(gate)).collect()
}
