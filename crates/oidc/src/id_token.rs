//! The checks of an ID token (OpenID Connect Core sections 3.1.3.7 and 12.2).
//!
//! `openidconnect` checks issuer, audience, signature, `exp`, nonce and `auth_time`. The other checks are here: Entra's
//! issuer, which differs from tenant to tenant; `azp`, `nbf` and the token's age; `at_hash`; the form of `sub`. Logout
//! tokens share the checks that the crate does not have.

use super::claims::{Claims, required};
use super::discovery::Source;
use super::error::OidcError;
use super::issuer::IssuerRule;
use super::jws::Jws;
use super::keys::Key;
use super::protocol::IdTokenClaims;
use super::provider::{Provider, Recipient};
use super::signature::Algorithm;
use super::token_error::{TokenError, short};
use super::tokens::{IdToken, ReceivedIdToken};
use gatepost_core::clock::Timestamp;
use gatepost_core::identity::SubjectKey;
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, IdTokenVerifier, IssuerUrl,
    JsonWebKeySet, Nonce, NonceVerifier, SignatureVerificationError,
};
use serde_json::json;
use std::time::{Duration, SystemTime};

/// The accepted difference between the clocks of the provider and of this machine.
pub(super) const LEEWAY: Duration = Duration::from_mins(1);
/// The accepted age of a token when it arrives. Entra sets `iat` five minutes back.
pub(super) const MAX_TOKEN_AGE: Duration = Duration::from_mins(15);

/// The check of the nonce.
#[derive(Clone, Copy, Debug)]
pub(super) enum NonceRule<'a> {
    /// Sign-in: the nonce must be present.
    Exactly(&'a str),
    /// Renewal: the nonce is absent or unchanged (section 12.2).
    AbsentOr(&'a str),
}

impl NonceVerifier for NonceRule<'_> {
    fn verify(self, nonce: Option<&Nonce>) -> Result<(), String> {
        match self {
            Self::AbsentOr(_) if nonce.is_none() => Ok(()),
            Self::Exactly(expected) | Self::AbsentOr(expected) => {
                (&Nonce::new(expected.to_owned())).verify(nonce)
            }
        }
    }
}

/// The expected values that differ from token to token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demands<'a> {
    pub nonce: NonceRule<'a>,
    pub access_token: Option<&'a AccessToken>,
}

/// An ID token that has passed all checks.
#[derive(Debug)]
pub(super) struct VerifiedIdToken {
    pub claims: Claims,
    pub subject: SubjectKey,
    pub issued_at: Timestamp,
    pub auth_time: Option<Timestamp>,
}

impl Provider {
    /// Verifies an ID token from the token endpoint.
    pub(super) async fn verify_id_token(
        &self,
        token: &ReceivedIdToken,
        demands: &Demands<'_>,
    ) -> Result<VerifiedIdToken, OidcError> {
        let jws = Jws::parse(token.text())?;
        jws.require_type(&["jwt"])?;
        let recipient = self.recipient(Timestamp::now());
        let check = |key: &Key| VerifiedIdToken::check(token, &jws, key, &recipient, demands);
        let checked = self.discovery.verify(&jws, Source::TokenEndpoint, check).await?;
        self.discovery.note_algorithm(jws.algorithm());
        let subject = self.subject_key(checked.subject);
        Ok(VerifiedIdToken { subject, ..checked })
    }
}

impl VerifiedIdToken {
    fn check(
        token: &ReceivedIdToken,
        jws: &Jws<'_>,
        key: &Key,
        recipient: &Recipient<'_>,
        demands: &Demands<'_>,
    ) -> Result<Self, TokenError> {
        let id_token: &IdToken = token.parsed().ok_or_else(|| unreadable(jws))?;
        let verified =
            id_token.claims(&recipient.verifier(key), demands.nonce).map_err(|error| refused(&error, jws))?;
        check_access_token(verified, demands.access_token, jws.algorithm(), key)?;
        // The crate has verified the signature over this payload.
        let claims = jws.payload_claims()?;
        let issuer = recipient.issuer.check_token(&claims, key.issuer())?;
        let issued_at = check_party_and_age(&claims, recipient)?;
        Ok(Self {
            subject: recipient.issuer.subject(&claims, issuer)?,
            issued_at,
            auth_time: claims.moment("auth_time")?,
            claims,
        })
    }
}

