//! The header debugger. On a protected host an admin sees every header but no secret, and nobody else learns that it is
//! there; on the public host an admin is told what the gate would answer.

use crate::answers::Asked;
use crate::replicas::{OLD_KEY, another_with};
use crate::stores::gate::Gate;
use crate::world::{APP, COOKIE, PUBLIC, Pair, Plan, World};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use gatepost::gate::assertion::{AssertionKeys, Claims};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::UserId;
use gatepost_core::secret::Secret;
use gatepost_kit::client::{Answer, Client, Kind, get_request, retry, send_raw};
use gatepost_kit::edge::{Edge, Route};
use gatepost_kit::entra::Person;
use gatepost_kit::faulty::Mode;
use gatepost_kit::process::{AUTH_RESPONSE_HEADERS, Gatepost, until};
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

pub const DEBUG: &str = "debug.example.test";
const PATH: &str = "/debug/headers";
const REQUIREMENT: &str = "admin=true&assertion=true";

/// A world in which a router sends `DEBUG` to Gatepost itself, and the browser of Carol, an admin; Alice is none.
async fn debugged(plan: Plan, pair: Pair) -> (World, Client) {
    let world = plan.start(pair).await;
    let gatepost = &world.gatepost;
    world.edge.set_route(DEBUG, Route::gated(gatepost.verify_url(REQUIREMENT), gatepost.public()));
    let carol = admin_of(&world).await;
    (world, carol)
}

async fn admin_of(world: &World) -> Client {
    for who in ["alice", "carol"] {
        world.entra.add(Person::named(who));
        world.signed_in(who).await;
    }
    let carol = world.signed_in("carol").await;
    world.cli(&["admin", "grant", "carol@example.com"]).await;
    carol
}

fn findings(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let json = answer.json();
    let findings = json["findings"].as_array().unwrap().iter();
    findings.map(|finding| (text(&finding["header"]), text(&finding["mend"]))).collect()
}

async fn as_json(browser: &Client, url: &str) -> Answer {
    browser.request(Method::GET, url).kind(Kind::Program).header("accept", "application/json").send().await
}

both_pairs! {
    async fn an_admin_sees_every_header_and_no_secret(pair) {
        let (world, carol) = debugged(Plan::default(), pair).await;
        let url = world.url(DEBUG, PATH);
        let trip = carol.navigate(&url).await;
        let page = trip.end();
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{}", trip.describe());
        for part in ["carol@example.com", "X-User-Assertion", "X-Forwarded-For", "User-Agent", "Nothing to change", DEBUG] {
            assert!(page.body.contains(part), "{part}: {}", page.body);
        }
        let secret = "s3cr3t0123456789";
        let own = carol.find_cookie(DEBUG, COOKIE).unwrap();
        let request = || carol.request(Method::GET, &url)
            .header("cookie", format!("theme={secret}; {COOKIE}={own}"))
            .header("authorization", format!("Bearer {secret}"))
            .header("x-api-key", secret)
            .header("referer", format!("https://elsewhere.example/reset/{secret}?code={secret}"));
        for accept in ["text/html", "application/json"] {
            let answer = request().header("accept", accept).send().await;
            assert_eq!(answer.status, 200);
            assert!(!answer.body.contains(secret) && !answer.body.contains(&own), "{}", answer.body);
            assert!(answer.body.contains("theme") && answer.body.contains("16 bytes, hidden"), "{}", answer.body);
            let told = Asked::fetch("/").with("X-Forwarded-Host", DEBUG).with("Cookie", format!("{COOKIE}={own}"));
            let told = told.requiring(REQUIREMENT).of(&world).await;
            let signature = told.header("x-user-assertion").unwrap().rsplit('.').next().unwrap().to_owned();
            assert!(!answer.body.contains(&signature), "the signature is what makes it a credential");
            assert_kept_apart(&answer);
        }
        let head = carol.request(Method::HEAD, &url).send().await;
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        assert_eq!(findings(&as_json(&carol, &url).await), []);
    }

    async fn a_member_and_a_stranger_do_not_get_there(pair) {
        let (world, carol) = debugged(Plan::default(), pair).await;
        let url = world.url(DEBUG, PATH);
        let alice = world.signed_in("alice").await;
        assert_eq!(alice.navigate(&url).await.end().status, 403);
        assert_eq!(carol.stranger().get(&url).await.status, 302);
        assert_eq!(carol.navigate(&url).await.end().status, 200);
        world.cli(&["admin", "revoke", "carol@example.com"]).await;
        assert_eq!(carol.navigate(&url).await.end().status, 403);
    }
}

