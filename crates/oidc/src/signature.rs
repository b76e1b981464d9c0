//! The signature algorithms of tokens, and the public keys for them (RFC 7518 section 3, RFC 8037).
//!
//! [`Algorithm`] is the allow-list. It has only asymmetric algorithms (RFC 8725 section 3.1). Each algorithm needs one kind
//! of key.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openidconnect::{JsonWebKeyType, JweContentEncryptionAlgorithm, JwsSigningAlgorithm};
use ring::digest::{SHA256, SHA512, digest};
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters,
    UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Accepted lengths of an RSA modulus. Shorter ones are not safe (RFC 7518 section 3.3), longer ones are slow.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Bytes of a coordinate on P-256, and of an Ed25519 key.
const COORDINATE: usize = 32;

/// A signature algorithm (JWS `alg`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
pub(super) enum Algorithm {
    #[serde(rename = "RS256")]
    Rs256,
    #[serde(rename = "PS256")]
    Ps256,
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// The kind of key that an algorithm needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) enum KeyType {
    Rsa,
    P256,
    Ed25519,
}

impl JsonWebKeyType for KeyType {}

impl JwsSigningAlgorithm for Algorithm {
    type KeyType = KeyType;

    fn key_type(&self) -> Option<KeyType> {
        Some(self.needs())
    }

    fn uses_shared_secret(&self) -> bool {
        false
    }

    fn rsa_sha_256() -> Self {
        Self::Rs256
    }
}

impl Algorithm {
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa];

    /// The algorithm with exactly this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub const fn needs(self) -> KeyType {
        match self {
            Self::Rs256 | Self::Ps256 => KeyType::Rsa,
            Self::Es256 => KeyType::P256,
            Self::EdDsa => KeyType::Ed25519,
        }
    }

    /// Hashes with the algorithm's hash function. `at_hash` is the left half of such a hash (OpenID Connect Core section
    /// 3.1.3.6). Ed25519 uses SHA-512.
    pub fn hash(self, bytes: &[u8]) -> Vec<u8> {
        let hash = match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 => &SHA256,
            Self::EdDsa => &SHA512,
        };
        digest(hash, bytes).as_ref().to_vec()
    }
}

/// A public key of a kind that an accepted algorithm needs.
#[derive(Clone, Debug)]
pub(super) enum PublicKey {
    Rsa(PublicKeyComponents<Vec<u8>>),
    P256(UnparsedPublicKey<Vec<u8>>),
    Ed25519(UnparsedPublicKey<Vec<u8>>),
}

impl PublicKey {
    /// Reads the key of a JWK (RFC 7518 section 6, RFC 8037 section 2). `None` for every other kind of key, and for an RSA
    /// key of a length that is not accepted.
    pub fn parse(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(text(name)?).ok();
        let coordinate = |name: &str| bytes(name).filter(|bytes| bytes.len() == COORDINATE);
        match (text("kty")?, text("crv")) {
            ("RSA", _) => {
                let (n, e) = (number(&bytes("n")?)?, number(&bytes("e")?)?);
                RSA_BITS.contains(&bits(&n)).then_some(Self::Rsa(PublicKeyComponents { n, e }))
            }
            ("EC", Some("P-256")) => {
                // SEC 1 section 2.3.3: an uncompressed point.
                let point = [&[4][..], &coordinate("x")?, &coordinate("y")?].concat();
                Some(Self::P256(UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)))
            }
            ("OKP", Some("Ed25519")) => {
                Some(Self::Ed25519(UnparsedPublicKey::new(&ED25519, coordinate("x")?)))
            }
            _ => None,
        }
    }

    pub const fn kind(&self) -> &'static KeyType {
        match self {
            Self::Rsa(_) => &KeyType::Rsa,
            Self::P256(_) => &KeyType::P256,
            Self::Ed25519(_) => &KeyType::Ed25519,
        }
    }

    /// Whether this key made `signature` over `message` by this algorithm.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let rsa = |parameters: &RsaParameters, key: &PublicKeyComponents<Vec<u8>>| {
            key.verify(parameters, message, signature)
        };
        let result = match (self, algorithm) {
            (Self::Rsa(key), Algorithm::Rs256) => rsa(&RSA_PKCS1_2048_8192_SHA256, key),
            (Self::Rsa(key), Algorithm::Ps256) => rsa(&RSA_PSS_2048_8192_SHA256, key),
            (Self::P256(key), Algorithm::Es256) | (Self::Ed25519(key), Algorithm::EdDsa) => {
                key.verify(message, signature)
            }
            _ => return false,
        };
        result.is_ok()
    }
}

/// A number without its leading zeros. `None` for 0.
fn number(bytes: &[u8]) -> Option<Vec<u8>> {
    let first = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[first..].to_vec())
}

/// The bit length of a number without leading zeros.
fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

/// The encryption algorithms that are accepted: none, so that encrypted tokens are refused.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) enum NoEncryption {}

impl JweContentEncryptionAlgorithm for NoEncryption {
    type KeyType = KeyType;