impl Recipient<'_> {
    /// The crate's verifier, for the one key that may have signed the token. It is told that the client is a public one,
    /// because no accepted algorithm uses a shared secret.
    fn verifier(&self, key: &Key) -> IdTokenVerifier<'static, Key> {
        let client_id = ClientId::new(self.client_id.to_owned());
        let keys = JsonWebKeySet::new(vec![key.clone()]);
        let (earliest_end, latest) = (self.now.minus(LEEWAY), self.now.plus(LEEWAY));
        let (issuer, is_the_only_one) = match self.issuer {
            IssuerRule::Exactly(issuer) => (issuer.clone(), true),
            // `IssuerRule::check_token` checks Entra's issuer.
            IssuerRule::Entra { authority, .. } => (IssuerUrl::from_url(authority.clone()), false),
        };
        IdTokenVerifier::new_public_client(client_id, issuer, keys)
            .set_allowed_algs(Algorithm::ALL)
            .require_issuer_match(is_the_only_one)
            .set_time_fn(move || {
                let seconds = u64::try_from(earliest_end.unix()).unwrap_or(0);
                (SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).into()
            })
            .set_auth_time_verifier_fn(move |at| {
                let is_in_future = at.is_some_and(|at| at.timestamp() > latest.unix());
                if is_in_future { Err("it is in the future".to_owned()) } else { Ok(()) }
            })
    }
}

/// Checks `azp`, `nbf` and `iat` of an ID token or a logout token. Gives `iat`.
pub(super) fn check_party_and_age(
    claims: &Claims,
    recipient: &Recipient<'_>,
) -> Result<Timestamp, TokenError> {
    if claims.text("azp")?.is_some_and(|party| party != recipient.client_id) {
        return Err(TokenError::WrongAuthorizedParty);
    }
    let now = recipient.now;
    let issued_at = required(claims.moment("iat")?, "iat")?;
    let not_before = claims.moment("nbf")?.unwrap_or(issued_at);
    if issued_at.max(not_before) > now.plus(LEEWAY) {
        return Err(TokenError::NotYetValid);
    }
    if issued_at.plus(MAX_TOKEN_AGE).plus(LEEWAY) < now {
        return Err(TokenError::TooOld);
    }
    Ok(issued_at)
}

/// Checks `exp` of a token that the crate does not verify. Gives `exp`.
pub(super) fn check_end(claims: &Claims, now: Timestamp) -> Result<Timestamp, TokenError> {
    let end = required(claims.moment("exp")?, "exp")?;
    if end.plus(LEEWAY) <= now { Err(TokenError::Expired) } else { Ok(end) }
}

fn check_access_token(
    claims: &IdTokenClaims,
    access_token: Option<&AccessToken>,
    algorithm: Algorithm,
    key: &Key,
) -> Result<(), TokenError> {
    let Some(hash) = claims.access_token_hash() else { return Ok(()) };
    let actual = access_token.map(|token| AccessTokenHash::from_token(token, &algorithm, key));
    if actual.is_some_and(|actual| actual.as_ref() == Ok(hash)) {
        Ok(())
    } else {
        Err(TokenError::WrongAccessTokenHash)
    }
}

/// Translates the crate's error.
fn refused(error: &ClaimsVerificationError, jws: &Jws<'_>) -> TokenError {
    use ClaimsVerificationError as E;
    let claims = match jws.payload_claims() {
        Ok(claims) => claims,
        Err(error) => return error,
    };
    let missing_or =
        |name, wrong| if claims.get(name).is_none() { TokenError::MissingClaim(name) } else { wrong };
    match error {
        E::Expired(_) => TokenError::Expired,
        E::InvalidAudience(_) => missing_or("aud", TokenError::WrongAudience),
        E::InvalidAuthTime(_) => TokenError::WrongAuthTime,
        E::InvalidIssuer(_) => TokenError::WrongIssuer(short(claims.find_text("iss").unwrap_or_default())),
        E::InvalidNonce(_) => missing_or("nonce", TokenError::WrongNonce),
        E::SignatureVerification(SignatureVerificationError::CryptoError(_)) => TokenError::BadSignature,
        E::SignatureVerification(_) => TokenError::UnknownKey,
        _ => TokenError::Malformed("header"),
    }
}

