//! The header debugger. On a protected host an admin sees every header but no secret, and nobody else learns that it is
//! there; on the public host an admin is told what the gate would answer.

mod assertions;

use crate::answers::Asked;
use crate::world::{APP, COOKIE, OTHER, PUBLIC, Pair, Plan, World};
use gatepost_kit::client::{Answer, Client, Kind};
use gatepost_kit::edge::{Edge, Route};
use gatepost_kit::entra::Person;
use gatepost_kit::process::{AUTH_RESPONSE_HEADERS, until};
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

    async fn a_member_and_a_stranger_cannot_open_it(pair) {
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
    async fn an_admin_sees_what_the_gate_would_answer_and_why(pair) {
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
        // By the id of a key.
        let made = world.cli(&["key", "create", "nightly", "--host", APP, "--json"]).await;
        let made: Value = serde_json::from_str(&made).unwrap();
        let (id, key, other) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap(), world.url(OTHER, "/"));
        for (key, url, status, part) in [
            (id, app.as_str(), 200, "nightly"),
            (id, other.as_str(), 200, "the key does not count at this host"),
            ("0199d1f0-5b7c-7d2e-8a3f-0123456789ab", app.as_str(), 404, "no API key with this id"),
            (key, app.as_str(), 400, "If you entered the key itself"),
        ] {
            let answer = asked_of(&carol, &world, &[("key", key), ("url", url)]).await;
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
async fn headers_that_the_proxy_does_not_forward_are_named_with_the_fix() {
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
        let is_about = |(header, fix): &(String, String)| {
            header != "X-Forwarded-Port" && fix.contains("authResponseHeaders")
        };
        let absent = findings(&ask().send().await);
        let absent: Vec<_> = absent.iter().filter(|one| is_about(one)).collect();
        assert_eq!(absent.len(), 1, "{missing}: {absent:?}");
        assert!(absent[0].0 == missing && absent[0].1.contains(missing), "{missing}: {absent:?}");
        if missing != "Cookie" {
            let forged = findings(&ask().header(missing, "root@example.com").send().await);
            assert!(
                forged.iter().any(|(header, fix)| header == missing && fix.contains(missing)),
                "{forged:?}"
            );
        }
    }
}
