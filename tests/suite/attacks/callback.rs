//! The redirection endpoint (RFC 9700 sections 2.1, 4.4, 4.5, 4.7): each code once, each state where it belongs.

use super::{ALICE, assert_ends_as, parameter, presentations, stop_before, who, world};
use crate::world::{APP, COOKIE, OTHER, PUBLIC, Pair, Plan, World, alice};
use gatepost_kit::entra::{Endpoint, Entra, Person};
use reqwest::Method;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Two providers: Entra and a plain one, `other`.
pub async fn two_providers(pair: Pair) -> (World, Entra) {
    let other = Entra::start_oidc().await;
    other.add(Person::named("mallory").email("mallory@other.example").email_verified(Some(true)));
    let variable = |name: &str| format!("GATEPOST_PROVIDERS__OTHER__{name}");
    let world = Plan::default()
        .env(&variable("KIND"), "oidc")
        .env(&variable("ISSUER"), other.issuer())
        .env(&variable("CLIENT_ID"), other.client_id())
        .env(&variable("CLIENT_SECRET"), other.client_secret())
        .env(&variable("ALLOWED_DOMAINS"), "other.example")
        .start(pair)
        .await;
    world.entra.add(alice());
    other.register_redirect_uri(&world.url(PUBLIC, "/callback/other"));
    (world, other)
}

