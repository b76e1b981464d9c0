//! JWTs that are not signed yet, so that a lie can change any part of a token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::keys::{self, ES256_KID, RsaName, SigningAlg};

/// The key that signs a token.
#[derive(Clone, Debug)]
pub(crate) enum SignedBy {
    Rsa(SigningAlg, RsaName),
    P256,
    Secret(Vec<u8>),
    Nobody,
}

/// A JWT before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    /// The payload instead of the claims, for payloads that are not a JSON object.
    pub(crate) payload: Option<String>,
    pub(crate) signed_by: SignedBy,
}

impl Draft {
    pub(crate) fn new(claims: Value, alg: SigningAlg, key: RsaName) -> Self {
        let (signed_by, kid) = match alg {
            SigningAlg::Es256 => (SignedBy::P256, ES256_KID.to_owned()),
            alg => (SignedBy::Rsa(alg, key), key.key().kid.clone()),
        };
        let mut draft = Self { header: Map::new(), claims: Map::new(), payload: None, signed_by };
        draft.head("typ", json!("JWT"));
        draft.head("alg", json!(alg.name()));
        draft.head("kid", json!(kid));
        if let Value::Object(claims) = claims {
            draft.claims = claims;
        }
        draft
    }

    pub(crate) fn head(&mut self, name: &str, value: Value) {
        self.header.insert(name.to_owned(), value);
    }

    pub(crate) fn claim(&mut self, name: &str, value: Value) {
        self.claims.insert(name.to_owned(), value);
    }

    pub(crate) fn payload_text(&self) -> String {
        self.payload.clone().unwrap_or_else(|| Value::Object(self.claims.clone()).to_string())
    }

    /// Signs and serializes the token (RFC 7515 section 3.1).
    pub(crate) fn sign(&self) -> String {
        let header = URL_SAFE_NO_PAD.encode(Value::Object(self.header.clone()).to_string());
        self.sign_parts(&header, &URL_SAFE_NO_PAD.encode(self.payload_text()))
    }

    /// Signs these strings, even if they are not valid base64url.
    pub(crate) fn sign_parts(&self, header: &str, payload: &str) -> String {
        let input = format!("{header}.{payload}");
        let signature = URL_SAFE_NO_PAD.encode(self.signature(input.as_bytes()));
        format!("{input}.{signature}")
    }

    fn signature(&self, input: &[u8]) -> Vec<u8> {
        match &self.signed_by {
            SignedBy::Rsa(SigningAlg::Ps256, key) => key.key().sign_ps256(input),
            SignedBy::Rsa(_, key) => key.key().sign_rs256(input),
            SignedBy::P256 => keys::sign_es256(input),
            SignedBy::Secret(secret) => keys::hs256(secret, input),
            SignedBy::Nobody => Vec::new(),
        }
    }
}

/// The parts of a JWT, not verified.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    pub(crate) signed: &'a str,
    pub(crate) signature: Vec<u8>,
}

/// Parses a JWT without verifying it.
pub(crate) fn find_parts(token: &str) -> Option<Parts<'_>> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let json = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    Some(Parts {
        header: json(header)?,
        claims: json(claims)?,
        signed,
        signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
    })
}
