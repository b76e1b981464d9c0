//! `/traefik`: the routers of tenants' hosts, for the HTTP provider of Traefik, which asks every few seconds.
//!
//! Whoever writes tenants can have a host lead to an upstream of `GATEPOST_SERVICES`, and to nothing else. The answer is whole
//! and in one order, because Traefik compares it with the last one. Traefik keeps what it has while the answer is not 200.

use super::context::Context;
use crate::http::respond::{self, Answer};
use gatepost_core::error_chain::Chain;
use gatepost_core::host::HostName;
use gatepost_core::ids::ServiceName;
use hyper::StatusCode;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::net::IpAddr;
use url::{Url, form_urlencoded};

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
/// What routers have unless the address says otherwise.
const ENTRY_POINT: &str = "websecure";
const MIDDLEWARE: &str = "gatepost@file";

/// What each router has, by the query of the provider's endpoint, which only the operator can write.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    entry_points: Vec<String>,
    middlewares: Vec<String>,
    cert_resolver: Option<String>,
}

impl Options {
    /// # Errors
    /// The name of a parameter that is not known, or has no value.
    fn parse(query: &str) -> Result<Self, String> {
        let mut options = Self { entry_points: Vec::new(), middlewares: Vec::new(), cert_resolver: None };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.into_owned();
            match &*name {
                _ if value.is_empty() => return Err(format!("{name} has no value")),
                "entry_point" => options.entry_points.push(value),
                "middleware" => options.middlewares.push(value),
                "cert_resolver" => options.cert_resolver = Some(value),
                _ => {
                    return Err(format!(
                        "{name:?} is not known: expected entry_point, middleware or cert_resolver"
                    ));
                }
            }
        }
        if options.entry_points.is_empty() {
            options.entry_points.push(ENTRY_POINT.to_owned());
        }
        if options.middlewares.is_empty() {
            options.middlewares.push(MIDDLEWARE.to_owned());
        }
        Ok(options)
    }
}

/// Answers a request for `/traefik`.
pub(super) async fn answer(context: &Context, peer: IpAddr, query: &str) -> Answer {
    let gate = &context.gate;
    if !gate.site.trusts(peer) {
        tracing::warn!(peer = %peer, "/traefik was called by a peer that is no trusted proxy");
        return respond::empty(StatusCode::FORBIDDEN);
    }
    let options = match Options::parse(query) {
        Ok(options) => options,
        Err(wrong) => {
            tracing::error!(wrong, "the address of Traefik's HTTP provider is wrong");
            return respond::text(StatusCode::BAD_REQUEST, TEXT, format!("{wrong}\n"));
        }
    };
    let hosts = match gate.stores.directory.read_tenant_routes().await {
        Ok(hosts) => hosts,
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "the routers of tenants cannot be read");
            return respond::empty(StatusCode::SERVICE_UNAVAILABLE);
        }
    };
    // What the configuration names is no tenant's.
    let routed =
        hosts.into_iter().filter(|(host, _)| gate.site.hosts.origin_of_tenant(host.clone()).is_some());
    let document = document(routed.collect(), &gate.site.config.services, &options);
    respond::text(StatusCode::OK, JSON, document.to_string())
}

/// The dynamic configuration. A host whose service the configuration does not have gets no router.
fn document(
    hosts: BTreeMap<HostName, ServiceName>,
    upstreams: &BTreeMap<ServiceName, Url>,
    options: &Options,
) -> Value {
    let (mut routers, mut services) = (Map::new(), Map::new());
    for (host, service) in hosts {
        let Some(upstream) = upstreams.get(&service) else {
            tracing::warn!(host = %host, service = %service, "the service of a tenant is not in GATEPOST_SERVICES: its host gets no router");
            continue;
        };
        let service = format!("tenants-{service}");
        let tls = match &options.cert_resolver {
            Some(resolver) => json!({ "certResolver": resolver }),
            None => json!({}),
        };
        let router = json!({
            "rule": format!("Host(`{host}`)"),
            "entryPoints": options.entry_points,
            "middlewares": options.middlewares,
            "service": service,
            "tls": tls,
        });
        routers.insert(format!("tenant-{host}"), router);
        let url = upstream.as_str().trim_end_matches('/');
        services.insert(service, json!({ "loadBalancer": { "servers": [{ "url": url }] } }));
    }
    // Traefik refuses an empty map.
    if routers.is_empty() {
        json!({})
    } else {
        json!({ "http": { "routers": routers, "services": services } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services() -> BTreeMap<ServiceName, Url> {
        [("chat".parse().expect("a name"), Url::parse("http://chat:8080").expect("an address"))].into()
    }

    fn hosts(pairs: &[(&str, &str)]) -> BTreeMap<HostName, ServiceName> {
        let pair = |(host, service): &(&str, &str)| {
            (host.parse().expect("a host"), service.parse().expect("a name"))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn each_host_has_a_router_with_the_middleware_to_an_upstream_of_the_configuration() {
        let options = Options::parse("").expect("the defaults");
        let found =
            document(hosts(&[("a.example.net", "chat"), ("b.example.net", "other")]), &services(), &options);
        let router = json!({
            "rule": "Host(`a.example.net`)", "entryPoints": ["websecure"], "middlewares": ["gatepost@file"],
            "service": "tenants-chat", "tls": {},
        });
        assert_eq!(found["http"]["routers"], json!({ "tenant-a.example.net": router }));
        let upstream =
            json!({ "tenants-chat": { "loadBalancer": { "servers": [{ "url": "http://chat:8080" }] } } });
        assert_eq!(found["http"]["services"], upstream);
        assert_eq!(document(hosts(&[]), &services(), &options), json!({}));
    }

    #[test]
    fn the_operator_says_by_the_address_what_each_router_has() {
        let query =
            "entry_point=web&entry_point=web2&middleware=hsts%40file&middleware=gate@file&cert_resolver=le";
        let options = Options::parse(query).expect("options");
        let found = document(hosts(&[("a.example.net", "chat")]), &services(), &options);
        let router = &found["http"]["routers"]["tenant-a.example.net"];
        assert_eq!(router["entryPoints"], json!(["web", "web2"]));
        assert_eq!(router["middlewares"], json!(["hsts@file", "gate@file"]));
        assert_eq!(router["tls"], json!({ "certResolver": "le" }));
        for wrong in ["middlewares=x", "middleware=", "x"] {
            assert!(Options::parse(wrong).is_err(), "{wrong}");
        }
    }
}
