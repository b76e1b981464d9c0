//! Nobody signs somebody else out, or ends what is not theirs.

use super::{ALICE, MALLORY, parameter, two_providers, who, world};
use crate::stores::up_to;
use crate::world::{APP, COOKIE, PUBLIC, Pair, Stores, World};
use gatepost_kit::client::{Answer, Client, Kind};
use gatepost_kit::entra::{Entra, LogoutToken};
use gatepost_kit::process::until;
use reqwest::Method;
use std::time::Duration;

/// A form that a page of `from` posts with the browser's cookies, as after a browser's mistake about `SameSite`.
async fn forged(world: &World, victim: &Client, from: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    let cookie = format!("{COOKIE}={}", victim.find_cookie(PUBLIC, COOKIE).unwrap());
    victim
        .request(Method::POST, &world.url(PUBLIC, path))
        .from(from)
        .header("cookie", cookie)
        .form(fields)
        .send()
        .await
}

/// The handles that the account page offers to end.
async fn handles(world: &World, browser: &Client) -> Vec<String> {
    let page = browser.get(&world.url(PUBLIC, "/")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let fields = page.body.split("name=\"session\" value=\"").skip(1);
    fields.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

both_pairs! {
    async fn another_sites_form_changes_nothing_on_the_public_host(pair) {
        let world = world(pair).await;
        let alice = world.signed_in("alice").await;
        world.entra.forget_browsers();
        let elsewhere = world.signed_in("alice").await;
        let handle = handles(&world, &alice).await.remove(0);
        let sibling = world.url(APP, "/");
        for from in ["https://evil.example/", sibling.as_str(), "http://auth.example.test/", "https://auth.example.test/"] {
            for (path, fields) in [("/logout", &[][..]), ("/sessions/end", &[("session", handle.as_str())]), ("/sessions/end-others", &[])] {
                let answer = forged(&world, &alice, from, path, fields).await;
                assert_eq!((answer.status, answer.values("set-cookie").len()), (403, 0), "{path} from {from}");
                let request = alice.request(Method::POST, &world.url(PUBLIC, path)).form(fields);
                let origin = url::Url::parse(from).unwrap().origin().ascii_serialization();
                let answer = request.without("sec-fetch-site").header("origin", origin).send().await;
                assert_eq!(answer.status, 403, "{path} from {from} by an old browser");
                let request = alice.request(Method::POST, &world.url(PUBLIC, path)).kind(Kind::Program).form(fields);
                assert_eq!(request.send().await.status, 403, "{path} without a word about where from");
                let request = alice.request(Method::POST, &world.url(PUBLIC, path)).header("origin", "null").without("sec-fetch-site").form(fields);
                assert_eq!(request.send().await.status, 403, "{path} from nowhere");
            }
        }
        for browser in [&alice, &elsewhere] {
            assert_eq!(who(&world, browser).await.as_deref(), Some(ALICE));
        }
        let own = world.url(PUBLIC, "/");
        alice.submit(&own, &world.url(PUBLIC, "/sessions/end"), &[("session", &handle)]).await;
        assert_eq!((who(&world, &alice).await.as_deref(), who(&world, &elsewhere).await), (Some(ALICE), None), "her own page ends it");
    }

    async fn another_sites_link_or_form_on_an_applications_host_ends_nothing(pair) {
        let world = world(pair).await;
        let alice = world.signed_in("alice").await;
        let cookie = format!("{COOKIE}={}", alice.find_cookie(APP, COOKIE).unwrap());
        for method in [Method::GET, Method::POST] {
            for from in ["https://evil.example/", &world.url("other.example.test", "/")] {
                let request = alice.request(method.clone(), &world.url(APP, "/.gatepost/logout")).from(from);
                let answer = request.header("cookie", &cookie).send().await;
                assert_eq!((answer.status, answer.location()), (403, None), "{method} from {from}");
            }
            let own = world.url(APP, "/");
            let request = alice.request(method.clone(), &world.url(APP, "/.gatepost/logout")).from(&own);
            let answer = request.header("sec-purpose", "prefetch").send().await;
            assert_eq!((answer.status, answer.location()), (403, None), "{method} prefetched");
        }
        let own = world.url(PUBLIC, "/");
        let answer = alice.request(Method::GET, &world.url(PUBLIC, "/logout")).from(&own).header("sec-purpose", "prefetch").send().await;
        assert_eq!((answer.location(), answer.values("set-cookie").len()), (None, 0));
        assert_eq!(who(&world, &alice).await.as_deref(), Some(ALICE));
    }

    async fn somebody_elses_session_handle_ends_nothing(pair) {
        let world = world(pair).await;
        let alice = world.signed_in("alice").await;
        world.entra.forget_browsers();
        let elsewhere = world.signed_in("alice").await;
        let handles_of_alice = [handles(&world, &alice).await, handles(&world, &elsewhere).await].concat();
        assert_eq!(handles_of_alice.len(), 2);
        let mallory = world.signed_in("mallory").await;
        let own = world.url(PUBLIC, "/");
        for handle in handles_of_alice.iter().map(String::as_str).chain(["", "x", "../x", &"0".repeat(64)]) {
            let trip = mallory.submit(&own, &world.url(PUBLIC, "/sessions/end"), &[("session", handle)]).await;
            assert_eq!(trip.end().status, 200, "{}", trip.describe());
        }
        mallory.submit(&own, &world.url(PUBLIC, "/sessions/end-others"), &[]).await;
        for (browser, email) in [(&alice, ALICE), (&elsewhere, ALICE), (&mallory, MALLORY)] {
            assert_eq!(who(&world, browser).await.as_deref(), Some(email));
        }
        let stranger = world.browser();
        let answer = stranger.request(Method::POST, &world.url(PUBLIC, "/sessions/end")).from(&own).form(&[("session", &handles_of_alice[0])]).send().await;
        assert_eq!((answer.status, answer.location().unwrap().path()), (303, "/login"));
        assert_eq!(who(&world, &alice).await.as_deref(), Some(ALICE));
    }

    async fn somebody_elses_sign_out_link_signs_this_browser_not_out(pair) {
        let world = world(pair).await;
        let alice = world.signed_in("alice").await;
        world.entra.forget_browsers();
        let mallory = world.signed_in("mallory").await;
        let answer = mallory.request(Method::GET, &world.url(APP, "/.gatepost/logout")).from(&world.url(APP, "/")).send().await;
        let link = answer.location().unwrap();
        assert!(!parameter(&link, "t").is_empty());
        let answer = alice.request(Method::GET, link.as_str()).from("https://evil.example/").send().await;
        assert_eq!(answer.values("set-cookie"), Vec::<&str>::new(), "her cookie stays");
        assert_eq!(answer.location().unwrap().path(), "/logged-out", "nor is she sent to the provider's sign-out");
        assert_eq!(who(&world, &alice).await.as_deref(), Some(ALICE));
        assert_eq!(alice.get(&world.url(PUBLIC, "/")).await.status, 200);
        assert_eq!(who(&world, &mallory).await, None, "the link ends the session that it was made for");
    }

    async fn a_sign_out_link_that_somebody_kept_does_not_touch_the_next_session(pair) {
        let world = world(pair).await;
        let alice = world.signed_in("alice").await;
        let answer = alice.request(Method::GET, &world.url(APP, "/.gatepost/logout")).from(&world.url(APP, "/")).send().await;
        let link = answer.location().unwrap();
        assert_eq!(alice.get(link.as_str()).await.status, 303);
        assert_eq!(who(&world, &alice).await, None, "she is signed out, as she wished");
        assert_eq!(alice.navigate(&world.url(APP, "/")).await.end().status, 200, "and signs in again within the ticket's life");
        let mallory = world.browser();
        for (browser, from) in [(&mallory, "https://evil.example/"), (&alice, "https://evil.example/"), (&alice, &world.url(APP, "/"))] {
            let answer = browser.request(Method::GET, link.as_str()).from(from).send().await;
            assert_eq!((answer.location().unwrap().path(), answer.values("set-cookie").len()), ("/logged-out", 0), "{from}");
            assert_eq!(who(&world, &alice).await.as_deref(), Some(ALICE), "{from}");
        }
        assert_eq!(alice.get(&world.url(PUBLIC, "/")).await.status, 200);
    }
}

/// Somebody known signs in again, and while the sign-in is between the directory's look at the provider's sign-outs and
/// the session's start, the provider signs them out.
async fn signed_out_while_signing_in(sign_out: impl AsyncFnOnce(&World, &Entra, &str)) {
    let (world, other) = two_providers(Pair::Shared).await;
    other.at_the_browser(Some("mallory"));
    let start = world.url(PUBLIC, "/login?provider=other");
    assert_eq!(world.browser().navigate(&start).await.end().status, 200);
    other.forget_browsers();
    let browser = world.browser();
    let callback = up_to(&browser, &start, "/callback/").await;
    let sid = other.list_sids("mallory").pop().unwrap();
    let Stores::Shared { database, .. } = &world.stores else { unreachable!("this world has a database") };
    let pool = sqlx::PgPool::connect(database).await.unwrap();
    let mut lock = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM gatepost.users FOR UPDATE").execute(&mut *lock).await.unwrap();
    let (client, url) = (browser.clone(), callback.clone());
    let signing_in = tokio::spawn(async move { client.get(&url).await });
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    until("the sign-in to wait for the row", Duration::from_secs(20), async || {
        let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&pool).await.unwrap();
        (waiting > 0).then_some(())
    })
    .await;
    sign_out(&world, &other, &sid).await;
    lock.rollback().await.unwrap();
    let answer = signing_in.await.unwrap();
    assert_eq!((answer.status, answer.values("set-cookie").len()), (400, 0), "{}", answer.body);
    assert_eq!(other.codes_redeemed(), 2, "the sign-in was complete at the provider");
    let sessions = "SELECT count(*) FROM gatepost.ended_sessions";
    let ended: i64 = sqlx::query_scalar(sessions).fetch_one(&pool).await.unwrap();
    assert_eq!(ended, 1, "the session that had begun is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_channel_sign_out_during_a_sign_in_leaves_no_session() {
    signed_out_while_signing_in(async |world, _, sid| {
        let url = world.url(PUBLIC, &format!("/logout/frontchannel?sid={sid}"));
        assert_eq!(world.browser().get(&url).await.status, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_channel_sign_out_during_a_sign_in_leaves_no_session() {
    signed_out_while_signing_in(async |world, other, sid| {
        let url = format!("http://{}/logout/backchannel", world.gatepost.public());
        let answer = other.send_backchannel_logout(&url, &LogoutToken::for_session(sid)).await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
    })
    .await;
}
