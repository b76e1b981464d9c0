//! `X-User-Assertion`, verified as an application would: with the keys that are published, by a library that is not ours.

use crate::answers::{Asked, Told};
use crate::clocks::movable;
use crate::replicas::{KEYS, NEW_KEY, OLD_KEY, another, another_with};
use crate::world::{APP, OTHER, PUBLIC, Pair, Plan, World, alice, remembers};
use gatepost_kit::client::Client;
use gatepost_kit::entra::Person;
use gatepost_kit::process::{Gatepost, find_ok, until};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation, decode, decode_header};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Its router asks for the assertion.
const SIGNED: &str = "signed.example.test";

async fn signing_world(pair: Pair) -> World {
    let world = Plan::default().route(SIGNED, "assertion=true").start(pair).await;
    world.entra.add(alice());
    world
}

async fn keys(replica: &Gatepost) -> JwkSet {
    let keys = find_ok(replica.public(), "/.well-known/jwks.json").await.unwrap();
    serde_json::from_str(&keys).unwrap()
}

/// As an application at `host` verifies.
fn verify(token: &str, keys: &JwkSet, issuer: &str, host: &str) -> Result<TokenData<Value>, ErrorKind> {
    let kid = decode_header(token).unwrap().kid.unwrap();
    let key = keys.find(&kid).ok_or(ErrorKind::InvalidToken)?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.leeway = 0;
    validation.set_audience(&[host]);
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    let key = DecodingKey::from_jwk(key).unwrap();
    decode(token, &key, &validation).map_err(|error| error.kind().clone())
}

fn token_of(told: &Told) -> String {
    assert_eq!(told.status, 200, "{told:?}");
    let tokens = told.all("x-user-assertion");
    assert_eq!(tokens.len(), 1, "{told:?}");
    tokens[0].to_owned()
}

/// What `/verify` of a replica says to a router of `APP` that asks for the assertion.
async fn token_for(browser: &Client, world: &World, replica: &Gatepost) -> String {
    let asked = Asked::fetch("/").by(browser).requiring("assertion=true");
    let told = until("an answer", Duration::from_secs(30), async || {
        let told = asked.at(replica).await;
        (told.status != 503).then_some(told)
    });
    let told = told.await;
    assert_eq!(told.status, 200, "{told:?}\n{}", world.gatepost.logs().join("\n"));
    token_of(&told)
}

