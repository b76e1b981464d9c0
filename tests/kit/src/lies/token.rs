//! ID tokens with a lie, which changes the token before it is signed or the text after that.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Lie, wire};
use crate::entra::claims::{Issue, at_hash};
use crate::entra::jwt::{Draft, SignedBy};
use crate::entra::keys::{ES256_KID, RsaKey, RsaName, SigningAlg};
use crate::entra::people::stable_guid;
use crate::entra::world::World;

/// The values that a lie may need.
#[derive(Debug)]
pub(crate) struct Scene {
    now: i64,
    client_id: String,
    client_secret: String,
    access_token: String,
    base: String,
    other_tid: String,
    other_issuer: String,
    signing: &'static RsaKey,
}

impl Scene {
    pub(crate) fn new(world: &World, issue: &Issue<'_>) -> Self {
        Self::about(world, &world.registration.client_id, issue.access_token)
    }

    /// For a token that is made for an API instead of the client.
    pub(crate) fn about_access_token(world: &World, audience: &str) -> Self {
        Self::about(world, audience, "")
    }

    fn about(world: &World, audience: &str, access_token: &str) -> Self {
        let other_tid = stable_guid("another tenant");
        Self {
            now: world.now(),
            client_id: audience.to_owned(),
            client_secret: world.registration.secrets.first().map(|s| s.value.clone()).unwrap_or_default(),
            access_token: access_token.to_owned(),
            base: world.base.clone(),
            other_issuer: world.issuer_of(&other_tid),
            other_tid,
            signing: world.keys.signing().key(),
        }
    }
}

/// Signs the token with the lie in it.
pub(crate) fn bend(lie: Lie, mut draft: Draft, scene: &Scene) -> String {
    bend_claims(lie, &mut draft, scene);
    bend_times(lie, &mut draft, scene.now);
    bend_identity(lie, &mut draft, scene);
    bend_header(lie, &mut draft, scene);
    bend_signer(lie, &mut draft, scene);
    bend_text(lie, &draft, scene)
}

fn append(draft: &mut Draft, claim: &str, tail: &str) {
    if let Some(Value::String(text)) = draft.claims.get_mut(claim) {
        text.push_str(tail);
    }
}

fn bend_claims(lie: Lie, draft: &mut Draft, scene: &Scene) {
    let remove = |draft: &mut Draft, name: &str| {
        draft.claims.remove(name);
    };
    match lie {
        Lie::NonceWrong => append(draft, "nonce", "1"),
        Lie::NonceMissing => remove(draft, "nonce"),
        Lie::IssWrong | Lie::RefreshIssOther => append(draft, "iss", "1"),
        Lie::IssMissing => remove(draft, "iss"),
        Lie::IssTrailingSlash => append(draft, "iss", "/"),
        Lie::AudWrong | Lie::RefreshAudOther => append(draft, "aud", "1"),
        Lie::AudMissing => remove(draft, "aud"),
        Lie::AudEmpty => draft.claim("aud", json!([])),
        Lie::AudExtra => draft.claim("aud", json!([scene.client_id, "somebody-else"])),
        Lie::AudListOfUs => draft.claim("aud", json!([scene.client_id])),
        Lie::AzpWrong => draft.claim("azp", json!("somebody-else")),
        Lie::AzpUs => draft.claim("azp", json!(scene.client_id)),
        Lie::SubMissing => remove(draft, "sub"),
        Lie::SubEmpty => draft.claim("sub", json!("")),
        Lie::SubTooLong => draft.claim("sub", json!("s".repeat(256))),
        Lie::SubNumber => draft.claim("sub", json!(7)),
        Lie::RefreshSubOther => {
            append(draft, "sub", "1");
            if draft.claims.contains_key("oid") {
                draft.claim("oid", json!(stable_guid("another person")));
            }
        }
        Lie::AtHashWrong => draft.claim("at_hash", json!(at_hash("another access token"))),
        Lie::AtHashRight => draft.claim("at_hash", json!(at_hash(&scene.access_token))),
        Lie::PayloadArray => draft.payload = Some(json!([draft.claims]).to_string()),
        Lie::DuplicateClaim => {
            let claims = Value::Object(draft.claims.clone()).to_string();
            draft.payload = Some(format!("{{\"aud\":\"somebody-else\",{}", &claims[1..]));
        }
        Lie::LogoutTokenAsIdToken => {
            remove(draft, "nonce");
            draft.claim("events", json!({"http://schemas.openid.net/event/backchannel-logout": {}}));
        }
        _ => {}
    }
}