/// The page of the public host, asked by this browser.
async fn asked_of(browser: &Client, world: &World, fields: &[(&str, &str)]) -> Answer {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    browser.get(&world.url(PUBLIC, &format!("{PATH}?{query}"))).await
}

both_pairs! {
    async fn an_admin_is_told_what_the_gate_would_answer_and_why(pair) {
        let (world, carol) = debugged(Plan::default(), pair).await;
        let alice = world.signed_in("alice").await;
        let app = world.url(APP, "/a?token=s3cr3t");
        let ask = async |requirement: &str| {
            let fields = [("person", "alice@example.com"), ("url", app.as_str()), ("method", "GET"), ("requirement", requirement)];
            let answer = asked_of(&carol, &world, &fields).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            answer.body
        };
        let passes = ask("assertion=true").await;
        for part in ["Passes", "answers 200", "X-User-Email", "alice@example.com", "X-User-Admin", "Step by step"] {
            assert!(passes.contains(part), "{part}: {passes}");
        }
        let refused = ask("https://gatepost:4181/verify?group=Nobody-In-It").await;
        for part in ["Refused: not in the group Nobody-In-It", "answers 403", "there is no such group here"] {
            assert!(refused.contains(part), "{part}: {refused}");
        }
        assert!(ask("grup=x").await.contains("answers 500"));
        let secrets = [PUBLIC, APP].map(|host| alice.find_cookie(host, COOKIE).unwrap());
        for page in [&passes, &refused] {
            assert!(secrets.iter().all(|secret| !page.contains(secret)), "a cookie: {page}");
            assert!(!page.contains("eyJ"), "an assertion, or another token: {page}");
        }
        for (fields, status, part) in [
            ([("person", "alicia@example.com"), ("url", app.as_str())], 404, "Did you mean alice@example.com?"),
            ([("person", "alice"), ("url", app.as_str())], 400, "an e-mail address"),
            ([("person", "alice@example.com"), ("url", "app")], 400, "a complete address"),
        ] {
            let answer = asked_of(&carol, &world, &fields).await;
            assert!(answer.status == status && answer.body.contains(part), "{} {}", answer.status, answer.body);
        }
        // By the number on the page that the person saw.
        let told = Asked::navigation("/b").requiring("group=Nobody-In-It").by(&alice).of(&world).await;
        let number = told.request_id();
        let kept = until("the refusal to be kept", Duration::from_secs(30), async || {
            let answer = asked_of(&carol, &world, &[("number", number.as_str())]).await;
            (answer.status == 200).then_some(answer.body)
        });
        let kept = kept.await;
        for part in ["What happened", "/b", "It was answered 403", "The same request now", "Refused: not in the group"] {
            assert!(kept.contains(part), "{part}: {kept}");
        }
        for (number, status) in [("0123", 400), ("0198f0a2000070008000000000000000", 404)] {
            assert_eq!(asked_of(&carol, &world, &[("number", number)]).await.status, status);
        }
        let fields = [("person", "carol@example.com"), ("url", app.as_str())];
        let member = asked_of(&alice, &world, &fields).await;
        assert!(member.status == 403 && !member.body.contains("carol"), "{}", member.body);
        let stranger = asked_of(&alice.stranger(), &world, &fields).await;
        assert_eq!((stranger.status, stranger.location().unwrap().path()), (303, "/login"));
    }

}

