//! Logout tokens (OpenID Connect Back-Channel Logout section 2.6): the provider ended a session.
//!
//! Anybody can post a logout token, so the fetches of keys for logout tokens have a limit of their own. The caller has to
//! refuse a token whose `jti` it has seen, until `expires_at`.

use super::claims::{Claims, required};
use super::discovery::Source;
use super::error::OidcError;
use super::id_token::{MAX_TOKEN_AGE, check_end, check_party_and_age};
use super::jws::Jws;
use super::keys::Key;
use super::provider::{Provider, Recipient};
use super::token_error::TokenError;
use gatepost_core::clock::Timestamp;
use serde_json::Value;
use std::time::Duration;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// Longer than the tolerance for clocks: a token is refused because of its age before its `jti` is forgotten.
const REPLAY_MARGIN: Duration = Duration::from_mins(2);

/// A logout token that has passed all checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutToken {
    /// `iss`.
    pub issuer: String,
    /// `sub`. Without `sid`, all sessions of this subject are over. Entra's is the pairwise subject, not `oid`.
    pub subject: Option<String>,
    /// `sid`: the id of one session at the provider.
    pub sid: Option<String>,
    /// `iat`. Sessions that began later go on.
    pub issued_at: Timestamp,
    /// `jti`: the token's id, by which the caller recognises a replay.
    pub jti: String,
    /// From then on the token is refused because of its age, so its `jti` can be forgotten.
    pub expires_at: Timestamp,
}

impl Provider {
    /// Verifies a logout token.
    ///
    /// # Errors
    /// [`OidcError::Token`] if the token is to be answered with 400. [`OidcError::Unavailable`] if the keys cannot be fetched.
    pub async fn verify_logout_token(&self, token: &str) -> Result<LogoutToken, OidcError> {
        let token = Jws::parse(token)?;
        token.require_type(&["logout+jwt", "jwt"])?;
        self.discovery.require_algorithm(&token)?;
        let recipient = self.recipient(Timestamp::now());
        self.discovery
            .verify(&token, Source::Anybody, |key| LogoutToken::check(&token, key, &recipient))
            .await
    }
}

impl LogoutToken {
    fn check(token: &Jws<'_>, key: &Key, recipient: &Recipient<'_>) -> Result<Self, TokenError> {
        let claims = &token.verify(key)?;
        let issuer = recipient.issuer.check_token(claims, key.issuer())?;
        check_audience(claims, recipient.client_id)?;
        let end = check_end(claims, recipient.now)?;
        let issued_at = check_party_and_age(claims, recipient)?;
        if !has_logout_event(claims) {
            return Err(TokenError::NoLogoutEvent);
        }
        if claims.get("nonce").is_some() {
            return Err(TokenError::NonceInLogoutToken);
        }
        let (subject, sid) = (claims.identifier("sub")?, claims.identifier("sid")?);
        if subject.is_none() && sid.is_none() {
            return Err(TokenError::NobodyToLogOut);
        }
        let jti = required(claims.identifier("jti")?, "jti")?;
        Ok(Self {
            issuer: issuer.to_owned(),
            subject: subject.map(str::to_owned),
            sid: sid.map(str::to_owned),
            issued_at,
            jti: jti.to_owned(),
            expires_at: end.min(issued_at.plus(MAX_TOKEN_AGE)).plus(REPLAY_MARGIN),
        })
    }
}

/// Our client id has to be the only audience: any other client could post its copy of the token here.
fn check_audience(claims: &Claims, client_id: &str) -> Result<(), TokenError> {
    let is_us = |value: &Value| value.as_str() == Some(client_id);
    let holds = match required(claims.get("aud"), "aud")? {
        Value::Array(list) => !list.is_empty() && list.iter().all(is_us),
        value => is_us(value),
    };
    if holds { Ok(()) } else { Err(TokenError::WrongAudience) }
}

fn has_logout_event(claims: &Claims) -> bool {
    claims
        .get("events")
        .and_then(Value::as_object)
        .and_then(|events| events.get(EVENT))
        .is_some_and(Value::is_object)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Signer, exactly};
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;

    fn check(change: (&str, Value)) -> Result<LogoutToken, TokenError> {
        let mut claims = json!({
            "iss": "https://op.example", "aud": "us", "sub": "s", "sid": "x", "jti": "j",
            "iat": NOW, "exp": NOW + 120, "events": {EVENT: {}}, "unknown": true,
        });
        claims[change.0] = change.1;
        if change.0 == "sub and sid" {
            claims["sub"] = Value::Null;
            claims["sid"] = Value::Null;
        }
        let token = Signer::first().sign("k", &claims);
        let issuer = exactly("https://op.example");
        let recipient = Recipient { issuer: &issuer, client_id: "us", now: Timestamp::from_unix(NOW) };
        LogoutToken::check(&Jws::parse(&token)?, &Signer::first().key("k"), &recipient)
    }

    #[test]
    fn a_logout_token_is_all_that_section_2_6_demands() {
        use TokenError as E;
        let expected = LogoutToken {
            issuer: "https://op.example".into(),
            subject: Some("s".into()),
            sid: Some("x".into()),
            issued_at: Timestamp::from_unix(NOW),
            jti: "j".into(),
            expires_at: Timestamp::from_unix(NOW + 240),
        };
        assert_eq!(check(("unknown", json!(1))), Ok(expected));
        for (name, value, error) in [
            ("iss", json!("https://op.example1"), E::WrongIssuer("https://op.example1".into())),
            ("aud", json!("us1"), E::WrongAudience),
            ("aud", json!(["us", "them"]), E::WrongAudience),
            ("aud", json!([]), E::WrongAudience),
            ("aud", json!({"us": 1}), E::WrongAudience),
            ("aud", Value::Null, E::MissingClaim("aud")),
            ("azp", json!("them"), E::WrongAuthorizedParty),
            ("events", Value::Null, E::NoLogoutEvent),
            ("events", json!({"http://schemas.openid.net/event/foobar": {}}), E::NoLogoutEvent),
            ("events", json!({EVENT: "x"}), E::NoLogoutEvent),
            ("events", json!([EVENT]), E::NoLogoutEvent),
            ("nonce", json!("n"), E::NonceInLogoutToken),
            ("sub and sid", Value::Null, E::NobodyToLogOut),
            ("jti", Value::Null, E::MissingClaim("jti")),
            ("iat", Value::Null, E::MissingClaim("iat")),
            ("exp", Value::Null, E::MissingClaim("exp")),
            ("exp", json!(NOW - 61), E::Expired),
            ("iat", json!(NOW - 1000), E::TooOld),
        ] {
            assert_eq!(check((name, value)), Err(error), "{name}");
        }
        assert!(check(("sub", Value::Null)).is_ok());
        assert!(check(("sid", Value::Null)).is_ok());
    }

    #[test]
    fn a_replay_is_remembered_no_longer_than_a_token_counts() {
        let token = check(("exp", json!(NOW + 1_000_000))).expect("a token");
        assert_eq!(token.expires_at, Timestamp::from_unix(NOW + 15 * 60 + 120));
    }
}
