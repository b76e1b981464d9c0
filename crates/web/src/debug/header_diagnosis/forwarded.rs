//! Checks whether the `X-Forwarded-*` headers come from the proxy or from the client.

use super::ReceivedRequest;
use gatepost_core::host::HostName;
use gatepost_pages::header_report::HeaderProblem;

pub(super) fn problems(received: &ReceivedRequest<'_>) -> Vec<HeaderProblem> {
    let (host, port) = (received.origin.host(), received.origin.port().to_string());
    let is_host = |value: &str| value.parse::<HostName>().is_ok_and(|named| named == *host);
    let is_proto = |value: &str| value == received.origin.scheme().as_str();
    let mut problems = Vec::new();
    problems.extend(check_value(received, "x-forwarded-host", is_host));
    problems.extend(check_value(received, "x-forwarded-proto", is_proto));
    // Traefik sets the port, but not every proxy does.
    if !received.values("x-forwarded-port").is_empty() {
        problems.extend(check_value(received, "x-forwarded-port", |value| value == port));
    }
    match texts(received, "x-forwarded-for").join(",").split(',').filter(|one| !one.trim().is_empty()).count()
    {
        0 => problems.push(HeaderProblem::NotThroughProxy("x-forwarded-for")),
        1 => {}
        _ => problems.push(HeaderProblem::ManyAddresses),
    }
    // The proxy removes these from untrusted clients and does not set them for an application.
    let never = ["x-forwarded-uri", "x-forwarded-method"];
    let arrived = never.into_iter().filter(|name| !received.values(name).is_empty());
    problems.extend(arrived.map(HeaderProblem::ForwardedByClient));
    problems
}

/// Checks a header that the proxy sets once.
fn check_value(
    received: &ReceivedRequest<'_>,
    name: &'static str,
    is_expected: impl Fn(&str) -> bool,
) -> Option<HeaderProblem> {
    match texts(received, name).as_slice() {
        [] => Some(HeaderProblem::NotThroughProxy(name)),
        [value] if is_expected(value) => None,
        _ => Some(HeaderProblem::ForwardedByClient(name)),
    }
}

fn texts<'a>(received: &'a ReceivedRequest<'_>, name: &str) -> Vec<&'a str> {
    received.values(name).into_iter().map(|value| std::str::from_utf8(value).unwrap_or_default()).collect()
}
