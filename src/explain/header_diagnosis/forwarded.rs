//! `X-Forwarded-*` as an application gets them: the proxy's own words, or the client's.

use super::{Arrival, Fault};
use gatepost_core::host::HostName;

pub(super) fn faults(arrival: &Arrival<'_>) -> Vec<Fault> {
    let (host, port) = (arrival.origin.host(), arrival.origin.port().to_string());
    let is_host = |value: &str| value.parse::<HostName>().is_ok_and(|named| named == *host);
    let is_proto = |value: &str| value == arrival.origin.scheme().as_str();
    let mut faults = Vec::new();
    faults.extend(told(arrival, "x-forwarded-host", is_host));
    faults.extend(told(arrival, "x-forwarded-proto", is_proto));
    // Traefik tells the port, but not every proxy does.
    if !arrival.values("x-forwarded-port").is_empty() {
        faults.extend(told(arrival, "x-forwarded-port", |value| value == port));
    }
    match texts(arrival, "x-forwarded-for").join(",").split(',').filter(|one| !one.trim().is_empty()).count()
    {
        0 => faults.push(Fault::NotThroughProxy("x-forwarded-for")),
        1 => {}
        _ => faults.push(Fault::ManyAddresses),
    }
    // The proxy takes them from a client that it does not trust, and sets none for an application.
    let never = ["x-forwarded-uri", "x-forwarded-method"];
    let arrived = never.into_iter().filter(|name| !arrival.values(name).is_empty());
    faults.extend(arrived.map(Fault::ForwardedByClient));
    faults
}

/// What the proxy tells once and rightly.
fn told(arrival: &Arrival<'_>, name: &'static str, is_right: impl Fn(&str) -> bool) -> Option<Fault> {
    match texts(arrival, name).as_slice() {
        [] => Some(Fault::NotThroughProxy(name)),
        [value] if is_right(value) => None,
        _ => Some(Fault::ForwardedByClient(name)),
    }
}

fn texts<'a>(arrival: &'a Arrival<'_>, name: &str) -> Vec<&'a str> {
    arrival.values(name).into_iter().map(|value| std::str::from_utf8(value).unwrap_or_default()).collect()
}
