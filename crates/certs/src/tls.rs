//! TLS to the provider, Redis and Postgres: which authorities Gatepost trusts, and why a handshake failed.
//!
//! Three libraries use rustls and wrap its errors, each in its own way. [`explain`] finds the error of rustls in any of
//! them, and says what is wrong and how to fix it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost_core::calendar::minute;
use gatepost_core::clock::Timestamp;
use rustls::pki_types::{CertificateDer, UnixTime, pem::PemObject};
use rustls::{AlertDescription, CertificateError, RootCertStore};
use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;

const BYTE_ORDER_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];

/// Reads the PEM text of `GATEPOST_CA_FILE`, without the byte order mark that some editors write.
///
/// # Errors
/// The file cannot be read.
pub fn read_authorities(file: &Path) -> io::Result<Vec<u8>> {
    let bytes = std::fs::read(file)?;
    Ok(bytes.strip_prefix(BYTE_ORDER_MARK).map(<[u8]>::to_vec).unwrap_or(bytes))
}

/// Adds the authorities of the operating system to this PEM text: for a library that otherwise replaces them by it.
pub fn with_system(authorities: Vec<u8>) -> Vec<u8> {
    let mut all = authorities;
    for certificate in rustls_native_certs::load_native_certs().certs {
        // Skip an authority that rustls cannot parse, so that the others are still used.
        if RootCertStore::empty().add(certificate.clone()).is_ok() {
            all.extend(pem(&certificate));
        }
    }
    all
}

fn pem(certificate: &CertificateDer<'_>) -> Vec<u8> {
    let text = STANDARD.encode(certificate);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("\n-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n")).into_bytes()
}

/// Parses the certificates in a PEM text.
///
/// # Errors
/// The text is not PEM.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, rustls::pki_types::pem::Error> {
    CertificateDer::pem_slice_iter(pem).collect()
}

/// Postgres was asked for TLS and refused. `gatepost-store` puts this among the sources of its errors, because the
/// database library has no type for it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("server does not support TLS")]
pub struct TlsRefused;

/// Why TLS failed, for the person who fixes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFault {
    /// A sentence that says what is wrong.
    pub found: String,
    /// A sentence that says what to do.
    pub fix: String,
}

impl std::fmt::Display for TlsFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.found, self.fix)
    }
}

/// Says why TLS failed, if the error or one of its sources is about TLS.
pub fn explain(error: &(dyn Error + 'static)) -> Option<TlsFault> {
    let (found, fix) = match find(error)? {
        Cause::Tls(error) => of_tls(error),
        Cause::Refused => (
            "The server does not speak TLS.".to_owned(),
            "Turn TLS on there (ssl = on in postgresql.conf), or correct host and port.",
        ),
    };
    Some(TlsFault { found, fix: fix.to_owned() })
}

enum Cause<'a> {
    Tls(&'a rustls::Error),
    Refused,
}

fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<Cause<'a>> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(Cause::Tls(error));
        }
        // `source` of these two skips the error that they contain.
        if let Some(held) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            return find(held);
        }
        if let Some(shared) = error.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
            return find(&**shared);
        }
        if error.is::<TlsRefused>() {
            return Some(Cause::Refused);
        }
        next = error.source();
    }
    None
}

fn of_tls(error: &rustls::Error) -> (String, &'static str) {
    use AlertDescription as Alert;
    let found = match error {
        rustls::Error::InvalidCertificate(error) => return of_certificate(error),
        rustls::Error::InvalidMessage(_) => {
            return (
                "The server at this address does not speak TLS.".to_owned(),
                "Correct host and port, or turn TLS on there (Redis: tls-port).",
            );
        }
        rustls::Error::AlertReceived(
            Alert::CertificateRequired | Alert::BadCertificate | Alert::UnknownCA | Alert::AccessDenied,
        ) => {
            return (
                "The server asks for a client certificate, and Gatepost presents none that it accepts."
                    .to_owned(),
                "Redis: set tls-auth-clients no, because Gatepost signs in with a password. Postgres: set sslcert and sslkey in DATABASE_URL.",
            );
        }
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(
            Alert::ProtocolVersion | Alert::HandshakeFailure | Alert::InsufficientSecurity,
        ) => {
            return (
                "The server and Gatepost support no common TLS version and cipher suite.".to_owned(),
                "Enable TLS 1.2 or 1.3 on the server.",
            );
        }
        other => format!("TLS failed: {other}."),
    };
    (found, "Read the log of the server, and check host and port.")
}

