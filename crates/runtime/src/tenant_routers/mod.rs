//! The routers of tenants' hosts: as a dynamic configuration of Traefik, for its HTTP provider and as a file, and as files for
//! nginx and Caddy.
//!
//! Whoever writes tenants can have a host lead to an upstream of `GATEPOST_SERVICES`, and to nothing else. Of what tenants
//! write only the host gets into the configuration, and a [`HostName`] has no character that means anything in a rule.

mod caddy;
mod file_options;
mod nginx;

pub use file_options::FileOptions;

use crate::site::Site;
use gatepost_core::host::HostName;
use gatepost_core::ids::ServiceName;
use gatepost_core::router_options::RouterOptions;
use gatepost_store::directory::{Directory, DirectoryError};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// The middleware that holds the chain of [`RouterOptions`]: it is there once, however many routers there are.
const CHAIN: &str = "tenants";

/// The active hosts of tenants that lead to an upstream, by name.
#[derive(Debug)]
pub struct TenantRouters<'a> {
    hosts: BTreeMap<HostName, (ServiceName, &'a Url)>,
    /// Hosts whose service the configuration does not have. They get no router.
    pub unrouted: Vec<(HostName, ServiceName)>,
}

impl<'a> TenantRouters<'a> {
    /// Reads which hosts lead where. A host that the configuration names is no tenant's.
    ///
    /// # Errors
    /// [`DirectoryError`]: the directory cannot say it.
    pub async fn read(site: &'a Site, directory: &Directory) -> Result<Self, DirectoryError> {
        let read = directory.read_tenant_routes().await?;
        let hosts = read.into_iter().filter(|(host, _)| site.hosts.origin_of_tenant(host.clone()).is_some());
        Ok(Self::new(hosts, &site.config.services))
    }

    fn new(
        hosts: impl Iterator<Item = (HostName, ServiceName)>,
        upstreams: &'a BTreeMap<ServiceName, Url>,
    ) -> Self {
        let mut routers = Self { hosts: BTreeMap::new(), unrouted: Vec::new() };
        for (host, service) in hosts {
            match upstreams.get(&service) {
                Some(upstream) => drop(routers.hosts.insert(host, (service, upstream))),
                None => routers.unrouted.push((host, service)),
            }
        }
        routers.unrouted.sort();
        routers
    }

    /// The number of routers.
    pub fn count(&self) -> usize {
        self.hosts.len()
    }

    /// The dynamic configuration: whole, and always in the same order, because Traefik compares it with the last one.
    pub fn configuration(&self, options: &RouterOptions) -> Value {
        let tls = match &options.cert_resolver {
            Some(resolver) => json!({ "certResolver": resolver }),
            None => json!({}),
        };
        let (mut routers, mut named) = (Map::new(), BTreeSet::new());
        for (host, (service, upstream)) in &self.hosts {
            let router = json!({
                "rule": format!("Host(`{host}`)"),
                "entryPoints": options.entry_points,
                "middlewares": [CHAIN],
                "service": service_name(service),
                "tls": tls,
            });
            routers.insert(format!("tenant-{host}"), router);
            named.insert((service, *upstream));
        }
        let mut http =
            json!({ "middlewares": { CHAIN: { "chain": { "middlewares": options.middlewares } } } });
        // Traefik refuses an empty map.
        if !routers.is_empty() {
            http["routers"] = routers.into();
            http["services"] =
                named.into_iter().map(|(name, url)| (service_name(name), load_balancer(url))).collect();
        }
        json!({ "http": http })
    }
}

fn service_name(service: &ServiceName) -> String {
    format!("tenants-{service}")
}

fn load_balancer(upstream: &Url) -> Value {
    json!({ "loadBalancer": { "servers": [{ "url": upstream.as_str().trim_end_matches('/') }] } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstreams() -> BTreeMap<ServiceName, Url> {
        [("chat".parse().expect("a name"), Url::parse("http://chat:8080").expect("an address"))].into()
    }

    fn found(pairs: &[(&str, &str)], query: &str) -> Value {
        let upstreams = upstreams();
        let pair = |(host, service): &(&str, &str)| {
            (host.parse().expect("a host"), service.parse().expect("a name"))
        };
        let routers = TenantRouters::new(pairs.iter().map(pair), &upstreams);
        routers.configuration(&RouterOptions::parse(query).expect("a query"))
    }

    #[test]
    fn each_host_has_a_router_behind_the_gate_to_an_upstream_of_the_configuration() {
        let found = found(&[("b.example.net", "other"), ("a.example.net", "chat")], "cert_resolver=le");
        let router = json!({
            "rule": "Host(`a.example.net`)", "entryPoints": ["websecure"], "middlewares": ["tenants"],
            "service": "tenants-chat", "tls": { "certResolver": "le" },
        });
        assert_eq!(found["http"]["routers"], json!({ "tenant-a.example.net": router }));
        let upstream =
            json!({ "tenants-chat": { "loadBalancer": { "servers": [{ "url": "http://chat:8080" }] } } });
        assert_eq!(found["http"]["services"], upstream);
    }

    #[test]
    fn without_a_router_the_configuration_has_the_chain_alone() {
        let chain = json!({ "tenants": { "chain": { "middlewares": ["gatepost@file", "hsts@file"] } } });
        assert_eq!(found(&[], "middleware=hsts@file"), json!({ "http": { "middlewares": chain } }));
    }

    #[test]
    fn no_text_that_means_something_in_a_rule_is_a_host_or_the_name_of_an_upstream() {
        let texts = [
            "a`) || Host(`b",
            "a.example`",
            "*.example.net",
            "a.example || b",
            "a\n.example",
            "{a:.*}.example",
            "a/b",
            "a@file",
            "a,b",
        ];
        for text in texts {
            assert!(text.parse::<HostName>().is_err(), "{text}");
            assert!(text.parse::<ServiceName>().is_err(), "{text}");
        }
    }
}
