//! Images, frames and fetches: what a page loads without anybody looking, with the cookies of whoever visits it.

use super::{ALICE, parameter, stop_before, who, world};
use crate::world::{APP, COOKIE, OTHER, PUBLIC, World};
use gatepost_kit::client::{Answer, Client, Kind};
use gatepost_kit::entra::Endpoint;
use gatepost_web::{RequestOrigin, routes};
use reqwest::Method;

/// `Sec-Fetch-Dest` of what a page holds besides images.
const EMBEDDED: [&str; 4] = ["iframe", "frame", "object", "embed"];

/// The address as pages of `from` load it, once each way, with the cookie even where `SameSite` would hold it back.
async fn loaded(world: &World, browser: &Client, url: &str, from: &str) -> Vec<(String, Answer)> {
    let cookie = browser.find_cookie(PUBLIC, COOKIE).map(|value| format!("{COOKIE}={value}"));
    let request = || {
        let request = browser.request(Method::GET, url).from(&world.url(from, "/"));
        cookie.iter().fold(request, |request, cookie| request.header("cookie", cookie))
    };
    let mut answers = Vec::new();
    for kind in [Kind::Image, Kind::Fetch] {
        answers.push((format!("{kind:?} of {from}"), request().kind(kind).send().await));
    }
    for destination in EMBEDDED {
        answers.push((
            format!("{destination} of {from}"),
            request().header("sec-fetch-dest", destination).send().await,
        ));
    }
    answers
}

both_pairs! {
    async fn what_changes_something_by_get_is_a_navigation_of_the_whole_window(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let alice = world.signed_in("alice").await;
        let routes = routes().into_iter().filter(|route| route.origin == RequestOrigin::Navigation);
        let paths: Vec<_> = routes.map(|route| route.path.replace("{provider}", "entra")).collect();
        assert_eq!(paths, ["/login", "/callback/entra", "/logout"]);
        let asked = world.entra.count(Endpoint::Authorize);
        let own = alice.request(Method::GET, &world.url(APP, "/.gatepost/logout")).from(&world.url(APP, "/")).send().await;
        let sign_out = own.location().unwrap();
        let newcomer = world.browser();
        let callback = stop_before(&newcomer, &world.url(APP, "/deep"), "/callback/").await;
        let mut urls: Vec<_> = paths.iter().map(|path| world.url(PUBLIC, path)).collect();
        urls.extend([sign_out.to_string(), callback.to_string()]);
        for (browser, from) in [(&alice, PUBLIC), (&alice, APP), (&newcomer, PUBLIC), (&newcomer, APP)] {
            for url in &urls {
                for (how, answer) in loaded(&world, browser, url, from).await {
                    let told = (answer.status, answer.location(), answer.values("set-cookie").len());
                    assert_eq!(told, (403, None, 0), "{url} by {how}");
                }
            }
        }
        assert_eq!(who(&world, &alice).await.as_deref(), Some(ALICE), "nobody is signed out");
        assert_eq!(world.entra.count(Endpoint::Token), 1, "no code is used up");
        assert_eq!(world.entra.count(Endpoint::Authorize), asked + 1, "no sign-in begins");
        assert_eq!(newcomer.navigate(callback.as_str()).await.end().echoed().uri, "/deep");
        let answer = alice.request(Method::GET, &world.url(PUBLIC, "/logout")).kind(Kind::WorkerNavigation).from(&world.url(PUBLIC, "/")).send().await;
        assert!(matches!(answer.status, 302 | 303), "a service worker passes navigations on: {}", answer.status);
    }

    async fn a_siblings_images_lock_its_visitors_out_of_no_other_host(pair) {
        let world = world(pair).await;
        let alice = world.signed_in("alice").await;
        let begun = world.browser().get(&world.url(OTHER, "/")).await.location().unwrap();
        assert!(!parameter(&begun, "to").is_empty());
        for _ in 0..31 {
            let image = alice.request(Method::GET, begun.as_str()).kind(Kind::Image).from(&world.url(APP, "/"));
            assert_eq!(image.send().await.status, 403);
        }
        let trip = alice.navigate(&world.url(OTHER, "/")).await;
        assert_eq!(trip.end().status, 200, "{}\n{}", trip.describe(), trip.end().body);
    }
}
