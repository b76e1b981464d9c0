//! Access tokens of a provider at protected hosts, in place of a cookie.

use crate::answers::{Asked, Told};
use crate::explain::by_number;
use crate::session_cache::look_ups;
use crate::world::{COOKIE, OTHER, Pair, Plan, World};
use gatepost_kit::entra::{EDITOR, Endpoint, Entra, Person, Shape, stable_guid};
use gatepost_kit::lies::{Lie, Needs, Stage};
use serde_json::{Value, json};

const PREFIX: &str = "GATEPOST_PROVIDERS__ENTRA__";

/// A world of a plain provider, in which Alice has signed in once.
async fn world(pair: Pair, settings: &[(&str, &str)]) -> World {
    let world = start(pair, Entra::start_oidc().await, settings).await;
    world.entra.add(Person::named("alice").group("ops", "ops"));
    world.signed_in("alice").await;
    world
}

async fn start(pair: Pair, entra: Entra, settings: &[(&str, &str)]) -> World {
    let plan = Plan::default().env(&format!("{PREFIX}AUDIENCE"), entra.audience());
    let plan = settings.iter().fold(plan, |plan, (name, value)| plan.env(&format!("{PREFIX}{name}"), *value));
    plan.start_with(pair, entra).await
}

fn with(token: &str) -> Asked {
    Asked::fetch("/").with("Authorization", format!("Bearer {token}"))
}

fn changed(world: &World, change: impl FnOnce(&mut Value)) -> String {
    world.entra.access_token_with(Shape::Rfc9068, "alice", change)
}

#[track_caller]
fn refused(told: &Told, status: u16, error: &str, description: &str) {
    let challenge = told.header("www-authenticate").unwrap_or_default();
    let named =
        challenge.starts_with(&format!("Bearer error=\"{error}\"")) && challenge.contains(description);
    assert!(told.status == status && named, "{error} {description}: {told:?}");
}

