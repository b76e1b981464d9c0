//! What an ID token must say, once its signature holds (OpenID Connect Core sections 3.1.3.7 and 12.2).
//!
//! Pure: the moment, the expectations and the token go in; the person or the broken rule comes out.

use super::claims::{Claims, required};
use super::issuer::IssuerRule;
use super::jws::Signed;
use super::token_error::TokenError;
use crate::domain::clock::Timestamp;
use crate::domain::identity::SubjectKey;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// How far a provider's clock may be off.
const LEEWAY: Duration = Duration::from_mins(1);
/// How long ago a token may be issued when it is first seen. Entra dates its tokens back by five minutes.
pub(super) const MAX_TOKEN_AGE: Duration = Duration::from_mins(15);

/// By whom, for whom and when.
#[derive(Debug)]
pub(super) struct Recipient<'a> {
    pub issuer: &'a IssuerRule,
    pub client_id: &'a str,
    pub now: Timestamp,
}

/// What is expected of the nonce.
#[derive(Clone, Copy, Debug)]
pub(super) enum NonceRule<'a> {
    /// A sign-in: it must be there.
    Exactly(&'a str),
    /// A renewal: absent, or still the same (section 12.2).
    AbsentOr(&'a str),
}

/// What this very token must say.
#[derive(Debug)]
pub(super) struct Demands<'a> {
    pub nonce: NonceRule<'a>,
    pub access_token: Option<&'a SecretString>,
}

/// An ID token that holds.
#[derive(Debug)]
pub(super) struct IdToken {
    pub claims: Claims,
    pub subject: SubjectKey,
    pub issued_at: Timestamp,
    pub auth_time: Option<Timestamp>,
}

/// Checks issuer, key, audience and times: what ID tokens and logout tokens have in common. Gives issuer and `iat`.
pub(super) fn check_recipient<'a>(
    signed: &'a Signed,
    recipient: &Recipient<'_>,
) -> Result<(&'a str, Timestamp), TokenError> {
    let claims = &signed.claims;
    let issuer = recipient.issuer.check_token(claims, signed.key.issuer.as_deref())?;
    check_audience(claims, recipient.client_id)?;
    let now = recipient.now;
    if required(claims.moment("exp")?, "exp")?.plus(LEEWAY) <= now {
        return Err(TokenError::Expired);
    }
    let issued_at = required(claims.moment("iat")?, "iat")?;
    let not_before = claims.moment("nbf")?.unwrap_or(issued_at);
    if issued_at.max(not_before) > now.plus(LEEWAY) {
        return Err(TokenError::NotYetValid);
    }
    if issued_at.plus(MAX_TOKEN_AGE).plus(LEEWAY) < now {
        return Err(TokenError::TooOld);
    }
    Ok((issuer, issued_at))
}

/// Only us: any other audience could send its copy of the token here.
fn check_audience(claims: &Claims, client_id: &str) -> Result<(), TokenError> {
    let is_us = |value: &Value| value.as_str() == Some(client_id);
    let holds = match required(claims.get("aud"), "aud")? {
        Value::Array(list) => !list.is_empty() && list.iter().all(is_us),
        value => is_us(value),
    };
    if !holds {
        return Err(TokenError::WrongAudience);
    }
    match claims.text("azp")? {
        Some(party) if party != client_id => Err(TokenError::WrongAuthorizedParty),
        _ => Ok(()),
    }
}

impl IdToken {
    pub fn check(
        signed: Signed,
        recipient: &Recipient<'_>,
        demands: &Demands<'_>,
    ) -> Result<Self, TokenError> {
        let (issuer, issued_at) = check_recipient(&signed, recipient)?;
        let subject = recipient.issuer.subject(&signed.claims, issuer)?;
        check_nonce(&signed.claims, demands.nonce)?;
        check_access_token(&signed, demands.access_token)?;
        let auth_time = signed.claims.moment("auth_time")?;
        if auth_time.is_some_and(|at| at > recipient.now.plus(LEEWAY)) {
            return Err(TokenError::WrongAuthTime);
        }
        Ok(Self { claims: signed.claims, subject, issued_at, auth_time })
    }
}

fn check_nonce(claims: &Claims, rule: NonceRule<'_>) -> Result<(), TokenError> {
    let (nonce, expected) = match (claims.text("nonce")?, rule) {
        (None, NonceRule::AbsentOr(_)) => return Ok(()),
        (nonce, NonceRule::Exactly(expected) | NonceRule::AbsentOr(expected)) => {
            (required(nonce, "nonce")?, expected)
        }
    };
    if nonce.as_bytes().ct_eq(expected.as_bytes()).into() { Ok(()) } else { Err(TokenError::WrongNonce) }
}

fn check_access_token(signed: &Signed, access_token: Option<&SecretString>) -> Result<(), TokenError> {
    let Some(at_hash) = signed.claims.text("at_hash")? else { return Ok(()) };
    let expected = access_token.map(|token| signed.half_hash(token.expose_secret()));
    if expected.as_deref() == Some(at_hash) { Ok(()) } else { Err(TokenError::WrongAccessTokenHash) }
}

