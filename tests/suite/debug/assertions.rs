//! Who may see the header debugger on a protected host is proved by the assertion that `/verify` makes for it.

use super::{DEBUG, PATH, REQUIREMENT, admin_of, asked_of, debugged};
use crate::answers::Asked;
use crate::replicas::{OLD_KEY, another_with};
use crate::stores::gate::Gate;
use crate::world::{APP, PUBLIC, Pair, Plan, World};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::UserId;
use gatepost_core::secret::Secret;
use gatepost_kit::client::{get_request, retry, send_raw};
use gatepost_kit::faulty::Mode;
use gatepost_kit::process::Gatepost;
use gatepost_runtime::assertion::{AssertionKeys, Claims};
use serde_json::Value;
use std::time::Duration;

/// A caller that reached the listener, past the proxy or with a router that lacks the middleware.
struct Caller<'a> {
    replica: &'a Gatepost,
    host: &'a str,
    method: &'a str,
    path: &'a str,
    tokens: Vec<String>,
}

impl Caller<'_> {
    /// As [`Caller::asks_once`], and again while the answer is 503.
    async fn asks(&self) -> (u16, String) {
        retry(|| self.asks_once(), |told| told.0 == 503).await
    }

    /// The status, and the answer without what differs from request to request.
    async fn asks_once(&self) -> (u16, String) {
        let mut headers =
            vec![("Host", self.host.as_bytes()), ("Accept", b"text/html"), ("X-Canary", b"canary")];
        headers.extend(self.tokens.iter().map(|token| ("X-User-Assertion", token.as_bytes())));
        let request = get_request(self.path, &headers);
        let request = [self.method.as_bytes(), request.strip_prefix(b"GET").unwrap()].concat();
        let answer = send_raw(self.replica.public(), &request).await.unwrap();
        let is_id = |word: &str| word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let text = answer.text();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        // Their order is the framework's mood.
        let mut head: Vec<&str> =
            head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("date: ")).collect();
        head.sort_unstable();
        head.extend(body.split(['<', '>']).filter(|word| !is_id(word)));
        (answer.status.unwrap(), head.join("\n"))
    }
}

/// The keys of the shared pair's ring.
fn ring() -> AssertionKeys {
    AssertionKeys::new(&[Secret::from(
        <[u8; 32]>::try_from(BASE64_STANDARD.decode(OLD_KEY).unwrap()).unwrap(),
    )])
}

