//! Examines the certificates of the folder and those of Traefik for `gatepost check`. Changes nothing.

use super::certificate::{Authority, Certificate};
use super::pair::{Pair, certify};
use super::upkeep::{State, state};
use super::{CertsError, Role};
use gatepost_core::clock::Timestamp;
use rustls::crypto::{CryptoProvider, ring};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A certificate or key of Traefik: a file, or the PEM text in its configuration.
#[derive(Debug)]
pub struct Material {
    /// The file.
    pub path: PathBuf,
    /// Its content in PEM form.
    pub text: Zeroizing<String>,
}

/// The result of an examination.
#[derive(Debug, Default)]
pub struct Examination {
    /// The readable certificates.
    pub states: Vec<State>,
    /// All that is wrong, without repetition.
    pub faults: Vec<CertsError>,
}

impl Examination {
    /// Returns the value, or records the fault.
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

/// Examines the folder of `GATEPOST_INTERNAL_TLS`. Traefik's pair is optional there: it may be kept elsewhere only.
pub fn examine(folder: &Path, now: Timestamp) -> Examination {
    let mut examined = Examination::default();
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

/// Examines Traefik's client certificate and its key, under the authority of the folder. A missing authority is not
/// reported here, because [`examine`] reports it.
pub fn examine_client(
    folder: &Path,
    certificate: &Material,
    key: Option<&Material>,
    now: Timestamp,
) -> Examination {
    let mut examined = Examination::default();
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

/// Examines the authority that Traefik trusts, and verifies the server certificate of the folder under it.
pub fn examine_trust(folder: &Path, authority: &Material, now: Timestamp) -> Examination {
    let mut examined = Examination::default();
    let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
    let Some(trusted) = examined.keep(Certificate::parse(&authority.path, &authority.text)) else {
        return examined;
    };
    examined.states.push(state(Role::Authority, &trusted, None));
    let authority = examined.keep(Authority::new(&trusted, &provider, now));
    // `examine` reports an expired server certificate.
    let server = find(folder, Role::Server).filter(|server| server.check_time(now).is_ok());
    if let (Some(authority), Some(server)) = (authority, server) {
        examined.keep(authority.check(&server, Role::Server));
    }
    examined
}

fn find(folder: &Path, role: Role) -> Option<Certificate> {
    Certificate::find(&role.certificate_in(folder)).ok().flatten()
}
