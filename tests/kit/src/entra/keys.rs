//! The fake provider's keys. They are public in this repository, for tests only.
//!
//! There are four signing keys, so that a rotation always brings a `kid` that was not published just before. Signatures
//! are made with `rsa` and `p256`, which the code under test does not use.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use p256::pkcs8::DecodePrivateKey as _;
use rsa::RsaPrivateKey;
use rsa::pkcs1v15;
use rsa::pkcs8::{EncodePublicKey as _, LineEnding};
use rsa::pss;
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _, Signer as _, Verifier as _};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The certificate (PEM) with which a client in a test may authenticate. For tests only.
pub const CLIENT_CERTIFICATE_PEM: &str = include_str!("test_only_keys/client.cert.pem");
/// The private key (PKCS#8 PEM) of [`CLIENT_CERTIFICATE_PEM`]. For tests only.
pub const CLIENT_KEY_PEM: &str = include_str!("test_only_keys/client.key.pem");

/// How the provider signs ID tokens. Entra only supports RS256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SigningAlg {
    #[default]
    Rs256,
    Ps256,
    Es256,
}

impl SigningAlg {
    /// The `alg` value of RFC 7518.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
        }
    }
}

/// An RSA key: one of the signing keys, or one that only lies use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RsaName {
    Ring(usize),
    Encryption,
    OtherTenant,
    Attacker,
    Weak,
}

impl RsaName {
    fn pems(self) -> (&'static str, &'static str) {
        macro_rules! pair {
            ($name:literal) => {
                (
                    include_str!(concat!("test_only_keys/", $name, ".key.pem")),
                    include_str!(concat!("test_only_keys/", $name, ".cert.pem")),
                )
            };
        }
        match self {
            Self::Ring(0) => pair!("signing-0"),
            Self::Ring(1) => pair!("signing-1"),
            Self::Ring(2) => pair!("signing-2"),
            Self::Ring(_) => pair!("signing-3"),
            Self::Encryption => pair!("encryption"),
            Self::OtherTenant => pair!("other-tenant"),
            Self::Attacker => pair!("attacker"),
            Self::Weak => pair!("weak"),
        }
    }

    fn index(self) -> usize {
        match self {
            Self::Ring(i) => i.min(RING - 1),
            Self::Encryption => RING,
            Self::OtherTenant => RING + 1,
            Self::Attacker => RING + 2,
            Self::Weak => RING + 3,
        }
    }

    pub(crate) fn key(self) -> &'static RsaKey {
        static KEYS: [OnceLock<RsaKey>; RING + 4] = [const { OnceLock::new() }; RING + 4];
        KEYS[self.index()].get_or_init(|| {
            let (key, certificate) = self.pems();
            RsaKey::from_pem(key, certificate)
        })
    }
}

/// The number of signing keys.
pub(crate) const RING: usize = 4;

/// An RSA key with its certificate, as Entra publishes them.
#[derive(Debug)]
pub(crate) struct RsaKey {
    private: RsaPrivateKey,
    certificate: Vec<u8>,
    pub(crate) kid: String,
}

impl RsaKey {
    fn from_pem(key: &str, certificate: &str) -> Self {
        let certificate = der_of_pem(certificate);
        let kid = URL_SAFE_NO_PAD.encode(<sha1::Sha1 as sha1::Digest>::digest(&certificate));
        let private = RsaPrivateKey::from_pkcs8_pem(key).expect("an embedded test key parses");
        Self { private, certificate, kid }
    }

    fn modulus(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.private.n().to_bytes_be())
    }

    /// The JWK as Entra publishes it: without `alg`, but with `x5t`, `x5c` and the non-standard `issuer` (entra.md
    /// 1.4).
    pub(crate) fn entra_jwk(&self, issuer: &str) -> Value {
        json!({
            "kty": "RSA", "use": "sig", "kid": self.kid, "x5t": self.kid, "n": self.modulus(), "e": "AQAB",
            "x5c": [self.certificate_base64()], "cloud_instance_name": "microsoftonline.com", "issuer": issuer,
        })
    }

    /// The JWK as most other providers publish it.
    pub(crate) fn plain_jwk(&self, alg: &str) -> Value {
        json!({"kty": "RSA", "use": "sig", "kid": self.kid, "alg": alg, "n": self.modulus(), "e": "AQAB"})
    }

    pub(crate) fn certificate_base64(&self) -> String {
        STANDARD.encode(&self.certificate)
    }

    pub(crate) fn public_pem(&self) -> String {
        self.private.to_public_key().to_public_key_pem(LineEnding::LF).expect("a public key encodes")
    }

    pub(crate) fn public_der(&self) -> Vec<u8> {
        self.private.to_public_key().to_public_key_der().expect("a public key encodes").into_vec()
    }

    pub(crate) fn sign_rs256(&self, input: &[u8]) -> Vec<u8> {
        pkcs1v15::SigningKey::<Sha256>::new(self.private.clone()).sign(input).to_vec()
    }

    pub(crate) fn sign_ps256(&self, input: &[u8]) -> Vec<u8> {
        let signer = pss::SigningKey::<Sha256>::new(self.private.clone());
        signer.sign_with_rng(&mut rsa::rand_core::OsRng, input).to_vec()
    }
}