    fn key_type(&self) -> Result<KeyType, String> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
        RSA_PSS_SHA256, RsaKeyPair,
    };
    use serde_json::json;

    const MESSAGE: &[u8] = b"header.payload";

    fn encode(bytes: &[u8]) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    type Signature = (Algorithm, Vec<u8>);

    /// One key of each kind, with a signature by each of its algorithms.
    fn signers() -> Vec<(PublicKey, Vec<Signature>)> {
        let random = SystemRandom::new();
        let rsa = super::super::testing::Signer::first();
        let rsa_pair = RsaKeyPair::from_der(&rsa.der()).expect("a key");
        let rsa_sign = |padding: &'static dyn ring::signature::RsaEncoding| {
            let mut signature = vec![0; rsa_pair.public().modulus_len()];
            rsa_pair.sign(padding, &random, MESSAGE, &mut signature).expect("a signature");
            signature
        };
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let p256 = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random)
            .expect("a key");
        let point = p256.public_key().as_ref();
        let p256_jwk =
            json!({"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])});
        let document = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
        let ed25519 = Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key");
        let ed25519_jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": encode(ed25519.public_key().as_ref())});
        let parse = |jwk: &Value| PublicKey::parse(jwk).expect("a public key");
        vec![
            (
                parse(&rsa.jwk("k")),
                vec![
                    (Algorithm::Rs256, rsa_sign(&RSA_PKCS1_SHA256)),
                    (Algorithm::Ps256, rsa_sign(&RSA_PSS_SHA256)),
                ],
            ),
            (
                parse(&p256_jwk),
                vec![(Algorithm::Es256, p256.sign(&random, MESSAGE).expect("a signature").as_ref().to_vec())],
            ),
            (parse(&ed25519_jwk), vec![(Algorithm::EdDsa, ed25519.sign(MESSAGE).as_ref().to_vec())]),
        ]
    }

    #[test]
    fn a_signature_counts_for_its_key_algorithm_and_message_alone() {
        let signers = signers();
        for (at, (_, signatures)) in signers.iter().enumerate() {
            for (made_with, signature) in signatures {
                for (other, (key, _)) in signers.iter().enumerate() {
                    for algorithm in Algorithm::ALL {
                        let is_it = at == other && *made_with == algorithm;
                        assert_eq!(
                            key.verifies(algorithm, MESSAGE, signature),
                            is_it,
                            "{made_with:?} {algorithm:?}"
                        );
                    }
                }
                let key = &signers[at].0;
                assert!(!key.verifies(*made_with, b"header.another", signature), "{made_with:?}");
                for bit in [0, signature.len() * 8 - 1] {
                    let mut broken = signature.clone();
                    broken[bit / 8] ^= 1 << (bit % 8);
                    assert!(!key.verifies(*made_with, MESSAGE, &broken), "{made_with:?} {bit}");
                }
                assert!(!key.verifies(*made_with, MESSAGE, &[]), "{made_with:?}");
            }
        }
    }

    #[test]
    fn a_key_fits_the_algorithms_that_it_verifies() {
        for (key, signatures) in signers() {
            let own: Vec<Algorithm> = signatures.into_iter().map(|(algorithm, _)| algorithm).collect();
            let fitting: Vec<Algorithm> =
                Algorithm::ALL.into_iter().filter(|one| one.needs() == *key.kind()).collect();
            assert_eq!(fitting, own);
        }
    }

    #[test]
    fn leading_zeros_of_a_modulus_are_no_matter() {
        let signer = super::super::testing::Signer::first();
        let mut jwk = signer.jwk("k");
        let bare = BASE64_URL_SAFE_NO_PAD.decode(jwk["n"].as_str().expect("a text")).expect("base64url");
        jwk["n"] = json!(encode(&[&[0, 0][..], &bare].concat()));
        let token = signer.sign("k", &json!({}));
        let (message, signature) = token.rsplit_once('.').expect("segments");
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        let key = PublicKey::parse(&jwk).expect("a public key");
        assert!(key.verifies(Algorithm::Rs256, message.as_bytes(), &signature));
    }

    #[test]
    fn what_is_no_key_of_these_kinds_is_none() {
        let coordinate = encode(&[1; 32]);
        for jwk in [
            json!({"kty": "RSA", "n": encode(&[0xff; 255]), "e": "AQAB"}),
            json!({"kty": "RSA", "n": encode(&[0xff; 1025]), "e": "AQAB"}),
            json!({"kty": "RSA", "n": encode(&[0xff; 256]), "e": "AA"}),
            json!({"kty": "RSA", "n": encode(&[0xff; 256])}),
            json!({"kty": "RSA", "n": "not base64url!", "e": "AQAB"}),
            json!({"kty": "EC", "crv": "P-256", "x": coordinate, "y": encode(&[1; 31])}),
            json!({"kty": "EC", "crv": "P-256", "x": coordinate}),
            json!({"kty": "EC", "crv": "P-384", "x": coordinate, "y": coordinate}),
            json!({"kty": "EC", "x": coordinate, "y": coordinate}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": encode(&[1; 33])}),
            json!({"kty": "OKP", "crv": "X25519", "x": coordinate}),
            json!({"kty": "oct", "k": coordinate}),
            json!({}),
        ] {
            assert!(PublicKey::parse(&jwk).is_none(), "{jwk}");
        }
    }

    #[test]
    fn half_hashes_are_those_of_the_standard() {
        // OpenID Connect Core, appendix A.3: the access token of the example and its `at_hash`.
        let half = |algorithm: Algorithm| {
            let hash = algorithm.hash(b"jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
            encode(&hash[..hash.len() / 2])
        };
        for algorithm in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256] {
            assert_eq!(half(algorithm), "77QmUPtjPfzWtF2AnpK9RQ");
        }
        assert_eq!(half(Algorithm::EdDsa).len(), 43);
    }
}
