//! Whether a connection to an address leaves this machine.

use std::net::IpAddr;
use url::{Host, Url};

/// Whether the host of a URL is on loopback.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        // The `url` crate keeps an IP address as text if it does not know the scheme.
        Some(Host::Domain(name)) => {
            name == "localhost"
                || name.ends_with(".localhost")
                || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether the connection stays on this machine: the host is on loopback, or it is a container, whose name has no dot.
pub(crate) fn is_on_this_machine(url: &Url) -> bool {
    let is_container = |name: &str| {
        !name.starts_with('[') && (!name.contains('.') || name.ends_with(".internal")) && !name.contains(':')
    };
    is_loopback(url) || url.host_str().is_some_and(is_container)
}
