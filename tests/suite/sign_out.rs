//! Signing out: here, at the provider, and when the provider says so.

use crate::world::{APP, COOKIE, OTHER, PUBLIC, World};

both_pairs! {
    async fn sign_out_on_one_host_ends_the_session_everywhere(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        browser.navigate(&world.url(OTHER, "/")).await;
        let thief = browser.duplicate();
        let answer = browser.request(reqwest::Method::GET, &world.url(APP, "/.gatepost/logout")).from(&world.url(APP, "/")).send().await;
        let trip = browser.follow(answer).await;
        assert!(trip.end().url.path() == "/logged-out" && trip.end().status == 200, "{}\n{}", trip.describe(), trip.end().body);
        assert_eq!(browser.find_cookie(PUBLIC, COOKIE), None);
        for host in [APP, OTHER] {
            assert_eq!(thief.fetch(&world.url(host, "/")).await.status, 401, "{host}");
        }
        let trip = thief.get(&world.url(PUBLIC, "/")).await;
        assert_eq!(trip.status, 303, "the public cookie is worth nothing either");
    }

    async fn another_sites_link_asks_before_it_signs_out(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        for (host, path, status) in [(APP, "/.gatepost/logout", 403), (PUBLIC, "/logout", 200)] {
            let answer = browser.request(reqwest::Method::GET, &world.url(host, path)).from("https://evil.example/").send().await;
            assert_eq!(answer.status, status, "{host}");
            assert!(answer.body.contains("Sign out"), "{}", answer.body);
        }
        assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 200);
        let trip = browser.submit(&world.url(PUBLIC, "/logout"), &world.url(PUBLIC, "/logout"), &[]).await;
        assert_eq!(trip.end().url.path(), "/logged-out", "{}", trip.describe());
        assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 401);
    }

    async fn a_front_channel_call_ends_the_sessions_of_that_sid_alone(pair) {
        let world = World::start(pair).await;
        let alice = world.signed_in("alice").await;
        let sid = world.entra.list_sids("alice").pop().unwrap();
        world.entra.forget_browsers();
        let elsewhere = world.signed_in("alice").await;
        assert!(!world.entra.list_sids("alice").contains(&sid));
        let stranger = alice.stranger();
        for path in ["/logout/frontchannel", "/logout/frontchannel?sid=unknown"] {
            assert_eq!(stranger.get(&world.url(PUBLIC, path)).await.status, 200);
        }
        assert_eq!(alice.fetch(&world.url(APP, "/")).await.status, 200);
        let answer = stranger.get(&world.url(PUBLIC, &format!("/logout/frontchannel?sid={sid}"))).await;
        assert_eq!(answer.status, 200);
        assert_eq!(alice.fetch(&world.url(APP, "/")).await.status, 401);
        assert_eq!(elsewhere.fetch(&world.url(APP, "/")).await.status, 200);
    }
}
