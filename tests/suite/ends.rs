//! What ends by itself, as the gate answers: to the second, from memory and from the stores, on every replica, with nobody
//! told of it. The stores run on this machine, so that its clock is theirs.

use crate::answers::{Asked, Told};
use crate::replicas::{another, another_with};
use crate::stores::gate::{Gate, fail};
use crate::world::{Pair, Plan, World, alice};
use gatepost_core::calendar::rfc3339;
use gatepost_core::clock::Timestamp;
use gatepost_kit::faulty::Mode;
use gatepost_kit::process::{Clock, Gatepost, until};
use std::time::{Duration, SystemTime};

const TIMEOUT: Duration = Duration::from_secs(30);
const ALICE: &str = "alice@example.com";
/// Long enough for a command to be run and heard of, and to pass often.
const SHORT: Duration = Duration::from_secs(5);

#[expect(clippy::disallowed_methods, reason = "an end is measured more finely than in seconds")]
fn clock() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
}

/// A second that is `SHORT` from now, and how a command line names it.
pub fn soon() -> (Duration, String) {
    let at = Timestamp::now().plus(SHORT);
    (Duration::from_secs(at.unix().unsigned_abs()), rfc3339(at))
}

/// Asks again and again, from before the end until some time after it: it passes until that second, and then it does not.
pub async fn ends_at(end: Duration, asked: &Asked, replica: &Gatepost, passes: impl Fn(&Told) -> bool) {
    let (mut before, mut after) = (0, 0);
    until("the end to be over", TIMEOUT, async || {
        let sent = clock();
        let told = asked.at(replica).await;
        let answered = clock();
        // A busy machine may miss a deadline of the stores, which is no permit.
        if answered < end && told.status != 503 {
            assert!(passes(&told), "{:?} before its end: {told:?}", end.saturating_sub(answered));
            before += 1;
        }
        if sent >= end {
            assert!(!passes(&told), "{:?} after its end: {told:?}", sent.saturating_sub(end));
            after += 1;
        }
        (after > 50).then_some(())
    })
    .await;
    assert!(before > 0, "it never passed");
}

pub async fn first(asked: &Asked, replica: &Gatepost) {
    until("a first pass", TIMEOUT, async || (asked.at(replica).await.status == 200).then_some(())).await;
}

fn is_passed(told: &Told) -> bool {
    told.status == 200
}

