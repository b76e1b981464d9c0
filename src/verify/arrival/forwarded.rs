//! `X-Forwarded-*` as an application gets them: the proxy's own words, or the client's.

use super::{Arrival, Fault};
use crate::domain::host::HostName;

pub(super) fn faults(arrival: &Arrival<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let (host, port) = (arrival.origin.host(), arrival.origin.port().to_string());
    let is_host = |value: &str| value.parse::<HostName>().is_ok_and(|named| named == *host);
    let is_proto = |value: &str| value == arrival.origin.scheme().as_str();
    let is_port = |value: &str| value == port;
    // The port is told by Traefik, but not by every proxy.
    let told: [(&'static str, &dyn Fn(&str) -> bool, bool); 3] = [
        ("x-forwarded-host", &is_host, true),
        ("x-forwarded-proto", &is_proto, true),
        ("x-forwarded-port", &is_port, false),
    ];
    for (name, is_right, is_always_told) in told {
        match texts(arrival, name).as_slice() {
            [] if is_always_told => faults.push(Fault::NotThroughProxy(name)),
            [] => {}
            [value] if is_right(value) => {}
            _ => faults.push(Fault::ForwardedByClient(name)),
        }
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

fn texts<'a>(arrival: &'a Arrival<'_>, name: &str) -> Vec<&'a str> {
    arrival.values(name).into_iter().map(|value| std::str::from_utf8(value).unwrap_or_default()).collect()
}