fn bend_times(lie: Lie, draft: &mut Draft, now: i64) {
    const HOUR: i64 = 3600;
    const DAY: i64 = 86_400;
    match lie {
        Lie::IatMissing => drop(draft.claims.remove("iat")),
        Lie::IatFuture => {
            draft.claim("iat", json!(now + HOUR));
            draft.claim("exp", json!(now + 2 * HOUR));
        }
        Lie::IatTooOld => draft.claim("iat", json!(now - 2 * DAY)),
        Lie::ExpPast => draft.claim("exp", json!(now - HOUR)),
        Lie::ExpMissing => drop(draft.claims.remove("exp")),
        Lie::ExpAbsurd => draft.claim("exp", json!(1e300)),
        Lie::ExpFraction => {
            draft.claim("exp", serde_json::from_str(&format!("{}.5", now + HOUR)).unwrap_or_default());
        }
        Lie::ExpNegative => draft.claim("exp", json!(-1)),
        Lie::ExpString => draft.claim("exp", json!((now + HOUR).to_string())),
        Lie::NbfFuture => draft.claim("nbf", json!(now + HOUR)),
        Lie::AuthTimeMissing => drop(draft.claims.remove("auth_time")),
        Lie::AuthTimeOld => draft.claim("auth_time", json!(now - 30 * DAY)),
        _ => {}
    }
}

fn bend_identity(lie: Lie, draft: &mut Draft, scene: &Scene) {
    let address = |draft: &mut Draft, address: &str| {
        for name in ["email", "preferred_username", "upn"] {
            if draft.claims.contains_key(name) {
                draft.claim(name, json!(address));
            }
        }
    };
    match lie {
        Lie::OtherTenant => {
            draft.claim("tid", json!(scene.other_tid));
            draft.claim("iss", json!(scene.other_issuer));
        }
        Lie::OtherTid => draft.claim("tid", json!(scene.other_tid)),
        Lie::TidMissing => drop(draft.claims.remove("tid")),
        Lie::TidPlaceholder => {
            draft.claim("tid", json!("{tenantid}"));
            draft.claim("iss", json!(format!("{}/{{tenantid}}/v2.0", scene.base)));
        }
        Lie::EmailSeveralAts => address(draft, "mallory@evil.example@example.com"),
        Lie::EmailCrLf => address(draft, "mallory@example.com\r\nX-User-Admin: true"),
        Lie::EmailNotAscii => address(draft, "\u{430}lice@example.com"),
        Lie::NameControl => {
            draft.claim("name", json!("Al\u{0}ice\r\nX-User-Admin: true\u{1b}[2J \u{202e}nimda"));
        }
        Lie::ClaimSourcesElsewhere => {
            let endpoint = format!("{}/attacker/groups", wire::elsewhere(&scene.base));
            draft.claims.remove("groups");
            draft.claim("_claim_names", json!({"groups": "src1"}));
            draft.claim("_claim_sources", json!({"src1": {"endpoint": endpoint, "access_token": "bait"}}));
        }
        Lie::UserinfoSubDifferent | Lie::UserinfoSubMissing | Lie::UserinfoArray | Lie::UserinfoFillsIn => {
            for name in ["email", "email_verified", "preferred_username", "upn"] {
                draft.claims.remove(name);
            }
        }
        _ => {}
    }
}

fn bend_header(lie: Lie, draft: &mut Draft, scene: &Scene) {
    let attacker = |path: &str| json!(format!("{}/attacker/{path}", wire::elsewhere(&scene.base)));
    match lie {
        Lie::AlgMissing => drop(draft.header.remove("alg")),
        Lie::AlgUnknown => draft.head("alg", json!("RS257")),
        Lie::KidIsPath => draft.head("kid", json!("../../../../dev/null' OR '1'='1")),
        Lie::KidAbsentSeveralKeys | Lie::KidAbsentOneSuitable => drop(draft.header.remove("kid")),
        Lie::JkuHeader => draft.head("jku", attacker("keys")),
        Lie::X5uHeader => draft.head("x5u", attacker("certificate")),
        Lie::JwkHeader => draft.head("jwk", RsaName::Attacker.key().plain_jwk("RS256")),
        Lie::X5cHeader => draft.head("x5c", json!([RsaName::Attacker.key().certificate_base64()])),
        Lie::CritUnknown => {
            draft.head("crit", json!(["http://example.com/unknown"]));
            draft.head("http://example.com/unknown", json!(true));
        }
        Lie::B64False => {
            draft.head("crit", json!(["b64"]));
            draft.head("b64", json!(false));
        }
        Lie::TypAccessToken => draft.head("typ", json!("at+jwt")),
        Lie::TypLogoutToken | Lie::LogoutTokenAsIdToken => draft.head("typ", json!("logout+jwt")),
        Lie::TypAbsent => drop(draft.header.remove("typ")),
        _ => {}
    }
}