both_pairs! {
    async fn a_membership_a_tenants_member_and_an_admin_end_in_their_second_though_nobody_says_so(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let plain = Asked::fetch("/").by(&browser);
        let replica = &world.gatepost;
        world.cli(&["tenant", "create", "t"]).await;

        let (end, text) = soon();
        world.cli(&["group", "add", "Watched", ALICE, "--until", &text]).await;
        first(&plain, replica).await;
        ends_at(end, &plain.clone().requiring("group=Watched"), replica, is_passed).await;
        let told = plain.at(replica).await;
        assert!(told.status == 200 && !told.header("x-user-groups").unwrap().contains("Watched"), "{told:?}");

        let (end, text) = soon();
        world.cli(&["tenant", "add-member", "t", ALICE, "--role", "viewer", "--until", &text]).await;
        first(&plain, replica).await;
        ends_at(end, &plain.clone().requiring("tenant=t"), replica, is_passed).await;

        let (end, text) = soon();
        world.cli(&["admin", "grant", ALICE, "--until", &text]).await;
        first(&plain, replica).await;
        ends_at(end, &plain.clone().requiring("admin=true"), replica, is_passed).await;
        assert_eq!(plain.at(replica).await.header("x-user-admin"), Some("false"));
    }

    async fn without_the_cache_an_end_binds_in_its_second_too(pair) {
        let world = Plan::default().env("GATEPOST_VERIFY__CACHE_MEMORY", "0").start(pair).await;
        world.entra.add(alice());
        let browser = world.signed_in("alice").await;
        let (end, text) = soon();
        world.cli(&["group", "add", "Watched", ALICE, "--until", &text]).await;
        let asked = Asked::fetch("/").by(&browser).requiring("group=Watched");
        first(&asked, &world.gatepost).await;
        ends_at(end, &asked, &world.gatepost, is_passed).await;
    }

    async fn a_signed_assertion_names_no_group_after_its_end(pair) {
        let world = World::start(pair).await;
        let browser = world.signed_in("alice").await;
        let asked = Asked::fetch("/").by(&browser).requiring("assertion=true");
        let (end, text) = soon();
        world.cli(&["group", "add", "Watched", ALICE, "--until", &text]).await;
        first(&asked, &world.gatepost).await;
        let names_it = |told: &Told| {
            let claims = crate::assertion::claims(told.header("x-user-assertion").unwrap());
            claims["groups"].as_array().unwrap().iter().any(|group| group == "Watched")
        };
        ends_at(end, &asked, &world.gatepost, names_it).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_binds_on_a_replica_whose_clock_differs() {
    let world = World::start(Pair::Shared).await;
    let browser = world.signed_in("alice").await;
    let asked = Asked::fetch("/").by(&browser).requiring("group=Watched");
    for ahead in [-20, 20] {
        let clock = gatepost_kit::process::Clock::ahead(ahead);
        let variables = clock.variables();
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let replica = crate::replicas::another_with(&world, &variables).await;
        replica.wait_ready().await;
        let (end, text) = soon();
        world.cli(&["group", "add", "Watched", ALICE, "--until", &text]).await;
        first(&asked, &replica).await;
        ends_at(end, &asked, &replica, is_passed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_during_an_outage_of_postgres_stands_in_no_longer() {
    let gate = Gate::remembering(&[("GATEPOST_VERIFY__STALE_IF_ERROR", "60s")]).await;
    let replica = &gate.world.gatepost;
    let plain = Asked::fetch("/").by(&gate.signed_in().await);
    let asked = plain.clone().requiring("group=Watched");
    let (end, text) = soon();
    gate.world.cli(&["group", "add", "Watched", ALICE, "--until", &text]).await;
    first(&asked, replica).await;
    fail(&gate.to_postgres, Mode::Refuse).await;
    ends_at(end, &asked, replica, is_passed).await;
    for asked in [&asked, &plain] {
        assert_eq!(asked.at(replica).await.status, 503, "what else she may is not known");
    }
    gate.to_postgres.set(Mode::Pass).await;
    first(&plain, replica).await;
    assert_eq!(asked.at(replica).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_begins_to_lead_deletes_what_has_ended_with_its_audit_row() {
    let world = World::start(Pair::Shared).await;
    world.signed_in("alice").await;
    let (end, text) = soon();
    world.cli(&["group", "add", "Watched", ALICE, "--until", &text]).await;
    until("the end", TIMEOUT, async || (clock() > end).then_some(())).await;
    let listed = async || {
        let text = world.cli(&["audit", "list", "--action", "membership.end", "--json"]).await;
        let list: serde_json::Value = serde_json::from_str(&text).unwrap();
        list["entries"].as_array().unwrap().clone()
    };
    assert!(listed().await.is_empty());
    world.gatepost.sigterm();
    assert!(world.gatepost.wait_exit().await.success());
    let (_one, _other) = tokio::join!(another(&world), another(&world));
    let rows = until("the audit row", TIMEOUT, async || {
        let rows = listed().await;
        (!rows.is_empty()).then_some(rows)
    })
    .await;
    assert_eq!((rows.len(), rows[0]["actor"].as_str()), (1, Some("time")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_clock_is_not_the_databases_deletes_nothing() {
    let world = World::start(Pair::Shared).await;
    world.signed_in("alice").await;
    let (end, text) = soon();
    world.cli(&["group", "add", "Watched", ALICE, "--until", &text]).await;
    until("the end", TIMEOUT, async || (clock() > end).then_some(())).await;
    world.gatepost.sigterm();
    assert!(world.gatepost.wait_exit().await.success());
    let wall = Clock::ahead(60);
    let variables = wall.variables();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let replica = another_with(&world, &variables).await;
    replica.wait_for_line("nothing old is deleted while the clocks differ").await;
    let listed = async || world.cli(&["audit", "list", "--action", "membership.end", "--json"]).await;
    assert!(!listed().await.contains("Watched"));
    wall.set(0);
    until("the audit row", TIMEOUT, async || listed().await.contains("Watched").then_some(())).await;
}
