//! TLS to the provider, Redis and Postgres: whom Gatepost trusts, and what is wrong where TLS fails.
//!
//! Three libraries call one TLS implementation and wrap its errors, each in its own way. [`explain`] finds them again and
//! says for all of them what is wrong and what mends it.

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

/// The PEM text in the file of `GATEPOST_CA_FILE`, without the byte order mark that editors put first.
///
/// # Errors
/// The file cannot be read.
pub fn read_authorities(file: &Path) -> io::Result<Vec<u8>> {
    let bytes = std::fs::read(file)?;
    Ok(bytes.strip_prefix(BYTE_ORDER_MARK).map(<[u8]>::to_vec).unwrap_or(bytes))
}

/// The system's authorities and these, as one PEM text: for a library that would take these in place of the system's.
pub fn with_system(authorities: Vec<u8>) -> Vec<u8> {
    let mut all = authorities;
    for certificate in rustls_native_certs::load_native_certs().certs {
        // One that cannot be read must not keep the others from counting.
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

/// The certificates in a PEM text.
///
/// # Errors
/// One that is none.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, rustls::pki_types::pem::Error> {
    CertificateDer::pem_slice_iter(pem).collect()
}

/// Postgres was asked for TLS and refused. `gatepost-store` puts this among the sources of its errors, because the
/// database library has no type for it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("server does not support TLS")]
pub struct TlsRefused;

/// Why TLS failed, for the person who mends it; both are sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFault {
    /// What is wrong.
    pub found: String,
    /// What to do.
    pub mend: String,
}

impl std::fmt::Display for TlsFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.found, self.mend)
    }
}

/// Why TLS failed, where an error or one of its causes is about TLS.
pub fn explain(error: &(dyn Error + 'static)) -> Option<TlsFault> {
    let (found, mend) = match find(error)? {
        Cause::Tls(error) => of_tls(error),
        Cause::Refused => (
            "The server does not speak TLS.".to_owned(),
            "Turn TLS on there (ssl = on in postgresql.conf), or correct host and port.",
        ),
    };
    Some(TlsFault { found, mend: mend.to_owned() })
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
        // The source of these two is the source of what they hold, not what they hold.
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
                "What answers there does not speak TLS.".to_owned(),
                "Correct host and port, or turn TLS on there (Redis: tls-port).",
            );
        }
        rustls::Error::AlertReceived(
            Alert::CertificateRequired | Alert::BadCertificate | Alert::UnknownCA | Alert::AccessDenied,
        ) => {
            return (
                "The server wants a certificate of Gatepost's own.".to_owned(),
                "Redis: set tls-auth-clients no, Gatepost has a password. Postgres: give sslcert and sslkey in DATABASE_URL.",
            );
        }
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(
            Alert::ProtocolVersion | Alert::HandshakeFailure | Alert::InsufficientSecurity,
        ) => {
            return (
                "The server and Gatepost have no version and cipher of TLS in common.".to_owned(),
                "Let the server speak TLS 1.2 or 1.3.",
            );
        }
        other => format!("TLS failed: {other}."),
    };
    (found, "Look at the server's log, and whether host and port are right.")
}

fn of_certificate(error: &CertificateError) -> (String, &'static str) {
    let (found, mend) = match error {
        CertificateError::UnknownIssuer => (
            "was signed by an authority that Gatepost does not trust".to_owned(),
            "Put that authority's certificate (PEM) into the file of GATEPOST_CA_FILE; of a self-signed certificate, the certificate itself.",
        ),
        CertificateError::ExpiredContext { not_after, .. } => (
            format!("ended on {} UTC", day(*not_after)),
            "Renew it. If it is still good, correct this machine's clock.",
        ),
        CertificateError::NotValidYetContext { not_before, .. } => (
            format!("begins on {} UTC", day(*not_before)),
            "Correct the clock of this machine, or of the one where it was made.",
        ),
        CertificateError::Expired | CertificateError::NotValidYet => {
            ("is not valid today".to_owned(), "Renew it. If it is still good, correct this machine's clock.")
        }
        CertificateError::NotValidForNameContext { expected, presented } => (
            format!("is for {}, not for {}", names(presented), expected.to_str()),
            "Write a host that the certificate names, or make one whose subjectAltName has this host.",
        ),
        CertificateError::InvalidPurposeContext { .. } | CertificateError::InvalidPurpose => (
            "is not one for servers (extendedKeyUsage)".to_owned(),
            "Make it with extendedKeyUsage=serverAuth, or without that extension.",
        ),
        CertificateError::BadSignature => (
            "was not signed by the authority that it names".to_owned(),
            "Put the authority's present certificate into the file of GATEPOST_CA_FILE: another of the same name is there.",
        ),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => (
            "is signed with an algorithm that is not supported, such as SHA-1".to_owned(),
            "Make it anew, signed with SHA-256 and a key of ECDSA P-256 or RSA with 2048 bits or more.",
        ),
        CertificateError::Other(other) => return of_other(&format!("{other:?}")),
        other => (
            format!("is refused: {other}"),
            "Make it anew: version 3, with subjectAltName, signed by an authority of GATEPOST_CA_FILE.",
        ),
    };
    (format!("The server's certificate {found}."), mend)
}

/// What the TLS library passes on from below without a name of its own.
fn of_other(text: &str) -> (String, &'static str) {
    if text.contains("CaUsedAsEndEntity") {
        return (
            "The server's certificate is an authority's (CA:TRUE, as `openssl req -x509` makes it), which no server may present.".to_owned(),
            "Make it with -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:HOST, or sign one for the server with that authority; the file of GATEPOST_CA_FILE has the one to trust.",
        );
    }
    if text.contains("UnsupportedCertVersion") {
        return (
            "The server's certificate has version 1 of X.509, which names no hosts.".to_owned(),
            "Make it with version 3: `openssl x509 -req` needs -extfile with subjectAltName=DNS:HOST.",
        );
    }
    (
        format!("The server's certificate is refused: {text}."),
        "Make it anew: version 3, with subjectAltName, signed by an authority of GATEPOST_CA_FILE.",
    )
}

fn day(at: UnixTime) -> String {
    minute(Timestamp::from_unix(i64::try_from(at.as_secs()).unwrap_or(i64::MAX)))
}

/// The names in a certificate, which come as `DnsName("example.com")`.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
    let names: Vec<String> = presented.iter().take(5).map(bare).collect();
    if names.is_empty() { "no host at all".to_owned() } else { names.join(", ") }
}