both_pairs! {
    async fn an_access_token_lets_in_its_person_and_is_removed(pair) {
        let world = world(pair, &[("BEARER_SCOPES", "mcp.call")]).await;
        let token = world.entra.access_token("alice");
        let told = with(&token).requiring("group=ops").of(&world).await;
        assert_eq!((told.status, told.header("x-user-email")), (200, Some("alice@example.com")), "{told:?}");
        assert_eq!((told.header("x-user-groups"), told.header("authorization")), (Some("ops"), None));
        assert_eq!(with(&token).requiring("group=other").of(&world).await.status, 403);
        assert_eq!(with(&token).with("X-Forwarded-Host", OTHER).of(&world).await.status, 200);
        let lower = Asked::fetch("/").with("Authorization", format!("bearer {token}"));
        assert_eq!(lower.of(&world).await.status, 200);
        let unscoped = changed(&world, |claims| claims["scope"] = json!("openid"));
        refused(&with(&unscoped).of(&world).await, 403, "insufficient_scope", "scope=\"mcp.call\"");
    }

    async fn a_cached_token_needs_no_look_up_and_each_request_is_judged_anew(pair) {
        let world = world(pair, &[]).await;
        let token = world.entra.access_token("alice");
        assert_eq!(with(&token).of(&world).await.status, 200);
        world.has_heard().await;
        assert_eq!(with(&token).of(&world).await.status, 200);
        let before = look_ups(&world.gatepost).await;
        for _ in 0..20 {
            assert_eq!(with(&token).of(&world).await.status, 200);
            assert_eq!(with(&token).requiring("admin=true").of(&world).await.status, 403);
        }
        if crate::world::remembers() {
            assert!(look_ups(&world.gatepost).await <= before + 2);
        }
    }

    async fn a_token_ends_with_its_person(pair) {
        let world = world(pair, &[]).await;
        let token = world.entra.access_token("alice");
        assert_eq!(with(&token).of(&world).await.status, 200);
        world.cli(&["user", "disable", "alice@example.com"]).await;
        refused(&with(&token).of(&world).await, 401, "invalid_token", "");
        world.cli(&["user", "enable", "alice@example.com"]).await;
        refused(&with(&token).of(&world).await, 401, "invalid_token", "sessions of its person were ended");
        let later = changed(&world, |claims| claims["iat"] = json!(claims["iat"].as_i64().unwrap() + 50));
        assert_eq!(with(&later).of(&world).await.status, 200, "issued after the end");
    }

    async fn only_who_has_signed_in_here_is_known(pair) {
        let world = world(pair, &[]).await;
        world.entra.add(Person::named("bob").group("ops", "ops"));
        let token = world.entra.access_token("bob");
        refused(&with(&token).of(&world).await, 401, "invalid_token", "sign in once");
        world.signed_in("bob").await;
        assert_eq!(with(&token).of(&world).await.status, 200);
    }

    async fn a_token_admits_a_stranger_where_the_operator_says_so(pair) {
        let world = world(pair, &[("BEARER", "admit")]).await;
        let stranger = |change: fn(&mut Value)| world.entra.access_token_with(Shape::Rfc9068, "bob", change);
        refused(&with(&stranger(|_| {})).of(&world).await, 401, "invalid_token", "no complete list of groups");
        let nameless = stranger(|claims| claims["groups"] = json!(["ops"]));
        refused(&with(&nameless).of(&world).await, 401, "invalid_token", "no address");
        let token = stranger(|claims| {
            claims["groups"] = json!(["ops"]);
            claims["email"] = json!("bob@example.com");
            claims["email_verified"] = json!(true);
        });
        let told = with(&token).requiring("group=ops").of(&world).await;
        assert_eq!((told.status, told.header("x-user-email")), (200, Some("bob@example.com")), "{told:?}");
        assert!(world.cli(&["audit", "list", "--action", "user.sign_in"]).await.contains("user.sign_in"));
        world.cli(&["user", "disable", "bob@example.com"]).await;
        refused(&with(&token).of(&world).await, 401, "invalid_token", "");
    }

    async fn a_complete_list_of_groups_stands_in_place_of_the_known_ones(pair) {
        let world = world(pair, &[]).await;
        world.entra.add(Person::named("bob").group("other", "other"));
        world.signed_in("bob").await;
        world.cli(&["group", "add", "manual", "alice@example.com"]).await;
        let listed = changed(&world, |claims| claims["groups"] = json!(["other", "never-seen"]));
        let told = with(&listed).of(&world).await;
        assert_eq!((told.status, told.header("x-user-groups")), (200, Some("manual,other")), "{told:?}");
        let empty = changed(&world, |claims| claims["groups"] = json!([]));
        assert_eq!(with(&empty).of(&world).await.header("x-user-groups"), Some("manual"));
        let unsaid = with(&world.entra.access_token("alice")).of(&world).await;
        assert_eq!(unsaid.header("x-user-groups"), Some("manual,ops"), "no list changes nothing");
    }

    async fn an_application_has_the_groups_of_its_linked_roles_and_must_be_listed(pair) {
        let entra = Entra::start().await;
        entra.add(Person::named("robot").role("Tools").role("Admin"));
        let world = start(pair, entra, &[("BEARER_CLIENTS", EDITOR)]).await;
        world.cli(&["group", "link", "mcp", "entra:role:Tools"]).await;
        let token = world.entra.access_token_with(Shape::EntraApplication, "robot", |_| {});
        let told = with(&token).requiring("group=mcp").of(&world).await;
        assert_eq!(told.status, 200, "{told:?}");
        assert_eq!(told.header("x-user-email"), Some("editor@machine.auth.example.test"));
        assert_eq!((told.header("x-user-groups"), told.header("x-user-admin")), (Some("mcp"), Some("false")));
        let told = with(&token).requiring("admin=true").of(&world).await;
        assert_eq!(told.status, 403);
        let kept = by_number(&world, &told.request_id()).await;
        let then = &kept["refused"];
        assert_eq!((&then["is_person"], &then["email"]), (&json!(false), &json!("editor@machine.auth.example.test")));
        assert_eq!((&then["reason"], &then["key_id"], &kept["now"]), (&json!("not_admin"), &Value::Null, &Value::Null));
        let other = world.entra.access_token_with(Shape::EntraApplication, "robot", |claims| {
            claims["azp"] = json!("another");
        });
        refused(&with(&other).of(&world).await, 401, "invalid_token", "client");
        world.cli(&["group", "unlink", "entra:role:Tools"]).await;
        assert_eq!(with(&token).requiring("group=mcp").of(&world).await.status, 403);
    }
}

