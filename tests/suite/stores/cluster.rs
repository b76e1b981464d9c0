//! A real Redis Cluster of six: a node killed, a node that stands still, slots that move, a Cluster that is down, sessions that
//! end, quotas, and what its users may.
//!
//! The times that are printed are those of a busy machine; the tests only bound them.

use super::sentinel::{failovers, signed_in_again};
use crate::check::checked_site::CheckedSite;
use crate::quotas::{a_day, burst, demand_thousand, world_of};
use crate::replicas::{another, another_with, route};
use crate::world::{APP, PUBLIC, Pair, Plan, World, alice};
use gatepost_core::error_chain::Chain;
use gatepost_kit::client::Client;
use gatepost_kit::process::{Postgres, Redis, RedisCluster, store_calls, until};
use gatepost_store::session::store::{
    CLUSTER_RULES, Entry, EntryKind, Indexed, Place, RedisStore, Replacement, Store, USER_RULES,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(40);
/// `/verify` answers within 250 ms. The rest is for a busy machine.
pub(super) const LONGEST: Duration = Duration::from_secs(2);
/// A pause between two requests while nothing is known.
const PAUSE: Duration = Duration::from_millis(20);
pub(super) const SESSIONS: &str = "gatepost:session:*";

/// A world on this Cluster, in which Alice may sign in and every request asks for the session.
pub(super) async fn world(url: &str) -> World {
    let plan = Plan::default().env("REDIS_URL", url).env("GATEPOST_VERIFY__CACHE_MEMORY", "0");
    let world = plan.start(Pair::Shared).await;
    world.entra.add(alice());
    world
}

/// Asks until a session is known again. It is never taken for an ended one, and no answer keeps anybody waiting. Returns how
/// long it was not known, and how many requests were answered 503.
async fn known_again(world: &World, browser: &Client) -> (Duration, u32) {
    let (begun, mut unknown) = (Instant::now(), 0);
    loop {
        let sent = Instant::now();
        let status = browser.fetch(&world.url(APP, "/")).await.status;
        assert!(sent.elapsed() < LONGEST, "{status} after {:?}", sent.elapsed());
        match status {
            200 if unknown > 0 => return (begun.elapsed(), unknown),
            200 => {}
            503 => unknown += 1,
            other => panic!("{other}: nobody is signed out"),
        }
        assert!(begun.elapsed() < DEADLINE, "{unknown} requests were answered 503");
        tokio::time::sleep(PAUSE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_signed_out_when_a_node_of_a_cluster_is_killed_and_its_replica_takes_over() {
    let cluster = RedisCluster::start().await;
    let world = world(&cluster.url()).await;
    let alice = world.signed_in("alice").await.impatient();
    cluster.settled().await;
    cluster.sigkill(cluster.holder(SESSIONS));
    let (known, (_, took)) = tokio::join!(known_again(&world, &alice), signed_in_again(&world));
    println!("{known:?} after SIGKILL of the node of the session, signed in again {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_signed_out_when_a_node_of_a_cluster_stands_still_and_its_replica_takes_over() {
    let cluster = RedisCluster::start().await;
    let world = world(&cluster.url()).await;
    let alice = world.signed_in("alice").await.impatient();
    cluster.settled().await;
    assert_eq!(failovers(&world).await.as_deref(), Some("0"));
    let stopped = cluster.holder(SESSIONS);
    cluster.sigstop(stopped);
    let (known, (newcomer, took)) = tokio::join!(known_again(&world, &alice), signed_in_again(&world));
    println!("{known:?} after SIGSTOP of the node of the session, signed in again {took:?}");
    until("the other primary to be counted", DEADLINE, async || {
        (failovers(&world).await.as_deref() == Some("1")).then_some(())
    })
    .await;
    // It takes itself for the primary until it hears from the others.
    cluster.sigcont(stopped);
    cluster.whole().await;
    for browser in [&alice.patient(), &newcomer.patient()] {
        assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 200, "the session is there");
    }
}

/// How many calls to a store failed, as the metrics say.
async fn failed(world: &World, store: &str) -> u64 {
    let of_store = format!("store=\"{store}\"");
    let is_failed = |line: &str| line.contains(&of_store) && line.contains("outcome=\"failed\"");
    store_calls(world.gatepost.internal(), is_failed).await
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_that_move_are_followed() {
    let cluster = RedisCluster::start().await;
    let world = world(&cluster.url()).await;
    let alice = world.signed_in("alice").await;
    let primaries = cluster.primaries();
    let is_over = AtomicBool::new(false);
    let moving = async {
        for (from, to) in [(0, 1), (1, 2), (2, 0)] {
            cluster.move_slots(primaries[from], primaries[to], 5_000).await;
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let asking = async {
        let impatient = alice.impatient();
        let (mut passed, mut unknown) = (0, 0);
        while !is_over.load(Ordering::Relaxed) {
            match impatient.fetch(&world.url(APP, "/")).await.status {
                200 => passed += 1,
                503 => unknown += 1,
                other => panic!("{other}: nobody is signed out"),
            }
        }
        (passed, unknown)
    };
    let signing_in = async {
        let mut signed_in = 0;
        // Fewer than one address may do in a minute.
        while signed_in < 6 && !is_over.load(Ordering::Relaxed) {
            world.signed_in("alice").await;
            signed_in += 1;
        }
        signed_in
    };
    let ((), (passed, unknown), signed_in) = tokio::join!(moving, asking, signing_in);
    // On a busy machine every store is late now and then. Nothing moves in Postgres, which may take nearly as long: Redis may not
    // be late more often than that.
    let (of_redis, of_postgres) = (failed(&world, "session").await, failed(&world, "directory").await);
    println!(
        "{passed} requests and {signed_in} sign-ins passed while 15,000 slots moved, {unknown} were answered 503: \
         {of_redis} calls to Redis failed, {of_postgres} to Postgres"
    );
    assert!(passed > 100 && signed_in > 0, "{passed}, {signed_in}");
    assert!(of_redis <= of_postgres, "{of_redis} calls to Redis failed");
    assert!(unknown <= of_redis + of_postgres, "{unknown} requests were answered 503 for another reason");
    let account = alice.get(&world.url(PUBLIC, "/")).await;
    assert_eq!(account.status, 200, "the list of sessions is asked of each node: {}", account.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_cluster_is_down_nothing_is_known_and_nobody_is_signed_out() {
    let cluster = RedisCluster::start().await;
    let world = world(&cluster.url()).await;
    let alice = world.signed_in("alice").await.impatient();
    let primaries = cluster.primaries();
    for primary in &primaries[1..] {
        cluster.sigstop(*primary);
    }
    until("the last primary to know that it is alone", DEADLINE, async || {
        cluster.ask(primaries[0], &["CLUSTER", "INFO"])?.contains("cluster_state:fail").then_some(())
    })
    .await;
    for _ in 0..10 {
        let sent = Instant::now();
        assert_eq!(alice.fetch(&world.url(APP, "/")).await.status, 503);
        assert_eq!(world.browser().impatient().navigate(&world.url(APP, "/")).await.end().status, 503);
        assert!(sent.elapsed() < LONGEST * 2, "{:?}", sent.elapsed());
    }
    for primary in &primaries[1..] {
        cluster.sigcont(*primary);
    }
    cluster.whole().await;
    let (_, took) = signed_in_again(&world).await;
    println!("signed in again {took:?} after the Cluster was whole");
    assert_eq!(alice.patient().fetch(&world.url(APP, "/")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_end_are_ended_on_every_replica_of_a_cluster() {
    let cluster = RedisCluster::start().await;
    let world = super::sentinel::world(&cluster.url()).await;
    let second = another_with(&world, &[("REDIS_URL", &cluster.url())]).await;
    second.wait_ready().await;
    // Several sessions, so that one command ends what lies in different slots.
    let mut browsers = Vec::new();
    for _ in 0..4 {
        browsers.push(world.signed_in("alice").await);
    }
    for replica in [&second, &world.gatepost] {
        route(&world, replica);
        for browser in &browsers {
            assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 200);
        }
    }
    let leaving = browsers.pop().expect("four");
    let answer = leaving.navigate(&world.url(APP, "/.gatepost/logout")).await;
    assert_eq!(answer.end().url.path(), "/logged-out");
    world.cli(&["session", "end", "--user", "alice@example.com"]).await;
    browsers.push(leaving);
    for replica in [&second, &world.gatepost] {
        crate::world::heard(replica.internal()).await;
        route(&world, replica);
        for browser in &browsers {
            assert_eq!(browser.fetch(&world.url(APP, "/")).await.status, 401);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_a_failover_brings_back_revives_no_session() {
    let cluster = RedisCluster::start().await;
    let world = world(&cluster.url()).await;
    let alice = world.signed_in("alice").await;
    cluster.settled().await;
    let holder = cluster.holder(SESSIONS);
    let replica = cluster.replica_of(holder);
    cluster.cut_off(replica, holder).await;
    world.cli(&["session", "end", "--user", "alice@example.com"]).await;
    cluster.sigkill(holder);
    cluster.promoted(replica).await;
    assert_eq!(cluster.holder(SESSIONS), replica, "the record of the ended session is back");
    until("the Cluster to answer", DEADLINE, async || {
        let status = alice.impatient().fetch(&world.url(APP, "/")).await.status;
        assert!([401, 503].contains(&status), "{status}");
        (status == 401).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_on_a_cluster_let_no_more_through_than_a_tenant_may_send_also_when_its_node_is_emptied() {
    let cluster = RedisCluster::start().await;
    let plan = Plan::default().env("REDIS_URL", cluster.url());
    let (world, program) = world_of(plan, Pair::Shared, &a_day(1_000)).await;
    let second = another(&world).await;
    let mut passed = burst(&program, &[&world.gatepost, &second], 600).await.0;
    let holder = cluster.holder("gatepost:{t:acme}:day:*");
    assert_eq!(cluster.holder("gatepost:{t:acme}:quotas"), holder, "the mark lies beside the counter");
    cluster.ask(holder, &["FLUSHALL"]).expect("the node answers");
    passed += burst(&program, &[&second, &world.gatepost], 800).await.0;
    demand_thousand(&world, passed, &[&world.gatepost, &second]).await;
}

/// Nine keys do not all lie in the same third of the slots.
#[tokio::test]
async fn operations_on_several_keys_work_across_the_nodes_of_a_cluster() {
    let cluster = RedisCluster::start().await;
    let store = Store::Redis(RedisStore::open(&cluster.url().as_str().into(), None).unwrap());
    until("the store to answer", DEADLINE, async || store.ping().await.ok()).await;
    let life = Duration::from_mins(1);
    let keys: Vec<Vec<u8>> = (0..9).map(|number| format!("value:{number}").into_bytes()).collect();
    for key in &keys {
        assert_eq!(store.create(key, b"old", life).await.unwrap(), None);
        store.index(b"user:x", key, life).await.unwrap();
    }
    let replace =
        |key: &Vec<u8>| Replacement { key: key.clone(), old: b"old".to_vec(), new: key.clone(), ttl: life };
    store.replace_many(&keys.iter().map(replace).collect::<Vec<_>>()).await.unwrap();
    let mut values: Vec<Option<Vec<u8>>> = keys.iter().cloned().map(Some).collect();
    assert_eq!(store.find_many(&keys).await.unwrap(), values);

    store.delete(&keys[4]).await.unwrap();
    let indexed = |key: &Vec<u8>| Indexed { member: key.clone(), key: key.clone() };
    store.unindex_stale(b"user:x", &keys.iter().map(indexed).collect::<Vec<_>>()).await.unwrap();
    let mut listed = store.list(b"user:x").await.unwrap();
    listed.sort();
    let left = keys.iter().filter(|key| **key != keys[4]).cloned().collect::<Vec<_>>();
    assert_eq!(listed, left, "the member without a value is gone");

    let entry = |key: &Vec<u8>, member: Option<Vec<u8>>| Entry {
        key: key.clone(),
        member,
        value: b"copied".to_vec(),
        is_counter: false,
        rest: life,
    };
    let set = b"user:y".to_vec();
    let entries = [entry(&keys[4], None), entry(&keys[5], None), entry(&set, Some(b"one".to_vec()))];
    store.put_entries(&entries).await.unwrap();
    values[4] = Some(b"copied".to_vec());
    values[5] = Some(b"copied".to_vec());
    assert_eq!(store.find_many(&keys).await.unwrap(), values);
    assert_eq!(store.list(&set).await.unwrap(), [b"one"]);
    let refused = store.list_entries(EntryKind::Value, Place::default()).await.unwrap_err();
    assert!(Chain(&refused).to_string().contains("Redis Cluster"), "{}", Chain(&refused));

    // One of the named nodes stands still: a process that starts now finds the others.
    cluster.sigstop(0);
    let late = Store::Redis(RedisStore::open(&cluster.url().as_str().into(), None).unwrap());
    until("a new store to answer", DEADLINE, async || late.ping().await.ok()).await;
}

/// A node that moves slots writes its file of nodes meanwhile, and answers nothing.
#[tokio::test]
async fn a_node_of_a_cluster_that_pauses_for_a_moment_fails_no_command() {
    let cluster = RedisCluster::start().await;
    let store = Store::Redis(RedisStore::open(&cluster.url().as_str().into(), None).unwrap());
    until("the store to answer", DEADLINE, async || store.ping().await.ok()).await;
    assert_eq!(store.create(b"value", b"1", Duration::from_mins(1)).await.unwrap(), None);
    let holder = cluster.holder("gatepost:value");
    until("an answer after a pause longer than one node may take", DEADLINE, async || {
        cluster.ask(holder, &["CLIENT", "PAUSE", "140", "ALL"]).expect("the node answers");
        let asked = Instant::now();
        let answer = store.find(b"value").await;
        (answer.ok()? == Some(b"1".to_vec()) && asked.elapsed() > Duration::from_millis(110)).then_some(())
    })
    .await;
}

/// Makes the user `gp` with these rules on each node, and returns the URL for it.
fn user(cluster: &RedisCluster, rules: &str) -> String {
    let words: Vec<&str> =
        ["ACL", "SETUSER", "gp", "reset", "on", ">pw"].into_iter().chain(rules.split(' ')).collect();
    for reply in cluster.ask_all(&words) {
        assert_eq!(reply.trim(), "OK", "{rules}");
    }
    cluster.url().replacen("://", "://gp:pw@", 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_user_of_a_cluster_can_do_all_that_sessions_need() {
    let cluster = RedisCluster::start().await;
    let rules = format!("{USER_RULES} {CLUSTER_RULES}");
    assert!(include_str!("../../../docs/operations.md").contains(&format!("`{CLUSTER_RULES}`")));
    let world = world(&user(&cluster, &rules)).await;
    let alice = world.signed_in("alice").await;
    let holder = cluster.holder(SESSIONS);
    let target = *cluster.primaries().iter().find(|at| **at != holder).expect("three");
    let (told, ()) = tokio::join!(async { alice.fetch(&world.url(APP, "/")).await.status }, async {
        cluster.move_slots(holder, target, 5_000).await;
    });
    assert_eq!(told, 200);
    assert_eq!(alice.get(&world.url(PUBLIC, "/")).await.status, 200);
    world.cli(&["session", "end", "--user", "alice@example.com"]).await;
    for log in cluster.ask_all(&["ACL", "LOG"]) {
        assert_eq!(log.trim(), "", "nothing was refused");
    }
    let shown = world.cli(&["store", "show", "--json"]).await;
    assert!(shown.contains("redis-cluster"), "{shown}");
    for primary in cluster.primaries() {
        assert!(shown.contains(&cluster.addr(primary).to_string()), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_knows_a_cluster_and_what_its_user_lacks() {
    let (cluster, database) = (RedisCluster::start().await, Postgres::shared().await.database().await);
    let examined = async |url: &str| CheckedSite::embedded().await.shared(url, &database).examine(&[]).await;
    let rules = format!("{USER_RULES} {CLUSTER_RULES}");
    let report = examined(&user(&cluster, &rules)).await;
    assert!(!report.complaints().iter().any(|found| found.contains("redis")), "{:#}", report.json);
    for rule in CLUSTER_RULES.split(' ') {
        let report = examined(&user(&cluster, &rules.replace(&format!(" {rule}"), ""))).await;
        report.has("error redis-commands", "REDIS_URL");
        let found = report.finding("redis-commands").to_string().to_lowercase();
        assert!(
            found.contains(&rule[1..].replace('|', " ")) || found.contains(&rule[1..]),
            "{rule}: {found}"
        );
    }
    let wrong = cluster.url().replacen("://", "://gp:wrong@", 1);
    examined(&wrong).await.has("error redis-refused", "REDIS_URL");
    let one = format!("redis://{}", cluster.addr(0));
    examined(&one).await.has("error redis-cluster", "REDIS_URL");
    let plain = Redis::start().await;
    let none = format!("redis-cluster://{}", plain.addr());
    examined(&none).await.has("error redis-no-cluster", "REDIS_URL");
}
