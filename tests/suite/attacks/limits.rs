//! What goes round, and what fails too often.

use super::{ALICE, assert_ends_as, parameter, stop_before, who, world};
use crate::world::{APP, PUBLIC};
use gatepost_kit::client::{Answer, Client, Kind, Trip};
use gatepost_kit::entra::Endpoint;
use reqwest::Method;

/// A navigation of a browser that forgets the cookies of `hosts` at each step.
async fn navigate_forgetting(browser: &Client, url: &str, hosts: &[&str]) -> Trip {
    let mut hops = vec![browser.get(url).await];
    while let Some(next) = hops.last().and_then(Answer::location) {
        assert!(hops.len() < 30, "redirects without end");
        for host in hosts {
            browser.jar().delete_host(host);
        }
        hops.push(browser.get(next.as_str()).await);
    }
    Trip { hops }
}

both_pairs! {
    async fn blocked_cookies_end_at_a_page_after_two_unseen_restarts(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        for (hosts, status, asks) in [(&[APP, PUBLIC][..], 400, 3), (&[PUBLIC], 400, 3), (&[APP], 403, 1)] {
            world.entra.forget_calls();
            let browser = world.browser();
            let trip = navigate_forgetting(&browser, &world.url(APP, "/deep"), hosts).await;
            assert_eq!(trip.end().status, status, "{hosts:?}\n{}\n{}", trip.describe(), trip.end().body);
            assert!(trip.end().body.contains("ookies"), "the page says why: {}", trip.end().body);
            assert_eq!(world.entra.count(Endpoint::Authorize), asks, "{hosts:?}\n{}", trip.describe());
            assert_eq!(who(&world, &browser).await, None);
        }
    }

    async fn more_than_thirty_hand_overs_in_a_minute_end_at_a_page(pair) {
        let world = world(pair).await;
        let alice = world.signed_in("alice").await;
        let mut ends = Vec::new();
        for _ in 0..31 {
            alice.jar().delete_host(APP);
            ends.push(alice.navigate(&world.url(APP, "/")).await.end().status);
        }
        assert_eq!(ends.iter().filter(|status| **status == 200).count(), 29, "the first was the sign-in's: {ends:?}");
        assert_eq!(ends.last(), Some(&429));
        // A sign-in that ends there is complete nevertheless: the browser learns its new value before the page.
        alice.jar().delete_host(APP);
        let callback = stop_before(&alice, &world.url(APP, "/.gatepost/start?prompt=select_account&uri=/"), "/callback/").await;
        assert_eq!(alice.get(callback.as_str()).await.values("set-cookie").len(), 1);
        let other = alice.navigate(&world.url(crate::world::OTHER, "/")).await;
        assert_eq!(other.end().status, 200, "another host is not touched");
        let mallory = world.signed_in("mallory").await;
        assert_ne!(who(&world, &mallory).await, None, "nor another person");
    }

    async fn nobody_can_make_somebody_elses_address_wait(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let mallory = world.browser();
        let mut state = parameter(&stop_before(&mallory, &world.url(APP, "/"), "/callback/").await, "state");
        // A state that was started over twice gives up at once in every browser but its own.
        for _ in 0..2 {
            let stranger = world.browser();
            let answer = stranger.get(&world.url(PUBLIC, &format!("/callback/entra?code=c&state={state}"))).await;
            let again = stop_before(&stranger, answer.location().unwrap().as_str(), "/callback/").await;
            state = parameter(&again, "state");
        }
        // A page full of images, opened by somebody at the same address.
        let victim = world.browser();
        for at in 0..25 {
            for path in [
                format!("/callback/entra?code=c&state=garbage{at}"),
                format!("/callback/entra?code=c&state={state}"),
                format!("/callback/entra?error=access_denied&state={state}"),
                format!("/callback/nobody?state={state}"),
            ] {
                let image = victim.request(Method::GET, &world.url(PUBLIC, &path)).kind(Kind::Image).from("https://evil.example/");
                let answer = image.without("sec-fetch-mode").without("sec-fetch-dest").send().await;
                assert!(matches!(answer.status, 400 | 404), "{path} by an old browser: {}", answer.status);
                let image = victim.request(Method::GET, &world.url(PUBLIC, &path)).kind(Kind::Image).from("https://evil.example/");
                assert_eq!(image.send().await.status, 403, "{path}");
            }
        }
        assert_ends_as(&victim.navigate(&world.url(APP, "/")).await, ALICE, "/");
    }
}
