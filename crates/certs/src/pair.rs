//! A certificate and its private key.

use super::certificate::Certificate;
use super::{CertsError, Role, files};
use rcgen::KeyPair;
use rustls::InconsistentKeys;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const KEY: &str = "private key";

/// The certificate and the key of a role, as far as the folder has them. If it has both, they match.
pub(super) struct Pair {
    pub certificate_path: PathBuf,
    pub key_path: PathBuf,
    pub certificate: Option<Certificate>,
    key: Option<Zeroizing<String>>,
}

impl Pair {
    pub fn read(folder: &Path, role: Role, provider: &CryptoProvider) -> Result<Self, CertsError> {
        let mut pair = Self::none(folder, role);
        pair.certificate = Certificate::find(&pair.certificate_path)?;
        pair.key = files::find_key(&pair.key_path)?;
        if let (Some(certificate), Some(key)) = (&pair.certificate, &pair.key) {
            certify(certificate, &pair.key_path, key, provider)?;
        }
        Ok(pair)
    }

    /// A pair without files, for replacing whatever exists.
    pub fn none(folder: &Path, role: Role) -> Self {
        let (certificate_path, key_path) = (role.certificate_in(folder), role.key_in(folder));
        Self { certificate_path, key_path, certificate: None, key: None }
    }

    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// The parsed private key, if there is one.
    pub fn key_pair(&self) -> Result<Option<KeyPair>, CertsError> {
        let malformed =
            |_| CertsError::Malformed { path: self.key_path.clone(), expected: "private key (PKCS#8)" };
        self.key.as_ref().map(|text| KeyPair::from_pem(text).map_err(malformed)).transpose()
    }
}

/// Combines certificate and key for rustls, after checking that they match.
pub(super) fn certify(
    certificate: &Certificate,
    key_path: &Path,
    key: &str,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, CertsError> {
    let malformed = || CertsError::Malformed { path: key_path.to_owned(), expected: KEY };
    let der = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| malformed())?;
    let signing_key = provider.key_provider.load_private_key(der).map_err(|_| malformed())?;
    let certified = CertifiedKey::new(certificate.chain.clone(), signing_key);
    match certified.keys_match() {
        Ok(()) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch | InconsistentKeys::Unknown)) => {
            Err(CertsError::Mismatch { certificate: certificate.path.clone(), key: key_path.to_owned() })
        }
        Err(cause) => Err(CertsError::Tls(cause)),
    }
}
