//! Back-channel logout (`OpenID` Connect Back-Channel Logout 1.0), with valid tokens and with each lie of the
//! conformance suite.

use std::fmt;

use serde_json::{Value, json};

use super::jwt::{Draft, SignedBy};
use super::keys::{RsaName, SigningAlg};
use super::world::World;
use crate::lies::{Expect, kebab_case};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// What is wrong with a logout token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutLie {
    /// Nothing. The token has an unknown claim and the form an unknown field, which must be ignored.
    Honest,
    /// `typ` is `logout+jwt`, as the specification recommends.
    HonestTyped,
    AlgNone,
    /// Signed with HS256 and the client secret.
    WrongAlg,
    /// Signed with ES256 by a published key, although ID tokens are signed with RS256.
    OtherAlg,
    BrokenSignature,
    UnknownKid,
    WrongAud,
    ExtraAud,
    WrongIss,
    /// The event is `.../event/foobar` instead of the logout event.
    WrongEvent,
    NoEvent,
    /// The value of the event is a string.
    EventNoObject,
    WithNonce,
    /// The token has neither `sub` nor `sid`.
    NoSubNoSid,
    NoIat,
    NoJti,
    NoExp,
    Expired,
    IatFuture,
    /// `typ` is `at+jwt`.
    WrongType,
    /// The last valid token is sent again.
    OldJti,
}

impl LogoutLie {
    /// All of them. Valid ones come first, the replay last.
    pub const ALL: &'static [Self] = &[
        Self::Honest,
        Self::HonestTyped,
        Self::AlgNone,
        Self::WrongAlg,
        Self::OtherAlg,
        Self::BrokenSignature,
        Self::UnknownKid,
        Self::WrongAud,
        Self::ExtraAud,
        Self::WrongIss,
        Self::WrongEvent,
        Self::NoEvent,
        Self::EventNoObject,
        Self::WithNonce,
        Self::NoSubNoSid,
        Self::NoIat,
        Self::NoJti,
        Self::NoExp,
        Self::Expired,
        Self::IatFuture,
        Self::WrongType,
        Self::OldJti,
    ];

    /// What must happen: `Accept` is status 200, `Reject` is status 400 with `no-store` and without ending the session.
    pub fn expected(self) -> Expect {
        match self {
            Self::Honest | Self::HonestTyped => Expect::Accept,
            _ => Expect::Reject,
        }
    }
}

impl fmt::Display for LogoutLie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&kebab_case(&format!("{self:?}")))
    }
}

/// A logout token that is sent.
#[derive(Clone, Debug)]
pub struct LogoutToken {
    pub sub: Option<String>,
    pub sid: Option<String>,
    pub lie: LogoutLie,
    /// Seconds to add to `iat`. A sign-out only ends sessions that started before its `iat`.
    pub iat_offset: i64,
}

impl LogoutToken {
    /// Ends one session.
    pub fn for_session(sid: &str) -> Self {
        Self { sub: None, sid: Some(sid.to_owned()), lie: LogoutLie::Honest, iat_offset: 0 }
    }

    /// Ends all sessions of a subject.
    pub fn for_subject(sub: &str) -> Self {
        Self { sub: Some(sub.to_owned()), sid: None, lie: LogoutLie::Honest, iat_offset: 0 }
    }

    #[must_use]
    pub fn telling(mut self, lie: LogoutLie) -> Self {
        self.lie = lie;
        self
    }
}

/// Builds and signs the token. A replay is the last valid token, or a new one if there is none yet.
pub(crate) fn build(world: &mut World, token: &LogoutToken) -> String {
    if token.lie == LogoutLie::OldJti
        && let Some(last) = &world.last_logout_token
    {
        return last.clone();
    }
    let mut draft = honest(world, token);
    let app = &world.registration;
    let (client_id, now) = (app.client_id.clone(), world.now());
    match token.lie {
        LogoutLie::Honest | LogoutLie::OldJti | LogoutLie::BrokenSignature => {}
        LogoutLie::HonestTyped => draft.head("typ", json!("logout+jwt")),
        LogoutLie::AlgNone => {
            draft.head("alg", json!("none"));
            draft.signed_by = SignedBy::Nobody;
        }
        LogoutLie::WrongAlg => {
            draft.head("alg", json!("HS256"));
            let secret = app.secrets.first().map(|secret| secret.value.clone()).unwrap_or_default();
            draft.signed_by = SignedBy::Secret(secret.into_bytes());
        }
        LogoutLie::OtherAlg => {
            let Draft { claims, .. } = draft;
            draft = Draft::new(Value::Object(claims), SigningAlg::Es256, RsaName::Ring(0));
            draft.header.remove("typ");
        }
        LogoutLie::UnknownKid => {
            draft.head("kid", json!(RsaName::Attacker.key().kid));
            draft.head("alg", json!("RS256"));
            draft.signed_by = SignedBy::Rsa(SigningAlg::Rs256, RsaName::Attacker);
        }
        LogoutLie::WrongAud => draft.claim("aud", json!(format!("{client_id}1"))),
        LogoutLie::ExtraAud => draft.claim("aud", json!([client_id, "somebody-else"])),
        LogoutLie::WrongIss => draft.claim("iss", json!(format!("{}1", world.issuer_of(&world.tid)))),
        LogoutLie::WrongEvent => {
            draft.claim("events", json!({"http://schemas.openid.net/event/foobar": {}}));
        }
        LogoutLie::NoEvent => remove(&mut draft, &["events"]),
        LogoutLie::EventNoObject => draft.claim("events", json!({EVENT: "logout"})),
        LogoutLie::WithNonce => draft.claim("nonce", json!("a-nonce")),
        LogoutLie::NoSubNoSid => remove(&mut draft, &["sub", "sid"]),
        LogoutLie::NoIat => remove(&mut draft, &["iat"]),
        LogoutLie::NoJti => remove(&mut draft, &["jti"]),
        LogoutLie::NoExp => remove(&mut draft, &["exp"]),
        LogoutLie::Expired => {
            draft.claim("iat", json!(now - 900));
            draft.claim("exp", json!(now - 600));
        }
        LogoutLie::IatFuture => {
            draft.claim("iat", json!(now + 3600));
            draft.claim("exp", json!(now + 3720));
        }
        LogoutLie::WrongType => draft.head("typ", json!("at+jwt")),
    }
    let mut signed = draft.sign();
    if token.lie == LogoutLie::BrokenSignature {
        signed = crate::lies::token::with_broken_signature(&signed);
    }
    if token.lie.expected() == Expect::Accept {
        world.last_logout_token = Some(signed.clone());
    }
    signed
}

fn honest(world: &World, token: &LogoutToken) -> Draft {
    let iat = world.now() + token.iat_offset;
    let claims = json!({
        "iss": world.issuer_of(&world.tid), "aud": world.registration.client_id, "iat": iat, "exp": iat + 120,
        "jti": uuid::Uuid::new_v4().to_string(), "events": {EVENT: {}}, "unknown": "to be ignored",
    });
    let mut draft = Draft::new(claims, world.registration.signing_alg, world.keys.signing());
    draft.header.remove("typ");
    for (name, value) in [("sub", &token.sub), ("sid", &token.sid)] {
        if let Some(value) = value {
            draft.claim(name, Value::String(value.clone()));
        }
    }
    draft
}

fn remove(draft: &mut Draft, claims: &[&str]) {
    for name in claims {
        draft.claims.remove(*name);
    }
}
