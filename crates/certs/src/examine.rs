//! Looks at certificates and changes nothing, for `gatepost check`: those of the folder, and those that Traefik has.

use super::certificate::{Authority, Certificate};
use super::pair::{Pair, certify};
use super::upkeep::{State, state};
use super::{CertsError, Role};
use gatepost_core::clock::Timestamp;
use rustls::crypto::{CryptoProvider, ring};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A file of Traefik's, or what stands in its configuration instead.
#[derive(Debug)]
pub struct Material {
    /// Where it lies.
    pub path: PathBuf,
    /// What it holds, as PEM.
    pub text: Zeroizing<String>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Examined {
    /// The certificates that can be read.
    pub states: Vec<State>,
    /// What is wrong, each once.
    pub faults: Vec<CertsError>,
}

impl Examined {
    /// Notes a fault; says what there is without one.
    fn keep<T>(&mut self, result: Result<T, CertsError>) -> Option<T> {
        result.map_err(|fault| self.faults.push(fault)).ok()
    }

    fn check(
        &mut self,
        certificate: &Certificate,
        role: Role,
        authority: Option<&Authority<'_>>,
        now: Timestamp,
    ) {
        self.states.push(state(role, certificate, None));
        self.keep(match authority {
            Some(authority) => authority.check(certificate, role),
            None => certificate.check_time(now),
        });
    }
}

/// The folder that `GATEPOST_INTERNAL_TLS` names. Traefik's pair may lie elsewhere alone.
pub fn examine(folder: &Path, now: Timestamp) -> Examined {
    let mut examined = Examined::default();
    if !folder.is_dir() {
        examined.faults.push(CertsError::NoFolder(folder.to_owned()));
        return examined;
    }
    let provider = Arc::new(ring::default_provider());
    let mut read = |role| examined.keep(Pair::read(folder, role, &provider));
    let [authority, server, client] = [read(Role::Authority), read(Role::Server), read(Role::Client)];
    for pair in [&authority, &server].into_iter().flatten().filter(|pair| pair.certificate.is_none()) {
        examined.faults.push(CertsError::Missing(pair.certificate_path.clone()));
    }
    for pair in server.iter().filter(|pair| !pair.has_key()) {
        examined.faults.push(CertsError::Missing(pair.key_path.clone()));
    }
    let certificate = authority.as_ref().and_then(|pair| pair.certificate.as_ref());
    let authority = certificate.and_then(|certificate| {
        examined.states.push(state(Role::Authority, certificate, None));
        examined.keep(Authority::new(certificate, &provider, now))
    });
    for (role, pair) in [(Role::Server, &server), (Role::Client, &client)] {
        if let Some(certificate) = pair.as_ref().and_then(|pair| pair.certificate.as_ref()) {
            examined.check(certificate, role, authority.as_ref(), now);
        }
    }
    examined
}

/// The certificate that Traefik shows, and its key, under the folder's authority. A folder without one was found before.
pub fn examine_client(
    folder: &Path,
    certificate: &Material,
    key: Option<&Material>,
    now: Timestamp,
) -> Examined {
    let mut examined = Examined::default();
    let provider = Arc::new(ring::default_provider());
    let Some(certificate) = examined.keep(Certificate::parse(&certificate.path, &certificate.text)) else {
        return examined;
    };
    if let Some(key) = key {
        examined.keep(certify(&certificate, &key.path, &key.text, &provider));
    }
    let ours = find(folder, Role::Authority);
    let authority = ours.as_ref().and_then(|ours| Authority::new(ours, &provider, now).ok());
    examined.check(&certificate, Role::Client, authority.as_ref(), now);
    examined
}

/// The authority that Traefik trusts, and whether the folder's server is good under it.
pub fn examine_trust(folder: &Path, authority: &Material, now: Timestamp) -> Examined {
    let mut examined = Examined::default();
    let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
    let Some(trusted) = examined.keep(Certificate::parse(&authority.path, &authority.text)) else {
        return examined;
    };
    examined.states.push(state(Role::Authority, &trusted, None));
    let authority = examined.keep(Authority::new(&trusted, &provider, now));
    // What is wrong with the server's own dates was found in the folder.
    let server = find(folder, Role::Server).filter(|server| server.check_time(now).is_ok());
    if let (Some(authority), Some(server)) = (authority, server) {
        examined.keep(authority.check(&server, Role::Server));
    }
    examined
}

fn find(folder: &Path, role: Role) -> Option<Certificate> {
    Certificate::find(&role.certificate_in(folder)).ok().flatten()
}