both_pairs! {
    async fn a_callback_retried_at_once_exchanges_its_code_once_and_both_end_well(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let browser = world.browser();
        let callback = stop_before(&browser, &world.url(APP, "/deep"), "/callback/").await;
        // The proxy's retry has the cookies of the first request, whatever came of it meanwhile.
        let retries: Vec<_> = (0..4).map(|_| {
            let (browser, callback) = (browser.duplicate(), callback.clone());
            tokio::spawn(async move { browser.navigate(callback.as_str()).await })
        }).collect();
        for trip in retries {
            assert_ends_as(&trip.await.unwrap(), ALICE, "/deep");
        }
        let late = browser.navigate(callback.as_str()).await;
        assert_ends_as(&late, ALICE, "/deep");
        assert_ends_as(&browser.navigate(callback.as_str()).await, ALICE, "/deep");
        assert_eq!(presentations(&world, &parameter(&callback, "code")), 1);
        assert_eq!(world.entra.codes_redeemed(), 1);
    }

    async fn a_code_whose_browser_has_left_still_becomes_its_session(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let browser = world.browser();
        let callback = stop_before(&browser, &world.url(APP, "/deep"), "/callback/").await;
        world.entra.hold(Endpoint::Token);
        // Past the edge, which would keep its own connection open.
        let mut line = TcpStream::connect(world.gatepost.public()).await.unwrap();
        let (path, query) = (callback.path(), callback.query().unwrap());
        let cookie = browser.find_cookie(PUBLIC, COOKIE).unwrap();
        let head = format!("GET {path}?{query} HTTP/1.1\r\nHost: {PUBLIC}\r\nCookie: {COOKIE}={cookie}\r\n\r\n");
        line.write_all(head.as_bytes()).await.unwrap();
        world.entra.until_count(Endpoint::Token, 1).await;
        line.set_zero_linger().unwrap();
        drop(line);
        world.entra.release(Endpoint::Token);
        assert_ends_as(&browser.navigate(callback.as_str()).await, ALICE, "/deep");
        assert_eq!(world.entra.codes_redeemed(), 1, "the retry joins what came of the first");
    }

    async fn the_state_of_one_provider_is_worth_nothing_at_anothers_callback(pair) {
        let (world, other) = two_providers(pair).await;
        world.entra.at_the_browser(Some("alice"));
        other.at_the_browser(Some("mallory"));
        let browser = world.browser();
        let choice = browser.navigate(&world.url(APP, "/")).await;
        assert_eq!((choice.end().status, choice.end().url.path()), (200, "/login"), "the person chooses:\n{}", choice.describe());
        let to = parameter(&choice.end().url, "to");
        let login = |provider: &str| world.url(PUBLIC, &format!("/login?to={to}&provider={provider}"));
        let of_entra = stop_before(&browser, &login("entra"), "/callback/entra").await;
        let of_other = stop_before(&browser, &login("other"), "/callback/other").await;
        for (callback, wrong) in [(&of_entra, "/callback/other"), (&of_other, "/callback/entra")] {
            let mut mixed = callback.clone();
            mixed.set_path(wrong);
            let answer = browser.get(mixed.as_str()).await;
            assert_eq!((answer.status, answer.values("set-cookie").len()), (400, 0), "{mixed}");
        }
        assert_eq!((world.entra.count(Endpoint::Token), other.count(Endpoint::Token)), (0, 0), "no code was sent to the wrong provider");
        let unknown = browser.get(&world.url(PUBLIC, &format!("/callback/nobody?{}", of_entra.query().unwrap()))).await;
        assert_eq!(unknown.status, 404);
        let unknown = browser.get(&world.url(PUBLIC, "/login?provider=nobody")).await;
        assert_eq!(unknown.status, 404);
        assert_ends_as(&browser.navigate(of_entra.as_str()).await, ALICE, "/");
    }

    async fn what_is_no_answer_of_the_provider_uses_no_code(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let browser = world.browser();
        let callback = stop_before(&browser, &world.url(APP, "/deep"), "/callback/").await;
        let (code, state) = (parameter(&callback, "code"), parameter(&callback, "state"));
        let url = |query: &str| world.url(PUBLIC, &format!("/callback/entra{query}"));
        for query in [
            String::new(),
            "?".to_owned(),
            format!("?code={code}"),
            format!("?state={state}"),
            format!("?code={code}&state="),
            format!("?code=&state={state}"),
            format!("?code=a%0Ab&state={state}"),
            format!("?code=%C3%A4&state={state}"),
            format!("?code={}&state={state}", "x".repeat(5_000)),
            format!("?code={code}&state={}", "x".repeat(8 * 1024)),
            format!("?code={code}&state={state}&state={state}"),
            format!("?code={code}&code={code}&state={state}"),
            format!("?code=a&code={code}&state={state}"),
            format!("?Code={code}&State={state}"),
        ] {
            let answer = browser.get(&url(&query)).await;
            assert_eq!((answer.status, answer.values("set-cookie").len()), (400, 0), "{query}");
            assert!(answer.header("content-type").unwrap().starts_with("text/html"));
            assert!(!answer.body.contains(&code), "a code is not shown");
        }
        for method in [Method::HEAD, Method::POST, Method::PUT, Method::OPTIONS] {
            let answer = browser.request(method.clone(), callback.as_str()).send().await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")), "{method}");
        }
        for fields in [[("code", code.as_str()), ("state", state.as_str())]] {
            let answer = browser.request(Method::POST, &url("")).from(&world.entra.authority()).form(&fields).send().await;
            assert_eq!(answer.status, 405, "response_mode=form_post is not ours");
        }
        assert_eq!(world.entra.count(Endpoint::Token), 0);
        assert_ends_as(&browser.navigate(callback.as_str()).await, ALICE, "/deep");
    }

    async fn somebody_elses_code_beside_ones_own_state_signs_nobody_in(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let alice = world.browser();
        let theirs = stop_before(&alice, &world.url(APP, "/"), "/callback/").await;
        let mallory = world.browser();
        let own = stop_before(&mallory, &world.url(APP, "/"), "/callback/").await;
        let injected = world.url(PUBLIC, &format!("/callback/entra?code={}&state={}", parameter(&theirs, "code"), parameter(&own, "state")));
        let answer = mallory.get(&injected).await;
        assert!(answer.status >= 400 && answer.location().is_none(), "PKCE: {}", answer.status);
        assert_eq!((who(&world, &mallory).await, mallory.find_cookie(PUBLIC, COOKIE).map(|value| value.len())), (None, Some(43)));
    }

    async fn an_error_of_the_provider_counts_only_beside_the_browsers_own_state(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let mallory = world.browser();
        let theirs = parameter(&stop_before(&mallory, &world.url(OTHER, "/hers"), "/callback/").await, "state");
        let error = |state: &str| world.url(PUBLIC, &format!("/callback/entra?error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E&state={state}"));
        let victim = world.browser();
        let answer = victim.get(&error(&theirs)).await;
        assert_eq!(answer.status, 303, "somebody else's state begins anew: {}", answer.body);
        let own = parameter(&stop_before(&victim, &world.url(APP, "/"), "/callback/").await, "state");
        let answer = victim.get(&error(&own)).await;
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(!answer.body.contains("<script"), "{}", answer.body);
        let without = victim.get(&world.url(PUBLIC, "/callback/entra?error=access_denied")).await;
        assert_eq!(without.status, 400);
        assert_eq!(world.entra.count(Endpoint::Token), 0);
    }

    async fn sign_in_gives_a_value_that_nobody_planted(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let alice = world.browser();
        let planted: Vec<_> = [APP, PUBLIC].into_iter().map(|host| (host, format!("{}{}", host.len() % 10, "A".repeat(42)))).collect();
        for (host, value) in &planted {
            let url = world.url(host, "/").parse().unwrap();
            assert!(alice.jar().set(&url, &format!("{COOKIE}={value}; Secure; Path=/")));
        }
        assert_ends_as(&alice.navigate(&world.url(APP, "/x")).await, ALICE, "/x");
        for (host, value) in &planted {
            assert_ne!(alice.find_cookie(host, COOKIE).as_ref(), Some(value), "{host}");
            let thief = world.browser();
            let answer = thief.request(Method::GET, &world.url(host, "/")).header("cookie", format!("{COOKIE}={value}")).send().await;
            assert!(matches!(answer.status, 302 | 303), "{host}: {}", answer.status);
        }
    }
}
