//! Deep links of up to 2,000 bytes: the provider's address stays short, and every tab ends where it wanted.

use crate::attacks::{parameter, stop_before};
use crate::world::{APP, COOKIE, MCP_GITHUB, OTHER, PUBLIC, Plan, World, alice};
use gatepost_kit::client::{Client, SiteContext, StoredCookie, Trip};
use gatepost_kit::entra::{Endpoint, Person};
use gatepost_kit::process::until;
use reqwest::Method;
use std::time::Duration;
use url::Url;
use url::form_urlencoded::byte_serialize;

pub const WAITING: &str = "__Secure-gatepost-return";
const ENTER: &str = "/.gatepost/enter/";

/// A link of so many bytes, with what addresses are made of.
pub fn link(tag: &str, length: usize) -> String {
    let mut uri = format!("/deep/{tag}?a=%2Fb%25&next=//evil.example/&c=d+e");
    while uri.len() < length {
        uri.push_str("&x=1%20~()!*:@,");
    }
    uri.truncate(length);
    uri
}

fn start(uri: &str, more: &str) -> String {
    let encoded: String = byte_serialize(uri.as_bytes()).collect();
    format!("/.gatepost/start?{more}uri={encoded}")
}

/// The cookies of return addresses that the browser holds.
fn waiting(browser: &Client) -> Vec<StoredCookie> {
    browser.jar().list().iter().filter(|cookie| cookie.name == WAITING).cloned().collect()
}

/// The trip ended at the application where it was to end, by way of short addresses.
fn assert_arrived(world: &World, trip: &Trip, uri: &str) {
    assert_eq!(
        trip.end().status,
        200,
        "{}\n{}\n{}",
        trip.describe(),
        trip.end().body,
        world.gatepost.logs().join("\n")
    );
    assert_eq!(
        (trip.end().echoed().uri.as_str(), trip.end().echoed().header("cookie")),
        (uri, None),
        "{}",
        trip.describe()
    );
    assert_short(world, trip);
}

fn assert_short(world: &World, trip: &Trip) {
    let asked = trip.hops.iter().filter(|hop| hop.url.port() == Some(world.entra.addr().port()));
    for url in
        asked.map(|hop| &hop.url).filter(|url| url.query().is_some_and(|query| query.contains("state=")))
    {
        let state = parameter(url, "state");
        assert!(
            state.len() < 1_000 && url.as_str().len() < 1_800,
            "{} of {}",
            state.len(),
            url.as_str().len()
        );
    }
}

fn signed_in_at(world: &World, who: &str) -> Client {
    world.entra.at_the_browser(Some(who));
    world.browser()
}