#[tokio::test]
async fn a_recent_sign_in_is_shown_by_auth_time_alone() {
    let world = world(Pair::Embedded, &[]).await;
    let told = with(&world.entra.access_token("alice")).requiring("max_age=900").of(&world).await;
    refused(&told, 401, "insufficient_user_authentication", "max_age=\"900\"");
    let now = world.entra.now();
    for (ago, status) in [(10, 200), (1000, 401)] {
        let token = changed(&world, |claims| claims["auth_time"] = json!(now - ago));
        assert_eq!(with(&token).requiring("max_age=900").of(&world).await.status, status, "{ago}");
    }
}

#[tokio::test]
async fn a_cookie_is_used_before_a_token_and_a_token_before_a_cookie_that_cannot_be_opened() {
    let world = world(Pair::Embedded, &[]).await;
    world.entra.add(Person::named("bob"));
    let bob = world.signed_in("bob").await;
    let token = world.entra.access_token("alice");
    let told = with(&token).by(&bob).of(&world).await;
    assert_eq!((told.status, told.header("x-user-email")), (200, Some("bob@example.com")));
    assert_eq!(
        told.header("authorization"),
        Some(format!("Bearer {token}").as_str()),
        "it is the application's"
    );
    let told = with(&token).with("Cookie", format!("{COOKIE}=not-sealed")).of(&world).await;
    assert_eq!((told.status, told.header("x-user-email")), (200, Some("alice@example.com")));
    assert_eq!(told.header("authorization"), None);
}

#[tokio::test]
async fn what_is_no_access_token_of_ours_is_refused_with_the_reason() {
    let world = world(Pair::Embedded, &[]).await;
    let id_token = changed(&world, |claims| claims["nonce"] = json!("n"));
    refused(&with(&id_token).of(&world).await, 401, "invalid_token", "not an access token");
    let expired = changed(&world, |claims| claims["exp"] = json!(claims["iat"].as_i64().unwrap() - 61));
    refused(&with(&expired).of(&world).await, 401, "invalid_token", "has expired");
    let v1 = changed(&world, |claims| claims["iss"] = json!("https://sts.windows.net/one/"));
    refused(&with(&v1).of(&world).await, 401, "invalid_token", "requestedAccessTokenVersion");
    for text in ["opaque", "a.b.c", "x\u{e9}"] {
        refused(&with(text).of(&world).await, 401, "invalid_token", "malformed");
    }
    let page = Asked::navigation("/").with("Authorization", "Bearer opaque").of(&world).await;
    assert_eq!(page.status, 401, "a program with a wrong token is not sent to sign in");
}

/// What is false about an ID token and says nothing about an access token: a nonce, which it has not, another audience beside ours, a time of sign-in that no
/// router asks for, an address that does not decide who it is.
const NO_LIES: [Lie; 18] = [
    Lie::NonceMissing,
    Lie::NonceWrong,
    Lie::AudExtra,
    Lie::AudListOfUs,
    Lie::AzpUs,
    Lie::AzpWrong,
    Lie::ExpFraction,
    Lie::IatTooOld,
    Lie::KidAbsentOneSuitable,
    Lie::TypAccessToken,
    Lie::TypAbsent,
    Lie::AuthTimeMissing,
    Lie::AuthTimeOld,
    Lie::EmailSeveralAts,
    Lie::EmailCrLf,
    Lie::EmailNotAscii,
    Lie::NameControl,
    Lie::ClaimSourcesElsewhere,
];

/// Each lie that a provider could tell in an ID token, told in an access token.
#[tokio::test(flavor = "multi_thread")]
async fn no_lie_makes_an_access_token_count() {
    let oidc = world(Pair::Embedded, &[]).await;
    let entra = start(Pair::Embedded, Entra::start().await, &[]).await;
    entra.entra.add(Person::named("alice"));
    entra.signed_in("alice").await;
    let (mut told, mut believed) = (0, Vec::new());
    for (world, other) in [(&oidc, Needs::Entra), (&entra, Needs::Oidc)] {
        let good = with(&world.entra.access_token("alice"));
        let lies = Lie::ALL.iter().filter(|lie| lie.stage() == Stage::IdToken && lie.needs() != other);
        for (number, lie) in lies.filter(|lie| !NO_LIES.contains(lie)).enumerate() {
            let token = world.entra.lying_access_token("alice", *lie);
            let from = format!("192.0.2.{}", number + 2);
            let answer = with(&token).with("X-Forwarded-For", from).of(world).await;
            let challenge = answer.header("www-authenticate").unwrap_or_default();
            let is_refused = answer.status == 401 && challenge.starts_with("Bearer error=\"invalid_token\"");
            // A line feed ends a header.
            if !is_refused && (*lie, answer.status) != (Lie::PayloadWhitespace, 400) {
                believed.push(format!("{lie}: {answer:?}"));
            }
            told += 1;
        }
        assert_eq!(good.of(world).await.status, 200, "a good one still counts");
    }
    assert_eq!(believed, Vec::<String>::new());
    assert!(told >= 2 * 37, "{told}");
}

