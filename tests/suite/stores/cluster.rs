//! A real Redis Cluster of six: a node killed, a node that stands still, and slots that move.
//!
//! The times that are printed are those of a busy machine; the tests only bound them.

use super::sentinel::{cold, signed_in_again, world};
use crate::world::{APP, PUBLIC};
use gatepost_kit::process::RedisCluster;
use std::sync::atomic::{AtomicBool, Ordering};

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
