//! Redis away, silent, slow, empty, full, refusing.

use super::gate::{Gate, Outage, RECOVERY, allow, fail};
use crate::world::{APP, OTHER, PUBLIC};
use gatepost_kit::entra::{Endpoint, Person};
use gatepost_kit::faulty::Mode;
use gatepost_kit::process::{Redis, until};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

async fn through_the_proxy(mode: Mode) {
    let gate = Gate::start().await;
    let begin = async |gate: &Gate| fail(&gate.to_redis, mode).await;
    Outage::BLIND.run(&gate, begin, async |gate| gate.to_redis.set(Mode::Pass).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused() {
    through_the_proxy(Mode::Refuse).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reset() {
    through_the_proxy(Mode::Reset).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stalled() {
    through_the_proxy(Mode::Stall).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open() {
    through_the_proxy(Mode::HalfOpen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow() {
    through_the_proxy(Mode::Slow(Duration::from_millis(200))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped() {
    let gate = Gate::start().await;
    let end = async |gate: &Gate| restart(gate).await;
    Outage::EMPTYING.run(&gate, async |gate| gate.redis.stop().await, end).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed() {
    let gate = Gate::start().await;
    let end = async |gate: &Gate| restart(gate).await;
    Outage::EMPTYING.run(&gate, async |gate| gate.redis.sigkill(), end).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen() {
    let gate = Gate::start().await;
    Outage::BLIND.run(&gate, async |gate| gate.redis.sigstop(), async |gate| gate.redis.sigcont()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paused() {
    let gate = Gate::start().await;
    // It ends by itself, after everything that must be seen in it.
    let begin = async |gate: &Gate| gate.redis.pause(Duration::from_secs(8));
    Outage::BLIND.run(&gate, begin, async |_| ()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full() {
    let gate = Gate::start().await;
    let begin = async |gate: &Gate| gate.redis.config_set("maxmemory", "1");
    Outage::READ_ONLY.run(&gate, begin, async |gate| gate.redis.config_set("maxmemory", "0")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn demoted_to_a_replica() {
    let gate = Gate::start().await;
    let begin = async |gate: &Gate| {
        let nobody = gatepost_kit::process::free_port().to_string();
        gate.redis.command(&["REPLICAOF", "127.0.0.1", &nobody]);
    };
    let end = async |gate: &Gate| drop(gate.redis.command(&["REPLICAOF", "NO", "ONE"]));
    Outage::READ_ONLY.run(&gate, begin, end).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_password() {
    let gate = Gate::start().await;
    let begin = async |gate: &Gate| {
        gate.redis.command(&["ACL", "SETUSER", "gate", "resetpass", ">second"]);
        gate.redis.command(&["CLIENT", "KILL", "USER", "gate"]);
    };
    let end = async |gate: &Gate| drop(gate.redis.command(&["ACL", "SETUSER", "gate", ">first"]));
    Outage::BLIND.run(&gate, begin, end).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn loading_its_data() {
    answering("LOADING Redis is loading the dataset in memory").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_cluster() {
    answering("CLUSTERDOWN The cluster is down").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_master() {
    answering("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_come_back_unseen_after_it_was_emptied() {
    let gate = Gate::start().await;
    let alice = gate.signed_in().await;
    gate.redis.flushall();
    let answer = alice.fetch(&gate.url(APP, "/")).await;
    assert_eq!((answer.status, answer.values("set-cookie").len()), (401, 0), "found nothing is certain");
    let pages = gate.world.entra.count(Endpoint::SignIn);
    let trip = alice.navigate(&gate.url(APP, "/deep")).await;
    assert_eq!(trip.end().echoed().header("x-user-email"), Some("alice@example.com"), "{}", trip.describe());
    assert_eq!(gate.world.entra.count(Endpoint::SignIn), pages, "nobody was asked anything");
    assert_eq!(alice.get(&gate.url(PUBLIC, "/")).await.status, 200);
}

/// The replica that takes over has not heard of the last second: of a ticket's use, and of a session.
#[tokio::test(flavor = "multi_thread")]
async fn a_failover_that_loses_the_last_second_gives_a_used_ticket_to_nobody_else() {
    let gate = Gate::start().await;
    let world = &gate.world;
    let alice = gate.signed_in().await;
    let enter = super::up_to(&alice, &gate.url(OTHER, "/deep"), "/.gatepost/enter").await;
    let replica = Redis::start().await;
    allow(&replica);
    replica.command(&["REPLICAOF", "127.0.0.1", &gate.redis.addr().port().to_string()]);
    until("the replica to know everything", RECOVERY, async || {
        let (its, whole) = (replica.command(&["DBSIZE"]), gate.redis.command(&["DBSIZE"]));
        let is_up = replica.command(&["INFO", "replication"]).contains("master_link_status:up");
        (is_up && its == whole && its.trim() != ":0").then_some(())
    })
    .await;
    replica.command(&["REPLICAOF", "NO", "ONE"]);

    // The last second.
    let entered = alice.get(&enter).await;
    assert_eq!((entered.status, entered.values("set-cookie").len()), (303, 2), "{}", entered.body);
    world.entra.add(Person::named("bob"));
    let bob = world.signed_in("bob").await;

    gate.redis.sigkill();
    gate.to_redis.lead_to(replica.addr());
    gate.to_redis.cut();
    until("the gate to find its sessions in the replica", RECOVERY, async || {
        (alice.fetch(&gate.url(APP, "/")).await.status == 200).then_some(())
    })
    .await;
    assert_eq!(
        alice.fetch(&gate.url(OTHER, "/")).await.status,
        200,
        "the cookie outlives the note of its ticket"
    );
    let thief = world.browser();
    let answer = thief.get(&enter).await;
    assert_ne!(answer.status, 200, "{}", answer.body);
    assert_eq!(
        thief.fetch(&gate.url(OTHER, "/")).await.status,
        401,
        "the ticket is bound to Alice's browser"
    );
    let answer = bob.fetch(&gate.url(APP, "/")).await;
    assert_eq!((answer.status, answer.values("set-cookie").len()), (401, 0), "his session is lost");
    let pages = world.entra.count(Endpoint::SignIn);
    let trip = bob.navigate(&gate.url(APP, "/again")).await;
    assert_eq!(trip.end().echoed().header("x-user-email"), Some("bob@example.com"), "{}", trip.describe());
    assert_eq!(world.entra.count(Endpoint::SignIn), pages, "nobody was asked anything");
}

/// Redis comes back; its users are part of the set-up that a restart loses here.
async fn restart(gate: &Gate) {
    gate.redis.restart().await;
    allow(&gate.redis);
}

/// A server in Redis' place that answers every command with this error.
async fn answering(error: &'static str) {
    let gate = Gate::start().await;
    let server = std::cell::Cell::new(None);
    let begin = async |gate: &Gate| {
        gate.redis.sigkill();
        let listener = TcpListener::bind(gate.redis.addr()).await.unwrap();
        server.set(Some(tokio::spawn(refuse_all(listener, error))));
    };
    let end = async |gate: &Gate| {
        let server = server.take().unwrap();
        server.abort();
        assert!(server.await.unwrap_err().is_cancelled());
        restart(gate).await;
    };
    Outage::EMPTYING.run(&gate, begin, end).await;
}

async fn refuse_all(listener: TcpListener, error: &'static str) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((mut stream, _)) = listener.accept().await {
        connections.spawn(async move {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                // Each command is an array; small ones come whole.
                let starts = buffer[..read].windows(4).filter(|bytes| is_array(bytes)).count();
                let commands = starts + usize::from(buffer[0] == b'*');
                if stream.write_all(format!("-{error}\r\n").repeat(commands).as_bytes()).await.is_err() {
                    return;
                }
            }
        });
    }
}

fn is_array(bytes: &[u8]) -> bool {
    matches!(bytes, [b'\r', b'\n', b'*', count] if count.is_ascii_digit())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_taken_from_a_slow_store_stays_within_the_deadline() {
    let gate = Gate::start().await;
    gate.world.entra.at_the_browser(Some("alice"));
    let browser = gate.world.browser();
    let enter = super::up_to(&browser, &gate.url(APP, "/deep"), "/.gatepost/enter").await;
    assert_eq!(browser.navigate(&enter).await.end().status, 200);
    // Each question is answered within its own limit, and four of them take longer than all may.
    gate.to_redis.set(Mode::Slow(Duration::from_millis(40))).await;
    let browser = browser.impatient();
    let mut fastest = Duration::MAX;
    for _ in 0..6 {
        let begun = Instant::now();
        let answer = browser.get(&enter).await;
        fastest = fastest.min(begun.elapsed());
        assert_eq!((answer.status, answer.values("set-cookie").len()), (503, 0), "{}", answer.body);
    }
    assert!(fastest < Duration::from_millis(310), "{fastest:?}");
    gate.to_redis.set(Mode::Pass).await;
    let trip = browser.patient().navigate(&enter).await;
    assert_eq!((trip.end().status, trip.end().echoed().uri.as_str()), (200, "/deep"), "{}", trip.describe());
}
