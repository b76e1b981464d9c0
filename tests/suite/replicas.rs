//! Two replicas on one Redis and one Postgres, without sticky sessions: no sign-in and no session belongs to one.

mod leader;

use crate::world::{APP, MCP_GITHUB, OTHER, PUBLIC, Pair, Plan, Stores, World, alice, heard};
use gatepost_kit::client::Client;
use gatepost_kit::edge::Route;
use gatepost_kit::entra::{Endpoint, Person};
use gatepost_kit::process::{Gatepost, Postgres, find_ok, until};
use reqwest::Method;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(40);
pub const OLD_KEY: &str = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=";
pub const NEW_KEY: &str = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=";
pub const KEYS: &str = "GATEPOST_SECRET_KEYS";

/// One more replica of this world, ready.
pub async fn another(world: &World) -> Gatepost {
    let replica = another_with(world, &[]).await;
    replica.wait_ready().await;
    replica
}

/// One more with these variables, alive.
pub async fn another_with(world: &World, variables: &[(&str, &str)]) -> Gatepost {
    let builder = world.builder.clone().elsewhere();
    variables.iter().fold(builder, |builder, (name, value)| builder.env(*name, *value)).start().await
}

/// All requests go to this replica from now on.
pub fn route(world: &World, replica: &Gatepost) {
    world.edge.set_route(PUBLIC, Route::open(replica.public()));
    for host in [APP, OTHER] {
        world.edge.set_route(host, Route::gated(replica.verify_url(""), world.app.addr()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_may_change_the_replica_at_every_step() {
    let world = World::start(Pair::Shared).await;
    let second = another(&world).await;
    world.entra.at_the_browser(Some("alice"));
    let browser = world.browser();
    let mut answer = browser.get(&world.url(APP, "/deep")).await;
    let mut hops = 0;
    while let Some(next) = answer.location() {
        hops += 1;
        route(&world, if hops % 2 == 1 { &second } else { &world.gatepost });
        answer = browser.get(next.as_str()).await;
    }
    assert_eq!((hops, answer.status), (5, 200), "{}", answer.body);
    assert_eq!(answer.echoed().header("x-user-groups"), Some(MCP_GITHUB));
    assert_eq!((world.entra.count(Endpoint::Authorize), world.entra.codes_redeemed()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_whose_replica_is_killed_carries_on_elsewhere() {
    let world = World::start(Pair::Shared).await;
    let second = another(&world).await;
    world.entra.at_the_browser(Some("alice"));
    let browser = world.browser();
    let callback = crate::stores::up_to(&browser, &world.url(APP, "/deep"), "/callback/").await;
    world.entra.hold(Endpoint::Token);
    let (client, url) = (browser.clone(), callback.clone());
    let dying = tokio::spawn(async move { client.get(&url).await });
    world.entra.until_count(Endpoint::Token, 1).await;
    world.gatepost.sigkill();
    assert!(dying.await.unwrap().status >= 500);
    world.entra.release(Endpoint::Token);
    route(&world, &second);
    let begun = Instant::now();
    let trip = browser.navigate(&callback).await;
    println!("carried on after {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(9), "waited twice: {:?}", begun.elapsed());
    assert_eq!(trip.end().echoed().uri, "/deep", "{}", trip.describe());
    assert_eq!(world.entra.most_presentations_of_a_code(), 1, "the killed replica may have used it");
    assert_eq!(world.entra.count(Endpoint::SignIn), 0, "nobody was asked anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ended_here_is_refused_here_at_once_and_there_within_a_second() {
    let world = World::start(Pair::Shared).await;
    let second = another(&world).await;
    world.edge.set_route(OTHER, Route::gated(second.verify_url(""), world.app.addr()));
    let alice = world.signed_in("alice").await;
    assert_eq!(alice.navigate(&world.url(OTHER, "/")).await.end().status, 200);
    let thief = alice.duplicate();
    let url = world.url(APP, "/.gatepost/logout");
    let answer = alice.request(Method::GET, &url).from(&world.url(APP, "/")).send().await;
    assert_eq!(alice.follow(answer).await.end().url.path(), "/logged-out");
    assert_eq!(thief.fetch(&world.url(APP, "/")).await.status, 401);
    // The end is acknowledged by now; who has heard of everything that was committed before refuses.
    heard(second.internal()).await;
    assert_eq!(thief.fetch(&world.url(OTHER, "/")).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_with_another_key_ring_is_not_ready_and_takes_nobody_with_it() {
    let world = World::start(Pair::Shared).await;
    let stranger = another_with(&world, &[(KEYS, NEW_KEY)]).await;
    let line = stranger.wait_for_line("not ready").await;
    assert!(line.contains("GATEPOST_SECRET_KEYS"), "{line}");
    let probe = async |replica: &Gatepost| {
        let answer = Client::builder().build().get(&format!("http://{}/readyz", replica.internal())).await;
        (answer.status, answer.body)
    };
    let begun = Instant::now();
    // Several looks long, as readiness is looked at every two seconds.
    until("several looks at readiness", DEADLINE, async || {
        let (status, why) = probe(&stranger).await;
        assert!(status == 503 && why.contains("not in GATEPOST_SECRET_KEYS here"), "{status} {why}");
        assert_eq!(probe(&world.gatepost).await.0, 200, "who was there first goes on");
        (begun.elapsed() > Duration::from_secs(7)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_rotated_replica_by_replica_loses_no_session() {
    let world = World::start(Pair::Shared).await;
    let alice = world.signed_in("alice").await;
    let mut old = vec![another(&world).await];
    let (added, moved) = (format!("{OLD_KEY},{NEW_KEY}"), format!("{NEW_KEY},{OLD_KEY}"));
    let in_use = |world: &World, replica: &Gatepost| route(world, replica);
    for ring in [&added, &added, &moved, &moved] {
        let next = another_with(&world, &[(KEYS, ring)]).await;
        next.wait_ready().await;
        in_use(&world, &next);
        assert_eq!(alice.fetch(&world.url(APP, "/")).await.status, 200, "{ring}");
        let newcomer = world.signed_in("alice").await;
        // Whoever signs in at the newest is known to all that still run.
        for replica in &old {
            assert!(find_ok(replica.internal(), "/readyz").await.is_some());
            in_use(&world, replica);
            assert_eq!(newcomer.fetch(&world.url(APP, "/")).await.status, 200, "{ring}");
        }
        old.push(next);
        if old.len() > 2 {
            old.remove(0).sigkill();
        }
        if old.len() == 2 && ring == &added {
            world.gatepost.sigkill();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_that_start_together_migrate_once() {
    let world = Plan::default().start(Pair::Shared).await;
    let postgres = Postgres::shared().await;
    let empty = postgres.database().await;
    let database = empty.rsplit('/').next().unwrap().to_owned();
    let variables = [("DATABASE_URL", empty.as_str())];
    let start = async || {
        let replica = another_with(&world, &variables).await;
        replica.wait_ready().await;
        replica
    };
    let replicas = tokio::join!(start(), start(), start());
    let applied =
        postgres.sql(&database, "SELECT count(*) - count(DISTINCT version) FROM gatepost.migrations").await;
    assert_eq!(applied, "0");
    world.entra.add(alice());
    for replica in [&replicas.0, &replicas.1, &replicas.2] {
        let errors: Vec<_> = replica.logs().into_iter().filter(|line| line.contains("ERROR")).collect();
        assert_eq!(errors, Vec::<String>::new());
        route(&world, replica);
        world.signed_in("alice").await;
    }
}

/// What the load has seen.
#[derive(Default)]
struct Load {
    is_over: AtomicBool,
    requests: AtomicUsize,
    /// Answers of 503: on a busy machine a store may miss its deadline. What a restart breaks is a connection, which
    /// the edge answers with 500 or 502.
    starved: AtomicUsize,
    sign_ins: AtomicUsize,
}

impl Load {
    /// One person's browser: pages, one after the other, at a pace that leaves the machine to the restart.
    async fn browse(&self, world: &World, browser: &Client) {
        let mut pace = tokio::time::interval(Duration::from_millis(40));
        while !self.is_over.load(Ordering::Relaxed) {
            pace.tick().await;
            let answer = browser.fetch(&world.url(APP, "/")).await;
            assert!(matches!(answer.status, 200 | 503), "{}: {}", answer.status, answer.body);
            self.requests.fetch_add(1, Ordering::Relaxed);
            self.starved.fetch_add(usize::from(answer.status == 503), Ordering::Relaxed);
        }
    }

    /// One person at ever new browsers; more than 30 in a minute would be taken for redirects that go round.
    async fn sign_in(&self, world: &World) {
        let mut pace = tokio::time::interval(Duration::from_millis(2_100));
        while !self.is_over.load(Ordering::Relaxed) {
            pace.tick().await;
            let trip = world.browser().navigate(&world.url(APP, "/")).await;
            assert_eq!(trip.end().status, 200, "{}\n{}", trip.describe(), trip.end().body);
            self.sign_ins.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_no_request() {
    let world = Arc::new(World::start(Pair::Shared).await);
    let second = another(&world).await;
    for handle in 0..4 {
        world.entra.add(Person::named(&format!("person{handle}")));
    }
    let mut browsers = Vec::new();
    for handle in 0..4 {
        browsers.push(world.signed_in(&format!("person{handle}")).await.impatient());
    }
    world.entra.forget_browsers();
    world.entra.at_the_browser(Some("alice"));
    let load = Arc::new(Load::default());
    let mut tasks = tokio::task::JoinSet::new();
    for browser in browsers {
        let (load, world) = (Arc::clone(&load), Arc::clone(&world));
        tasks.spawn(async move { load.browse(&world, &browser).await });
    }
    {
        let (load, world) = (Arc::clone(&load), Arc::clone(&world));
        tasks.spawn(async move { load.sign_in(&world).await });
    }
    // The first goes, the second takes over; the first's successor comes, the second goes.
    leave(&world, &world.gatepost, &second).await;
    let third = another(&world).await;
    leave(&world, &second, &third).await;
    load.is_over.store(true, Ordering::Relaxed);
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    let [requests, starved, sign_ins] =
        [&load.requests, &load.starved, &load.sign_ins].map(|count| count.load(Ordering::Relaxed));
    println!("{requests} requests, of which {starved} met a busy machine, and {sign_ins} sign-ins");
    assert!(requests > 100 && sign_ins > 2, "{requests} requests, {sign_ins} sign-ins");
    assert!(starved * 20 < requests, "{starved} of {requests} answers were 503");
}

/// SIGTERM; the edge's health check sees it and sends everything to the other.
async fn leave(world: &World, leaving: &Gatepost, other: &Gatepost) {
    leaving.sigterm();
    let begun = Instant::now();
    until("not to be ready", DEADLINE, async || {
        find_ok(leaving.internal(), "/readyz").await.is_none().then_some(())
    })
    .await;
    // A proxy that looks every two seconds notices so late.
    until("the proxy to notice", DEADLINE, async || (begun.elapsed() > Duration::from_secs(2)).then_some(()))
        .await;
    route(world, other);
    assert_eq!(leaving.wait_exit().await.code(), Some(0));
    println!("left in {:?}", begun.elapsed());
}

/// Copies of all session records beside them, as an older copy of the store would hold; or those back in their places.
fn session_records(world: &World, give_back: bool) {
    let Stores::Shared { redis, .. } = &world.stores else { unreachable!("this world has a Redis") };
    let script = if give_back {
        "for _, key in ipairs(redis.call('KEYS', 'kept-*')) do redis.call('RENAME', key, string.sub(key, 6)) end"
    } else {
        "for _, key in ipairs(redis.call('KEYS', '*session:*')) do redis.call('COPY', key, 'kept-' .. key) end"
    };
    redis.command(&["EVAL", script, "0"]);
}

/// The directory takes no changes, so it cannot say that the session is over; the provider's word counts all the same,
/// and the directory is told when it listens again.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_while_the_directory_is_read_only_binds_every_replica_and_is_written_down_later() {
    let postgres = Postgres::private().await;
    let database = postgres.database().await;
    let plan = Plan::default().env("GATEPOST_SESSION__REFRESH_INTERVAL", "2s");
    let world = plan.env("DATABASE_URL", database.clone()).start(Pair::Shared).await;
    world.entra.add(alice());
    let second = another(&world).await;
    world.edge.set_route(OTHER, Route::gated(second.verify_url(""), world.app.addr()));
    let browser = world.signed_in("alice").await.impatient();
    assert_eq!(browser.navigate(&world.url(OTHER, "/")).await.end().status, 200);
    session_records(&world, false);
    postgres.set_read_only(true).await;
    world.entra.revoke_tokens("alice");
    // Only the first replica is asked until it knows; the second remembers.
    until("the first replica to hear of it", DEADLINE, async || {
        (browser.fetch(&world.url(APP, "/")).await.status == 401).then_some(())
    })
    .await;
    heard(second.internal()).await;
    assert_eq!(browser.fetch(&world.url(OTHER, "/")).await.status, 401, "the second does not pass once more");

    postgres.set_read_only(false).await;
    let name = database.rsplit('/').next().unwrap();
    until("the directory to have taken it down", DEADLINE, async || {
        let ended = postgres.sql(name, "SELECT count(*) FROM gatepost.ended_sessions").await;
        (ended == "1").then_some(())
    })
    .await;
    let audited = "SELECT actor || ' ' || after FROM gatepost.audit_entries WHERE action = 'session.end'";
    let audited = postgres.sql(name, audited).await;
    assert!(audited.starts_with("provider ") && audited.contains("refresh_refused"), "{audited}");
    let asked = world.entra.count(Endpoint::Token);
    session_records(&world, true);
    for host in [APP, OTHER] {
        for _ in 0..5 {
            assert_eq!(
                browser.fetch(&world.url(host, "/")).await.status,
                401,
                "what ended does not come back"
            );
        }
    }
    assert_eq!(world.entra.count(Endpoint::Token), asked, "nor is the provider asked about it");
}