pub(crate) fn claims(token: &str) -> Value {
    use base64::Engine;
    let payload = token.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

both_pairs! {
    async fn an_application_verifies_it_with_the_published_keys(pair) {
        let world = signing_world(pair).await;
        let browser = world.signed_in("alice").await;
        let trip = browser.navigate(&world.url(SIGNED, "/")).await;
        let received = trip.end().echoed();
        let published = browser.get(&world.url(PUBLIC, "/.well-known/jwks.json")).await;
        assert_eq!((published.status, published.header("content-type")), (200, Some("application/jwk-set+json")));
        assert_eq!(published.header("cache-control"), Some("public, max-age=300"));
        let keys: JwkSet = serde_json::from_str(&published.body).unwrap();
        let issuer = world.url(PUBLIC, "");
        let token = received.header("x-user-assertion").unwrap();
        let verified = verify(token, &keys, &issuer, SIGNED).unwrap();
        assert_eq!((verified.header.alg, verified.header.typ.as_deref()), (Algorithm::EdDSA, Some("JWT")));
        let claims = &verified.claims;
        for (claim, header) in [("sub", "x-user-id"), ("email", "x-user-email"), ("name", "x-user-name")] {
            assert_eq!(claims[claim].as_str(), received.header(header), "{claim}");
        }
        assert_eq!(claims["groups"], json!([received.header("x-user-groups").unwrap()]));
        assert_eq!((&claims["admin"], &claims["groups_truncated"]), (&json!(false), &Value::Null));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);

        for (issuer, host, why) in [
            (issuer.as_str(), APP, ErrorKind::InvalidAudience),
            (issuer.as_str(), PUBLIC, ErrorKind::InvalidAudience),
            ("https://auth.example.org", SIGNED, ErrorKind::InvalidIssuer),
        ] {
            assert_eq!(verify(token, &keys, issuer, host).unwrap_err(), why, "{issuer} {host}");
        }
        let changed = token.replacen('.', ".e30", 1);
        assert_eq!(verify(&changed, &keys, &issuer, SIGNED).unwrap_err(), ErrorKind::InvalidSignature);
    }

    async fn no_assertion_is_made_without_the_requirement_and_a_clients_own_is_removed(pair) {
        let world = signing_world(pair).await;
        let browser = world.signed_in("alice").await;
        browser.navigate(&world.url(SIGNED, "/")).await;
        let forged = async |host| {
            let request = browser.request(Method::GET, &world.url(host, "/"));
            let received = request.header("x-user-assertion", "forged").header("x-user-assertion", "too").send().await.echoed();
            received.values("x-user-assertion").map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(forged(APP).await, Vec::<String>::new());
        assert_eq!(forged(SIGNED).await.len(), 1);
        assert_ne!(forged(SIGNED).await, ["forged"]);
    }

    async fn a_change_of_rights_makes_a_new_one_at_once(pair) {
        let world = signing_world(pair).await;
        let browser = world.signed_in("alice").await;
        assert_eq!(claims(&token_for(&browser, &world, &world.gatepost).await)["admin"], false);
        world.cli(&["admin", "grant", "alice@example.com"]).await;
        assert_eq!(claims(&token_for(&browser, &world, &world.gatepost).await)["admin"], true);
    }

    async fn the_groups_are_those_of_the_header_and_a_cut_list_is_marked(pair) {
        let plan = Plan::default().env("GATEPOST_VERIFY__GROUPS_HEADER_LIMIT", "256");
        let world = plan.start(pair).await;
        world.entra.add(Person::named("alice").many_groups(100));
        let browser = world.signed_in("alice").await;
        let told = Asked::fetch("/").by(&browser).requiring("assertion=true").of(&world).await;
        let token = token_of(&told);
        let claims = claims(&token);
        let header: Vec<&str> = told.header("x-user-groups").unwrap().split(',').collect();
        assert_eq!((claims["groups"].clone(), &claims["groups_truncated"]), (json!(header), &json!(true)));
        assert!(token.len() < 1024, "{}", token.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_made_anew_after_twenty_seconds_and_expires_after_sixty() {
    let (world, clock) = movable(Plan::default()).await;
    let browser = world.signed_in("alice").await;
    let at = async |seconds| {
        clock.set(seconds);
        token_for(&browser, &world, &world.gatepost).await
    };
    let first = at(0).await;
    if remembers() {
        let again = at(0).await;
        let both = (claims(&first)["iat"].as_i64().unwrap(), claims(&again)["iat"].as_i64().unwrap());
        assert!(first == again || both.1 - both.0 >= 20, "{both:?}");
    }
    let later = claims(&at(25).await);
    assert!(later["iat"].as_i64().unwrap() >= claims(&first)["iat"].as_i64().unwrap() + 20, "{later}");
    // Made by a clock that is nearly as far behind as replicas may be: it expires while the test looks on.
    let old = at(-55).await;
    let (keys, issuer) = (keys(&world.gatepost).await, world.url(PUBLIC, ""));
    let refused = until("the assertion to expire", Duration::from_secs(30), async || {
        verify(&old, &keys, &issuer, APP).err()
    });
    assert_eq!(refused.await, ErrorKind::ExpiredSignature);
    let host = |told: &str| claims(told)["aud"].clone();
    assert_eq!(host(&old), APP);
    let other = Asked::fetch("/").by(&browser).requiring("assertion=true").with("X-Forwarded-Host", OTHER);
    assert_eq!(other.of(&world).await.status, 401, "the cookie of one host makes none for another");
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_agree_and_a_key_may_change_under_way() {
    let world = signing_world(Pair::Shared).await;
    let browser = world.signed_in("alice").await;
    let issuer = world.url(PUBLIC, "");
    let second = another(&world).await;
    let old_keys = keys(&world.gatepost).await;
    assert_eq!(keys(&second).await, old_keys);
    for (signer, verifier) in [(&world.gatepost, &second), (&second, &world.gatepost)] {
        let token = token_for(&browser, &world, signer).await;
        verify(&token, &keys(verifier).await, &issuer, APP).unwrap();
    }

    let rotated = format!("{NEW_KEY},{OLD_KEY}");
    let third = another_with(&world, &[(KEYS, &rotated)]).await;
    let new_keys = keys(&third).await;
    assert_eq!((old_keys.keys.len(), new_keys.keys.len()), (1, 2));
    let old = token_for(&browser, &world, &world.gatepost).await;
    let new = token_for(&browser, &world, &third).await;
    verify(&old, &new_keys, &issuer, APP).unwrap();
    verify(&new, &new_keys, &issuer, APP).unwrap();
    let kid = |token: &str| decode_header(token).unwrap().kid;
    assert_ne!(kid(&old), kid(&new), "the first key signs");
    assert_eq!(verify(&new, &old_keys, &issuer, APP).unwrap_err(), ErrorKind::InvalidToken);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_not_true_opens_to_nobody() {
    let world = World::start(Pair::Embedded).await;
    let browser = world.signed_in("alice").await;
    for requirement in ["assertion=1", "assertion=false", "assertion=", "assertion"] {
        let told = Asked::fetch("/").by(&browser).requiring(requirement).of(&world).await;
        assert_eq!(told.status, 500, "{requirement}");
    }
}
