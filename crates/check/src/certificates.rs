//! Checks the certificates between Traefik and the internal listener: Gatepost's, and those of Traefik's files that can
//! be read here.

use super::finding::{Code, Finding, Place, codes, describe};
use super::traefik::Gate;
use gatepost_certs::{self as certs, CertsError, Examination, Material, Name, Role, State};
use gatepost_config::Config;
use gatepost_core::calendar::minute;
use gatepost_core::clock::Timestamp;
use std::path::{Path, PathBuf};
use std::time::Duration;

codes! {
    UNUSABLE = Error "certs-unusable":
        "Gatepost does not start, or Traefik does not reach it: every request is answered with an error.",
        "Put the right file in its place. `gatepost certs` creates missing files; `gatepost certs --force` creates all files again, for both sides.";
    EXPIRED = Error "certs-expired":
        "Traefik and Gatepost refuse each other: every request is answered with an error.",
        "Run `gatepost certs` where the authority's key is, copy Traefik's files to it, and let Traefik read them again.";
    EXPIRES = Warning "certs-expires":
        "The certificate should have been renewed automatically, and was not. When it has expired, every request is answered with an error.",
        "Run `gatepost certs` where the authority's key is, and copy Traefik's files to it. `serve` renews certificates itself where it may write to the folder.";
    AUTHORITY = Error "certs-authority":
        "Traefik and Gatepost refuse each other: every request is answered with an error.",
        "Give both sides files that were created together: run `gatepost certs --client-dir FOLDER` with Traefik's folder.";
    NAME = Error "certs-name":
        "Traefik refuses the connection: every request is answered with an error.",
        "Run `gatepost certs --name NAME` with every name under which Traefik reaches Gatepost.";
}

/// A certificate that expires within this time is a finding. `serve` renews earlier: when a third of the lifetime is
/// left.
const SOON: Duration = Duration::from_hours(14 * 24);

/// Checks the folder of Gatepost, and the files that the middlewares name.
pub(super) fn inspect(config: &Config, gates: &[Gate]) -> Vec<Finding> {
    let Some(folder) = &config.internal_tls else { return Vec::new() };
    let now = Timestamp::now();
    let examined = certs::examine(folder, now);
    let mut findings = judge(&examined, &Place::from("GATEPOST_INTERNAL_TLS"), now);
    if findings.is_empty() {
        findings.extend(fine(folder, &examined.states));
    }
    let server = examined.states.iter().find(|state| state.role == Role::Server);
    for gate in gates {
        findings.extend(server.and_then(|server| check_name(gate, server)));
        findings.extend(check_client_files(folder, gate, now));
    }
    findings
}

fn fine(folder: &Path, states: &[State]) -> Option<Finding> {
    let first = states.iter().min_by_key(|state| state.not_after)?;
    let found = format!("All are valid until {} UTC.", minute(first.not_after));
    Some(Finding::fine("certificates", folder.display().to_string(), found))
}

fn judge(examined: &Examination, place: &Place, now: Timestamp) -> Vec<Finding> {
    let faults = examined.faults.iter().map(|fault| code(fault).at(place.clone(), describe(fault)));
    let is_soon = |state: &&State| now <= state.not_after && state.not_after.since(now) < SOON;
    let soon = examined.states.iter().filter(is_soon).map(|state| {
        let found = format!("{} expires on {} UTC.", state.path.display(), minute(state.not_after));
        EXPIRES.at(place.clone(), found)
    });
    faults.chain(soon).collect()
}

const fn code(fault: &CertsError) -> &'static Code {
    match fault {
        CertsError::Expired { .. } => &EXPIRED,
        CertsError::Refused { .. } => &AUTHORITY,
        _ => &UNUSABLE,
    }
}

/// A finding if the server's certificate is not for the host in the middleware's address.
fn check_name(gate: &Gate, server: &State) -> Option<Finding> {
    if !gate.is_tls || gate.is_unverified {
        return None;
    }
    let host = gate.host.trim_matches(['[', ']']);
    let is_named = host.parse::<Name>().is_ok_and(|name| server.names.contains(&name));
    let names: Vec<String> = server.names.iter().map(ToString::to_string).collect();
    let found = format!("The server's certificate is for {}, not for {host}.", names.join(", "));
    (!is_named).then(|| NAME.at(gate.address.clone(), found))
}

/// Checks Traefik's certificate, key and authority, if they can be read here. Often they are only in Traefik's
/// container.
fn check_client_files(folder: &Path, gate: &Gate, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some((certificate, place)) = gate.certificate.as_ref().and_then(read) {
        let key = gate.key.as_ref().and_then(read);
        let examined = certs::examine_client(folder, &certificate, key.as_ref().map(|(key, _)| key), now);
        findings.extend(judge(&examined, place, now));
    }
    if let Some((authority, place)) = gate.authority.as_ref().filter(|_| !gate.is_unverified).and_then(read) {
        findings.extend(judge(&certs::examine_trust(folder, &authority, now), place, now));
    }
    findings
}

/// Reads a value that is a path, or the PEM text itself; `None` if the file cannot be read.
fn read((text, place): &(String, Place)) -> Option<(Material, &Place)> {
    if text.contains("-----BEGIN ") {
        let path = PathBuf::from(place.to_string());
        return Some((Material { path, text: text.clone().into() }, place));
    }
    let found = std::fs::read_to_string(text).ok()?;
    Some((Material { path: text.into(), text: found.into() }, place))
}
