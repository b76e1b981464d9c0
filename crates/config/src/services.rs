//! Reads the upstreams that tool servers and tenants may name: whoever writes the directory reaches no other address.

use super::reader::{Read, Reader};
use gatepost_core::ids::ServiceName;
use std::collections::BTreeMap;
use url::{Host, Url};

const KEY: &str = "services";
const FILTER: &str = "mcp.filter_addr";
const SERVICES: &str = "NAME=ADDRESS as in chat=http://open-webui:8080: a name of 1 to 32 of a-z, 0-9 and -, \
    and an address of http or https without path, query, user and password, whose host has only A-Z, a-z, 0-9, -, . and _";

/// What the command line has for no service.
const NONE: &str = "none";

pub(super) fn read(reader: &mut Reader) -> Read<BTreeMap<ServiceName, Url>> {
    let pairs = reader.pairs(KEY, SERVICES)?;
    let (mut services, mut result) = (BTreeMap::new(), Ok(()));
    for (name, address) in pairs {
        let named = name.parse::<ServiceName>().ok().filter(|name| name.as_str() != NONE);
        let (Some(parsed), Some(url)) = (named, upstream(&address)) else {
            // A password that somebody wrote into the address is not shown.
            result = Err(reader.malformed(KEY, format!("{name:?} with its address"), SERVICES));
            continue;
        };
        if services.insert(parsed, url).is_some() {
            result = Err(reader.contradiction(KEY, format!("{name} has more than one address")));
        }
    }
    if result.is_ok() && services.is_empty() && reader.is_given(FILTER) {
        let why = format!("filters nothing without upstreams: {} names none", reader.name(KEY));
        result = Err(reader.contradiction(FILTER, why));
    }
    result.map(|()| services)
}

/// The address of an upstream: scheme, host and port. The host has letters, digits, `-`, `.` and `_` alone, because the address
/// also stands in files for proxies, where other characters of a URL's host begin or end something.
pub fn upstream(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    let is_http = matches!(url.scheme(), "http" | "https");
    let is_of_a_name = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    let is_host = match url.host()? {
        Host::Domain(name) => name.bytes().all(is_of_a_name),
        Host::Ipv4(_) | Host::Ipv6(_) => true,
    };
    (is_plain && is_anonymous && is_http && is_host).then_some(url)
}
