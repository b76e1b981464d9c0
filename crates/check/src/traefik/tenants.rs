//! Checks the HTTP provider by which Traefik asks Gatepost for the routers of tenants' hosts (docs/tenants.md).

use super::setup::{Link, Setup, Spot, is_gatepost};
use super::site::Site;
use crate::finding::{Finding, codes};
use gatepost_core::router_options::RouterOptions;
use url::Url;

codes! {
    TENANTS_QUERY = Error "traefik-tenants-query":
        "Gatepost answers 400, and hosts of tenants get no routers.",
        "Correct the query of providers.http.endpoint: middleware, gate, entry_point, cert_resolver.";
    TENANTS_OPEN = Error "traefik-tenants-open":
        "Every host of a tenant is open to everybody, because no middleware of its router calls Gatepost.",
        "Let gate in the query of providers.http.endpoint name the middleware that calls Gatepost.";
    TENANTS_UNKNOWN = Error "traefik-tenants-unknown":
        "Traefik leaves out the routers of tenants' hosts, and their hosts answer 404.",
        "Write names in the query of providers.http.endpoint that Traefik's configuration has, those of middlewares with their provider, as in gatepost@file.";
    TENANTS_TLS = Error "traefik-tenants-tls":
        "Traefik cannot ask Gatepost, and hosts of tenants get no routers.",
        "With GATEPOST_INTERNAL_TLS write https in providers.http.endpoint, and set tls.ca, tls.cert and tls.key beside it; without it write http.";
}

/// An HTTP provider that asks Gatepost.
struct Provider<'a> {
    spot: Spot<'a>,
    endpoint: Spot<'a>,
    url: Url,
}

fn providers<'a>(setup: &Setup<'a>) -> impl Iterator<Item = Provider<'a>> {
    setup.statics().filter_map(|root| {
        let spot = root.at("providers.http")?;
        let endpoint = spot.get("endpoint")?;
        let url = Url::parse(endpoint.node.text()?).ok()?;
        let is_ours = url.path() == "/traefik" || url.host_str().is_some_and(is_gatepost);
        is_ours.then_some(Provider { spot, endpoint, url })
    })
}

/// The middlewares of these routers, as `name@provider`.
pub(super) fn middlewares(setup: &Setup<'_>) -> Vec<String> {
    let options =
        |provider: Provider<'_>| RouterOptions::parse(provider.url.query().unwrap_or_default()).ok();
    providers(setup).filter_map(options).flat_map(|options| options.middlewares).collect()
}

pub(super) fn inspect(setup: &Setup<'_>, site: Option<&Site<'_>>, findings: &mut Vec<Finding>) {
    for provider in providers(setup) {
        if let Some(site) = site {
            check_connection(&provider, site, findings);
        }
        match RouterOptions::parse(provider.url.query().unwrap_or_default()) {
            Ok(options) => {
                check_names(setup, &provider, &options, findings);
                check_gate(setup, &provider, &options, findings);
            }
            Err(error) => {
                findings
                    .push(TENANTS_QUERY.at(provider.endpoint.place(), format!("The query says: {error}.")));
            }
        }
    }
}

fn check_connection(provider: &Provider<'_>, site: &Site<'_>, findings: &mut Vec<Finding>) {
    let is_tls = provider.url.scheme() == "https";
    let found = if site.has_tls == is_tls {
        let is_unverified =
            provider.spot.at("tls.insecureSkipVerify").is_some_and(|flag| flag.node.is_true());
        let is_missing = |path: &&str| {
            provider.spot.at(path).is_none_or(|file| file.node.text().is_none_or(str::is_empty))
        };
        let wanted = ["tls.ca", "tls.cert", "tls.key"];
        let missing: Vec<&str> = wanted
            .into_iter()
            .filter(|path| !(is_unverified && *path == "tls.ca"))
            .filter(is_missing)
            .collect();
        (is_tls && !missing.is_empty()).then(|| format!("There is no {}.", missing.join(", no ")))
    } else {
        let set = if site.has_tls { "set" } else { "not set" };
        Some(format!("The endpoint is {}, but GATEPOST_INTERNAL_TLS is {set}.", provider.url.scheme()))
    };
    findings.extend(found.map(|found| TENANTS_TLS.at(provider.endpoint.place(), found)));
}

fn check_names(
    setup: &Setup<'_>,
    provider: &Provider<'_>,
    options: &RouterOptions,
    findings: &mut Vec<Finding>,
) {
    let mut unknown = Vec::new();
    for name in &options.middlewares {
        match name.split_once('@') {
            None => unknown.push(format!("The middleware {name} has no provider.")),
            // Without a file of this provider, nobody can tell whether the middleware exists.
            Some((_, of)) if setup.has_provider(of) && setup.find_middleware(name, "http").is_none() => {
                unknown.push(format!("No given file defines the middleware {name}."));
            }
            Some(_) => {}
        }
    }
    for name in &options.entry_points {
        if !setup.entry_points.iter().any(|point| point.name.eq_ignore_ascii_case(name)) {
            unknown.push(format!("There is no entry point {name}."));
        }
    }
    let resolvers = setup.statics().filter_map(|root| root.get("certificatesResolvers"));
    let has = |name: &str| resolvers.flat_map(Spot::entries).any(|(own, _)| own.eq_ignore_ascii_case(name));
    if let Some(name) = options.cert_resolver.as_deref()
        && !has(name)
    {
        unknown.push(format!("There is no certificate resolver {name}."));
    }
    findings.extend(unknown.into_iter().map(|found| TENANTS_UNKNOWN.at(provider.endpoint.place(), found)));
}

fn check_gate(
    setup: &Setup<'_>,
    provider: &Provider<'_>,
    options: &RouterOptions,
    findings: &mut Vec<Finding>,
) {
    let Some(middleware) = setup.find_middleware(&options.gate, "http") else { return };
    let mut links = Vec::new();
    match middleware.spot.at("chain.middlewares") {
        Some(inner) => setup.follow(inner, middleware.provider, &mut links, 1),
        None => links.push(Link::Known(middleware)),
    }
    if !links.iter().any(|link| matches!(link, Link::Known(one) if one.gate().is_some())) {
        let found = format!("The middleware {} does not call Gatepost.", options.gate);
        findings.push(TENANTS_OPEN.at(provider.endpoint.place(), found));
    }
}
