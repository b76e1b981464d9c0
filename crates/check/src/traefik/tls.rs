//! Whether a middleware speaks to the internal listener as that listens: plain, or by TLS with a certificate.

use super::Site;
use super::setup::{Setup, Spot};
use crate::finding::{Finding, Place, codes};
use url::Url;

codes! {
    ADDRESS_HTTP = Error "traefik-address-http":
        "The internal listener speaks TLS alone: every request is answered with an error.",
        "Write https in the address, and give tls.ca, tls.cert and tls.key; or remove GATEPOST_INTERNAL_TLS.";
    ADDRESS_HTTPS = Error "traefik-address-https":
        "The internal listener speaks plain http: every request is answered with an error.",
        "Set GATEPOST_INTERNAL_TLS to a folder that `gatepost certs` fills, or write http in the address.";
    TLS_INCOMPLETE = Error "traefik-tls-incomplete":
        "Traefik does not know Gatepost's authority, or cannot show who it is: every request is answered with an error.",
        "Give tls.ca, tls.cert and tls.key: the files that `gatepost certs --client-dir FOLDER` makes for Traefik.";
}

/// How one middleware reaches Gatepost.
#[derive(Debug)]
pub(crate) struct Gate {
    /// The address's host, as certificates name it.
    pub host: String,
    pub is_tls: bool,
    /// Traefik takes any certificate for Gatepost's.
    pub is_unverified: bool,
    /// Where its address stands.
    pub address: Place,
    /// Of Traefik's files or PEM texts, each with where it is named.
    pub authority: Option<(String, Place)>,
    pub certificate: Option<(String, Place)>,
    pub key: Option<(String, Place)>,
}

pub(super) fn look(setup: &Setup<'_>, site: Option<&Site<'_>>, findings: &mut Vec<Finding>) {
    let Some(site) = site else { return };
    for (_, spot) in setup.gates() {
        let Some(gate) = read(spot) else { continue };
        let scheme = |is: &str| format!("The address is {is}, and GATEPOST_INTERNAL_TLS is {}.", set(site));
        match (site.has_tls, gate.is_tls) {
            (true, false) => findings.push(ADDRESS_HTTP.at(gate.address, scheme("http"))),
            (false, true) => findings.push(ADDRESS_HTTPS.at(gate.address, scheme("https"))),
            (true, true) => incomplete(spot, &gate, findings),
            (false, false) => {}
        }
    }
}

const fn set(site: &Site<'_>) -> &'static str {
    if site.has_tls { "set" } else { "not set" }
}

fn incomplete(spot: Spot<'_>, gate: &Gate, findings: &mut Vec<Finding>) {
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

/// The middlewares whose addresses can be read.
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
