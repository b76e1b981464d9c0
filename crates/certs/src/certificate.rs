//! Reads a certificate from its PEM file, and verifies it against an authority.

use super::files;
use super::{CertsError, Name, Role};
use gatepost_core::clock::Timestamp;
use rustls::RootCertStore;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

const CERTIFICATE: &str = "certificate";

/// The first certificate of a file, with the rest of the file as its chain.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    pub path: PathBuf,
    pub chain: Vec<CertificateDer<'static>>,
    /// The subject alternative names.
    pub names: BTreeSet<Name>,
    /// The names that an authority may sign for (RFC 5280 section 4.2.1.10).
    pub permitted: BTreeSet<Name>,
    pub common_name: String,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    is_authority: bool,
}

impl Certificate {
    /// `None` if the file does not exist.
    pub fn find(path: &Path) -> Result<Option<Self>, CertsError> {
        files::find_certificate(path)?.map(|text| Self::parse(path, &text)).transpose()
    }

    pub fn parse(path: &Path, text: &str) -> Result<Self, CertsError> {
        let malformed = || CertsError::Malformed { path: path.to_owned(), expected: CERTIFICATE };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(text.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|_| malformed())?;
        let first = chain.first().ok_or_else(malformed)?;
        let (_, parsed) = X509Certificate::from_der(first).map_err(|_| malformed())?;
        let common_name = parsed.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        Ok(Self {
            path: path.to_owned(),
            names: subject_names(&parsed).ok_or_else(malformed)?,
            permitted: permitted_names(&parsed).ok_or_else(malformed)?,
            common_name: common_name.unwrap_or_default().to_owned(),
            not_before: Timestamp::from_unix(parsed.validity().not_before.timestamp()),
            not_after: Timestamp::from_unix(parsed.validity().not_after.timestamp()),
            is_authority: parsed.is_ca(),
            chain,
        })
    }

    /// Whether at most a third of its lifetime is left.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let lifetime = self.not_after.since(self.not_before);
        now >= self.not_after.minus(lifetime / 3)
    }

    /// Returns [`CertsError::Expired`] after the last second of its validity.
    pub fn check_time(&self, now: Timestamp) -> Result<(), CertsError> {
        if now <= self.not_after {
            Ok(())
        } else {
            Err(CertsError::Expired { path: self.path.clone(), at: self.not_after })
        }
    }
}

/// An authority whose certificate is valid now.
pub(super) struct Authority<'a> {
    certificate: &'a Certificate,
    pub roots: Arc<RootCertStore>,
    provider: &'a Arc<CryptoProvider>,
    now: Timestamp,
}

impl<'a> Authority<'a> {
    /// Refuses a certificate that is not an authority or has expired: rustls does not check the dates of trust anchors.
    pub fn new(
        certificate: &'a Certificate,
        provider: &'a Arc<CryptoProvider>,
        now: Timestamp,
    ) -> Result<Self, CertsError> {
        certificate.check_time(now)?;
        let malformed = || CertsError::Malformed {
            path: certificate.path.clone(),
            expected: "certificate of an authority",
        };
        if !certificate.is_authority {
            return Err(malformed());
        }
        let mut roots = RootCertStore::empty();
        for der in &certificate.chain {
            roots.add(der.clone()).map_err(|_| malformed())?;
        }
        Ok(Self { certificate, roots: Arc::new(roots), provider, now })
    }

    /// Verifies signature, dates, purpose and name constraints of `certificate`, used as `role`.
    pub fn check(&self, certificate: &Certificate, role: Role) -> Result<(), CertsError> {
        certificate.check_time(self.now)?;
        self.verify(certificate, role).map_err(|cause| CertsError::Refused {
            path: certificate.path.clone(),
            authority: self.certificate.path.clone(),
            cause,
        })
    }

    fn verify(&self, certificate: &Certificate, role: Role) -> Result<(), rustls::Error> {
        let seconds = u64::try_from(self.now.unix()).unwrap_or(0);
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let Some((end_entity, intermediates)) = certificate.chain.split_first() else {
            return Err(rustls::Error::NoCertificatesPresented);
        };
        if role == Role::Client {
            let provider = Arc::clone(self.provider);
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.roots), provider).build();
            let verifier = verifier.map_err(|error| rustls::Error::General(error.to_string()))?;
            return verifier.verify_client_cert(end_entity, intermediates, now).map(drop);
        }
        let end_entity = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&end_entity, &self.roots, intermediates, now, algorithms)
    }
}

fn subject_names(parsed: &X509Certificate<'_>) -> Option<BTreeSet<Name>> {
    let names = parsed.subject_alternative_name().ok()?;
    Some(names.map(|names| names.value.general_names.iter().filter_map(name)).into_iter().flatten().collect())
}

fn permitted_names(parsed: &X509Certificate<'_>) -> Option<BTreeSet<Name>> {
    let constraints = parsed.name_constraints().ok()?;
    let permitted = constraints.and_then(|constraints| constraints.value.permitted_subtrees.as_ref());
    Some(permitted.into_iter().flatten().filter_map(|subtree| name(&subtree.base)).collect())
}

/// A subtree of addresses has a mask behind the address. It is ignored: the masks that Gatepost writes are full.
fn name(name: &GeneralName<'_>) -> Option<Name> {
    match name {
        GeneralName::DNSName(name) => name.parse().ok(),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 | 8 => {
                <[u8; 4]>::try_from(&bytes[..4]).ok().map(|bytes| Name::Ip(IpAddr::V4(Ipv4Addr::from(bytes))))
            }
            16 | 32 => <[u8; 16]>::try_from(&bytes[..16])
                .ok()
                .map(|bytes| Name::Ip(IpAddr::V6(Ipv6Addr::from(bytes)))),
            _ => None,
        },
        _ => None,
    }
}