#[cfg(test)]
mod tests {
    use super::super::jws::Unverified;
    use super::super::testing::Signer;
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;

    fn claims() -> Value {
        json!({"iss": "https://op.example", "sub": "s", "aud": "us", "exp": NOW + 300, "iat": NOW, "nonce": "n"})
    }

    fn demands() -> Demands<'static> {
        Demands { nonce: NonceRule::Exactly("n"), access_token: None }
    }

    fn check_with(claims: &Value, demands: &Demands<'_>) -> Result<(), TokenError> {
        let token = Signer::first().sign("k", claims);
        let signed = Unverified::parse(&token).and_then(|token| token.verify(Signer::first().key("k")))?;
        let issuer = IssuerRule::Exactly("https://op.example".into());
        let recipient = Recipient { issuer: &issuer, client_id: "us", now: Timestamp::from_unix(NOW) };
        IdToken::check(signed, &recipient, demands).map(|_| ())
    }

    fn with(name: &str, value: Value) -> Result<(), TokenError> {
        let mut claims = claims();
        claims[name] = value;
        check_with(&claims, &demands())
    }

    #[test]
    fn every_claim_is_checked() {
        use TokenError as E;
        assert_eq!(check_with(&claims(), &demands()), Ok(()));
        for name in ["iss", "sub", "aud", "exp", "iat", "nonce"] {
            assert_eq!(with(name, Value::Null), Err(E::MissingClaim(name)));
        }
        for (name, value, error) in [
            ("iss", json!("https://op.example1"), E::WrongIssuer("https://op.example1".into())),
            ("iss", json!("https://op.example/"), E::WrongIssuer("https://op.example/".into())),
            ("iss", json!(["https://op.example"]), E::MalformedClaim("iss")),
            ("aud", json!("us1"), E::WrongAudience),
            ("aud", json!(["us", "them"]), E::WrongAudience),
            ("aud", json!([]), E::WrongAudience),
            ("aud", json!({"us": 1}), E::WrongAudience),
            ("azp", json!("them"), E::WrongAuthorizedParty),
            ("azp", json!(["us"]), E::MalformedClaim("azp")),
            ("sub", json!(""), E::MalformedClaim("sub")),
            ("sub", json!(17), E::MalformedClaim("sub")),
            ("nonce", json!("n1"), E::WrongNonce),
            ("nonce", json!(""), E::WrongNonce),
            ("exp", json!(NOW - 60), E::Expired),
            ("exp", json!("tomorrow"), E::MalformedClaim("exp")),
            ("exp", json!(1e300), E::MalformedClaim("exp")),
            ("exp", json!(-1), E::MalformedClaim("exp")),
            ("iat", json!(NOW + 61), E::NotYetValid),
            ("nbf", json!(NOW + 61), E::NotYetValid),
            ("iat", json!(NOW - 15 * 60 - 61), E::TooOld),
            ("at_hash", json!("x"), E::WrongAccessTokenHash),
            ("auth_time", json!(NOW + 61), E::WrongAuthTime),
            ("auth_time", json!("now"), E::MalformedClaim("auth_time")),
        ] {
            assert_eq!(with(name, value.clone()), Err(error), "{name} {value}");
        }
    }

    #[test]
    fn what_only_looks_unusual_passes() {
        for (name, value) in [
            ("aud", json!(["us"])),
            ("azp", json!("us")),
            ("exp", json!(NOW - 59)),
            ("iat", json!(NOW + 60)),
            ("iat", json!(NOW - 300)),
            ("nbf", json!(NOW + 60)),
            ("exp", json!(1_800_000_300.5)),
            ("auth_time", json!(NOW - 100_000)),
        ] {
            assert_eq!(with(name, value.clone()), Ok(()), "{name} {value}");
        }
    }

    #[test]
    fn an_access_token_belongs_to_its_id_token() {
        let (access, another) = (SecretString::from("access"), SecretString::from("another"));
        let key = Signer::first();
        let probe = key.sign("k", &json!({}));
        let signed = Unverified::parse(&probe).and_then(|token| token.verify(key.key("k"))).expect("a token");
        let mut claims = claims();
        claims["at_hash"] = json!(signed.half_hash("access"));
        let demand = |token| Demands { access_token: token, ..demands() };
        assert_eq!(check_with(&claims, &demand(Some(&access))), Ok(()));
        assert_eq!(check_with(&claims, &demand(Some(&another))), Err(TokenError::WrongAccessTokenHash));
        assert_eq!(check_with(&claims, &demand(None)), Err(TokenError::WrongAccessTokenHash));
    }

    #[test]
    fn a_renewed_token_has_no_nonce_or_the_same() {
        let renewed = |nonce: Value| {
            let mut claims = claims();
            claims["nonce"] = nonce;
            check_with(&claims, &Demands { nonce: NonceRule::AbsentOr("n"), ..demands() })
        };
        assert_eq!(renewed(Value::Null), Ok(()));
        assert_eq!(renewed(json!("n")), Ok(()));
        assert_eq!(renewed(json!("m")), Err(TokenError::WrongNonce));
    }
}
