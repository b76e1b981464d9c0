//! Access tokens of the fake providers, honest ones and every lie about a token.

use super::{config, entra_kind};
use gatepost_config::{BearerConfig, BearerPeople, ProviderConfig, ProviderKind};
use gatepost_core::identity::{AssertedGroups, GroupKind};
use gatepost_kit::entra::{EDITOR, Endpoint, Entra, Person, Shape, stable_guid};
use gatepost_kit::lies::{Expect, Lie, Needs, Stage};
use gatepost_oidc::{AccessToken, AccessTokenError, Calls, Providers, Settings, TokenHolder};
use serde_json::json;

/// What is no lie in an access token.
const HONEST: &[Lie] = &[
    // One of several audiences may be ours, and any client may ask for a token.
    Lie::AudExtra,
    Lie::AzpWrong,
    Lie::AzpUs,
    // Only `exp` ends it.
    Lie::IatTooOld,
    Lie::TypAccessToken,
    // A token has no nonce.
    Lie::NonceWrong,
    Lie::NonceMissing,
    // Addresses say nothing about who somebody is.
    Lie::EmailSeveralAts,
    Lie::EmailCrLf,
    Lie::EmailNotAscii,
];

/// What is no lie in an ID token, but one in an access token.
const DISHONEST: &[Lie] = &[Lie::TypAbsent, Lie::AtHashRight];

async fn reached(entra: &Entra, change: impl FnOnce(&mut ProviderConfig)) -> Providers {
    gatepost_kit::client::install_crypto();
    let kind = match entra.style() {
        gatepost_kit::entra::Style::Entra => entra_kind(entra),
        gatepost_kit::entra::Style::Oidc => ProviderKind::Oidc { issuer: entra.issuer() },
    };
    let mut provider = config(entra, kind);
    provider.bearer = Some(BearerConfig {
        audience: vec![entra.audience()],
        people: BearerPeople::Known,
        scopes: vec!["mcp.call".to_owned()],
        clients: None,
    });
    change(&mut provider);
    let public_host = "auth.example.com".parse().unwrap();
    let settings = Settings { ca_file: None, public_host, providers: vec![provider], speakers: Vec::new() };
    let providers = Providers::new(&settings, &Calls::new(|_| {})).unwrap();
    for provider in providers.iter() {
        provider.reach().await.unwrap();
    }
    providers
}

fn of_editor(provider: &mut ProviderConfig) {
    let bearer = provider.bearer.as_mut().unwrap();
    bearer.clients = Some(vec![EDITOR.to_owned()]);
}

fn reason(checked: Result<AccessToken, AccessTokenError>) -> Result<(), &'static str> {
    checked.map(|_| ()).map_err(|error| error.reason())
}

