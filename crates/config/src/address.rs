//! Reads the addresses: the listeners, the protected hosts, the trusted proxies.
//!
//! The scheme of the public URL decides about all hosts: `https`, or `http` on `localhost` for development.

use super::reader::{Read, Reader, Separator};
use gatepost_core::host::{HostPattern, Origin, Scheme};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

const ORIGIN: &str = "an origin as in https://auth.example.com (http only on localhost)";
const HOSTS: &str =
    "hosts as in app.example.com or *.example.com, with :port if not 443 (http:// only on localhost)";
const NETWORKS: &str = "networks as in 172.30.0.0/24, or single addresses";
const LISTENER: &str = "an address and a port as in 127.0.0.1:4181";

/// The settings that this module reads.
pub(super) struct Addresses {
    pub public_url: Origin,
    pub internal_addr: SocketAddr,
    pub public_addr: SocketAddr,
    pub internal_tls: Option<PathBuf>,
    pub health_addr: Option<SocketAddr>,
    pub filter_addr: Option<SocketAddr>,
    pub hosts: Vec<HostPattern>,
    pub allowed_origins: Vec<Origin>,
    pub trusted_proxies: Vec<IpNet>,
    pub ca_file: Option<PathBuf>,
}

pub(super) fn read(reader: &mut Reader) -> Read<Addresses> {
    let public_url = reader.required("public_url", ORIGIN, |text| text.parse().ok());
    let hosts = read_hosts(reader, public_url.as_ref().ok());
    let listeners = read_listeners(reader);
    let origins = reader.list("allowed_origins", ORIGIN, Separator::Comma, |text| text.parse().ok());
    let proxies = reader.list("trusted_proxies", NETWORKS, Separator::Comma, network);
    let ca_file = read_ca_file(reader);
    let internal_tls = reader.path("internal_tls", "a folder of certificates");
    let Listeners { internal: internal_addr, public: public_addr, health: health_addr, filter: filter_addr } =
        listeners?;
    Ok(Addresses {
        public_url: public_url?,
        internal_addr,
        public_addr,
        internal_tls: internal_tls?,
        health_addr,
        filter_addr,
        hosts: hosts?,
        allowed_origins: origins?.unwrap_or_default(),
        trusted_proxies: proxies?.unwrap_or_else(loopback),
        ca_file: ca_file?,
    })
}

struct Listeners {
    internal: SocketAddr,
    public: SocketAddr,
    health: Option<SocketAddr>,
    filter: Option<SocketAddr>,
}

/// Reads the addresses of all listeners.
fn read_listeners(reader: &mut Reader) -> Read<Listeners> {
    let internal = reader.value("internal_addr", LISTENER, |text| text.parse().ok());
    let public = reader.value("public_addr", LISTENER, |text| text.parse().ok());
    let health = reader.value("health_addr", LISTENER, |text| text.parse().ok());
    let filter = reader.value("mcp.filter_addr", LISTENER, |text| text.parse().ok());
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let (internal, public) = (internal?.unwrap_or(local(4181)), public?.unwrap_or(local(4180)));
    let (health, filter) = (health?, filter?);
    let is_one = |a: SocketAddr, b: SocketAddr| a == b && a.port() != 0;
    for (key, address, others) in [
        ("internal_addr", Some(internal), [Some(public), None, None]),
        ("health_addr", health, [Some(internal), Some(public), None]),
        ("mcp.filter_addr", filter, [Some(internal), Some(public), health]),
    ] {
        let Some(address) = address else { continue };
        if others.into_iter().flatten().any(|other| is_one(address, other)) {
            let why =
                format!("{address} is also the address of another listener: exposing one would expose both");
            return Err(reader.contradiction(key, why));
        }
    }
    Ok(Listeners { internal, public, health, filter })
}

fn read_hosts(reader: &mut Reader, public: Option<&Origin>) -> Read<Vec<HostPattern>> {
    let hosts: Vec<HostPattern> = reader
        .filled_list("hosts", HOSTS, |text| text.parse().ok())?
        .ok_or_else(|| reader.missing("hosts", HOSTS))?;
    let mut fault = None;
    let mut seen = BTreeMap::new();
    for host in &hosts {
        if let Some(twin) = seen.insert(name(host), host) {
            let why = format!(
                "{twin} and {host} are the same host: cookies do not distinguish ports (RFC 6265 section 8.5)"
            );
            fault = Some(reader.contradiction("hosts", why));
        }
        let Some(public) = public else { continue };
        if host.scheme() != public.scheme() {
            let why = match public.scheme() {
                Scheme::Https => format!("{host} is plain http, but {} is https", reader.name("public_url")),
                Scheme::Http => format!(
                    "{host} is https, but {} is http (development): write http://<name>.localhost:<port>",
                    reader.name("public_url")
                ),
            };
            fault = Some(reader.contradiction("hosts", why));
        }
        if name(host) == public.host().as_str() {
            let why = format!(
                "{host} is the host of {}, which must not serve anything else",
                reader.name("public_url")
            );
            fault = Some(reader.contradiction("hosts", why));
        }
    }
    fault.map_or(Ok(hosts), Err)
}

/// The host of a pattern, without scheme and port.
fn name(pattern: &HostPattern) -> String {
    let text = pattern.to_string();
    let host = text.strip_prefix("http://").unwrap_or(&text);
    host.split(':').next().unwrap_or_default().to_owned()
}

pub(super) fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn loopback() -> Vec<IpNet> {
    let v4 = ipnet::Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
    vec![v4.into(), IpNet::from(IpAddr::V6(Ipv6Addr::LOCALHOST))]
}

pub(super) fn read_ca_file(reader: &mut Reader) -> Read<Option<PathBuf>> {
    const EXPECTED: &str = "a PEM file with certificates";
    let Some(path) = reader.path("ca_file", EXPECTED)? else { return Ok(None) };
    if reader.file("ca_file", &path)?.contains("-----BEGIN CERTIFICATE-----") {
        Ok(Some(path))
    } else {
        Err(reader.malformed("ca_file", "a file without a certificate".to_owned(), EXPECTED))
    }
}
