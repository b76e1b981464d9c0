//! A private certificate authority for host names of tests, with one server certificate for all of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PublicKeyData};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};

/// The default names in the certificate, of several registrable domains.
pub const TEST_NAMES: [&str; 7] = [
    "*.example.test",
    "example.test",
    "*.example-two.test",
    "*.other.test",
    "*.localhost",
    "localhost",
    "127.0.0.1",
];

/// An authority, and the server certificate that it signed.
#[derive(Debug, Clone)]
pub struct Authority {
    ca_pem: String,
    certificate_pem: String,
    key_pem: String,
    spki_sha256: String,
}

impl Authority {
    /// Makes an authority with a server certificate for [`TEST_NAMES`].
    pub fn new() -> Self {
        Self::for_names(TEST_NAMES)
    }

    /// Makes an authority with a server certificate for `names`, which may be wildcards and IP addresses.
    ///
    /// # Panics
    /// If a name is not valid in a certificate.
    pub fn for_names(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.distinguished_name.push(DnType::CommonName, "Gatepost test authority");
        let ca_key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(ca, ca_key).expect("an authority");
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let mut params = CertificateParams::new(names).expect("names of a certificate");
        params.distinguished_name.push(DnType::CommonName, "Gatepost test server");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        Self {
            ca_pem: issuer.pem(),
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            spki_sha256: STANDARD.encode(Sha256::digest(key.subject_public_key_info())),
        }
    }

    /// An authority whose own certificate is also the server's.
    pub(super) fn self_signed(certificate_pem: String, key_pem: String) -> Self {
        let key = KeyPair::from_pem(&key_pem).expect("a key");
        Self {
            ca_pem: certificate_pem.clone(),
            certificate_pem,
            key_pem,
            spki_sha256: STANDARD.encode(Sha256::digest(key.subject_public_key_info())),
        }
    }

    /// The authority's certificate, which clients must trust.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The SHA-256 of the server's public key in base64, as Chromium pins it.
    pub fn spki_sha256(&self) -> &str {
        &self.spki_sha256
    }

    /// Writes `ca.pem`, `server.pem` and `server.key`, and returns the paths of the last two.
    ///
    /// # Panics
    /// If the files cannot be written.
    pub fn write(&self, folder: &Path) -> (PathBuf, PathBuf) {
        let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
        std::fs::write(folder.join("ca.pem"), &self.ca_pem).expect("the folder is ours");
        std::fs::write(&certificate, &self.certificate_pem).expect("the folder is ours");
        std::fs::write(&key, &self.key_pem).expect("the folder is ours");
        (certificate, key)
    }

    /// What a server of Redis needs to be told to speak TLS on a port of its own, each with its value. Clients need no
    /// certificate.
    pub(super) fn redis_settings(&self, folder: &Path, port: u16) -> [[String; 2]; 5] {
        let (certificate, key) = self.write(folder);
        [
            ["tls-auth-clients", "no"].map(str::to_owned),
            ["tls-cert-file".to_owned(), certificate.display().to_string()],
            ["tls-key-file".to_owned(), key.display().to_string()],
            ["tls-ca-cert-file".to_owned(), folder.join("ca.pem").display().to_string()],
            ["tls-port".to_owned(), port.to_string()],
        ]
    }

    /// The TLS configuration of a server with this certificate, for HTTP/1.1 only.
    ///
    /// # Panics
    /// If rustls refuses the certificate.
    pub fn server_config(&self) -> Arc<rustls::ServerConfig> {
        let certificate =
            CertificateDer::from_pem_slice(self.certificate_pem.as_bytes()).expect("our certificate");
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).expect("our key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring's protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("certificate and key belong together");
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

/// Makes a client certificate for an RSA key (PKCS#8 PEM) that is valid between two times, in seconds since the epoch.
///
/// # Panics
/// If the key or a time is not valid in a certificate.
pub fn client_certificate(key_pem: &str, from: i64, until: i64) -> String {
    let at = |seconds| time::OffsetDateTime::from_unix_timestamp(seconds).expect("a date");
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) = (at(from), at(until));
    let key = KeyPair::from_pem(key_pem).expect("an RSA key");
    params.self_signed(&key).expect("a certificate").pem()
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
