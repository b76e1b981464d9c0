//! A headless attacker (SIGN-IN.md, "Why each part is there"): handed-over links, replays, tampering, mix-ups.
//!
//! In each test the victim's browser ends as somebody or nobody, but never as the attacker.

use crate::world::{APP, COOKIE, OTHER, PUBLIC, World};
use gatepost_kit::client::{Answer, Client};
use gatepost_kit::entra::{Endpoint, Person};
use reqwest::Method;

/// A browser that has begun a sign-in as `who` and stopped before `/.gatepost/enter`: the ticket is unused.
async fn with_ticket(world: &World, who: &str) -> (Client, String) {
    stopped_before(world, who, "/.gatepost/enter").await
}

/// A browser that has begun a sign-in as `who` and stopped before this path.
async fn stopped_before(world: &World, who: &str, path: &str) -> (Client, String) {
    world.entra.at_the_browser(Some(who));
    let browser = world.browser();
    let mut answer = browser.get(&world.url(APP, "/deep")).await;
    loop {
        let next = answer.location().unwrap_or_else(|| panic!("{} led nowhere", answer.url));
        if next.path().starts_with(path) {
            return (browser, next.into());
        }
        answer = browser.get(next.as_str()).await;
    }
}

async fn who(world: &World, browser: &Client) -> Option<String> {
    let answer = browser.fetch(&world.url(APP, "/")).await;
    (answer.status == 200).then(|| answer.echoed().header("x-user-email").unwrap().to_owned())
}

async fn world(pair: crate::world::Pair) -> World {
    let world = World::start(pair).await;
    world.entra.add(Person::named("mallory"));
    world
}

fn sets_session(answer: &Answer) -> bool {
    answer.set_cookie(COOKIE).is_some_and(|line| line.contains("Max-Age"))
}