fn bend_signer(lie: Lie, draft: &mut Draft, scene: &Scene) {
    let by = |draft: &mut Draft, name: RsaName| {
        draft.head("alg", json!("RS256"));
        draft.head("kid", json!(name.key().kid));
        draft.signed_by = SignedBy::Rsa(SigningAlg::Rs256, name);
    };
    let hs256 = |draft: &mut Draft, secret: Vec<u8>| {
        draft.head("alg", json!("HS256"));
        draft.signed_by = SignedBy::Secret(secret);
    };
    let none = |draft: &mut Draft, spelled: &str| {
        draft.head("alg", json!(spelled));
        draft.signed_by = SignedBy::Nobody;
    };
    match lie {
        Lie::AlgNone => none(draft, "none"),
        Lie::AlgNoneCapital => none(draft, "None"),
        Lie::AlgNoneUpper => none(draft, "NONE"),
        Lie::AlgNoneMixed => none(draft, "nOnE"),
        Lie::AlgNoneSigned => draft.head("alg", json!("none")),
        Lie::Hs256ClientSecret => hs256(draft, scene.client_secret.clone().into_bytes()),
        Lie::Hs256PublicPem => hs256(draft, scene.signing.public_pem().into_bytes()),
        Lie::Hs256PublicDer => hs256(draft, scene.signing.public_der()),
        Lie::SignatureEmpty => draft.signed_by = SignedBy::Nobody,
        Lie::SignatureOfAnother => draft.signed_by = SignedBy::Rsa(SigningAlg::Rs256, RsaName::Attacker),
        Lie::Es256Broken => {
            draft.head("alg", json!("ES256"));
            draft.head("kid", json!(ES256_KID));
            draft.signed_by = SignedBy::P256;
        }
        Lie::KidUnknown | Lie::JkuHeader | Lie::X5uHeader | Lie::JwkHeader | Lie::X5cHeader => {
            by(draft, RsaName::Attacker);
        }
        Lie::KidOfEncryptionKey => by(draft, RsaName::Encryption),
        Lie::Rsa1024 => by(draft, RsaName::Weak),
        Lie::KeyIssuerOther => by(draft, RsaName::OtherTenant),
        _ => {}
    }
}

fn bend_text(lie: Lie, draft: &Draft, scene: &Scene) -> String {
    let header = || URL_SAFE_NO_PAD.encode(Value::Object(draft.header.clone()).to_string());
    match lie {
        Lie::SignatureBroken | Lie::Es256Broken => with_broken_signature(&draft.sign()),
        Lie::TwoSegments => {
            draft.sign().rsplit_once('.').map(|(head, _)| head.to_owned()).unwrap_or_default()
        }
        Lie::FourSegments => format!("{}.{}", draft.sign(), URL_SAFE_NO_PAD.encode("fourth")),
        Lie::FiveSegments => format!("{}..{}", draft.sign(), URL_SAFE_NO_PAD.encode(&scene.client_id)),
        Lie::PayloadPadded => {
            // Appends spaces until the length needs base64 padding.
            let mut text = draft.payload_text();
            while text.len().is_multiple_of(3) {
                text.push(' ');
            }
            let padding = "=".repeat(3 - text.len() % 3);
            draft.sign_parts(&header(), &format!("{}{padding}", URL_SAFE_NO_PAD.encode(text)))
        }
        Lie::PayloadWhitespace => {
            let mut payload = URL_SAFE_NO_PAD.encode(draft.payload_text());
            payload.insert(payload.len() / 2, '\n');
            draft.sign_parts(&header(), &payload)
        }
        _ => draft.sign(),
    }
}

/// Flips one bit in the middle of the signature.
pub(crate) fn with_broken_signature(token: &str) -> String {
    let Some((signed, signature)) = token.rsplit_once('.') else { return token.to_owned() };
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lies::Stage;

    /// If a lie did not change anything, the tests that use it would prove nothing.
    #[test]
    fn every_lie_about_a_token_changes_it() {
        let name = RsaName::Ring(0);
        let scene = Scene {
            now: 1_800_000_000,
            client_id: "client".to_owned(),
            client_secret: "secret".to_owned(),
            access_token: "access".to_owned(),
            base: "http://127.0.0.1:1".to_owned(),
            other_tid: "other".to_owned(),
            other_issuer: "http://127.0.0.1:1/other/v2.0".to_owned(),
            signing: name.key(),
        };
        let claims = json!({
            "iss": "http://127.0.0.1:1/ours/v2.0", "aud": "client", "sub": "s", "nonce": "n", "tid": "ours", "oid": "o",
            "iat": scene.now, "nbf": scene.now, "exp": scene.now + 600, "auth_time": scene.now,
            "email": "a@example.com", "preferred_username": "a@example.com", "name": "A",
        });
        let draft = Draft::new(claims, SigningAlg::Rs256, name);
        let honest = draft.sign();
        let of_a_token =
            |lie: &&Lie| matches!(lie.stage(), Stage::IdToken | Stage::Refresh | Stage::Userinfo);
        for lie in Lie::ALL.iter().filter(of_a_token) {
            assert_ne!(bend(*lie, draft.clone(), &scene), honest, "{lie}");
        }
    }
}
