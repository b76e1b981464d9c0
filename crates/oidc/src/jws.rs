//! Strict parsing of a signed token (RFC 7515 compact serialization).
//!
//! An ID token is parsed here before `openidconnect` parses it, because that crate accepts a header with a repeated member
//! and with `b64`, and a token of any length. The crate does not implement logout tokens, so those are verified here.
//! Embedded keys and URLs (`jwk`, `jku`, `x5c`, `x5u`) are ignored.

use super::claims::Claims;
use super::json;
use super::keys::Key;
use super::signature::Algorithm;
use super::token_error::{TokenError, short};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openidconnect::JsonWebKey;
use ring::hmac;

const TOKEN_LIMIT: usize = 256 * 1024;

/// A token whose form is valid. Its signature has not been verified.
#[derive(Debug)]
pub(super) struct Jws<'a, A = Algorithm> {
    algorithm: A,
    kid: Option<String>,
    typ: Option<String>,
    signed: &'a str,
    signature: Vec<u8>,
    payload: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Parses a token that a public key verifies. Entra's keys have no `alg`, so the algorithm in the token's header is
    /// checked here.
    pub fn parse(token: &'a str) -> Result<Self, TokenError> {
        Self::parse_with(token, TOKEN_LIMIT, Algorithm::named)
    }
}

impl<'a, A> Jws<'a, A> {
    /// Parses a token of at most `limit` bytes. `named` is the list of accepted algorithms.
    pub fn parse_with(
        token: &'a str,
        limit: usize,
        named: impl Fn(&str) -> Option<A>,
    ) -> Result<Self, TokenError> {
        if token.len() > limit {
            return Err(TokenError::Malformed("too long"));
        }
        let mut segments = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return Err(TokenError::Malformed("not three segments"));
        };
        let header =
            Claims::new(json::object(&decode(header)?).map_err(|_| TokenError::Malformed("header"))?);
        if header.get("crit").is_some() || header.get("b64").is_some() {
            return Err(TokenError::CriticalHeader);
        }
        let text = |name| header.text(name).map_err(|_| TokenError::Malformed("header"));
        let name = text("alg")?.unwrap_or_default();
        Ok(Self {
            algorithm: named(name).ok_or_else(|| TokenError::ForbiddenAlgorithm(short(name)))?,
            kid: text("kid")?.map(str::to_owned),
            typ: text("typ")?.map(str::to_owned),
            signed: &token[..token.len() - signature.len() - 1],
            signature: decode(signature)?,
            payload: decode(payload)?,
        })
    }

    /// The id of the key that the token claims to be signed with.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub const fn algorithm(&self) -> A
    where
        A: Copy,
    {
        self.algorithm
    }

    /// Requires that `typ` is absent or one of `accepted`. Case and a leading `application/` do not matter.
    pub fn require_type(&self, accepted: &[&str]) -> Result<(), TokenError> {
        let Some(typ) = &self.typ else { return Ok(()) };
        let lower = typ.to_ascii_lowercase();
        let name = lower.strip_prefix("application/").unwrap_or(&lower);
        if accepted.contains(&name) { Ok(()) } else { Err(TokenError::WrongType(short(typ))) }
    }

    /// Whether `typ` is present and one of `accepted`. Case and a leading `application/` do not matter.
    pub fn has_type(&self, accepted: &[&str]) -> bool {
        self.typ.is_some() && self.require_type(accepted).is_ok()
    }

    /// The claims in the payload. Before the signature is verified, anybody may have written them.
    pub fn payload_claims(&self) -> Result<Claims, TokenError> {
        json::object(&self.payload).map(Claims::new).map_err(|_| TokenError::Malformed("payload"))
    }
}

impl Jws<'_> {
    /// Verifies the signature by `key` and gives the claims.
    pub fn verify(&self, key: &Key) -> Result<Claims, TokenError> {
        key.verify_signature(&self.algorithm, self.signed.as_bytes(), &self.signature)
            .map_err(|_| TokenError::BadSignature)?;
        self.payload_claims()
    }
}

/// The only algorithm with a shared secret (RFC 7518 section 3.2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Hs256;

impl Hs256 {
    pub fn named(name: &str) -> Option<Self> {
        (name == "HS256").then_some(Self)
    }
}

impl Jws<'_, Hs256> {
    /// Verifies the signature by a shared secret and gives the claims. `ring` verifies it: `openidconnect` 4.1 panics where
    /// a signature does not have 32 bytes.
    pub fn verify(&self, secret: &hmac::Key) -> Result<Claims, TokenError> {
        hmac::verify(secret, self.signed.as_bytes(), &self.signature)
            .map_err(|_| TokenError::BadSignature)?;
        self.payload_claims()
    }
}