fn of_certificate(error: &CertificateError) -> (String, &'static str) {
    let (found, fix) = match error {
        CertificateError::UnknownIssuer => (
            "was signed by an authority that Gatepost does not trust".to_owned(),
            "Put that authority's certificate (PEM) into the file of GATEPOST_CA_FILE; of a self-signed certificate, the certificate itself.",
        ),
        CertificateError::ExpiredContext { not_after, .. } => (
            format!("expired on {} UTC", day(*not_after)),
            "Renew it. If it is still valid, correct this machine's clock.",
        ),
        CertificateError::NotValidYetContext { not_before, .. } => (
            format!("is not valid before {} UTC", day(*not_before)),
            "Correct the clock of this machine, or of the machine that issued the certificate.",
        ),
        CertificateError::Expired | CertificateError::NotValidYet => {
            ("is not valid today".to_owned(), "Renew it. If it is still valid, correct this machine's clock.")
        }
        CertificateError::NotValidForNameContext { expected, presented } => (
            format!("is for {}, not for {}", names(presented), expected.to_str()),
            "Use a host that the certificate names, or issue a certificate with this host in subjectAltName.",
        ),
        CertificateError::InvalidPurposeContext { .. } | CertificateError::InvalidPurpose => (
            "is not for servers (extendedKeyUsage)".to_owned(),
            "Issue it with extendedKeyUsage=serverAuth, or without that extension.",
        ),
        CertificateError::BadSignature => (
            "was not signed by the authority that it names as its issuer".to_owned(),
            "Put the authority's present certificate into the file of GATEPOST_CA_FILE: the file has another one of the same name.",
        ),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => (
            "is signed with an algorithm that is not supported, such as SHA-1".to_owned(),
            "Issue it again, signed with SHA-256 and an ECDSA P-256 key or an RSA key of at least 2048 bits.",
        ),
        CertificateError::Other(other) => return of_other(&format!("{other:?}")),
        other => (
            format!("is refused: {other}"),
            "Issue it again: version 3, with subjectAltName, signed by an authority of GATEPOST_CA_FILE.",
        ),
    };
    (format!("The server's certificate {found}."), fix)
}

/// Errors of the certificate library that rustls passes on without a variant of its own: only their text differs.
fn of_other(text: &str) -> (String, &'static str) {
    if text.contains("CaUsedAsEndEntity") {
        return (
            "The server's certificate is an authority's (CA:TRUE, as `openssl req -x509` makes it), and a server must not present one.".to_owned(),
            "Issue it with -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:HOST, or sign a certificate for the server with that authority. GATEPOST_CA_FILE names the file of the authority to trust.",
        );
    }
    if text.contains("UnsupportedCertVersion") {
        return (
            "The server's certificate has version 1 of X.509, which names no hosts.".to_owned(),
            "Issue it with version 3: `openssl x509 -req` needs -extfile with subjectAltName=DNS:HOST.",
        );
    }
    (
        format!("The server's certificate is refused: {text}."),
        "Issue it again: version 3, with subjectAltName, signed by an authority of GATEPOST_CA_FILE.",
    )
}

fn day(at: UnixTime) -> String {
    minute(Timestamp::from_unix(i64::try_from(at.as_secs()).unwrap_or(i64::MAX)))
}

/// The names in a certificate. rustls formats them as `DnsName("example.com")`.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
    let names: Vec<String> = presented.iter().take(5).map(bare).collect();
    if names.is_empty() { "no host".to_owned() } else { names.join(", ") }
}
