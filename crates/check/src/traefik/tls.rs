//! Checks that each middleware calls the internal listener in the way in which it listens: over plain http, or over TLS
//! with a client certificate.

use super::setup::{Setup, Spot};
use super::site::Site;
use crate::finding::{Finding, Place, codes};
use url::Url;

codes! {
    ADDRESS_HTTP = Error "traefik-address-http":
        "The internal listener only speaks TLS, so every request is answered with an error.",
        "Write https in the address, and set tls.ca, tls.cert and tls.key; or remove GATEPOST_INTERNAL_TLS.";
    ADDRESS_HTTPS = Error "traefik-address-https":
        "The internal listener speaks plain http, so every request is answered with an error.",
        "Set GATEPOST_INTERNAL_TLS to a folder that `gatepost certs` fills, or write http in the address.";
    TLS_INCOMPLETE = Error "traefik-tls-incomplete":
        "Traefik does not trust Gatepost's certificate, or has no certificate of its own: every request is answered with an error.",
        "Set tls.ca, tls.cert and tls.key to the files that `gatepost certs --client-dir FOLDER` creates for Traefik.";
}

/// How one `forwardAuth` middleware reaches Gatepost.
#[derive(Debug)]
pub(crate) struct Gate {
    /// The host of the address, for which the server's certificate must be valid.
    pub host: String,
    pub is_tls: bool,
    /// Traefik does not verify Gatepost's certificate.
    pub is_unverified: bool,
    /// Where the address is written.
    pub address: Place,
    /// `tls.ca`: a path or a PEM text, and where it is written.
    pub authority: Option<(String, Place)>,
    /// `tls.cert`, in the same form.
    pub certificate: Option<(String, Place)>,
    /// `tls.key`, in the same form.
    pub key: Option<(String, Place)>,
}

pub(super) fn inspect(setup: &Setup<'_>, site: Option<&Site<'_>>, findings: &mut Vec<Finding>) {
    let Some(site) = site else { return };
    for (_, spot) in setup.gates().filter(|(_, spot)| !asks_traefik_itself(setup, *spot)) {
        let Some(gate) = read(spot) else { continue };
        let scheme = |is: &str| format!("The address is {is}, but GATEPOST_INTERNAL_TLS is {}.", set(site));
        match (site.has_tls, gate.is_tls) {
            (true, false) => findings.push(ADDRESS_HTTP.at(gate.address, scheme("http"))),
            (false, true) => findings.push(ADDRESS_HTTPS.at(gate.address, scheme("https"))),
            (true, true) => check_files_are_set(spot, &gate, findings),
            (false, false) => {}
        }
    }
}

/// Whether the address is an entry point of this Traefik on loopback, whose router leads to several replicas: then a
/// `serversTransport` has the certificates, not the middleware.
fn asks_traefik_itself(setup: &Setup<'_>, gate: Spot<'_>) -> bool {
    let url = gate.get("address").and_then(|address| Url::parse(address.node.text()?).ok());
    let Some(url) = url.filter(|url| url.scheme() == "http" && crate::loopback::is_on_this_machine(url))
    else {
        return false;
    };
    let asked = url.host_str().zip(url.port_or_known_default()).map(|(host, port)| format!("{host}:{port}"));
    setup.entry_points.iter().any(|point| {
        let address = point.spot.get("address").and_then(|address| address.node.text());
        address.is_some() && address == asked.as_deref()
    })
}

const fn set(site: &Site<'_>) -> &'static str {
    if site.has_tls { "set" } else { "not set" }
}

fn check_files_are_set(spot: Spot<'_>, gate: &Gate, findings: &mut Vec<Finding>) {
    let parts = [
        ("tls.ca", gate.authority.is_some() || gate.is_unverified),
        ("tls.cert", gate.certificate.is_some()),
        ("tls.key", gate.key.is_some()),
    ];
    let missing: Vec<&str> =
        parts.into_iter().filter(|(_, is_there)| !is_there).map(|(name, _)| name).collect();
    if !missing.is_empty() {
        let place = spot.get("tls").map_or_else(|| gate.address.clone(), Spot::place);
        findings.push(TLS_INCOMPLETE.at(place, format!("There is no {}.", missing.join(", no "))));
    }
}

/// Describes the middlewares whose addresses can be parsed.
pub(super) fn gates(setup: &Setup<'_>) -> Vec<Gate> {
    setup.gates().filter_map(|(_, spot)| read(spot)).collect()
}

fn read(gate: Spot<'_>) -> Option<Gate> {
    let address = gate.get("address")?;
    let url = Url::parse(address.node.text()?).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let named = |path: &str| {
        let spot = gate.at(path)?;
        let text = spot.node.text().filter(|text| !text.is_empty())?;
        Some((text.to_owned(), spot.place()))
    };
    Some(Gate {
        host: url.host_str()?.to_owned(),
        is_tls: url.scheme() == "https",
        is_unverified: gate.at("tls.insecureSkipVerify").is_some_and(|flag| flag.node.is_true()),
        address: address.place(),
        authority: named("tls.ca"),
        certificate: named("tls.cert"),
        key: named("tls.key"),
    })
}
