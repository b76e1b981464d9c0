//! `max_age`: who signed in how long ago, by the provider's `auth_time` and by nothing else.

use crate::answers::Asked;
use crate::explain::{asked, step};
use crate::world::{APP, COOKIE, PUBLIC, Pair, Plan, World, alice};
use gatepost_kit::client::Client;
use gatepost_kit::entra::{Call, Endpoint, Person};
use gatepost_kit::lies::Lie;

const BANK: &str = "bank.example.test";
const EIGHT_HOURS: i64 = 8 * 3600;

async fn world(pair: Pair) -> World {
    let world = Plan::default().route(BANK, "max_age=900").start(pair).await;
    world.entra.add(alice());
    world
}

/// As a registration without that optional claim: Entra then sends `auth_time` to those alone who ask with `max_age`.
fn without_auth_time(world: &World) {
    world.entra.configure(|app| assert!(app.optional_claims.remove("auth_time")));
}

fn sign_ins(world: &World) -> Vec<Call> {
    world.entra.calls().into_iter().filter(|call| call.endpoint == Endpoint::Authorize).collect()
}

/// The browser loses its cookies here, and keeps those at the provider.
fn forget(browser: &Client) {
    for host in [PUBLIC, APP, BANK] {
        browser.jar().delete_host(host);
    }
}

both_pairs! {
    async fn an_unattended_browser_that_lost_its_cookie_is_not_let_in_by_single_sign_on(pair) {
        let world = world(pair).await;
        without_auth_time(&world);
        let browser = world.signed_in("alice").await;
        world.entra.age_browsers(EIGHT_HOURS);
        world.entra.at_the_browser(None);
        forget(&browser);
        let trip = browser.navigate(&world.url(BANK, "/transfer")).await;
        assert_eq!(trip.end().url.port(), Some(world.entra.addr().port()), "the provider asks the person:\n{}", trip.describe());
        assert_eq!(sign_ins(&world).last().unwrap().query_field("max_age"), Some("900"));
        let elsewhere = browser.navigate(&world.url(APP, "/")).await;
        assert_eq!(elsewhere.end().status, 200, "where nobody demands more, single sign-on will do:\n{}", elsewhere.describe());
        let trip = browser.navigate(&world.url(BANK, "/transfer")).await;
        assert_eq!(trip.end().url.port(), Some(world.entra.addr().port()), "{}", trip.describe());
        assert_eq!(Asked::fetch("/").requiring("max_age=900").by(&browser).of(&world).await.status, 401);
        world.entra.at_the_browser(Some("alice"));
        let trip = browser.navigate(&world.url(BANK, "/transfer")).await;
        assert_eq!(trip.end().echoed().uri, "/transfer", "{}", trip.describe());
    }

    async fn a_recent_sign_in_of_unknown_time_is_confirmed_without_a_page(pair) {
        let world = world(pair).await;
        without_auth_time(&world);
        let browser = world.signed_in("alice").await;
        let fetch = Asked::fetch("/").requiring("max_age=900").by(&browser);
        assert_eq!(fetch.of(&world).await.status, 401, "iat is not when somebody proved who they are");
        world.entra.at_the_browser(None);
        let trip = browser.navigate(&world.url(BANK, "/")).await;
        assert_eq!(trip.end().status, 200, "the provider knows:\n{}", trip.describe());
        assert_eq!(sign_ins(&world).len(), 2);
        assert_eq!(browser.navigate(&world.url(BANK, "/")).await.hops.len(), 1);
    }

    async fn a_provider_that_asserts_no_recent_time_is_visited_twice_and_the_session_stays(pair) {
        let world = world(pair).await;
        world.entra.add(Person::named("bob"));
        for (who, lie, said, logged) in [
            ("alice", Lie::AuthTimeMissing, "does not say when you signed in", "gives no auth_time"),
            ("bob", Lie::AuthTimeOld, "did not ask you again", "also not with prompt=login"),
        ] {
            world.entra.at_the_browser(Some(who));
            world.entra.lie(Some(lie));
            let browser = world.browser();
            for _ in 0..2 {
                world.entra.forget_calls();
                let trip = browser.navigate(&world.url(BANK, "/")).await;
                assert_eq!(trip.end().status, 403, "{lie}: {}", trip.describe());
                assert!(trip.end().body.contains(said), "{lie}: {}", trip.end().body);
                let asked: Vec<_> = sign_ins(&world).iter().map(|call| {
                    (call.query_field("max_age").map(str::to_owned), call.query_field("prompt").map(str::to_owned))
                }).collect();
                let max_age = || Some("900".to_owned());
                assert_eq!(asked, [(max_age(), None), (max_age(), Some("login".to_owned()))], "{lie}");
            }
            world.gatepost.wait_for_line(logged).await;
            world.entra.forget_calls();
            assert_eq!(browser.navigate(&world.url(APP, "/")).await.end().status, 200, "{lie}: the sign-in is not lost");
            assert_eq!(sign_ins(&world).len(), 0, "{lie}");
            assert_eq!(browser.fetch(&world.url(BANK, "/")).await.status, 401, "{lie}");
            for (requirement, status) in [("max_age=900", 302), ("max_age=900&group=Nobody", 403), ("", 200)] {
                let live = Asked::navigation("/x").requiring(requirement).by(&browser).of(&world).await;
                let explained = asked(&world, who, requirement, &[]).await;
                assert_eq!((live.status, &explained["answer"]["status"]), (status, &status.into()), "{lie}: {requirement}");
            }
            let facts = asked(&world, who, "max_age=900", &[]).await;
            let facts = step(&facts, "max_age");
            assert_eq!((&facts["is_met"], facts["auth_time"].is_null()), (&false.into(), lie == Lie::AuthTimeMissing));
        }
    }

    async fn a_page_that_requires_a_sign_in_states_how_recent_it_must_be(pair) {
        let world = world(pair).await;
        world.entra.at_the_browser(Some("alice"));
        let browser = world.browser();
        let told = browser.fetch(&world.url(BANK, "/pay")).await;
        assert_eq!((told.status, browser.find_cookie(BANK, COOKIE)), (401, None));
        let link = told.json()["sign_in"].as_str().unwrap().to_owned();
        assert_eq!(link, world.url(BANK, "/.gatepost/start?max_age=900&uri=/pay"));
        let trip = browser.navigate(&link).await;
        assert_eq!(trip.end().echoed().uri, "/pay", "{}", trip.describe());
        let asked = sign_ins(&world);
        assert_eq!((asked.len(), asked[0].query_field("max_age")), (1, Some("900")));
    }
}