/// Why the crate cannot read the claims. Its error does not always name the claim, so each claim is tried by itself, among
/// valid ones.
fn unreadable(jws: &Jws<'_>) -> TokenError {
    let find = || {
        let claims = jws.payload_claims()?;
        for name in ["iss", "sub", "exp", "iat"] {
            required(claims.get(name), name)?;
        }
        for (name, value) in claims.members() {
            let mut valid = json!({"iss": "https://op.example", "sub": "x", "exp": 0, "iat": 0});
            valid[name] = value.clone();
            if let Err(error) = serde_json::from_value::<IdTokenClaims>(valid) {
                return Err(TokenError::Unreadable(short(&format!("{name}: {error}"))));
            }
        }
        Ok(TokenError::Malformed("claims"))
    };
    find().unwrap_or_else(|error| error)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Signer, exactly};
    use super::*;
    use serde_json::Value;

    const NOW: i64 = 1_800_000_000;

    fn claims() -> Value {
        json!({"iss": "https://op.example", "sub": "s", "aud": "us", "exp": NOW + 300, "iat": NOW, "nonce": "n"})
    }

    fn demands() -> Demands<'static> {
        Demands { nonce: NonceRule::Exactly("n"), access_token: None }
    }

    fn check_with(claims: &Value, demands: &Demands<'_>) -> Result<(), TokenError> {
        check_received(&ReceivedIdToken::new(Signer::first().sign("k", claims)), demands)
    }

    fn check_received(token: &ReceivedIdToken, demands: &Demands<'_>) -> Result<(), TokenError> {
        let issuer = exactly("https://op.example");
        let recipient = Recipient { issuer: &issuer, client_id: "us", now: Timestamp::from_unix(NOW) };
        let jws = Jws::parse(token.text())?;
        VerifiedIdToken::check(token, &jws, &Signer::first().key("k"), &recipient, demands).map(|_| ())
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
        let without = |name| {
            let mut claims = claims();
            claims.as_object_mut().expect("an object").remove(name);
            check_with(&claims, &demands())
        };
        for name in ["iss", "sub", "aud", "exp", "iat", "nonce"] {
            assert_eq!(without(name), Err(E::MissingClaim(name)));
            assert!(with(name, Value::Null).is_err(), "{name}");
        }
        for (name, value) in [
            ("iss", json!("op.example")),
            ("iss", json!(["https://op.example"])),
            ("aud", json!({"us": 1})),
            ("azp", json!(["us"])),
            ("sub", json!(17)),
            ("exp", json!("tomorrow")),
            ("exp", json!(1e300)),
            ("auth_time", json!("now")),
            ("amr", json!("pwd")),
            ("locale", json!({})),
        ] {
            let outcome = with(name, value.clone());
            let is_named =
                matches!(&outcome, Err(E::Unreadable(why)) if why.starts_with(&format!("{name}: ")));
            assert!(is_named, "{name} {value} {outcome:?}");
        }
        for (name, value, error) in [
            ("iss", json!("https://op.example1"), E::WrongIssuer("https://op.example1".into())),
            ("iss", json!("https://op.example/"), E::WrongIssuer("https://op.example/".into())),
            ("aud", json!("us1"), E::WrongAudience),
            ("aud", json!(["us", "them"]), E::WrongAudience),
            ("aud", json!([]), E::WrongAudience),
            ("azp", json!("them"), E::WrongAuthorizedParty),
            ("sub", json!(""), E::MalformedClaim("sub")),
            ("nonce", json!("n1"), E::WrongNonce),
            ("nonce", json!(""), E::WrongNonce),
            ("exp", json!(NOW - 60), E::Expired),
            ("exp", json!(-1), E::Expired),
            ("iat", json!(NOW + 61), E::NotYetValid),
            ("iat", json!(-1), E::MalformedClaim("iat")),
            ("nbf", json!(NOW + 61), E::NotYetValid),
            ("iat", json!(NOW - 15 * 60 - 61), E::TooOld),
            ("at_hash", json!("x"), E::WrongAccessTokenHash),
            ("auth_time", json!(NOW + 61), E::WrongAuthTime),
            ("auth_time", json!(-1), E::MalformedClaim("auth_time")),
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
            // As Amazon Cognito, Auth0 and others write them.
            ("email_verified", json!("true")),
            ("updated_at", json!("2026-11-28T08:00:00.000Z")),
            ("picture", Value::Null),
            ("groups", json!({"a": [1, null, {"b": 1.5}]})),
        ] {
            assert_eq!(with(name, value.clone()), Ok(()), "{name} {value}");
        }
    }

    #[test]
    fn a_claim_that_stands_twice_is_refused() {
        for name in ["aud", "email", "tid"] {
            let mut claims = claims();
            claims[name] = json!("us");
            let text = claims.to_string().replacen('{', &format!("{{\"{name}\":\"them\","), 1);
            let token = ReceivedIdToken::new(Signer::first().sign_text(&json!({"alg": "RS256"}), &text));
            assert_eq!(check_received(&token, &demands()), Err(TokenError::Malformed("payload")), "{name}");
        }
    }

    #[test]
    fn an_access_token_belongs_to_its_id_token() {
        let token = |text: &str| AccessToken::new(text.to_owned());
        let (access, another) = (token("access"), token("another"));
        let hash = AccessTokenHash::from_token(&access, &Algorithm::Rs256, &Signer::first().key("k"));
        let mut claims = claims();
        claims["at_hash"] = json!(hash.expect("a hash").as_str());
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
