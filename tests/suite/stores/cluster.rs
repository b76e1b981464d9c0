//! A real Redis Cluster of six: a node killed, a node that stands still, slots that move, sessions that end, and quotas.
//!
//! The times that are printed are those of a busy machine; the tests only bound them.

use super::sentinel::{cold, signed_in_again, world};
use crate::quotas::{a_day, burst, demand_thousand, world_of};
use crate::replicas::{another, another_with, route};
use crate::world::{APP, PUBLIC, Pair, Plan};
use gatepost_kit::process::{RedisCluster, until};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_signed_out_when_a_node_is_killed_and_sign_in_works_again() {
    let cluster = RedisCluster::start().await;
    let world = world(&cluster.url(), "16").await;
    let alice = world.signed_in("alice").await;
    assert!(cluster.keys() > 0, "the sessions are in the Cluster");
    cluster.settled().await;
    let killed = cluster.primaries()[0];
    cluster.sigkill(killed);
    let alice = alice.impatient();
    assert_eq!(alice.fetch(&world.url(APP, "/")).await.status, 200, "a cached session needs no Redis");
    let (newcomer, took) = signed_in_again(&world).await;
    println!("signed in again {took:?} after SIGKILL of a node");
    for browser in [&alice.patient(), &newcomer.patient()] {
        assert_eq!(cold(&world, browser, &cluster.url()).await, 200, "the session is there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_signed_out_when_a_node_stands_still() {
    let cluster = RedisCluster::start().await;
    let world = world(&cluster.url(), "16").await;
    let alice = world.signed_in("alice").await.impatient();
    cluster.settled().await;
    let stopped = cluster.primaries()[1];
    cluster.sigstop(stopped);
    let (newcomer, took) = signed_in_again(&world).await;
    println!("signed in again {took:?} after SIGSTOP of a node");
    cluster.sigcont(stopped);
    cluster.whole().await;
    for browser in [&alice.patient(), &newcomer.patient()] {
        assert_eq!(cold(&world, browser, &cluster.url()).await, 200, "the session is there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_that_move_are_followed() {
    let cluster = RedisCluster::start().await;
    // Every request asks for the session.
    let world = world(&cluster.url(), "0").await;
    let alice = world.signed_in("alice").await.impatient();
    let primaries = cluster.primaries();
    let is_over = AtomicBool::new(false);
    let moving = async {
        for (from, to) in [(0, 1), (1, 2), (2, 0)] {
            cluster.move_slots(primaries[from], primaries[to], 5_000).await;
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let asking = async {
        let (mut passed, mut unknown) = (0, 0);
        while !is_over.load(Ordering::Relaxed) {
            match alice.fetch(&world.url(APP, "/")).await.status {
                200 => passed += 1,
                503 => unknown += 1,
                other => panic!("{other}: nobody is signed out"),
            }
        }
        (passed, unknown)
    };
    let ((), (passed, unknown)) = tokio::join!(moving, asking);
    println!("{passed} requests passed while 15,000 slots moved, {unknown} were answered 503");
    assert!(passed > 0);
    let account = alice.patient().get(&world.url(PUBLIC, "/")).await;
    assert_eq!(account.status, 200, "the list of sessions is asked of each node: {}", account.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_end_are_ended_on_every_replica_of_a_cluster() {
    let cluster = RedisCluster::start().await;
    let world = world(&cluster.url(), "16").await;
    let second = another_with(&world, &[("REDIS_URL", &cluster.url())]).await;
    second.wait_ready().await;
    // Two sessions, so that one command ends what lies in different slots.
    let (one, other) = (world.signed_in("alice").await, world.signed_in("alice").await);
    for replica in [&second, &world.gatepost] {
        route(&world, replica);
        for browser in [&one, &other] {
            assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 200);
        }
    }
    world.cli(&["session", "end", "--user", "alice@example.com"]).await;
    world.has_heard().await;
    for replica in [&second, &world.gatepost] {
        route(&world, replica);
        for browser in [&one, &other] {
            until("the session to be ended", DEADLINE, async || {
                let status = browser.impatient().fetch(&world.url(APP, "/")).await.status;
                assert!([200, 401, 503].contains(&status), "{status}");
                (status == 401).then_some(())
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_on_a_cluster_let_no_more_through_than_a_tenant_may_send() {
    let cluster = RedisCluster::start().await;
    let plan = Plan::default().env("REDIS_URL", &cluster.url());
    let (world, program) = world_of(plan, Pair::Shared, &a_day(1_000)).await;
    let second = another(&world).await;
    let (passed, _) = burst(&program, &[&world.gatepost, &second], 1_400).await;
    demand_thousand(&world, passed, &[&world.gatepost, &second]).await;
}