/// What `/verify` would say of this person at `DEBUG`.
async fn claims_of(world: &World, who: &str) -> Claims {
    let shown = world.cli(&["user", "show", &format!("{who}@example.com"), "--json"]).await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let now = Timestamp::now();
    Claims {
        iss: world.url(PUBLIC, ""),
        aud: DEBUG.to_owned(),
        sub: shown["id"].as_str().unwrap().parse().unwrap(),
        email: format!("{who}@example.com").parse().unwrap(),
        name: None,
        groups: Vec::new(),
        groups_truncated: false,
        admin: true,
        tenant: None,
        role: None,
        mcp: None,
        iat: now,
        exp: now.plus(Duration::from_mins(1)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_valid_assertion_for_the_host_there_is_nothing() {
    let (world, carol) = debugged(Plan::default(), Pair::Shared).await;
    let (mine, keys) = (claims_of(&world, "carol").await, ring());
    let sign = |change: &dyn Fn(&mut Claims)| {
        let mut claims = mine.clone();
        change(&mut claims);
        claims.sign(&keys)
    };
    let valid = sign(&|_| ());
    let caller = |tokens: &[&str]| Caller {
        replica: &world.gatepost,
        host: DEBUG,
        method: "GET",
        path: PATH,
        tokens: tokens.iter().map(|token| (*token).to_owned()).collect(),
    };
    let (status, page) = caller(&[&valid]).asks().await;
    assert!(status == 200 && page.contains("carol@example.com"), "{page}");
    let nothing = Caller { path: "/no/such/page", ..caller(&[]) }.asks().await;
    assert_eq!(nothing.0, 404);

    let elsewhere = Asked::fetch("/").by(&carol).requiring(REQUIREMENT).of(&world).await;
    let elsewhere = elsewhere.header("x-user-assertion").unwrap().to_owned();
    let alice = claims_of(&world, "alice").await.sub;
    let stranger_keys = AssertionKeys::new(&[Secret::from([9; 32])]);
    let (head, signature) = valid.rsplit_once('.').unwrap();
    let payload = head.split('.').nth(1).unwrap();
    let unsigned = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let minute = Duration::from_mins(1);
    for (why, tokens) in [
        ("no assertion", vec![]),
        ("an empty one", vec![String::new()]),
        ("no token", vec!["garbage".to_owned()]),
        ("a real one for another host", vec![elsewhere]),
        ("for the public host", vec![sign(&|claims| claims.aud = PUBLIC.to_owned())]),
        ("for every host", vec![sign(&|claims| claims.aud = "*.example.test".to_owned())]),
        ("expired", vec![sign(&|claims| claims.exp = mine.iat)]),
        ("from the future", vec![sign(&|claims| claims.iat = mine.iat.plus(minute * 3))]),
        ("another installation's", vec![sign(&|claims| claims.iss = "https://auth.example.org".to_owned())]),
        ("a member's", vec![sign(&|claims| claims.admin = false)]),
        ("an admin's no more", vec![sign(&|claims| claims.sub = alice)]),
        ("nobody's", vec![sign(&|claims| claims.sub = UserId::generate())]),
        ("a forged key", vec![mine.sign(&stranger_keys)]),
        ("no signature", vec![format!("{unsigned}.{payload}.")]),
        ("another signature", vec![format!("{head}.{}", signature.chars().rev().collect::<String>())]),
        ("two", vec![valid.clone(), valid.clone()]),
    ] {
        let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
        assert_eq!(caller(&tokens).asks().await, nothing, "{why}");
    }
    for host in [APP, "app.example.org", "nobody.example", "127.0.0.1", ""] {
        assert_eq!(Caller { host, ..caller(&[&valid]) }.asks().await.0, 404, "at {host}");
    }
    let public = Caller { host: PUBLIC, ..caller(&[&valid]) }.asks().await;
    assert!(public.0 == 303 && public.1.contains("/login"), "an assertion is no session: {}", public.1);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
        assert_eq!(Caller { method, ..caller(&[&valid]) }.asks().await, nothing, "{method}");
    }
    let log = world.gatepost.logs().join("\n");
    assert!(log.contains("it has expired") && !log.contains(&valid), "the log says why, and no token");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_does_not_outlive_the_admins_rights() {
    let (world, _carol) = debugged(Plan::default(), Pair::Shared).await;
    let mut token = claims_of(&world, "carol").await.sign(&ring());
    for (undo, again) in [
        (["admin", "revoke", "carol@example.com"], ["admin", "grant", "carol@example.com"]),
        (["user", "disable", "carol@example.com"], ["user", "enable", "carol@example.com"]),
    ] {
        let asks = async |token: &str| {
            let caller = Caller {
                replica: &world.gatepost,
                host: DEBUG,
                method: "GET",
                path: PATH,
                tokens: vec![token.to_owned()],
            };
            caller.asks().await.0
        };
        assert_eq!(asks(&token).await, 200);
        world.cli(&undo).await;
        assert_eq!(asks(&token).await, 404, "{undo:?}");
        world.cli(&again).await;
        token = claims_of(&world, "carol").await.sign(&ring());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_past_the_proxy_gets_nothing() {
    let (world, _carol) = debugged(Plan::default(), Pair::Shared).await;
    let token = claims_of(&world, "carol").await.sign(&ring());
    let far = another_with(&world, &[("GATEPOST_TRUSTED_PROXIES", "203.0.113.0/24")]).await;
    far.wait_ready().await;
    let caller = Caller { replica: &far, host: DEBUG, method: "GET", path: PATH, tokens: vec![token] };
    assert_eq!(caller.asks().await.0, 404);
    assert_eq!(Caller { replica: &world.gatepost, ..caller }.asks().await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_directory_does_not_answer_only_the_admin_gets_503() {
    let gate = Gate::start().await;
    admin_of(&gate.world).await;
    let token = claims_of(&gate.world, "carol").await.sign(&ring());
    let replica = &gate.world.gatepost;
    let caller = |tokens: &[&str]| Caller {
        replica,
        host: DEBUG,
        method: "GET",
        path: PATH,
        tokens: tokens.iter().map(|token| (*token).to_owned()).collect(),
    };
    assert_eq!(caller(&[&token]).asks().await.0, 200);
    let browser = gate.world.signed_in("carol").await.impatient();
    let fields = [("person", "alice@example.com"), ("url", "https://app.example.test/")];
    assert_eq!(asked_of(&browser, &gate.world, &fields).await.status, 200);
    gate.to_postgres.set(Mode::Refuse).await;
    gate.to_postgres.cut();
    let (status, page) = caller(&[&token]).asks_once().await;
    assert!(status == 503 && page.to_ascii_lowercase().contains("retry-after"), "{page}");
    assert_eq!(caller(&[]).asks().await.0, 404);
    assert_eq!(asked_of(&browser, &gate.world, &fields).await.status, 503);
}
