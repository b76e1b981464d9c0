//! Signing out: here, at the provider, and when the provider says so.

use crate::attacks::two_providers;
use crate::stores::up_to;
use crate::world::{APP, COOKIE, OTHER, PUBLIC, Pair, World};
use gatepost_kit::client::Client;
use gatepost_kit::entra::{Entra, LogoutToken, Person};

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

    async fn another_sites_link_shows_a_question_before_it_signs_out(pair) {
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

/// A world of two providers, of which `other` signs people in; and where its logout tokens go.
async fn signs_out_by_back_channel(pair: Pair) -> (World, Entra, String) {
    let (world, other) = two_providers(pair).await;
    other.at_the_browser(Some("mallory"));
    let url = format!("http://{}/logout/backchannel", world.gatepost.public());
    (world, other, url)
}

async fn sign_in(world: &World) -> Client {
    let browser = world.browser();
    assert_eq!(browser.navigate(&world.url(PUBLIC, "/login?provider=other")).await.end().status, 200);
    assert_eq!(browser.navigate(&world.url(APP, "/")).await.end().status, 200);
    browser
}

both_pairs! {
    async fn a_logout_token_with_a_sid_ends_the_subjects_sessions_that_have_none_too(pair) {
        let (world, other, url) = signs_out_by_back_channel(pair).await;
        let named = sign_in(&world).await;
        other.forget_browsers();
        other.configure(|app| assert!(app.optional_claims.remove("sid")));
        let unnamed = sign_in(&world).await;
        let sid = other.list_sids("mallory").pop().unwrap();
        other.add(Person::named("bob").email("bob@other.example").email_verified(Some(true)));
        other.at_the_browser(Some("bob"));
        other.forget_browsers();
        let bob = sign_in(&world).await;
        let (subject, bobs) = (other.find("mallory").unwrap().oid, other.find("bob").unwrap().oid);
        let both = |sub: &str, iat_offset: i64| LogoutToken {
            sub: Some(sub.to_owned()), iat_offset, ..LogoutToken::for_session(&sid)
        };
        let send = async |token: LogoutToken| other.send_backchannel_logout(&url, &token).await.unwrap().status().as_u16();
        let passes = async |browser: &Client| browser.fetch(&world.url(APP, "/")).await.status;
        assert_eq!(send(both(&subject, -60)).await, 200);
        assert_eq!(passes(&unnamed).await, 200, "it began later than that sign-out");
        assert_eq!(send(both(&subject, 0)).await, 200);
        assert_eq!((passes(&unnamed).await, passes(&named).await, passes(&bob).await), (401, 200, 200));
        assert_eq!(send(both(&bobs, 0)).await, 200);
        assert_eq!((passes(&bob).await, passes(&named).await), (401, 200));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_without_a_sid_that_is_on_its_way_is_ended_by_a_logout_token_too() {
    let (world, other, url) = signs_out_by_back_channel(Pair::Shared).await;
    other.configure(|app| assert!(app.optional_claims.remove("sid")));
    let browser = world.browser();
    let callback = up_to(&browser, &world.url(PUBLIC, "/login?provider=other"), "/callback/").await;
    let subject = other.find("mallory").unwrap().oid;
    let token =
        LogoutToken { sub: Some(subject), iat_offset: 5, ..LogoutToken::for_session("another-name-of-it") };
    assert_eq!(other.send_backchannel_logout(&url, &token).await.unwrap().status().as_u16(), 200);
    let answer = browser.get(&callback).await;
    assert_eq!((answer.status, answer.values("set-cookie").len()), (400, 0), "{}", answer.body);
    assert_eq!(other.codes_redeemed(), 1);
}
