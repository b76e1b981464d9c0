//! Nobody is signed in, or too long ago: 302 for who looks at a page, 401 for everything else.

use super::{Asked, Told};
use crate::world::{APP, COOKIE, PUBLIC, World};
use gatepost_kit::process::until;
use std::time::Duration;

/// The login address that the answer redirects to, with the one cookie that it may set.
fn assert_login(world: &World, told: &Told, sets_cookie: bool, why: &str) {
    assert_eq!((told.status, told.body.as_str()), (302, ""), "{why}: {told:?}");
    told.assert_says_nothing(why);
    let location = told.header("location").unwrap();
    assert!(location.starts_with(&world.url(PUBLIC, "/login?to=")), "{why}: {location}");
    assert_eq!(told.all("location").len(), 1, "{why}");
    let cookies = told.all("set-cookie");
    assert_eq!(cookies.len(), usize::from(sets_cookie), "{why}: {cookies:?}");
    for line in cookies {
        let (name, rest) = line.split_once('=').unwrap();
        let (value, attributes) = rest.split_once("; ").unwrap();
        assert_eq!((name, value.len()), (COOKIE, 43), "{why}");
        let mut attributes: Vec<_> = attributes.split("; ").collect();
        attributes.sort_unstable();
        assert_eq!(attributes, ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"], "{why}");
    }
}

both_pairs! {
    async fn a_navigation_goes_to_login_with_one_cookie_where_there_is_none(pair) {
        let world = World::start(pair).await;
        let without_metadata = || Asked::for_uri("/").with("Accept", "text/html");
        for (asked, why) in [
            (Asked::navigation("/deep?x=1"), "a browser"),
            (Asked::navigation("/").with("X-Forwarded-Method", "HEAD"), "HEAD"),
            (Asked::navigation("/").with("Sec-Fetch-Dest", "empty"), "a service worker"),
            (without_metadata(), "an old browser"),
            (Asked::navigation("/").with("X-Forwarded-Host", format!("{}.:8443", APP.to_uppercase())), "a spelling of the host"),
            (Asked::navigation("/").with("Cookie", format!("{COOKIE}=garbage; other={}", "A".repeat(43))), "no well-formed value"),
            (Asked::navigation("/").with("Cookie", format!("{COOKIE}={}", "x".repeat(1024))), "1 KiB of garbage"),
        ] {
            assert_login(&world, &asked.of(&world).await, true, why);
        }
        let random = format!("{COOKIE}={}", "A".repeat(43));
        let told = Asked::navigation("/").with("Cookie", format!("a=1; {COOKIE}=garbage; {random}")).of(&world).await;
        assert_login(&world, &told, false, "a well-formed value is there");
        let first = Asked::navigation("/").of(&world).await;
        let second = Asked::navigation("/").of(&world).await;
        assert_ne!(first.header("set-cookie"), second.header("set-cookie"));
    }

    async fn everything_else_is_401_and_begins_nothing(pair) {
        let world = World::start(pair).await;
        let page = |asked: Asked| asked.with("Accept", "text/html,*/*;q=0.8");
        let method = |name: &str| Asked::navigation("/form?x=1").with("X-Forwarded-Method", name);
        for (asked, is_html, why) in [
            (Asked::fetch("/form?x=1"), false, "fetch"),
            (Asked::fetch("/form?x=1").with("X-Forwarded-Method", "OPTIONS").with("Origin", "https://evil.example"), false, "a preflight"),
            (Asked::for_uri("/form?x=1").with("Sec-Fetch-Mode", "no-cors").with("Sec-Fetch-Dest", "image"), false, "an image"),
            (Asked::for_uri("/form?x=1").with("Sec-Fetch-Mode", "websocket").with("Sec-WebSocket-Key", "eA=="), false, "a WebSocket"),
            (Asked::for_uri("/form?x=1").with("Accept", "text/event-stream"), false, "an event stream"),
            (Asked::for_uri("/form?x=1").with("Accept", "application/json"), false, "a program"),
            (Asked::for_uri("/form?x=1"), false, "curl"),
            (page(Asked::for_uri("/form?x=1")).with("X-Requested-With", "XMLHttpRequest"), true, "an old script"),
            (page(Asked::for_uri("/form?x=1")).with("Sec-WebSocket-Key", "eA=="), true, "an old WebSocket"),
            (method("POST"), true, "a form"),
            (method("PUT"), true, "PUT"),
            (method("get"), true, "no method of that spelling"),
            (Asked::navigation("/form?x=1").with("Sec-Fetch-Dest", "iframe"), true, "a frame"),
            (Asked::navigation("/form?x=1").with("Sec-Purpose", "prefetch;prerender"), true, "a prefetch"),
            (Asked::navigation("/form?x=1").with("Purpose", "prefetch"), true, "an older prefetch"),
            (page(Asked::for_uri("/form?x=1")).with("X-Moz", "prefetch"), true, "an old Firefox's prefetch"),
            (page(Asked::for_uri("/form?x=1")).with("X-Purpose", "preview"), true, "an old Safari's preview"),
            (Asked::navigation("/form?x=1").requiring("api=true"), true, "api=true"),
        ] {
            let told = asked.of(&world).await;
            told.assert_refusal(401, why);
            assert!(told.header("www-authenticate").unwrap().starts_with("Bearer "), "{why}");
            assert_eq!(told.header("location"), None, "{why}");
            assert_eq!(told.header("x-content-type-options"), Some("nosniff"), "{why}");
            if is_html {
                assert!(told.header("content-security-policy").unwrap().contains("default-src 'none'"), "{why}");
                assert!(told.body.contains("/.gatepost/start?uri=/form?x=1"), "{why}: {}", told.body);
            } else {
                let json = told.json();
                assert_eq!(json["error"], "sign_in_required", "{why}");
                assert_eq!(json["sign_in"], world.url(APP, "/.gatepost/start?uri=/form?x=1"), "{why}");
            }
        }
    }

    async fn a_cookie_that_is_certainly_worth_nothing_is_as_good_as_none(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let ended = Asked::navigation("/").by(&browser);
        let answer = browser.request(reqwest::Method::GET, &world.url(APP, "/.gatepost/logout")).from(&world.url(APP, "/")).send().await;
        browser.follow(answer).await;
        assert_login(&world, &ended.of(&world).await, false, "the ended session's cookie is still well-formed");
        ended.with("Sec-Fetch-Mode", "cors").of(&world).await.assert_refusal(401, "an ended session");
    }

    async fn a_disabled_person_is_signed_out_at_once(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        world.cli(&["user", "disable", "alice@example.com"]).await;
        Asked::fetch("/").by(&browser).of(&world).await.assert_refusal(401, "disabled");
        let trip = browser.navigate(&world.url(APP, "/")).await;
        assert_eq!(trip.end().status, 403, "{}", trip.describe());
        assert!(trip.end().body.contains("disabled"), "{}", trip.end().body);
    }

    async fn a_sign_in_that_is_too_old_is_401_or_302_and_forbidden_comes_first(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let fetch = Asked::fetch("/").requiring("max_age=0").by(&browser);
        let told = until("the sign-in to be older than max_age", Duration::from_secs(10), async || {
            Some(fetch.of(&world).await).filter(|told| told.status != 200)
        }).await;
        told.assert_refusal(401, "step-up");
        let challenge = told.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer error=\"insufficient_user_authentication\"") && challenge.contains("max_age=\"0\""), "{challenge}");
        assert_eq!(told.json()["error"], "step_up_required");
        let told = Asked::navigation("/").requiring("max_age=0").by(&browser).of(&world).await;
        assert_login(&world, &told, false, "the host's own cookie is bound");
        Asked::navigation("/").requiring("max_age=0&group=Nobody").by(&browser).of(&world).await.assert_refusal(403, "not allowed is judged before max_age");
        assert_eq!(Asked::fetch("/").requiring("max_age=900").by(&browser).of(&world).await.status, 200);
    }

    async fn an_answer_to_head_has_no_body(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let head = |asked: Asked| asked.with("X-Forwarded-Method", "HEAD");
        for (asked, status) in [
            (head(Asked::fetch("/")), 401),
            (head(Asked::fetch("/")).requiring("group=Nobody").by(&browser), 403),
            (head(Asked::fetch("/")).requiring("nonsense=1").by(&browser), 500),
            (head(Asked::fetch("/")).with("X-Forwarded-Host", "unknown.example.com"), 403),
            (head(Asked::fetch("/")).with("X.User.Email", "x"), 400),
        ] {
            let told = asked.of(&world).await;
            told.assert_refusal(status, &format!("{asked:?}"));
            assert_eq!((told.body.as_str(), told.header("content-length")), ("", Some("0")), "{status}");
        }
    }
}