#[tokio::test]
async fn failing_tokens_are_limited_for_their_address_alone() {
    let world = world(Pair::Embedded, &[]).await;
    let token = world.entra.access_token("alice");
    assert_eq!(with(&token).of(&world).await.status, 200);
    let forged =
        |n: usize| format!("{}{n}", world.entra.lying_access_token("alice", Lie::SignatureOfAnother));
    let mut limited = 0;
    for n in 0..90 {
        let told = with(&forged(n)).of(&world).await;
        assert!(matches!(told.status, 401 | 429), "{told:?}");
        limited += usize::from(told.status == 429);
    }
    assert!(limited > 0);
    if crate::world::remembers() {
        assert_eq!(with(&token).of(&world).await.status, 200, "what is cached is not limited");
    }
    let elsewhere = with(&changed(&world, |_| {})).with("X-Forwarded-For", "192.0.2.99");
    assert_eq!(elsewhere.of(&world).await.status, 200);
    assert!(world.entra.count(Endpoint::Keys) <= 6, "a wrong signature fetches keys three times at most");
}

#[tokio::test]
async fn without_an_audience_a_bearer_token_is_the_applications() {
    let world = Plan::default().start_with(Pair::Embedded, Entra::start_oidc().await).await;
    world.entra.add(Person::named("alice"));
    let browser = world.signed_in("alice").await;
    let token = world.entra.access_token("alice");
    let without = Asked::fetch("/").of(&world).await;
    let told = with(&token).of(&world).await;
    assert_eq!(
        (told.status, told.header("www-authenticate")),
        (without.status, without.header("www-authenticate"))
    );
    assert_eq!(Asked::navigation("/").with("Authorization", "Bearer x").of(&world).await.status, 302);
    let told = with(&token).by(&browser).of(&world).await;
    assert_eq!((told.status, told.header("authorization")), (200, Some(format!("Bearer {token}").as_str())));
}

#[tokio::test]
async fn entras_tokens_of_an_api_with_too_many_groups_keep_the_known_ones() {
    let entra = Entra::start().await;
    entra.add(Person::named("alice").group(&stable_guid("ops"), "Ops"));
    let world = start(Pair::Embedded, entra, &[]).await;
    world.signed_in("alice").await;
    let known = Some(stable_guid("ops"));
    for change in [
        (|_| {}) as fn(&mut Value),
        |claims| claims["hasgroups"] = json!(true),
        |claims| claims["_claim_names"] = json!({"groups": "src1"}),
        |claims| claims["groups"] = json!(["Names"]),
    ] {
        let token = world.entra.access_token_with(Shape::EntraV2, "alice", change);
        let told = with(&token).of(&world).await;
        assert_eq!(
            (told.status, told.header("x-user-groups").map(str::to_owned)),
            (200, known.clone()),
            "{told:?}"
        );
    }
    let v1 = world.entra.access_token_with(Shape::EntraV1, "alice", |_| {});
    refused(&with(&v1).of(&world).await, 401, "invalid_token", "requestedAccessTokenVersion");
}

#[tokio::test]
async fn a_token_whose_keys_cannot_be_known_is_answered_503() {
    let world = world(Pair::Embedded, &[]).await;
    let unknown = world.entra.lying_access_token("alice", Lie::KidUnknown);
    world.entra.stop().await;
    let told = with(&unknown).at(&world.gatepost).await;
    assert_eq!(told.status, 503, "{told:?}");
    world.entra.resume().await.unwrap();
    refused(&with(&unknown).of(&world).await, 401, "invalid_token", "signature");
}
