//! Signing in, message by message, with a scripted browser.

use crate::world::{APP, COOKIE, MCP_GITHUB, OTHER, PUBLIC, Plan, World, alice};
use gatepost_kit::client::Kind;
use gatepost_kit::entra::Person;
use reqwest::Method;

both_pairs! {
    async fn a_deep_link_is_reached_after_one_sign_in(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let trip = browser.stranger().navigate(&world.url(APP, "/deep?x=1&y=%2F")).await;
        let received = trip.end().echoed();
        assert_eq!(received.uri, "/deep?x=1&y=%2F");
        assert_eq!(received.header("x-user-email"), Some("alice@example.com"));
        assert_eq!(received.header("x-user-groups"), Some(MCP_GITHUB));
        assert_eq!(received.header("x-user-admin"), Some("false"));
        assert_eq!(received.header("x-user-name"), Some("Alice"));
        assert_eq!(received.header("cookie"), None, "no application sees our cookie");
        assert_eq!(world.app.requests().len(), 2, "nothing reached the application before the sign-in was complete");
        let statuses: Vec<u16> = trip.hops.iter().map(|hop| hop.status).collect();
        assert_eq!(statuses, [302, 303, 302, 303, 303, 200], "{}", trip.describe());
        assert!(trip.hops.iter().filter(|hop| hop.status != 200).all(|hop| hop.header("cache-control") == Some("no-store") || hop.url.port() == Some(world.entra.addr().port())));
    }

    async fn a_second_host_of_another_domain_needs_no_second_sign_in(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let asked = world.entra.count(gatepost_kit::entra::Endpoint::Authorize);
        let trip = browser.navigate(&world.url(OTHER, "/a")).await;
        assert_eq!(trip.end().echoed().header("x-user-email"), Some("alice@example.com"));
        let statuses: Vec<u16> = trip.hops.iter().map(|hop| hop.status).collect();
        assert_eq!(statuses, [302, 303, 303, 200], "{}", trip.describe());
        assert_eq!(world.entra.count(gatepost_kit::entra::Endpoint::Authorize), asked);
        let values: Vec<_> = [PUBLIC, APP, OTHER].iter().map(|host| browser.find_cookie(host, COOKIE).unwrap()).collect();
        assert!(values[0] != values[1] && values[1] != values[2]);
    }

    async fn a_cookie_of_one_host_opens_no_other(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        for (from, to) in [(APP, OTHER), (PUBLIC, APP), (APP, PUBLIC)] {
            let stolen = browser.find_cookie(from, COOKIE).unwrap();
            let thief = browser.stranger();
            let answer = thief
                .request(Method::GET, &world.url(to, "/"))
                .header("cookie", format!("{COOKIE}={stolen}"))
                .send()
                .await;
            assert!(matches!(answer.status, 302 | 303), "{from} to {to}: {}", answer.status);
        }
    }

    async fn any_number_of_tabs_may_start_at_once(pair) {
        let world = World::start(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let browser = world.browser();
        let tabs: Vec<_> = (0..8).map(|tab| {
            let browser = browser.clone();
            let url = world.url(if tab % 2 == 0 { APP } else { OTHER }, &format!("/tab/{tab}"));
            tokio::spawn(async move { browser.navigate(&url).await })
        }).collect();
        for (tab, trip) in tabs.into_iter().enumerate() {
            let trip = trip.await.unwrap();
            assert_eq!(trip.end().status, 200, "tab {tab}:\n{}\n{}\n{}", trip.describe(), trip.end().body, world.gatepost.logs().join("\n"));
            assert_eq!(trip.end().echoed().uri, format!("/tab/{tab}"));
        }
        assert!(world.entra.most_presentations_of_a_code() <= 1);
    }

    async fn a_form_posted_without_a_session_is_not_lost(pair) {
        let world = World::start(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let browser = world.browser();
        let url = world.url(APP, "/form");
        let answer = browser.request(Method::POST, &url).from(&url).form(&[("a", "1")]).send().await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.values("set-cookie"), Vec::<&str>::new());
        assert!(answer.body.contains("/.gatepost/start?uri="), "{}", answer.body);
        let trip = browser.navigate(&world.url(APP, "/.gatepost/start?uri=/form")).await;
        assert_eq!(trip.end().echoed().uri, "/form");
        let answer = browser.request(Method::POST, &url).from(&url).form(&[("a", "1")]).send().await;
        assert_eq!(answer.echoed().body, "a=1");
    }

    async fn what_is_no_navigation_starts_no_sign_in(pair) {
        let world = World::start(pair).await;
        let browser = world.browser();
        for kind in [Kind::Fetch, Kind::Image] {
            let answer = browser.request(Method::GET, &world.url(APP, "/x")).kind(kind).from(&world.url(APP, "/")).send().await;
            assert_eq!((answer.status, answer.values("set-cookie").len()), (401, 0), "{kind:?}");
            assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
            assert_eq!(answer.json()["error"], "sign_in_required");
        }
        let worker = browser.request(Method::GET, &world.url(APP, "/x")).kind(Kind::WorkerNavigation).from(&world.url(APP, "/")).send().await;
        assert_eq!(worker.status, 302, "a service worker passes navigations on");
    }

    async fn step_up_requests_a_new_sign_in(pair) {
        let world = Plan::default().route("bank.example.test", "max_age=1").start(pair).await;
        world.entra.add(alice());
        let browser = world.signed_in("alice").await;
        // The sign-in must be older than a second; the provider's clock moves, nothing sleeps.
        let before = world.entra.count(gatepost_kit::entra::Endpoint::Authorize);
        gatepost_kit::process::until("the sign-in to be too old", std::time::Duration::from_secs(10), async || {
            let trip = browser.navigate(&world.url("bank.example.test", "/")).await;
            assert_eq!(trip.end().status, 200, "{}\n{}", trip.describe(), trip.end().body);
            (world.entra.count(gatepost_kit::entra::Endpoint::Authorize) > before).then_some(())
        }).await;
        let asked = world.entra.calls().into_iter().rev().find(|call| call.query_field("max_age").is_some()).unwrap();
        assert_eq!(asked.query_field("max_age"), Some("1"));
    }

    async fn the_link_of_a_page_that_requires_a_recent_sign_in_leads_to_one(pair) {
        let world = Plan::default().route("bank.example.test", "max_age=1").start(pair).await;
        world.entra.add(alice());
        let browser = world.signed_in("alice").await;
        assert_eq!(browser.navigate(&world.url("bank.example.test", "/")).await.end().status, 200);
        let told = gatepost_kit::process::until("the sign-in to be too old", std::time::Duration::from_secs(10), async || {
            let answer = browser.fetch(&world.url("bank.example.test", "/pay?x=1")).await;
            (answer.status == 401).then_some(answer)
        }).await;
        let asked = world.entra.count(gatepost_kit::entra::Endpoint::Authorize);
        let trip = browser.navigate(told.json()["sign_in"].as_str().unwrap()).await;
        assert_eq!((trip.end().status, trip.end().url.path()), (200, "/pay"), "{}", trip.describe());
        assert_eq!(world.entra.count(gatepost_kit::entra::Endpoint::Authorize), asked + 1);
        let visits = trip.hops.iter().filter(|hop| hop.url.path() == "/pay").count();
        assert_eq!(visits, 1, "not by way of a second refusal:\n{}", trip.describe());
        let last = world.entra.calls().into_iter().rev().find(|call| call.endpoint == gatepost_kit::entra::Endpoint::Authorize).unwrap();
        assert_eq!(last.query_field("max_age"), Some("1"), "the provider is told at once");
    }

    async fn a_refused_person_who_uses_another_account_comes_back_to_the_page(pair) {
        let world = Plan::default().route("team.example.test", &format!("group={MCP_GITHUB}")).start(pair).await;
        world.entra.add(alice());
        world.entra.add(Person::named("bob"));
        let browser = world.signed_in("bob").await;
        let refused = browser.navigate(&world.url("team.example.test", "/board?x=1")).await;
        assert_eq!(refused.end().status, 403, "{}", refused.describe());
        let link = refused.end().body.split("href=\"").find(|rest| rest.starts_with("/.gatepost/start")).unwrap();
        let link = link.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
        world.entra.at_the_browser(Some("alice"));
        let trip = browser.navigate(&world.url("team.example.test", &link)).await;
        assert_eq!(trip.end().status, 200, "{}\n{}", trip.describe(), trip.end().body);
        assert_eq!(trip.end().echoed().uri, "/board?x=1");
        assert_eq!(trip.end().echoed().header("x-user-email"), Some("alice@example.com"));
        let asked = world.entra.calls().into_iter().rev().find(|call| call.endpoint == gatepost_kit::entra::Endpoint::Authorize).unwrap();
        assert_eq!(asked.query_field("prompt"), Some("select_account"));
    }

    async fn another_person_at_the_same_browser_ends_the_first_ones_session(pair) {
        let world = World::start(pair).await;
        world.entra.add(Person::named("bob"));
        let browser = world.signed_in("alice").await;
        let thief = browser.duplicate();
        world.entra.at_the_browser(Some("bob"));
        let trip = browser.navigate(&world.url(PUBLIC, "/login?prompt=select_account")).await;
        assert!(trip.end().body.contains("bob@example.com"), "{}\n{}", trip.describe(), trip.end().body);
        let answer = thief.fetch(&world.url(APP, "/")).await;
        assert_eq!(answer.status, 401, "Alice's session is over");
    }

    async fn a_person_of_250_groups_has_them_all(pair) {
        let world = Plan::default().env("GATEPOST_VERIFY__GROUPS_HEADER_LIMIT", "16384").start(pair).await;
        world.entra.add(Person::named("carol").many_groups(250));
        let browser = world.signed_in("carol").await;
        let received = browser.get(&world.url(APP, "/")).await.echoed();
        assert_eq!(received.header("x-user-groups").unwrap().split(',').count(), 250);
        assert_eq!(received.header("x-user-groups-truncated"), None);
    }

    async fn a_list_that_is_too_long_is_marked_as_cut(pair) {
        let world = Plan::default().start(pair).await;
        world.entra.add(Person::named("carol").many_groups(250));
        let browser = world.signed_in("carol").await;
        let received = browser.get(&world.url(APP, "/")).await.echoed();
        assert!(received.header("x-user-groups").unwrap().len() <= 4096);
        assert_eq!(received.header("x-user-groups-truncated"), Some("true"));
        world.gatepost.wait_for_line("X-User-Groups was cut").await;
    }
}
