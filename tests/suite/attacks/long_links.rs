//! The cookies in which long return addresses wait: whatever stands in them, nobody ends anywhere unchecked.

use super::{ALICE, MALLORY, assert_ends_as, parameter, stop_before, world};
use crate::long_links::{WAITING, link};
use crate::world::{APP, COOKIE, OTHER, World};
use gatepost_kit::client::{Client, StoredCookie};
use url::Url;

/// A browser that stands before `/.gatepost/enter/` on this host, and the cookie of its return address.
async fn at_enter(world: &World, host: &str, uri: &str) -> (Client, Url, StoredCookie) {
    let browser = world.browser();
    let enter = stop_before(&browser, &world.url(host, uri), "/.gatepost/enter/").await;
    let cookie = browser.jar().find(host, WAITING).cloned().unwrap();
    (browser, enter, cookie)
}

both_pairs! {
    async fn a_return_address_counts_only_for_its_own_host_and_sign_in(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let uri = link("own", 1_500);
        let (_, _, of_another_tab) = at_enter(&world, APP, &link("other", 1_500)).await;
        let (_, _, of_another_host) = at_enter(&world, OTHER, &uri).await;
        let (_, _, mut of_another_purpose) = at_enter(&world, APP, &uri).await;
        of_another_purpose.value = parameter(&stop_before(&world.browser(), &world.url(APP, &uri), "/login").await, "to");
        let garbage = ["", "garbage", "/evil", "https://evil.example/", "//evil.example"];
        let planted = [of_another_tab.value, of_another_host.value, of_another_purpose.value];
        for value in planted.into_iter().chain(garbage.map(str::to_owned)) {
            let (browser, enter, own) = at_enter(&world, APP, &uri).await;
            browser.jar().put(StoredCookie { value, ..own });
            assert_ends_as(&browser.navigate(enter.as_str()).await, ALICE, "/");
        }
        let (browser, enter, own) = at_enter(&world, APP, &uri).await;
        for at in (0..own.value.len()).step_by(own.value.len() / 20) {
            let other = if &own.value[at..=at] == "A" { "B" } else { "A" };
            let value = format!("{}{other}{}", &own.value[..at], &own.value[at + 1..]);
            let thief = browser.duplicate();
            thief.jar().put(StoredCookie { value, ..own.clone() });
            let answer = thief.get(enter.as_str()).await;
            let location = answer.location().unwrap();
            assert!(location.as_str() == world.url(APP, "/") || location.path() == "/login", "{location}");
        }
    }

    async fn without_its_return_address_a_sign_in_ends_at_the_root_and_is_logged(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let (browser, enter, own) = at_enter(&world, APP, &link("a", 2_000)).await;
        let held = browser.jar().find(APP, COOKIE).cloned().unwrap();
        browser.jar().delete_host(APP);
        browser.jar().put(held);
        assert_eq!(browser.find_cookie(APP, WAITING), None, "{}", own.path);
        let trip = browser.navigate(enter.as_str()).await;
        assert_ends_as(&trip, ALICE, "/");
        assert_eq!(trip.hops[0].set_cookie(WAITING), None);
        let line = world.gatepost.wait_for_line("has not kept the long address").await;
        assert!(line.contains(APP), "{line}");
    }

    async fn a_ticket_at_the_address_of_an_older_release_ends_at_the_root(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let (browser, mut enter, _) = at_enter(&world, APP, &link("a", 2_000)).await;
        enter.set_path("/.gatepost/enter");
        assert_ends_as(&browser.navigate(enter.as_str()).await, ALICE, "/");
    }

    async fn where_an_address_waits_for_what_expired_nothing_else_is_led_to(pair) {
        let world = world(pair).await;
        let alice = world.signed_in("alice").await;
        let random = "A".repeat(22);
        for path in [format!("/.gatepost/enter/7?id={random}"), "/.gatepost/enter/7?id=".to_owned(), "/.gatepost/enter/7?id=//evil.example".to_owned(), "/.gatepost/enter/7".to_owned()] {
            let answer = alice.get(&world.url(APP, &path)).await;
            assert_eq!((answer.status, answer.location().map(String::from)), (303, Some(world.url(APP, "/"))), "{path}");
            assert_eq!(answer.values("set-cookie").len(), 0, "{path}");
        }
        for path in ["/.gatepost/enter/64?id=x", "/.gatepost/enter/", "/.gatepost/enter/01", "/.gatepost/enter/7/", "/.gatepost/waiting/7/x"] {
            assert_eq!(alice.get(&world.url(APP, path)).await.status, 404, "{path}");
        }
    }

    async fn an_attackers_long_link_leads_nobody_in_as_the_attacker(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("mallory"));
        let (mallory, enter, _) = at_enter(&world, APP, &link("mallory", 2_000)).await;
        let alice = world.signed_in("alice").await;
        assert_ends_as(&alice.navigate(enter.as_str()).await, ALICE, "/");
        world.entra.at_the_browser(Some("mallory"));
        assert_ends_as(&mallory.navigate(&world.url(APP, "/")).await, MALLORY, "/");
    }
}
