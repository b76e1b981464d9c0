//! The keys of the assertion: one Ed25519 key pair (RFC 8032) per key of the key ring, derived from it with HKDF (RFC
//! 5869) and a purpose of its own. All replicas derive the same pairs, so none is stored. The first pair signs. The
//! public keys of all pairs are published, and all of them verify.

use super::AssertionError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost_core::secret::Secret;
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

const PURPOSE: &[u8] = b"gatepost/1/assertion";

/// The key pairs of the key ring. `Debug` shows only their ids.
pub struct AssertionKeys(Vec<AssertionKey>);

struct AssertionKey {
    pair: Ed25519KeyPair,
    /// The thumbprint of the public key (RFC 7638; of an Ed25519 key: RFC 8037 section 2).
    kid: String,
    /// The first segment of every token that this key signs.
    header: String,
}

impl AssertionKeys {
    /// Derives the pairs of these keys, in their order. The first one signs.
    ///
    /// # Panics
    /// If `keys` is empty. The configuration guarantees at least one key.
    pub fn new(keys: &[Secret]) -> Self {
        assert!(!keys.is_empty(), "a key ring has a key");
        Self(keys.iter().map(AssertionKey::derive).collect())
    }

    /// The public keys as a JWK set (RFC 7517 section 5, RFC 8037).
    pub fn published(&self) -> serde_json::Value {
        json!({ "keys": self.0.iter().map(AssertionKey::published).collect::<Vec<_>>() })
    }

    /// Signs a payload and returns the token (RFC 7515 section 7.1).
    pub(super) fn sign(&self, payload: &[u8]) -> String {
        let key = &self.0[0];
        let mut token = format!("{}.{}", key.header, URL_SAFE_NO_PAD.encode(payload));
        let signature = key.pair.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }

    /// Verifies a token and returns its payload.
    pub(super) fn open(&self, token: &str) -> Result<Vec<u8>, AssertionError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(AssertionError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(AssertionError::Malformed)?;
        // The header is compared as a whole and not parsed, so a token cannot choose an algorithm, a key or an address.
        let key = self.0.iter().find(|key| key.header == header).ok_or(AssertionError::UnknownKey)?;
        let decode = |segment| URL_SAFE_NO_PAD.decode(segment).map_err(|_| AssertionError::Malformed);
        UnparsedPublicKey::new(&ED25519, key.pair.public_key())
            .verify(signed.as_bytes(), &decode(signature)?)
            .map_err(|_| AssertionError::BadSignature)?;
        decode(payload)
    }
}

impl fmt::Debug for AssertionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.kid)).finish()
    }
}

impl AssertionKey {
    fn derive(key: &Secret) -> Self {
        let pseudorandom = Salt::new(HKDF_SHA256, &[]).extract(key.expose());
        let mut seed = Zeroizing::new([0; 32]);
        let filled = pseudorandom.expand(&[PURPOSE], HKDF_SHA256).and_then(|okm| okm.fill(&mut *seed));
        filled.expect("HKDF yields 32 bytes");
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).expect("any 32 bytes are a seed");
        // The members and their order are fixed, without white space (RFC 7638 section 3).
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encoded(&pair));
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(canonical));
        let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": kid}).to_string();
        Self { pair, header: URL_SAFE_NO_PAD.encode(header), kid }
    }

    fn published(&self) -> serde_json::Value {
        json!({
            "kty": "OKP", "crv": "Ed25519", "x": encoded(&self.pair),
            "kid": self.kid, "use": "sig", "alg": "EdDSA",
        })
    }
}

fn encoded(pair: &Ed25519KeyPair) -> String {
    URL_SAFE_NO_PAD.encode(pair.public_key())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(bytes: &[u8]) -> AssertionKeys {
        AssertionKeys::new(&bytes.iter().map(|byte| Secret::from([*byte; 32])).collect::<Vec<_>>())
    }

    #[test]
    fn the_first_key_signs_and_all_verify() {
        let old = keys(&[1]).sign(b"{}");
        assert_eq!(keys(&[2, 1]).open(&old), Ok(b"{}".to_vec()));
        assert_eq!(keys(&[2]).open(&old), Err(AssertionError::UnknownKey));
        let new = keys(&[2, 1]).sign(b"{}");
        assert_eq!(keys(&[1]).open(&new), Err(AssertionError::UnknownKey));
    }

    #[test]
    fn published_keys_contain_no_secret_and_are_named_by_their_thumbprint() {
        let keys = keys(&[7, 8]);
        let published = keys.published();
        assert_eq!(published["keys"].as_array().map(Vec::len), Some(2));
        assert_eq!(published["keys"][0].get("d"), None);
        let shown = format!("{keys:?}");
        assert!(shown.contains(published["keys"][0]["kid"].as_str().unwrap_or("?")), "{shown}");
        assert!(!shown.contains("7, 7"), "{shown}");
    }

    #[test]
    fn a_header_that_is_not_ours_is_not_read() {
        let keys = keys(&[1]);
        let token = keys.sign(b"{}");
        let (_, rest) = token.split_once('.').expect("segments");
        for header in [r#"{"alg":"none"}"#, r#"{"alg":"EdDSA"}"#, r#"{"alg":"HS256","typ":"JWT"}"#, "", "{"] {
            let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
            assert_eq!(keys.open(&forged), Err(AssertionError::UnknownKey), "{header}");
        }
    }

    proptest! {
        #[test]
        fn every_changed_character_is_noticed(at: prop::sample::Index, to in "[A-Za-z0-9_.-]") {
            let keys = keys(&[1]);
            let token = keys.sign(br#"{"aud":"app.example.com"}"#);
            let at = at.index(token.len());
            let mut changed = token.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != token);
            prop_assert!(keys.open(&changed).is_err());
        }

        #[test]
        fn garbage_never_panics(text in "\\PC*") {
            prop_assert!(keys(&[1]).open(&text).is_err());
        }
    }
}
