//! Starting while something is away: what is ready, what is not, and that it comes by itself.

use super::gate::{RECOVERY, is_unavailable};
use crate::world::{APP, OTHER, PUBLIC, Pair, Stores, World};
use gatepost_kit::edge::Route;
use gatepost_kit::faulty::{FaultyProxy, Mode};
use gatepost_kit::process::{Gatepost, Postgres, find_ok, until};
use std::net::SocketAddr;
use std::time::Instant;
use tokio::net::TcpStream;

/// Another replica in the first one's place, with this variable.
async fn replace(world: &World, name: &str, value: String) -> Gatepost {
    let replica = world.builder.clone().elsewhere().env(name, value).start().await;
    world.edge.set_route(PUBLIC, Route::open(replica.public()));
    for host in [APP, OTHER] {
        world.edge.set_route(host, Route::gated(replica.verify_url(""), world.app.addr()));
    }
    replica
}

async fn why_not_ready(replica: &Gatepost) -> String {
    let url = format!("http://{}/readyz", replica.internal());
    let answer = gatepost_kit::client::Client::builder().build().get(&url).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    answer.body
}

async fn refusing(upstream: SocketAddr) -> FaultyProxy {
    let proxy = FaultyProxy::start(upstream).await;
    proxy.set(Mode::Refuse).await;
    proxy
}

#[tokio::test(flavor = "multi_thread")]
async fn once_the_internal_listener_accepts_the_public_one_does() {
    let world = World::start(Pair::Shared).await;
    let replica = world.builder.clone().elsewhere().spawn();
    // Nobody sleeps between the two: the second may be late by as little as a thread's start.
    let begun = Instant::now();
    while TcpStream::connect(replica.internal()).await.is_err() {
        assert!(begun.elapsed() < RECOVERY, "{}", replica.logs().join("\n"));
    }
    TcpStream::connect(replica.public()).await.expect("it listens for browsers");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgres_it_is_not_ready_until_it_comes() {
    let world = World::start(Pair::Shared).await;
    let alice = world.signed_in("alice").await.impatient();
    let postgres = Postgres::shared().await;
    let proxy = refusing(postgres.addr()).await;
    let empty = postgres.database().await.replace(&postgres.addr().to_string(), &proxy.addr().to_string());
    let replica = replace(&world, "DATABASE_URL", empty).await;
    assert_eq!(why_not_ready(&replica).await, "not ready: the directory is not prepared\n");
    let line = replica.wait_for_line("the directory cannot be prepared yet").await;
    assert!(
        line.contains("ERROR") && line.contains("refused"),
        "it says so by itself, with the reason: {line}"
    );
    is_unavailable(&alice.fetch(&world.url(APP, "/")).await);
    assert_eq!(alice.stranger().get(&world.url(APP, "/")).await.status, 302);
    let begun = Instant::now();
    proxy.set(Mode::Pass).await;
    replica.wait_ready().await;
    println!("ready {:?} after Postgres", begun.elapsed());
    // The new database knows nobody yet.
    assert_eq!(alice.patient().fetch(&world.url(APP, "/")).await.status, 401);
    world.signed_in("alice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_it_is_ready_and_answers_503_until_redis_comes() {
    let world = World::start(Pair::Shared).await;
    let alice = world.signed_in("alice").await.impatient();
    let Stores::Shared { redis, .. } = &world.stores else { panic!("shared stores") };
    let proxy = refusing(redis.addr()).await;
    let begun = Instant::now();
    let replica = replace(&world, "REDIS_URL", redis.url_at(proxy.addr())).await;
    replica.wait_ready().await;
    println!("ready {:?} after the start, without Redis", begun.elapsed());
    replica.wait_for_line("requests come before this replica is connected").await;
    is_unavailable(&alice.fetch(&world.url(APP, "/")).await);
    assert_eq!(alice.stranger().get(&world.url(APP, "/")).await.status, 302);
    let line = replica.wait_for_line("the session store does not answer").await;
    assert!(
        line.contains("ERROR") && line.contains("refused"),
        "it says so by itself, with the reason: {line}"
    );
    proxy.set(Mode::Pass).await;
    replica.wait_for_line("the session store answers").await;
    until("the session to count", RECOVERY, async || {
        (alice.fetch(&world.url(APP, "/")).await.status == 200).then_some(())
    })
    .await;
    world.signed_in("alice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_not_ready_before_it_is_connected_to_both_stores() {
    let world = World::start(Pair::Shared).await;
    let Stores::Shared { redis, .. } = &world.stores else { panic!("shared stores") };
    let proxy = refusing(redis.addr()).await;
    let builder = world.builder.clone().elsewhere();
    let replica = builder.env("REDIS_URL", redis.url_at(proxy.addr())).spawn();
    let client = gatepost_kit::client::Client::builder().build();
    let url = format!("http://{}/readyz", replica.internal());
    let first = until("an answer", RECOVERY, async || {
        client.request(reqwest::Method::GET, &url).try_send().await.ok()
    })
    .await;
    // On a machine that stands still for seconds it may have given up.
    let gave_up =
        replica.logs().iter().any(|line| line.contains("requests come before this replica is connected"));
    if !gave_up {
        assert_eq!((first.status, &*first.body), (503, "not ready: connecting to the stores\n"));
    }
    proxy.set(Mode::Pass).await;
    replica.wait_ready().await;
    let metrics = client.get(&format!("http://{}/metrics", replica.internal())).await.body;
    let renewed = metrics.lines().find(|line| line.starts_with("gatepost_lease_renewals_total"));
    assert!(renewed.is_some_and(|line| !line.ends_with(" 0")), "it hears of changes: {renewed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_provider_it_is_ready_and_lets_in_who_is_signed_in() {
    let world = World::start(Pair::Shared).await;
    let alice = world.signed_in("alice").await.impatient();
    world.entra.stop().await;
    let replica = replace(&world, "GATEPOST_SESSION__REFRESH_INTERVAL", "15m".to_owned()).await;
    replica.wait_ready().await;
    assert_eq!(alice.patient().fetch(&world.url(APP, "/")).await.status, 200);
    let trip = world.browser().impatient().navigate(&world.url(APP, "/")).await;
    assert_eq!((trip.end().status, trip.end().url.path()), (503, "/login"), "{}", trip.describe());
    world.entra.resume().await.unwrap();
    until("signing in to work", RECOVERY, async || {
        let trip = world.browser().impatient().navigate(&world.url(APP, "/")).await;
        (trip.end().status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_takes_no_longer_than_its_stores() {
    for pair in [Pair::Embedded, Pair::Shared] {
        let world = World::start(pair).await;
        world.gatepost.sigkill();
        let begun = Instant::now();
        let replica = world.builder.spawn();
        replica.running().ready(RECOVERY, async || find_ok(replica.internal(), "/readyz").await).await;
        println!("{pair:?}: ready {:?} after the start", begun.elapsed());
    }
}
