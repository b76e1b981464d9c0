//! A node of a real Redis Cluster to which Gatepost's connections are dead without a word, while the nodes reach each other: no
//! replica takes its place, so this lasts as long as the network is so.
//!
//! The times that are printed are those of a busy machine; the tests only bound them.

use super::cluster::{LONGEST, SESSIONS, world};
use super::gate::RECOVERY;
use crate::world::{APP, World};
use gatepost_kit::client::Client;
use gatepost_kit::faulty::{FaultyProxy, Mode};
use gatepost_kit::process::{RedisCluster, until};
use std::time::{Duration, Instant};

/// Longer than it takes to replace a node that the others miss.
const LASTS: Duration = Duration::from_secs(6);
/// What `/verify` may take, and something for a busy machine: the fastest of many answers keeps to it.
const FASTEST: Duration = Duration::from_millis(450);

/// Puts a proxy before each primary. The nodes talk on another port, and tell clients the address of the proxy.
async fn behind_proxies(cluster: &RedisCluster) -> Vec<(usize, FaultyProxy)> {
    let mut proxies = Vec::new();
    for node in cluster.primaries() {
        let proxy = FaultyProxy::start(cluster.addr(node)).await;
        let port = proxy.addr().port().to_string();
        assert!(cluster.ask(node, &["CONFIG", "SET", "cluster-announce-port", &port]).is_some());
        proxies.push((node, proxy));
    }
    let ports: Vec<String> = proxies.iter().map(|(_, proxy)| format!(":{}@", proxy.addr().port())).collect();
    until("each node to tell the proxies", RECOVERY, async || {
        let told = cluster.ask_all(&["CLUSTER", "NODES"]);
        told.iter().all(|nodes| ports.iter().all(|port| nodes.contains(port))).then_some(())
    })
    .await;
    cluster.whole().await;
    proxies
}

/// How many sessions this node has.
fn sessions(cluster: &RedisCluster, node: usize) -> usize {
    cluster.ask(node, &["KEYS", SESSIONS]).expect("the node answers").split_whitespace().count()
}

/// Browsers in which Alice is signed in, the first with a session on this node, the second with one elsewhere.
async fn here_and_elsewhere(world: &World, cluster: &RedisCluster, node: usize) -> [Client; 2] {
    let (mut here, mut elsewhere) = (None, None);
    while here.is_none() || elsewhere.is_none() {
        let before = sessions(cluster, node);
        let browser = world.signed_in("alice").await;
        let is_here = sessions(cluster, node) > before;
        *(if is_here { &mut here } else { &mut elsewhere }) = Some(browser);
    }
    [here, elsewhere].map(|browser| browser.expect("both").impatient())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_swallows_everything_costs_its_own_sessions_alone_and_signs_nobody_out() {
    let cluster = RedisCluster::start().await;
    let proxies = behind_proxies(&cluster).await;
    let world = world(&cluster.url()).await;
    let (node, proxy) = &proxies[0];
    let [here, elsewhere] = here_and_elsewhere(&world, &cluster, *node).await;
    let page = world.url(APP, "/");

    proxy.set(Mode::HalfOpen).await;
    let (begun, mut fastest, mut slowest) = (Instant::now(), Duration::MAX, Duration::ZERO);
    let (mut unknown, mut passed, mut late) = (0, 0, 0);
    while begun.elapsed() < LASTS {
        let sent = Instant::now();
        let status = here.fetch(&page).await.status;
        assert_eq!(status, 503, "{:?} after the connections died", begun.elapsed());
        unknown += 1;
        fastest = fastest.min(sent.elapsed());
        slowest = slowest.max(sent.elapsed());
        match elsewhere.fetch(&page).await.status {
            200 => passed += 1,
            503 => late += 1,
            other => panic!("{other}: nobody is signed out"),
        }
    }
    println!(
        "{unknown} requests for sessions there were answered 503 in {fastest:?} to {slowest:?}; of those for sessions \
         elsewhere {passed} passed, {late} were answered 503"
    );
    assert!(fastest < FASTEST && slowest < LONGEST, "{fastest:?}, {slowest:?}");
    assert!(passed > 4 * late, "{passed} passed, {late} did not");
    assert!(cluster.primaries().contains(node), "nobody took its place");

    proxy.set(Mode::Pass).await;
    let begun = Instant::now();
    until("the node to be reached again", RECOVERY, async || {
        let status = here.fetch(&page).await.status;
        assert!([200, 503].contains(&status), "{status}: nobody is signed out");
        (status == 200).then_some(())
    })
    .await;
    println!("known again {:?} after the network was whole", begun.elapsed());
}
