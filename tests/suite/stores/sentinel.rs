//! Real Redis with real Sentinels: the primary killed, stopped, and Sentinels that do not agree.
//!
//! The times that are printed are those of a busy machine; the tests only bound them.

use crate::replicas::another_with;
use crate::world::{APP, Pair, Plan, World, alice};
use gatepost_kit::client::Client;
use gatepost_kit::process::sentinel::{Sentinel, url};
use gatepost_kit::process::{Redis, WatchedRedis, find_ok, until};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(40);
/// How often somebody who is signed in asks.
const PAUSE: Duration = Duration::from_millis(50);

/// A world on this Redis, with so many MiB for the session cache, in which Alice may sign in.
pub(super) async fn world(url: &str, memory: &str) -> World {
    let plan = Plan::default().env("REDIS_URL", url).env("GATEPOST_VERIFY__CACHE_MEMORY", memory);
    let world = plan.start(Pair::Shared).await;
    world.entra.add(alice());
    world
}

/// Signs in with a new browser as soon as that is possible. Returns it, and how long it took.
pub(super) async fn signed_in_again(world: &World) -> (Client, Duration) {
    let begun = Instant::now();
    let browser = until("a sign-in", DEADLINE, async || {
        let browser = world.browser().impatient();
        let trip = browser.navigate(&world.url(APP, "/")).await;
        (trip.end().status == 200).then_some(browser)
    })
    .await;
    (browser, begun.elapsed())
}

/// What a replica that has nothing in memory answers to this browser.
pub(super) async fn cold(world: &World, browser: &Client, redis_url: &str) -> u16 {
    let replica = another_with(world, &[("REDIS_URL", redis_url)]).await;
    replica.wait_ready().await;
    crate::replicas::route(world, &replica);
    let status = browser.fetch(&world.url(APP, "/")).await.status;
    crate::replicas::route(world, &world.gatepost);
    status
}

async fn failovers(world: &World) -> Option<String> {
    let told = find_ok(world.gatepost.internal(), "/metrics").await?;
    told.lines().find_map(|line| line.strip_prefix("gatepost_redis_failovers_total ")).map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_signed_out_when_the_primary_is_killed_and_sign_in_works_again() {
    let redis = WatchedRedis::start().await;
    let world = world(&redis.url(), "16").await;
    let alice = world.signed_in("alice").await.impatient();
    assert_eq!(failovers(&world).await.as_deref(), Some("0"));
    redis.settled().await;

    redis.primary.sigkill();
    let asking = async {
        let mut answered = 0;
        loop {
            assert_eq!(
                alice.fetch(&world.url(APP, "/")).await.status,
                200,
                "a cached session needs no Redis"
            );
            answered += 1;
            if failovers(&world).await.as_deref() == Some("1") {
                return answered;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let (answered, (newcomer, took)) = tokio::join!(asking, signed_in_again(&world));
    println!("signed in again {took:?} after SIGKILL of the primary; {answered} requests passed meanwhile");
    for browser in [&alice, &newcomer] {
        assert_eq!(cold(&world, browser, &redis.url()).await, 200, "the new primary has the session");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_primary_that_goes_on_gets_no_new_session() {
    let redis = WatchedRedis::start().await;
    let world = world(&redis.url(), "16").await;
    let alice = world.signed_in("alice").await.impatient();
    redis.settled().await;
    redis.primary.sigstop();
    let begun = Instant::now();
    redis.promoted().await;
    println!("promoted {:?} after SIGSTOP of the primary", begun.elapsed());
    // It takes it for itself that it is the primary, until the Sentinels make it follow.
    redis.primary.sigcont();
    let (newcomer, took) = signed_in_again(&world).await;
    println!("signed in again {took:?} later");
    until("the other primary to be used", DEADLINE, async || {
        (failovers(&world).await.as_deref() == Some("1")).then_some(())
    })
    .await;
    let (late, _) = signed_in_again(&world).await;
    for browser in [&alice, &late] {
        assert_eq!(cold(&world, browser, &redis.url()).await, 200);
    }
    drop(newcomer);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sentinel_alone_leads_nobody_to_another_server() {
    let redis = WatchedRedis::start().await;
    let elsewhere = Redis::start().await;
    let alone = Sentinel::start(&elsewhere, 1);
    alone.ready().await;
    let [one, other, _] = redis.sentinels.as_slice() else { unreachable!("three") };
    let world = world(&url(&[&alone, one, other]), "16").await;
    let alice = world.signed_in("alice").await;
    assert_eq!(cold(&world, &alice, &redis.url()).await, 200);
    assert_eq!(elsewhere.command(&["DBSIZE"]), ":0\r\n", "the one that one Sentinel names is not used");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_majority_answers_nothing_is_known_and_nobody_is_signed_out() {
    let redis = WatchedRedis::start().await;
    let world = world(&redis.url(), "16").await;
    let alice = world.signed_in("alice").await.impatient();
    for sentinel in &redis.sentinels[1..] {
        sentinel.sigstop();
    }
    assert_eq!(alice.fetch(&world.url(APP, "/")).await.status, 200, "the connection that there is goes on");
    assert_eq!(cold(&world, &alice, &redis.url()).await, 503);
    for sentinel in &redis.sentinels[1..] {
        sentinel.sigcont();
    }
    until("a majority to answer", DEADLINE, async || {
        (cold(&world, &alice, &redis.url()).await == 200).then_some(())
    })
    .await;
}