async fn meet(lie: Lie) -> Result<(), String> {
    let entra = if lie.needs() == Needs::Oidc { Entra::start_oidc().await } else { Entra::start().await };
    entra.add(Person::named("alice"));
    // This lie changes the published keys.
    entra.lie(Some(lie));
    let providers = reached(&entra, |_| {}).await;
    let honest = reason(providers.verify_access_token(&entra.access_token("alice")).await);
    if honest != Ok(()) {
        return Err(format!("{lie}: the honest token is refused: {honest:?}"));
    }
    let outcome = providers.verify_access_token(&entra.lying_access_token("alice", lie)).await;
    if entra.count(Endpoint::Attacker) > 0 {
        return Err(format!("{lie} led to the attacker"));
    }
    let is_accepted = match outcome {
        Ok(_) => true,
        Err(AccessTokenError::Unavailable(error)) => return Err(format!("{lie}: {error:?}")),
        Err(_) => false,
    };
    let expected = match lie.expected() {
        _ if HONEST.contains(&lie) => Expect::Accept,
        _ if DISHONEST.contains(&lie) => Expect::Reject,
        expected => expected,
    };
    match (expected, is_accepted) {
        (Expect::Reject, true) => Err(format!("{lie} was believed")),
        (Expect::Accept, false) => Err(format!("{lie} was refused: {:?}", reason(outcome))),
        _ => Ok(()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_lie_about_an_id_token_is_met_in_an_access_token() {
    let lies: Vec<Lie> = Lie::ALL
        .iter()
        .copied()
        .filter(|lie| lie.stage() == Stage::IdToken && lie.needs() != Needs::MaxAge)
        .collect();
    assert!(lies.len() > 60, "{}", lies.len());
    let mut wrong = Vec::new();
    for some in lies.chunks(12) {
        let mut running = tokio::task::JoinSet::new();
        for lie in some {
            running.spawn(meet(*lie));
        }
        wrong.extend(running.join_all().await.into_iter().filter_map(Result::err));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn the_access_tokens_of_entra_are_told_apart() {
    let entra = Entra::start().await;
    entra.add(Person::named("alice").role("Admin").role("mcp.call"));
    let providers = reached(&entra, |_| {}).await;
    let listed = reached(&entra, of_editor).await;
    let token = |shape| entra.access_token_with(shape, "alice", |_| {});
    let verified = providers.verify_access_token(&token(Shape::EntraV2)).await.unwrap();
    let TokenHolder::Person(person) = verified.holder else { panic!("{:?}", verified.holder) };
    assert_eq!(person.subject.subject, entra.find("alice").unwrap().oid, "by oid, not by the pairwise sub");
    assert_eq!((person.groups, verified.auth_time.known()), (AssertedGroups::Unknown, None));
    let v1 = providers.verify_access_token(&token(Shape::EntraV1)).await.unwrap_err();
    assert_eq!(v1.reason(), "entra_v1");
    assert!(v1.description().contains("requestedAccessTokenVersion"));
    let application = token(Shape::EntraApplication);
    assert_eq!(reason(providers.verify_access_token(&application).await), Err("wrong_client"));
    let verified = listed.verify_access_token(&application).await.unwrap();
    let TokenHolder::Application { client, roles } = verified.holder else { panic!("{:?}", verified.holder) };
    assert_eq!(client, EDITOR);
    assert!(roles.iter().all(|role| role.kind == GroupKind::Role) && roles.len() == 2, "{roles:?}");
    let of_another = entra.access_token_with(Shape::EntraV2, "alice", |claims| {
        claims["azp"] = json!("another");
    });
    assert_eq!(reason(listed.verify_access_token(&of_another).await), Err("wrong_client"));
    let with_roles = entra.access_token_with(Shape::EntraV2, "alice", |claims| {
        claims["groups"] = json!([stable_guid("ops")]);
        claims["roles"] = json!(["Admin"]);
    });
    let verified = providers.verify_access_token(&with_roles).await.unwrap();
    let TokenHolder::Person(person) = verified.holder else { panic!("{:?}", verified.holder) };
    let AssertedGroups::Known(groups) = person.groups else { panic!("{:?}", person.groups) };
    assert_eq!(groups.len(), 1, "roles of another registration are none of Gatepost's: {groups:?}");
}

#[tokio::test]
async fn the_access_tokens_of_keycloak_and_rfc_9068_are_accepted() {
    let entra = Entra::start_oidc().await;
    entra.add(Person::named("alice"));
    let providers = reached(&entra, of_editor).await;
    for shape in [Shape::Keycloak, Shape::Rfc9068] {
        let token = entra.access_token_with(shape, "alice", |_| {});
        assert_eq!(reason(providers.verify_access_token(&token).await), Ok(()), "{shape:?}");
        let unscoped = entra.access_token_with(shape, "alice", |claims| claims["scope"] = json!("openid"));
        assert_eq!(reason(providers.verify_access_token(&unscoped).await), Err("missing_scope"), "{shape:?}");
    }
    let foreign = entra.access_token_with(Shape::Rfc9068, "alice", |claims| {
        claims["iss"] = json!("https://elsewhere.example");
    });
    assert_eq!(reason(providers.verify_access_token(&foreign).await), Err("unknown_issuer"));
    let long =
        entra.access_token_with(Shape::Rfc9068, "alice", |claims| claims["x"] = json!("x".repeat(8192)));
    assert_eq!(reason(providers.verify_access_token(&long).await), Err("malformed_token"));
}

#[tokio::test]
async fn without_an_audience_no_token_is_accepted() {
    let entra = Entra::start_oidc().await;
    let providers = reached(&entra, |provider| provider.bearer = None).await;
    assert!(!providers.accept_access_tokens());
    let token = entra.access_token("alice");
    assert_eq!(reason(providers.verify_access_token(&token).await), Err("unknown_issuer"));
}

#[tokio::test]
async fn tokens_with_unknown_keys_cause_three_fetches_and_keep_nobody_from_signing_out() {
    let entra = Entra::start_oidc().await;
    let providers = reached(&entra, |_| {}).await;
    let before = entra.count(Endpoint::Keys);
    let forged = entra.lying_access_token("alice", Lie::KidUnknown);
    for _ in 0..50 {
        assert_eq!(reason(providers.verify_access_token(&forged).await), Err("unknown_key"));
    }
    assert_eq!(entra.count(Endpoint::Keys) - before, 3);
    let provider = providers.iter().next().unwrap();
    let token =
        entra.build_logout_token(&super::logout_token("sid", gatepost_kit::entra::LogoutLie::UnknownKid));
    assert!(provider.verify_logout_token(&token).await.is_err());
    assert_eq!(entra.count(Endpoint::Keys) - before, 4, "logout tokens have a limit of their own");
}