both_pairs! {
    async fn a_link_of_up_to_2000_bytes_is_reached_by_a_short_address(pair) {
        let world = World::start(pair).await;
        world.entra.at_the_browser(Some("alice"));
        for length in [100, 283, 284, 285, 300, 500, 1_200, 1_999, 2_000] {
            let (browser, uri) = (world.browser(), link("a", length));
            let trip = browser.navigate(&world.url(APP, &uri)).await;
            assert_arrived(&world, &trip, &uri);
            let is_long = length + APP.len() > 300;
            assert_eq!(trip.hops.len(), 6, "no step more than for a short link:\n{}", trip.describe());
            let [first, entered] = [&trip.hops[0], &trip.hops[4]];
            assert_eq!(first.set_cookie(WAITING).is_some(), is_long, "{length}");
            assert_eq!(entered.set_cookie(WAITING).is_some(), is_long, "{length}");
            assert_eq!(waiting(&browser), [], "{length}");
            if let Some(line) = first.set_cookie(WAITING) {
                assert!(line.len() < 3_000, "{}", line.len());
                let mut attributes: Vec<_> = line.split("; ").skip(1).collect();
                attributes.sort_unstable();
                assert_eq!(attributes, ["HttpOnly", "Max-Age=10800", &format!("Path={}", entered.url.path()), "SameSite=Lax", "Secure"]);
                assert!(entered.set_cookie(WAITING).unwrap().contains("Max-Age=0"));
            }
        }
    }

    async fn a_link_above_the_limit_ends_at_the_root_and_is_logged(pair) {
        let world = World::start(pair).await;
        world.entra.at_the_browser(Some("alice"));
        for uri in [link("a", 2_001), start(&link("a", 2_001), ""), link("a", 6_000)] {
            let browser = world.browser();
            let trip = browser.navigate(&world.url(APP, &uri)).await;
            assert_arrived(&world, &trip, "/");
        }
        let lines = until("a line for each", Duration::from_secs(20), async || {
            let lines = world.gatepost.logs().into_iter().filter(|line| line.contains("longer than 2000 bytes"));
            Some(lines.collect::<Vec<_>>()).filter(|lines| lines.len() == 3)
        }).await;
        for (line, length) in lines.iter().zip(["2001", "2001", "6000"]) {
            assert!(line.contains(&format!("length\":{length}")) && line.contains(APP), "{line}");
        }
    }

    async fn tabs_with_long_links_all_end_where_they_wanted(pair) {
        let world = World::start(pair).await;
        let browser = signed_in_at(&world, "alice");
        let tabs: Vec<_> = (0..8).map(|tab| {
            let browser = browser.clone();
            let (host, uri) = (if tab % 2 == 0 { OTHER } else { APP }, link(&tab.to_string(), 2_000 - tab));
            let url = world.url(host, &uri);
            tokio::spawn(async move { (uri, browser.navigate(&url).await) })
        }).collect();
        for tab in tabs {
            let (uri, trip) = tab.await.unwrap();
            assert_arrived(&world, &trip, &uri);
        }
        assert_eq!(waiting(&browser), []);
        assert!(world.entra.most_presentations_of_a_code() <= 1);
    }

    async fn tabs_that_wait_at_the_provider_all_end_where_they_wanted(pair) {
        let world = World::start(pair).await;
        let browser = signed_in_at(&world, "alice");
        let uris: Vec<String> = (0..6).map(|tab| link(&tab.to_string(), 2_000)).collect();
        let mut tabs = Vec::new();
        for uri in &uris {
            tabs.push(stop_before(&browser, &world.url(APP, uri), "/callback/").await);
        }
        assert_eq!(waiting(&browser).len(), tabs.len());
        for (uri, callback) in uris.iter().zip(tabs).rev() {
            let trip = browser.navigate(callback.as_str()).await;
            assert_arrived(&world, &trip, uri);
        }
        assert_eq!(waiting(&browser), []);
    }

    async fn a_browser_of_many_long_links_keeps_a_bounded_number_and_sends_one(pair) {
        let world = World::start(pair).await;
        let browser = signed_in_at(&world, "alice");
        let oldest = stop_before(&browser, &world.url(APP, &link("oldest", 2_000)), "/callback/").await;
        for tab in 0..70 {
            let answer = browser.get(&world.url(APP, &link(&tab.to_string(), 2_000))).await;
            assert_eq!(answer.status, 302);
        }
        let all = waiting(&browser);
        assert_eq!(all.len(), 64);
        for path in all.iter().map(|cookie| cookie.path.as_str()).chain(["/", "/deep", "/.gatepost/start", "/.gatepost/enter"]) {
            let url = Url::parse(&world.url(APP, path)).unwrap();
            let head = browser.jar().header(&url, SiteContext::CrossSiteNavigation).unwrap_or_default();
            assert_eq!(head.matches(WAITING).count(), usize::from(path.starts_with(ENTER)), "{path}");
            assert!(head.len() < 3_000, "{path}");
        }
        let trip = browser.navigate(oldest.as_str()).await;
        assert_arrived(&world, &trip, "/");
        assert_eq!(waiting(&browser).len(), 64, "the cookie in that slot is another tab's, and stays");
        world.gatepost.wait_for_line("has not kept the long address").await;
    }

    async fn every_way_into_a_sign_in_keeps_a_long_link(pair) {
        let world = Plan::default().route("bank.example.test", "max_age=1").route("team.example.test", &format!("group={MCP_GITHUB}")).start(pair).await;
        world.entra.add(alice());
        world.entra.add(Person::named("bob"));
        let uri = link("a", 2_000);

        let browser = signed_in_at(&world, "bob");
        let trip = browser.navigate(&world.url(APP, &start(&uri, ""))).await;
        assert_arrived(&world, &trip, &uri);

        world.entra.at_the_browser(Some("alice"));
        let refused = browser.navigate(&world.url("team.example.test", &uri)).await;
        assert_eq!(refused.end().status, 403, "{}", refused.describe());
        let trip = browser.navigate(&world.url("team.example.test", &start(&uri, "prompt=select_account&"))).await;
        assert_arrived(&world, &trip, &uri);
        assert_eq!(trip.end().echoed().header("x-user-email"), Some("alice@example.com"));

        let before = world.entra.count(Endpoint::Authorize);
        until("the sign-in to be too old", Duration::from_secs(10), async || {
            let trip = browser.navigate(&world.url("bank.example.test", &uri)).await;
            assert_arrived(&world, &trip, &uri);
            (world.entra.count(Endpoint::Authorize) > before).then_some(())
        }).await;
        assert_eq!(waiting(&browser), []);
    }

    async fn an_unseen_restart_keeps_a_long_link(pair) {
        let world = World::start(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let uri = link("a", 2_000);
        let browser = world.browser();
        let enter = stop_before(&browser, &world.url(APP, &uri), ENTER).await;
        world.browser().get(enter.as_str()).await;
        let trip = browser.navigate(enter.as_str()).await;
        assert!(trip.hop("/login").is_some(), "somebody saw the ticket first:\n{}", trip.describe());
        assert_arrived(&world, &trip, &uri);
        assert_eq!(waiting(&browser), []);

        let browser = world.browser();
        let callback = stop_before(&browser, &world.url(APP, &uri), "/callback/").await;
        browser.jar().delete_host(PUBLIC);
        let trip = browser.navigate(callback.as_str()).await;
        assert!(trip.hop("/login").is_some(), "the state is bound to a cookie that is gone:\n{}", trip.describe());
        assert_arrived(&world, &trip, &uri);
        assert_eq!(waiting(&browser), []);

    }

    async fn the_page_after_two_restarts_still_has_a_long_link(pair) {
        let world = World::start(pair).await;
        let browser = signed_in_at(&world, "alice");
        let mut next = world.url(APP, &link("a", 2_000));
        for (value, status) in [("B", 303), ("C", 303), ("D", 403)] {
            let enter = stop_before(&browser, &next, ENTER).await;
            let held = browser.jar().find(APP, COOKIE).cloned().unwrap();
            browser.jar().put(StoredCookie { value: value.repeat(42) + "A", ..held });
            let answer = browser.get(enter.as_str()).await;
            assert_eq!(answer.status, status, "{}", answer.body);
            match answer.location() {
                Some(login) => next = login.into(),
                None => assert!(answer.body.contains("/.gatepost/start?uri=/deep/a?a="), "{}", answer.body),
            }
        }
    }

    async fn no_application_sees_a_waiting_cookie(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let own = browser.find_cookie(APP, COOKIE).unwrap();
        let header = format!("a=1; {WAITING}=x; {COOKIE}={own}; __SECURE-Gatepost-Return=y; {WAITING}2=z");
        let answer = browser.request(Method::GET, &world.url(APP, "/")).header("cookie", header).send().await;
        assert_eq!(answer.echoed().header("cookie"), Some(format!("a=1; {WAITING}2=z").as_str()));
    }
}
