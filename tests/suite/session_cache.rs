//! What a replica remembers: it asks no store twice, lets in what it knows while a store is out, and never longer than
//! the contract allows.

mod between;
mod bound;
mod credentials;
mod history;
mod pairs;
mod standby;

use crate::answers::{Asked, Told};
use crate::replicas::{another, another_with};
use crate::stores::gate::{Gate, fail};
use crate::world::{APP, Plan, World, alice};
use gatepost_kit::entra::Person;
use gatepost_kit::faulty::Mode;
use gatepost_kit::process::{Gatepost, find_ok, store_calls, until};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Hot reads of a replica, both stores together.
pub async fn look_ups(replica: &Gatepost) -> u64 {
    let is_hot = |line: &str| line.contains("\"find_session\"") || line.contains("\"find_standing\"");
    store_calls(replica.internal(), is_hot).await
}

/// Passes in memory.
async fn cached_sessions(replica: &Gatepost) -> u64 {
    let metrics = find_ok(replica.internal(), "/metrics").await.unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix("gatepost_passes ")).unwrap();
    line.parse().unwrap()
}

async fn waits_for(what: &str, asked: &Asked, replica: &Gatepost, status: u16) -> Told {
    until(what, TIMEOUT, async || {
        let told = asked.at(replica).await;
        (told.status == status).then_some(told)
    })
    .await
}

both_pairs! {
    async fn a_cached_session_costs_no_look_up(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let asked = Asked::fetch("/").by(&browser);
        waits_for("a pass in memory", &asked, &world.gatepost, 200).await;
        let before = look_ups(&world.gatepost).await;
        for _ in 0..50 {
            let told = asked.at(&world.gatepost).await;
            assert_eq!((told.status, told.header("x-user-groups")), (200, Some("00000000-0000-4000-8000-00000000a001")));
            assert_eq!(asked.clone().requiring("group=Others").at(&world.gatepost).await.status, 403);
        }
        assert_eq!(look_ups(&world.gatepost).await, before);
    }

    async fn a_session_is_cached_at_its_ticket_and_not_when_the_ticket_is_repeated(pair) {
        let world = World::start(pair).await;
        world.entra.at_the_browser(Some("alice"));
        waits_for("a lease", &Asked::fetch("/").by(&world.signed_in("alice").await), &world.gatepost, 200).await;
        let browser = world.browser();
        let ticket = crate::stores::up_to(&browser, &world.url(APP, "/"), "/.gatepost/enter").await;
        let (before, passes) = (look_ups(&world.gatepost).await, cached_sessions(&world.gatepost).await);
        let trip = browser.navigate(&ticket).await;
        assert_eq!(trip.end().status, 200, "{}", trip.describe());
        assert_eq!(look_ups(&world.gatepost).await, before + 2, "the ticket asks each store once, and the page neither");
        for thief in [world.browser(), browser.duplicate()] {
            for _ in 0..5 {
                let _ = thief.get(&ticket).await;
            }
        }
        assert_eq!(crate::session_cache::cached_sessions(&world.gatepost).await, passes + 1);
    }

    async fn without_the_cache_each_request_queries_the_stores(pair) {
        let world = Plan::default().env("GATEPOST_VERIFY__CACHE_MEMORY", "0").start(pair).await;
        world.entra.add(alice());
        let browser = world.signed_in("alice").await;
        let asked = Asked::fetch("/").by(&browser);
        waits_for("an answer", &asked, &world.gatepost, 200).await;
        let before = look_ups(&world.gatepost).await;
        waits_for("another", &asked, &world.gatepost, 200).await;
        assert!(look_ups(&world.gatepost).await >= before + 2);
    }

    async fn what_one_hosts_cookie_opens_no_other_hosts_request_finds(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let asked = Asked::fetch("/").by(&browser);
        waits_for("a pass in memory", &asked, &world.gatepost, 200).await;
        let elsewhere = asked.with("X-Forwarded-Host", crate::world::OTHER);
        assert_eq!(elsewhere.of(&world).await.status, 401);
    }

    async fn memory_judges_each_request_anew(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let asked = Asked::fetch("/").by(&browser);
        waits_for("a pass in memory", &asked, &world.gatepost, 200).await;
        for (requirement, status) in [
            ("admin=true", 403),
            ("tenant=t", 403),
            ("group=00000000-0000-4000-8000-00000000a001", 200),
            ("max_age=3600", 200),
            ("max_age=0&group=x", 403),
            ("what=ever", 500),
        ] {
            let told = asked.clone().requiring(requirement).of(&world).await;
            assert_eq!(told.status, status, "{requirement}");
        }
        let cross = asked.clone().with("X-Forwarded-Method", "POST").with("Sec-Fetch-Site", "cross-site");
        assert_eq!(cross.of(&world).await.status, 403);
    }

    async fn a_session_unused_for_its_idle_timeout_ends_in_memory_too_and_use_keeps_it(pair) {
        let plan = Plan::default().env("GATEPOST_SESSION__IDLE_TIMEOUT", "6s");
        let world = plan.start(pair).await;
        world.entra.add(alice());
        let browser = world.signed_in("alice").await;
        let asked = Asked::fetch("/").by(&browser);
        let begun = Instant::now();
        // Used all the time, it outlives the timeout, and the store is told.
        until("twice the timeout", TIMEOUT, async || {
            waits_for("the used session", &asked, &world.gatepost, 200).await;
            (begun.elapsed() > Duration::from_secs(12)).then_some(())
        })
        .await;
        let idle = Instant::now();
        until("the timeout", TIMEOUT, async || (idle.elapsed() > Duration::from_secs(8)).then_some(())).await;
        assert_eq!(asked.of(&world).await.status, 401);
    }
}