fn decode(segment: &str) -> Result<Vec<u8>, TokenError> {
    BASE64_URL_SAFE_NO_PAD.decode(segment).map_err(|_| TokenError::Malformed("not base64url"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Signer;
    use super::*;
    use serde_json::json;

    fn parse_error(token: &str) -> TokenError {
        Jws::parse(token).expect_err("a token that is refused")
    }

    fn with_header(header: &str) -> String {
        let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", encode(header), encode("{}"), encode("x"))
    }

    #[test]
    fn only_asymmetric_algorithms_by_their_exact_names() {
        for name in ["none", "None", "nOnE", "", "HS256", "HS512", "RS384", "rs256", "ES256K", "RSA-OAEP"] {
            let token = with_header(&json!({"alg": name}).to_string());
            assert_eq!(parse_error(&token), TokenError::ForbiddenAlgorithm(name.into()));
        }
        assert_eq!(parse_error(&with_header("{}")), TokenError::ForbiddenAlgorithm(String::new()));
        assert_eq!(parse_error(&with_header(r#"{"alg":["RS256"]}"#)), TokenError::Malformed("header"));
        assert_eq!(
            parse_error(&with_header(r#"{"alg":"RS256","alg":"none"}"#)),
            TokenError::Malformed("header")
        );
    }

    #[test]
    fn extensions_are_refused() {
        for header in [
            r#"{"alg":"RS256","crit":["exp"]}"#,
            r#"{"alg":"RS256","b64":false}"#,
            r#"{"alg":"RS256","crit":[]}"#,
        ] {
            assert_eq!(parse_error(&with_header(header)), TokenError::CriticalHeader);
        }
    }

    #[test]
    fn exactly_three_segments_of_plain_base64url() {
        let token = Signer::first().sign("k", &json!({"a": 1}));
        assert!(Jws::parse(&token).is_ok());
        let (head, signature) = token.rsplit_once('.').expect("segments");
        for bad in [
            String::new(),
            head.to_owned(),
            format!("{token}."),
            format!("{token}.x"),
            format!("{token}=="),
            format!("{token}\n"),
            format!(" {token}"),
            format!("{head}.{}", signature.replace(['-', '_'], "+")) + "+",
            "a".repeat(TOKEN_LIMIT + 1),
        ] {
            assert!(matches!(parse_error(&bad), TokenError::Malformed(_)), "{bad}");
        }
        let payload = |text: &str| {
            let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
            format!("{}.{}.{}", encode(r#"{"alg":"RS256"}"#), encode(text), encode("x"))
        };
        for text in ["[]", "\"a\"", "{\"aud\":1,\"aud\":2}", "{", "\u{feff}{}"] {
            let token = payload(text);
            let claims = Jws::parse(&token).and_then(|token| token.payload_claims());
            assert_eq!(claims.err(), Some(TokenError::Malformed("payload")), "{text}");
        }
    }

    #[test]
    fn other_types_of_token_are_refused() {
        let typ = |value: &str| {
            let token = with_header(&json!({"alg": "RS256", "typ": value}).to_string());
            Jws::parse(&token).and_then(|token| token.require_type(&["jwt"]))
        };
        for good in ["JWT", "jwt", "application/jwt"] {
            assert_eq!(typ(good), Ok(()));
        }
        for bad in ["at+jwt", "logout+jwt", "JWT2", ""] {
            assert_eq!(typ(bad), Err(TokenError::WrongType(bad.into())));
        }
    }

    #[test]
    fn a_signature_holds_for_its_own_bytes_and_key() {
        let token = Signer::first().sign("k", &json!({"a": 1}));
        let parsed = Jws::parse(&token).expect("a token");
        assert!(parsed.verify(&Signer::first().key("k")).is_ok());
        assert_eq!(parsed.verify(&Signer::second().key("k")).err(), Some(TokenError::BadSignature));
        let (head, signature) = token.rsplit_once('.').expect("segments");
        let (header, _) = head.split_once('.').expect("segments");
        let forged = format!("{header}.{}.{signature}", BASE64_URL_SAFE_NO_PAD.encode("{\"a\":2}"));
        let forged = Jws::parse(&forged).expect("a token");
        assert_eq!(forged.verify(&Signer::first().key("k")).err(), Some(TokenError::BadSignature));
    }
}
