//! Ending sessions, and changes by administrators, while a store is away.

use super::gate::{Gate, RECOVERY, fail, is_unavailable};
use crate::world::{APP, COOKIE, PUBLIC};
use gatepost_kit::client::{Client, Trip};
use gatepost_kit::faulty::Mode;
use gatepost_kit::process::until;
use reqwest::Method;

/// Signs out on a page of the application.
async fn sign_out(gate: &Gate, browser: &Client) -> Trip {
    let url = gate.url(APP, "/.gatepost/logout");
    let answer = browser.request(Method::GET, &url).from(&gate.url(APP, "/")).send().await;
    browser.follow(answer).await
}

/// The store is back, and the session is over.
async fn is_over(gate: &Gate, browser: &Client) {
    until("the session to be over", RECOVERY, async || {
        let answer = browser.fetch(&gate.url(APP, "/")).await;
        assert!(matches!(answer.status, 401 | 503), "{}", answer.status);
        (answer.status == 401).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_signing_out_is_done() {
    for path in [None, Some("/logout")] {
        let gate = Gate::start().await;
        let alice = gate.signed_in().await;
        let thief = alice.duplicate();
        fail(&gate.to_redis, Mode::Refuse).await;
        let trip = match path {
            None => sign_out(&gate, &alice).await,
            Some(path) => alice.submit(&gate.url(PUBLIC, path), &gate.url(PUBLIC, path), &[]).await,
        };
        assert_eq!((trip.end().status, trip.end().url.path()), (200, "/logged-out"), "{}", trip.describe());
        assert_eq!(alice.find_cookie(PUBLIC, COOKIE), None);
        gate.to_redis.set(Mode::Pass).await;
        is_over(&gate, &thief).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_an_administrators_change_is_done() {
    let gate = Gate::start().await;
    let alice = gate.signed_in().await;
    fail(&gate.to_redis, Mode::Refuse).await;
    gate.world.cli(&["user", "disable", "alice@example.com"]).await;
    is_unavailable(&alice.fetch(&gate.url(APP, "/")).await);
    gate.to_redis.set(Mode::Pass).await;
    is_over(&gate, &alice).await;
    let trip = alice.navigate(&gate.url(APP, "/")).await;
    assert_eq!(trip.end().status, 403, "{}", trip.describe());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_all_sessions_of_a_person_are_ended() {
    let gate = Gate::start().await;
    let alice = gate.signed_in().await;
    fail(&gate.to_redis, Mode::Stall).await;
    gate.world.cli(&["session", "end", "--user", "alice@example.com"]).await;
    gate.to_redis.set(Mode::Pass).await;
    is_over(&gate, &alice).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgres_nothing_is_ended_and_nothing_deleted() {
    let gate = Gate::start().await;
    let alice = gate.signed_in().await;
    for mode in [Mode::Refuse, Mode::Stall] {
        fail(&gate.to_postgres, mode).await;
        let trip = sign_out(&gate, &alice).await;
        is_unavailable(trip.end());
        assert!(trip.hops.iter().all(|hop| hop.values("set-cookie").is_empty()), "{}", trip.describe());
        gate.to_postgres.set(Mode::Pass).await;
        until("the session to count again", RECOVERY, async || {
            let answer = alice.fetch(&gate.url(APP, "/")).await;
            assert!(matches!(answer.status, 200 | 503), "{}", answer.status);
            (answer.status == 200).then_some(())
        })
        .await;
    }
    let again = sign_out(&gate, &alice.duplicate()).await;
    assert_eq!(again.end().status, 200, "{}", again.describe());
    is_over(&gate, &alice).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgres_an_administrators_change_is_refused() {
    let gate = Gate::start().await;
    let alice = gate.signed_in().await;
    fail(&gate.to_postgres, Mode::Refuse).await;
    let command = gate.world.builder.clone().arg("user").arg("disable").arg("alice@example.com");
    let output = command.run().await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(!output.stderr.is_empty());
    gate.to_postgres.set(Mode::Pass).await;
    until("the session to count again", RECOVERY, async || {
        (alice.fetch(&gate.url(APP, "/")).await.status == 200).then_some(())
    })
    .await;
}
