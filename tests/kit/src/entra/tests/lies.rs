//! Each lie, as a relying party that verifies nothing receives it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use url::Url;

use super::{Party, claims, code_form, entra_with_alice};
use crate::entra::{Entra, LogoutLie, LogoutToken, Person, jwt, stable_guid};
use crate::lies::{Lie, Needs, Stage};

#[tokio::test]
async fn lies_about_keys_and_redirects_differ_from_the_truth() {
    for (lie, oidc) in [(Lie::KeysStrangers, false), (Lie::KidOfEncryptionKey, false), (Lie::Rsa1024, false)]
        .into_iter()
        .chain(Lie::ALL.iter().filter(|lie| lie.stage() == Stage::Authorize).map(|lie| (*lie, true)))
    {
        let party = Party::new(if oidc { Entra::start_oidc().await } else { Entra::start().await });
        party.entra.add(Person::named("alice"));
        party.entra.at_the_browser(Some("alice"));
        let hear = async || {
            if oidc {
                let url = party.authorize_url(&[]).await;
                let answer = party.http.get(url).send().await.expect("an answer");
                let location = answer.headers()["location"].to_str().expect("ASCII").to_owned();
                let state = Url::parse(&location).expect("a URL");
                let rest = state.query_pairs().filter(|(name, _)| name != "code" && name != "session_state");
                let codes = state.query_pairs().filter(|(name, _)| name == "code").count();
                format!("{codes} {:?}", rest.collect::<Vec<_>>())
            } else {
                let url = format!("{}/{}/discovery/v2.0/keys", party.entra.authority(), party.entra.tid());
                party.http.get(url).send().await.expect("keys").text().await.expect("text")
            }
        };
        let honest = hear().await;
        party.entra.lie(Some(lie));
        assert_ne!(hear().await, honest, "{lie}");
    }
}

/// What such a relying party receives, which must differ from the valid answer.
async fn hear(lie: Lie) -> String {
    let entra = if lie.needs() == Needs::Oidc { Entra::start_oidc().await } else { Entra::start().await };
    entra.add(Person::named("alice").many_groups(250));
    let party = Party::new(entra);
    party.entra.at_the_browser(Some("alice"));
    let max_age = [("max_age", "900")];
    let asked: &[(&str, &str)] = if lie.needs() == Needs::MaxAge { &max_age } else { &[] };
    if lie.stage() == Stage::Refresh {
        let tokens = party.sign_in("alice").await;
        party.entra.lie(Some(lie));
        let token = tokens["refresh_token"].as_str().expect("a token");
        return party.refresh(token).await.1["id_token"].to_string();
    }
    if matches!(lie.stage(), Stage::Discovery | Stage::Keys) {
        let metadata = party.metadata().await;
        party.entra.lie(Some(lie));
        let url = match lie.stage() {
            Stage::Keys => metadata["jwks_uri"].as_str().expect("an address").to_owned(),
            _ => format!("{}/.well-known/openid-configuration", party.entra.issuer()),
        };
        let answer = party.http.get(url).send().await.expect("an answer");
        let heard = format!("{} {:?}", answer.status(), answer.headers());
        assert!(party.entra.lies_told() > 0, "{lie} was not told");
        return heard;
    }
    party.entra.lie(Some(lie));
    let answer = party.authorize(asked).await;
    if lie.stage() == Stage::Authorize {
        assert!(party.entra.lies_told() > 0, "{lie} was not told");
        return format!("{answer:?}");
    }
    let answer = party.try_token(&code_form(&answer["code"])).await.expect("an answer");
    let mut heard = format!("{} {:?}", answer.status(), answer.headers());
    if matches!(lie.stage(), Stage::IdToken | Stage::Userinfo | Stage::Graph) {
        let tokens: Value = answer.json().await.expect("JSON");
        heard = tokens["id_token"].to_string();
        let path = match lie.stage() {
            Stage::Userinfo => Some("/oidc/userinfo"),
            Stage::Graph => Some("/v1.0/me/transitiveMemberOf"),
            _ => None,
        };
        if let Some(path) = path {
            let url = format!("{}{path}", party.entra.authority());
            let token = tokens["access_token"].as_str().expect("a token");
            let answer = party.http.get(url).bearer_auth(token).send().await.expect("an answer");
            heard = answer.text().await.unwrap_or_else(|_| "broken off".to_owned());
        }
    }
    assert!(party.entra.lies_told() > 0, "{lie} was not told");
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn every_lie_has_its_effect() {
    for lie in Lie::ALL {
        assert!(!hear(*lie).await.is_empty(), "{lie}");
    }
}

#[tokio::test]
async fn lies_bend_what_they_name() {
    let token = |heard: String| heard.trim_matches('"').to_owned();
    let none = token(hear(Lie::AlgNone).await);
    assert!(none.ends_with('.'));
    assert_eq!(jwt::find_parts(&none).expect("a JWT").header["alg"], "none");
    let other = token(hear(Lie::OtherTenant).await);
    assert_eq!(jwt::find_parts(&other).expect("a JWT").claims["tid"], stable_guid("another tenant"));
    assert_eq!(token(hear(Lie::FiveSegments).await).split('.').count(), 5);
    assert!(token(hear(Lie::PayloadPadded).await).contains("=."));
    let twice = token(hear(Lie::DuplicateClaim).await);
    let payload = URL_SAFE_NO_PAD.decode(twice.split('.').nth(1).expect("a payload")).expect("base64");
    assert_eq!(String::from_utf8(payload).expect("UTF-8").matches("\"aud\"").count(), 2);
    assert!(hear(Lie::TokenRedirect).await.starts_with("307 "));
    assert_eq!(hear(Lie::GraphReset).await, "broken off");
    assert!(hear(Lie::UserinfoSubDifferent).await.contains("invalid\""));
    assert!(hear(Lie::EmailCrLf).await != hear(Lie::NameControl).await);
}

#[tokio::test]
async fn a_lie_for_one_answer_is_followed_by_the_truth() {
    let party = entra_with_alice().await;
    party.entra.lie_once(Lie::NonceWrong);
    assert_eq!(claims(&party.sign_in("alice").await)["nonce"], "n-11");
    assert_eq!(claims(&party.sign_in("alice").await)["nonce"], "n-1");
    assert_eq!(party.entra.lies_told(), 1);
}

#[tokio::test]
async fn logout_tokens_differ_by_their_lie() {
    let entra = Entra::start_oidc().await;
    let built = |lie| entra.build_logout_token(&LogoutToken::for_session("sid-1").telling(lie));
    let claims = |token: &str| jwt::find_parts(token).expect("a JWT").claims;
    let honest = built(LogoutLie::Honest);
    assert_eq!(claims(&honest)["sid"], "sid-1");
    assert!(claims(&built(LogoutLie::NoEvent)).get("events").is_none());
    assert!(claims(&built(LogoutLie::NoSubNoSid)).get("sid").is_none());
    assert!(built(LogoutLie::AlgNone).ends_with('.'));
    assert_eq!(built(LogoutLie::OldJti), honest);
    assert_eq!(LogoutLie::NoSubNoSid.to_string(), "no-sub-no-sid");
}
