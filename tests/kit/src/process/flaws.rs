//! Flawed server certificates that no client should accept.

use super::Authority;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

/// The flaw of a server certificate that is also its own authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is marked as an authority, as `openssl req -x509` does.
    IsAuthority,
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It is for `other.example`.
    OtherName,
    /// It is an X.509 version 1 certificate, as `openssl x509 -req` makes without extensions.
    Version1,
}

impl Authority {
    /// Makes a certificate for localhost with this flaw. It is also the authority that clients trust.
    ///
    /// # Panics
    /// Never: the parameters are fixed.
    pub fn flawed(flaw: Flaw) -> Self {
        if flaw == Flaw::Version1 {
            return Self::self_signed(VERSION_1.to_owned(), VERSION_1_KEY.to_owned());
        }
        let names: &[&str] =
            if flaw == Flaw::OtherName { &["other.example"] } else { &["localhost", "127.0.0.1"] };
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names of a certificate");
        match flaw {
            Flaw::IsAuthority => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            Flaw::Expired => params.not_after = rcgen::date_time_ymd(2020, 1, 2),
            Flaw::NotYetValid => params.not_before = rcgen::date_time_ymd(3000, 1, 2),
            Flaw::OtherName | Flaw::Version1 => {}
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self::self_signed(certificate.pem(), key.serialize_pem())
    }
}

/// Made with openssl 3.0: `openssl x509 -req -signkey`.
const VERSION_1: &str = "-----BEGIN CERTIFICATE-----
MIIBJDCBywIUAlse6+uaWDnZRahCYo0G3dvaCIkwCgYIKoZIzj0EAwIwFDESMBAG
A1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyODA1NDYxMVoYDzIxMjYxMTA0MDU0NjEx
WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AARKOErgoWMYaxwufawLeLB9n07ehIIMOkuUppNScy94yHf/T2uhUXN/cUVL8kaQ
uK8vxNewaiKlO1b3MGIXchpGMAoGCCqGSM49BAMCA0gAMEUCIQDTdMQR3N04TVsK
PkvPsH2bngPn9q9WiwkIKw8WApyD2AIgNDydqSuWJWqpdceI6QR6Pj2wf5D2TyHL
ub5yv4xtJRo=
-----END CERTIFICATE-----
";

const VERSION_1_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgmhkvR2YeOdNz1d40
p7jIlwZ212zyrcBZcWG0sm4d2K2hRANCAARKOErgoWMYaxwufawLeLB9n07ehIIM
OkuUppNScy94yHf/T2uhUXN/cUVL8kaQuK8vxNewaiKlO1b3MGIXchpG
-----END PRIVATE KEY-----
";