/// No other origin may frame it, load it, read it or keep it.
fn assert_kept_apart(answer: &Answer) {
    let policy = answer.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
    assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "no CORS");
    assert_eq!(answer.values("set-cookie"), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_can_neither_embed_nor_read_it() {
    let (world, carol) = debugged(Plan::default(), Pair::Embedded).await;
    let url = world.url(DEBUG, PATH);
    assert_eq!(carol.navigate(&url).await.end().status, 200);
    let own = carol.find_cookie(DEBUG, COOKIE).unwrap();
    for page in ["https://evil.example/", &world.url(APP, "/")] {
        for (kind, destination) in
            [(Kind::Fetch, "empty"), (Kind::Image, "script"), (Kind::Navigation, "iframe")]
        {
            // Sent whatever SameSite says: the rule must hold where a browser errs.
            let request =
                carol.request(Method::GET, &url).kind(kind).from(page).header("sec-fetch-dest", destination);
            let request = request.header("origin", page.trim_end_matches('/'));
            let answer = request.header("cookie", format!("{COOKIE}={own}")).send().await;
            assert_kept_apart(&answer);
        }
    }
}

/// What is missing in `authResponseHeaders`, seen from behind the gate.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_proxy_does_not_hand_over_is_named_with_its_mend() {
    let (world, carol) = debugged(Plan::default(), Pair::Embedded).await;
    assert_eq!(carol.navigate(&world.url(DEBUG, PATH)).await.end().status, 200);
    let own = carol.find_cookie(DEBUG, COOKIE).unwrap();
    let names = [
        "X-User-Email",
        "X-User-Groups",
        "X-User-Admin",
        "X-User-Id",
        "X-User-Name",
        "X-User-Tenants",
        "Cookie",
    ];
    for missing in names {
        let listed = AUTH_RESPONSE_HEADERS.into_iter().filter(|name| *name != missing);
        let edge = Edge::builder().tls(&world.authority).response_headers(listed).start().await.unwrap();
        let gatepost = &world.gatepost;
        edge.set_route(DEBUG, Route::gated(gatepost.verify_url(REQUIREMENT), gatepost.public()));
        let browser = Client::builder().everywhere(edge.addr()).trust(&world.authority).build().patient();
        let ask = || {
            let request = browser.request(Method::GET, &edge.url(DEBUG, PATH)).kind(Kind::Program);
            request.header("accept", "application/json").header("cookie", format!("{COOKIE}={own}"))
        };
        // The port is not the configured one here.
        let is_about = |(header, mend): &(String, String)| {
            header != "X-Forwarded-Port" && mend.contains("authResponseHeaders")
        };
        let absent = findings(&ask().send().await);
        let absent: Vec<_> = absent.iter().filter(|one| is_about(one)).collect();
        assert_eq!(absent.len(), 1, "{missing}: {absent:?}");
        assert!(absent[0].0 == missing && absent[0].1.contains(missing), "{missing}: {absent:?}");
        if missing != "Cookie" {
            let forged = findings(&ask().header(missing, "root@example.com").send().await);
            assert!(
                forged.iter().any(|(header, mend)| header == missing && mend.contains(missing)),
                "{forged:?}"
            );
        }
    }
}

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
async fn who_comes_past_the_proxy_gets_nothing() {
    let (world, _carol) = debugged(Plan::default(), Pair::Shared).await;
    let token = claims_of(&world, "carol").await.sign(&ring());
    let far = another_with(&world, &[("GATEPOST_TRUSTED_PROXIES", "203.0.113.0/24")]).await;
    far.wait_ready().await;
    let caller = Caller { replica: &far, host: DEBUG, method: "GET", path: PATH, tokens: vec![token] };
    assert_eq!(caller.asks().await.0, 404);
    assert_eq!(Caller { replica: &world.gatepost, ..caller }.asks().await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_directory_cannot_say_it_is_503_for_the_admin_alone() {
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
