//! Links that were made for one browser and opened in another.

use super::{ALICE, MALLORY, assert_ends_as, parameter, presentations, stop_before, who, world};
use crate::world::{APP, COOKIE, OTHER, PUBLIC};
use gatepost_kit::client::Kind;
use gatepost_kit::entra::Endpoint;
use reqwest::Method;

both_pairs! {
    async fn a_handed_over_ticket_signs_nobody_in_as_the_attacker(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("mallory"));
        let mallory = world.browser();
        let first = stop_before(&mallory, &world.url(APP, "/hers"), "/.gatepost/enter").await;
        let second = stop_before(&mallory, &world.url(APP, "/hers"), "/.gatepost/enter").await;
        world.entra.at_the_browser(None);
        let victim = world.browser();
        let trip = victim.navigate(first.as_str()).await;
        assert_eq!(who(&world, &victim).await, None, "{}", trip.describe());
        assert_eq!(trip.end().url.port(), Some(world.entra.addr().port()), "the provider asks who it is: {}", trip.describe());
        world.entra.at_the_browser(Some("alice"));
        let trip = victim.navigate(first.as_str()).await;
        assert_ends_as(&trip, ALICE, "/hers");
        let trip = victim.navigate(second.as_str()).await;
        assert_ends_as(&trip, ALICE, "/hers");
        assert_eq!(trip.hops.len(), 2, "a live session goes straight on: {}", trip.describe());
        let trip = mallory.navigate(second.as_str()).await;
        assert_ends_as(&trip, MALLORY, "/hers");
    }

    async fn a_handed_over_login_link_lets_its_maker_in_as_nobody_else(pair) {
        let world = world(pair).await;
        let mallory = world.browser();
        let link = stop_before(&mallory, &world.url(APP, "/trap"), "/login").await;
        let alice = world.signed_in("alice").await;
        alice.jar().delete_host(APP);
        let trip = alice.navigate(link.as_str()).await;
        assert_ends_as(&trip, ALICE, "/trap");
        // Mallory reads Alice's address bar and has the cookie that the link was bound to.
        let tickets: Vec<_> = trip.hops.iter().filter(|hop| hop.url.path() == "/.gatepost/enter").collect();
        assert_eq!(tickets.len(), 2, "the first ticket was bound to Mallory's browser:\n{}", trip.describe());
        world.entra.at_the_browser(None);
        for ticket in tickets {
            let trip = mallory.navigate(ticket.url.as_str()).await;
            assert_eq!(trip.end().url.port(), Some(world.entra.addr().port()), "the provider asks who it is:\n{}", trip.describe());
            assert_eq!(who(&world, &mallory).await, None);
        }
    }

    async fn a_handed_over_callback_is_dropped_with_its_code_unused(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("mallory"));
        let mallory = world.browser();
        let callback = stop_before(&mallory, &world.url(APP, "/hers"), "/callback/").await;
        world.entra.at_the_browser(Some("alice"));
        let newcomer = world.browser();
        assert_ends_as(&newcomer.navigate(callback.as_str()).await, ALICE, "/hers");
        let signed_in = world.signed_in("alice").await;
        assert_ends_as(&signed_in.navigate(callback.as_str()).await, ALICE, "/hers");
        let planted = world.browser();
        planted.get(&world.url(PUBLIC, "/login")).await;
        assert_ends_as(&planted.navigate(callback.as_str()).await, ALICE, "/hers");
        assert_eq!(presentations(&world, &parameter(&callback, "code")), 0);
        assert_ends_as(&mallory.navigate(callback.as_str()).await, MALLORY, "/hers");
        assert_eq!(presentations(&world, &parameter(&callback, "code")), 1);
    }

    async fn a_ticket_that_somebody_saw_first_is_worth_nothing_and_the_right_browser_recovers_unseen(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let alice = world.browser();
        let ticket = stop_before(&alice, &world.url(APP, "/deep?x=1"), "/.gatepost/enter").await;
        world.entra.at_the_browser(None);
        let thief = world.browser();
        let answer = thief.get(ticket.as_str()).await;
        assert_eq!(answer.location().unwrap().path(), "/login");
        assert_eq!(who(&world, &thief).await, None);
        let asked = world.entra.count(Endpoint::Authorize);
        // Consumed: even beside the right cookie the ticket alone opens nothing any more.
        let answer = alice.get(ticket.as_str()).await;
        assert_eq!((answer.location().unwrap().path(), answer.set_cookie(COOKIE)), ("/login", None), "consumed");
        assert_ends_as(&alice.follow(answer).await, ALICE, "/deep?x=1");
        assert_eq!(world.entra.count(Endpoint::Authorize), asked, "nobody saw the provider again");
        assert_eq!(who(&world, &thief).await, None);
    }

    async fn a_ticket_is_good_once(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let alice = world.browser();
        let ticket = stop_before(&alice, &world.url(APP, "/deep"), "/.gatepost/enter").await;
        let before = alice.duplicate();
        assert_ends_as(&alice.navigate(ticket.as_str()).await, ALICE, "/deep");
        let again = alice.get(ticket.as_str()).await;
        assert_eq!((again.status, again.location().unwrap().path(), again.set_cookie(COOKIE)), (303, "/deep", None), "a reload goes on");
        // Whoever has the cookie from before sign-in and the address has nothing.
        before.jar().delete_host(PUBLIC);
        world.entra.at_the_browser(None);
        let answer = before.get(ticket.as_str()).await;
        assert_eq!((answer.location().unwrap().path(), answer.set_cookie(COOKIE)), ("/login", None));
        assert_eq!(who(&world, &before).await, None);
    }

    async fn racing_ticket_uses_make_one_session_and_every_tab_arrives(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let alice = world.browser();
        let ticket = stop_before(&alice, &world.url(APP, "/deep"), "/.gatepost/enter").await;
        let trips: Vec<_> = (0..4).map(|_| {
            let (alice, ticket) = (alice.clone(), ticket.clone());
            tokio::spawn(async move { alice.navigate(ticket.as_str()).await })
        }).collect();
        for trip in trips {
            assert_ends_as(&trip.await.unwrap(), ALICE, "/deep");
        }
    }

    async fn a_scanner_that_opens_every_address_first_stops_nobody(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let alice = world.browser();
        let mut seen = std::collections::BTreeSet::new();
        let mut answer = alice.get(&world.url(APP, "/deep")).await;
        while let Some(next) = answer.location() {
            // Once as a program, once as a whole browser without cookies.
            let scanner = world.browser();
            scanner.request(Method::GET, next.as_str()).kind(Kind::Program).header("accept", "*/*").send().await;
            // What was started over because of it, it does not see a second time.
            if next.host_str() != Some("127.0.0.1") && seen.insert(next.path().to_owned()) {
                scanner.get(next.as_str()).await;
                assert_eq!(who(&world, &scanner).await, None, "{next}");
            }
            answer = alice.get(next.as_str()).await;
        }
        assert_eq!(answer.echoed().header("x-user-email"), Some(ALICE));
    }

    async fn head_post_and_prefetch_use_no_code_and_no_ticket(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let alice = world.browser();
        let hover = |url: String| { let alice = alice.clone(); async move {
            alice.request(Method::GET, &url).header("sec-purpose", "prefetch").send().await
        }};
        for url in [world.url(APP, "/deep"), world.url(APP, "/.gatepost/start?uri=/deep")] {
            let answer = hover(url).await;
            assert_eq!((answer.status, answer.values("set-cookie").len()), (401, 0));
        }
        let ticket = stop_before(&alice, &world.url(APP, "/deep"), "/.gatepost/enter").await;
        let answer = hover(ticket.to_string()).await;
        assert_eq!((answer.status, answer.values("set-cookie").len()), (401, 0));
        for method in [Method::HEAD, Method::POST] {
            let answer = alice.request(method.clone(), ticket.as_str()).send().await;
            assert!(answer.location().is_none() && answer.values("set-cookie").is_empty(), "{method}: {}", answer.status);
        }
        let trip = alice.navigate(ticket.as_str()).await;
        assert_ends_as(&trip, ALICE, "/deep");
        assert_eq!(trip.hops.len(), 2, "none of them consumed the ticket: {}", trip.describe());
        let newcomer = world.browser();
        let callback = stop_before(&newcomer, &world.url(OTHER, "/"), "/callback/").await;
        assert_eq!(newcomer.request(Method::HEAD, callback.as_str()).send().await.status, 405);
        for path in [callback.as_str(), &world.url(PUBLIC, "/login")] {
            let answer = newcomer.request(Method::GET, path).header("sec-purpose", "prefetch;prerender").send().await;
            assert!(answer.location().is_none() && answer.values("set-cookie").is_empty(), "{path}: {}", answer.status);
        }
        assert_eq!(presentations(&world, &parameter(&callback, "code")), 0);
        assert_ends_as(&newcomer.navigate(callback.as_str()).await, ALICE, "/");
    }
}