fn es256_key() -> &'static p256::ecdsa::SigningKey {
    static KEY: OnceLock<p256::ecdsa::SigningKey> = OnceLock::new();
    KEY.get_or_init(|| {
        p256::ecdsa::SigningKey::from_pkcs8_pem(include_str!("test_only_keys/es256.key.pem"))
            .expect("the embedded test key parses")
    })
}

/// The `kid` of the provider's only P-256 key.
pub(crate) const ES256_KID: &str = "test-only-es256";

pub(crate) fn sign_es256(input: &[u8]) -> Vec<u8> {
    let signature: p256::ecdsa::Signature = es256_key().sign(input);
    signature.to_vec()
}

pub(crate) fn es256_jwk() -> Value {
    let point = es256_key().verifying_key().to_encoded_point(false);
    let coordinate = |bytes: Option<&_>| bytes.map(|b: &p256::FieldBytes| URL_SAFE_NO_PAD.encode(b));
    json!({"kty": "EC", "use": "sig", "kid": ES256_KID, "alg": "ES256", "crv": "P-256",
           "x": coordinate(point.x()), "y": coordinate(point.y())})
}

pub(crate) fn hs256(secret: &[u8], input: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(input);
    mac.finalize().into_bytes().to_vec()
}

/// A certificate registered for `private_key_jwt` (entra.md 3.2).
#[derive(Clone, Debug)]
pub(crate) struct ClientCertificate {
    key: rsa::RsaPublicKey,
    /// The certificate's SHA-256 in base64url.
    pub(crate) x5t_s256: String,
    /// The certificate's SHA-1 in base64url, for the older RS256 form.
    pub(crate) x5t: String,
}

impl ClientCertificate {
    /// Reads the certificate. The public key is taken from the private key, so that X.509 need not be parsed.
    pub(crate) fn from_pem(certificate: &str, key: &str) -> Self {
        let der = der_of_pem(certificate);
        let key = RsaPrivateKey::from_pkcs8_pem(key).expect("a PKCS#8 RSA key in PEM").to_public_key();
        Self {
            key,
            x5t_s256: URL_SAFE_NO_PAD.encode(Sha256::digest(&der)),
            x5t: URL_SAFE_NO_PAD.encode(<sha1::Sha1 as sha1::Digest>::digest(&der)),
        }
    }

    pub(crate) fn verifies(&self, alg: &str, input: &[u8], signature: &[u8]) -> bool {
        match alg {
            "PS256" => pss::Signature::try_from(signature).is_ok_and(|signature| {
                pss::VerifyingKey::<Sha256>::new(self.key.clone()).verify(input, &signature).is_ok()
            }),
            "RS256" => pkcs1v15::Signature::try_from(signature).is_ok_and(|signature| {
                pkcs1v15::VerifyingKey::<Sha256>::new(self.key.clone()).verify(input, &signature).is_ok()
            }),
            _ => false,
        }
    }
}

/// A client assertion as in Entra's documentation: PS256 with `x5t#S256`, signed with [`CLIENT_KEY_PEM`].
#[cfg(test)]
pub(super) fn sign_as_client(claims: &Value) -> String {
    let key = RsaKey::from_pem(CLIENT_KEY_PEM, CLIENT_CERTIFICATE_PEM);
    let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(&key.certificate));
    let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint}).to_string();
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims.to_string()));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(key.sign_ps256(signed.as_bytes())))
}

fn der_of_pem(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    STANDARD.decode(body).expect("PEM holds base64")
}

/// Which keys are in use, and how the key set changes between fetches.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyRing {
    generation: usize,
    replaced: bool,
    flapping: Option<usize>,
}

impl KeyRing {
    pub(crate) fn signing(&self) -> RsaName {
        RsaName::Ring(self.generation % RING)
    }

    /// Makes the next key sign. The previous key stays published unless `replaced`.
    pub(crate) fn rotate(&mut self, replaced: bool) {
        self.generation += 1;
        self.replaced = replaced;
    }

    pub(crate) fn flap(&mut self, on: bool) {
        self.flapping = on.then_some(0);
    }

    /// The key set for this fetch. While flapping, each fetch returns another subset, and every fourth none.
    pub(crate) fn published(&mut self) -> Vec<RsaName> {
        let (now, before) = (self.signing(), RsaName::Ring((self.generation + RING - 1) % RING));
        if let Some(fetches) = self.flapping.as_mut() {
            let case = *fetches % 4;
            *fetches += 1;
            return match case {
                0 => vec![before, now],
                1 => vec![before],
                2 => Vec::new(),
                _ => vec![now],
            };
        }
        if self.replaced { vec![now] } else { vec![before, now] }
    }
}