/// How much later Redis answers, in each direction; twice this is less than Redis is waited for.
const LATE: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_for_one_cold_cookie_shares_its_look_ups() {
    let gate = Gate::remembering(&[("GATEPOST_VERIFY__CACHE_MEMORY", "0")]).await;
    let asked = Asked::fetch("/").by(&gate.signed_in().await);
    let replica = &gate.world.gatepost;
    waits_for("an answer", &asked, replica, 200).await;
    gate.to_redis.set(Mode::Slow(LATE)).await;
    // Where a store misses its deadline on a busy machine, a look-up may be shorter than Redis is slow: once more.
    until("a burst that the stores answer", TIMEOUT, async || {
        let before = look_ups(replica).await;
        let begun = Instant::now();
        let told = futures_util::future::join_all((0..100).map(|_| asked.at(replica))).await;
        let (took, made) = (begun.elapsed(), look_ups(replica).await - before);
        let answers: Vec<u16> = told.iter().map(|told| told.status).collect();
        assert!(answers.iter().all(|status| [200, 503].contains(status)), "{answers:?}");
        // Nothing is kept, so each request needs a look-up that ran while it waited. Those that are shared do not overlap.
        let shared = took.as_millis() / (LATE * 2).as_millis();
        (!answers.contains(&503))
            .then(|| assert!((1..=shared).contains(&u128::from(made / 2)), "{made} in {took:?}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_cached_sessions_pass_and_others_get_503() {
    let gate = Gate::remembering(&[]).await;
    let browser = gate.signed_in().await;
    let asked = Asked::fetch("/").by(&browser);
    let replica = &gate.world.gatepost;
    waits_for("a pass in memory", &asked, replica, 200).await;
    let cold = another(&gate.world).await;
    gate.redis.stop().await;
    for _ in 0..20 {
        assert_eq!(asked.at(replica).await.status, 200);
        assert_eq!(asked.at(&cold).await.status, 503);
    }
    // A change binds all the same: Postgres alone says who may no longer.
    gate.world.cli(&["user", "disable", "alice@example.com"]).await;
    waits_for("the change", &asked, replica, 401).await;
    gate.redis.restart().await;
}

const STALE: Duration = Duration::from_secs(8);
const STALE_SETTING: [(&str, &str); 1] = [("GATEPOST_VERIFY__STALE_IF_ERROR", "8s")];

#[tokio::test(flavor = "multi_thread")]
async fn without_postgres_memory_stands_in_for_a_while_but_for_no_admin() {
    let gate = Gate::remembering(&STALE_SETTING).await;
    let begin = async |gate: &Gate| fail(&gate.to_postgres, Mode::Refuse).await;
    memory_stands_in(&gate, begin, async |gate| gate.to_postgres.set(Mode::Pass).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_standby_in_postgres_place_memory_stands_in_for_a_while_but_for_no_admin() {
    let gate = Gate::remembering_with_own_postgres(&STALE_SETTING).await;
    let standby = gate.postgres.standby().await;
    memory_stands_in(&gate, async |gate| gate.fail_over(&standby).await, async |_| standby.promote().await)
        .await;
}

/// Through an outage of Postgres, from `begin` to `end`.
async fn memory_stands_in(gate: &Gate, begin: impl AsyncFnOnce(&Gate), end: impl AsyncFnOnce(&Gate)) {
    let world = &gate.world;
    world.entra.add(Person::named("root"));
    let alice = gate.signed_in().await;
    world.entra.forget_browsers();
    let root = world.signed_in("root").await.impatient();
    world.cli(&["admin", "grant", "root@example.com"]).await;
    let (alice, root) = (Asked::fetch("/").by(&alice), Asked::fetch("/").by(&root));
    waits_for("alice in memory", &alice, &world.gatepost, 200).await;
    let told = waits_for("the admin in memory", &root, &world.gatepost, 200).await;
    assert_eq!(told.header("x-user-admin"), Some("true"));
    begin(gate).await;
    let since = Instant::now();
    waits_for("the admin to be unknown", &root, &world.gatepost, 503).await;
    let mut stood_in = 0;
    until("memory to be too old", TIMEOUT, async || {
        let told = alice.at(&world.gatepost).await;
        assert_eq!(told.all("set-cookie"), Vec::<&str>::new());
        assert_eq!(root.at(&world.gatepost).await.status, 503);
        stood_in += usize::from(told.status == 200);
        (told.status == 503).then_some(())
    })
    .await;
    assert!(stood_in > 3 && since.elapsed() > STALE / 2, "{stood_in} answers in {:?}", since.elapsed());
    assert!(since.elapsed() < STALE * 2, "{:?}", since.elapsed());
    end(gate).await;
    waits_for("Postgres again", &root, &world.gatepost, 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_redis_was_emptied_people_come_back_unseen_and_nobody_stays_for_long() {
    let gate = Gate::remembering(&[]).await;
    let browser = gate.signed_in().await;
    let asked = Asked::fetch("/").by(&browser);
    waits_for("a pass in memory", &asked, &gate.world.gatepost, 200).await;
    gate.redis.flushall();
    // The session store is asked again once a minute.
    let limit = Duration::from_secs(100);
    until("the loss to be noticed", limit, async || {
        (asked.at(&gate.world.gatepost).await.status == 401).then_some(())
    })
    .await;
    let trip = browser.patient().navigate(&gate.url(APP, "/back")).await;
    assert_eq!(trip.end().status, 200, "{}", trip.describe());
}