both_pairs! {
    async fn a_handed_over_ticket_signs_nobody_in_as_the_attacker(pair) {
        let world = world(pair).await;
        let (_, ticket) = with_ticket(&world, "mallory").await;
        let victim = world.browser();
        let answer = victim.get(&ticket).await;
        assert!(!sets_session(&answer), "{:?}", answer.headers);
        assert_eq!(who(&world, &victim).await, None);
        world.entra.at_the_browser(Some("alice"));
        victim.follow(answer).await;
        assert_eq!(who(&world, &victim).await.as_deref(), Some("alice@example.com"));
    }

    async fn a_ticket_that_somebody_saw_first_is_worth_nothing_and_the_right_browser_recovers_unseen(pair) {
        let world = world(pair).await;
        let (person, ticket) = with_ticket(&world, "alice").await;
        let scanner = person.stranger();
        assert!(!sets_session(&scanner.get(&ticket).await));
        let first = person.get(&ticket).await;
        assert!(!sets_session(&first), "burnt when seen, even by somebody else");
        let trip = person.follow(first).await;
        assert_eq!(trip.end().status, 200, "{}", trip.describe());
        assert_eq!(who(&world, &person).await.as_deref(), Some("alice@example.com"));
    }

    async fn a_ticket_is_good_once(pair) {
        let world = world(pair).await;
        let (person, ticket) = with_ticket(&world, "alice").await;
        let before = person.duplicate();
        assert!(sets_session(&person.get(&ticket).await));
        assert!(!sets_session(&before.get(&ticket).await), "even beside the cookie that it was bound to");
        let again = person.get(&ticket).await;
        assert_eq!(again.location().unwrap().path(), "/deep", "whoever is in goes on");
    }

    async fn a_ticket_opens_no_other_host(pair) {
        let world = world(pair).await;
        let (person, ticket) = with_ticket(&world, "alice").await;
        let answer = person.get(&ticket.replace(APP, OTHER)).await;
        assert!(!sets_session(&answer));
        assert_eq!(answer.location().unwrap().path(), "/");
    }

    async fn a_handed_over_login_link_signs_the_victim_in_as_the_victim(pair) {
        let world = world(pair).await;
        let (_, link) = stopped_before(&world, "mallory", "/login").await;
        world.entra.at_the_browser(Some("alice"));
        let victim = world.browser();
        let trip = victim.navigate(&link).await;
        assert_eq!(trip.end().status, 200, "{}\n{}", trip.describe(), trip.end().body);
        assert_eq!(who(&world, &victim).await.as_deref(), Some("alice@example.com"));
    }

    async fn a_handed_over_callback_uses_no_code_and_signs_nobody_in_as_the_attacker(pair) {
        let world = world(pair).await;
        let (_, callback) = stopped_before(&world, "mallory", "/callback/").await;
        let tokens = world.entra.count(Endpoint::Token);
        world.entra.at_the_browser(None);
        let victim = world.browser();
        let answer = victim.get(&callback).await;
        assert!(!sets_session(&answer));
        assert_eq!(world.entra.count(Endpoint::Token), tokens, "the code is not exchanged");
        assert_eq!(who(&world, &victim).await, None);
    }

    async fn a_callback_retried_at_once_exchanges_its_code_once_and_both_end_well(pair) {
        let world = world(pair).await;
        let (person, callback) = stopped_before(&world, "alice", "/callback/").await;
        let retry = person.clone();
        let (first, second) = tokio::join!(person.get(&callback), retry.get(&callback));
        for answer in [first, second] {
            assert!(sets_session(&answer), "{} {}", answer.status, answer.body);
        }
        assert_eq!(world.entra.most_presentations_of_a_code(), 1);
        let trip = person.navigate(&world.url(APP, "/")).await;
        assert_eq!(trip.end().status, 200);
        let late = person.navigate(&callback).await;
        assert_eq!(late.end().status, 200, "{}\n{}", late.describe(), late.end().body);
        assert_eq!(world.entra.most_presentations_of_a_code(), 1);
    }

    async fn head_post_and_prefetch_use_no_code_and_no_ticket(pair) {
        let world = world(pair).await;
        let (person, callback) = stopped_before(&world, "alice", "/callback/").await;
        for method in [Method::HEAD, Method::POST] {
            assert_eq!(person.request(method, &callback).send().await.status, 405);
        }
        let prefetch = person.request(Method::GET, &callback).header("sec-purpose", "prefetch").send().await;
        assert_eq!((prefetch.status, sets_session(&prefetch)), (403, false));
        assert_eq!(world.entra.count(Endpoint::Token), 0);
        let ticket = person.get(&callback).await.location().unwrap();
        let prefetch = person.request(Method::GET, ticket.as_str()).header("sec-purpose", "prefetch").send().await;
        assert_eq!((prefetch.status, sets_session(&prefetch)), (401, false));
        assert!(sets_session(&person.get(ticket.as_str()).await), "nothing was burnt");
    }

    async fn a_prefetch_signs_nobody_out(pair) {
        let world = world(pair).await;
        let browser = world.signed_in("alice").await;
        for (host, path) in [(APP, "/.gatepost/logout"), (PUBLIC, "/logout")] {
            let url = world.url(host, path);
            let request = browser.request(Method::GET, &url).from(&world.url(host, "/"));
            let answer = request.header("sec-purpose", "prefetch").send().await;
            assert_eq!(answer.status, 403, "{host}");
        }
        assert_eq!(who(&world, &browser).await.as_deref(), Some("alice@example.com"));
    }

    async fn a_sealed_value_opens_only_unchanged_and_where_it_belongs(pair) {
        let world = world(pair).await;
        let (person, login) = stopped_before(&world, "alice", "/login").await;
        let to = login.split_once("to=").unwrap().1.to_owned();
        let flip = |text: &str, at: usize| {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(bytes).unwrap()
        };
        for at in (0..to.len() - 1).step_by(7) {
            let answer = person.get(&world.url(PUBLIC, &format!("/login?to={}", flip(&to, at)))).await;
            assert_eq!(answer.status, 400, "character {at}");
        }
        for (host, path) in [(PUBLIC, "/callback/entra?code=x&state="), (PUBLIC, "/logout?t="), (APP, "/.gatepost/enter?t=")] {
            let answer = person.get(&world.url(host, &format!("{path}{to}"))).await;
            assert!(!sets_session(&answer), "{path}");
            assert_ne!(answer.location().map(|url| url.path().to_owned()).as_deref(), Some("/deep"), "{path}");
        }
        let cookie = world.signed_in("alice").await.find_cookie(PUBLIC, COOKIE).unwrap();
        let answer = person.get(&world.url(PUBLIC, &format!("/login?to={cookie}"))).await;
        assert_eq!(answer.status, 400, "a cookie is no request");
    }

    async fn doubled_parameters_are_as_good_as_none(pair) {
        let world = world(pair).await;
        let (person, callback) = stopped_before(&world, "alice", "/callback/").await;
        for doubled in ["&code=other", "&state=other"] {
            assert_eq!(person.get(&format!("{callback}{doubled}")).await.status, 400, "{doubled}");
        }
        assert_eq!(world.entra.count(Endpoint::Token), 0);
    }

    async fn a_browser_without_cookies_meets_a_page_and_no_loop(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let browser = world.browser();
        let mut answer = browser.get(&world.url(APP, "/")).await;
        for _ in 0..20 {
            let Some(next) = answer.location() else { break };
            browser.jar().delete_host(PUBLIC);
            browser.jar().delete_host(APP);
            answer = browser.get(next.as_str()).await;
        }
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(answer.body.contains("Allow cookies"), "{}", answer.body);
    }

    async fn redirects_that_go_round_end_on_a_page(pair) {
        let world = world(pair).await;
        let browser = world.signed_in("alice").await;
        let mut last = None;
        for _ in 0..40 {
            browser.jar().delete_host(APP);
            let trip = browser.navigate(&world.url(APP, "/")).await;
            if trip.end().status != 200 {
                last = Some(trip.end().clone());
                break;
            }
        }
        let page = last.expect("thirty hand-overs in a minute are too many");
        assert_eq!(page.status, 429);
        assert_eq!(page.url.host_str(), Some(PUBLIC));
    }

    async fn another_sites_form_changes_nothing_on_the_public_host(pair) {
        let world = world(pair).await;
        let browser = world.signed_in("alice").await;
        for path in ["/logout", "/sessions/end", "/sessions/end-others"] {
            for from in ["https://evil.example/".to_owned(), world.url("sibling.example.test", "/")] {
                let request = browser.request(Method::POST, &world.url(PUBLIC, path)).from(&from);
                assert_eq!(request.form(&[]).send().await.status, 403, "{path} from {from}");
            }
            let forged = browser.request(Method::POST, &world.url(PUBLIC, path)).without("sec-fetch-site");
            assert_eq!(forged.header("origin", "https://evil.example").send().await.status, 403, "{path}");
        }
        assert_eq!(who(&world, &browser).await.as_deref(), Some("alice@example.com"));
    }

    async fn nobody_ends_somebody_elses_session(pair) {
        let world = world(pair).await;
        let alice = world.signed_in("alice").await;
        let listed = world.cli(&["session", "list", "alice@example.com", "--json"]).await;
        let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
        let hash = listed[0]["hash"].as_str().unwrap().to_owned();
        world.entra.forget_browsers();
        let mallory = world.signed_in("mallory").await;
        let page = world.url(PUBLIC, "/");
        mallory.submit(&page, &world.url(PUBLIC, "/sessions/end"), &[("session", &hash)]).await;
        assert_eq!(who(&world, &alice).await.as_deref(), Some("alice@example.com"));
        alice.submit(&page, &world.url(PUBLIC, "/sessions/end"), &[("session", &hash)]).await;
        assert_eq!(who(&world, &alice).await, None, "one's own may be ended");
    }

    async fn wherever_a_request_leads_it_stays_on_the_configured_hosts(pair) {
        let world = world(pair).await;
        let browser = world.signed_in("alice").await;
        let lures = [
            "//evil.example", "///evil.example", "/\\evil.example", "/\\/evil.example", "https://evil.example", "https:evil.example",
            "javascript:alert(1)", "/%09/evil.example", "/\t/evil.example", "/@evil.example", "/..//evil.example", "//evil.example:80?@x/",
            "/.evil.example", "/%2f%2fevil.example", "/%5cevil.example", "\\\\evil.example", "/;@evil.example", "/#@evil.example",
            "/\u{ff0f}evil.example", "//0x7f000001", "/./.gatepost/logout", "",
        ];
        for lure in lures {
            let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("uri", lure).finish();
            let trip = browser.navigate(&world.url(APP, &format!("/.gatepost/start?{query}"))).await;
            assert_eq!(trip.end().url.host_str(), Some(APP), "{lure}: {}", trip.describe());
            assert_eq!(trip.end().status, 200, "{lure}: {}", trip.describe());
        }
    }
}
