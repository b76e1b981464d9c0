//! Which of several processes leads, while leaders are killed, asked to stop, and paused. The times that are printed are
//! those of a busy machine; the tests only bound them.

use super::another;
use crate::world::{Pair, Stores, World};
use gatepost_kit::process::{Gatepost, Postgres, until};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(30);
const LEADS: &str = "this replica leads";
const NO_LONGER: &str = "this replica no longer leads";

async fn sql(world: &World, sql: &str) -> String {
    let Stores::Shared { database, .. } = &world.stores else { unreachable!("this world has a Postgres") };
    Postgres::shared().await.sql(database.rsplit('/').next().unwrap(), sql).await
}

/// The epoch of a lease that counts now, above this one.
async fn epoch_after(world: &World, epoch: i64) -> i64 {
    until("a leader", DEADLINE, async || {
        let held = "SELECT epoch::text FROM gatepost.leases WHERE name = 'leader' AND expires_at > clock_timestamp()";
        sql(world, held).await.parse().ok().filter(|found| *found > epoch)
    })
    .await
}

fn times(replica: &Gatepost, line: &str) -> usize {
    replica.logs().iter().filter(|found| found.contains(line)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_killed_or_leaves_is_followed() {
    let world = World::start(Pair::Shared).await;
    let others = [another(&world).await, another(&world).await];
    let first = epoch_after(&world, 0).await;
    world.gatepost.wait_for_line(LEADS).await;

    world.gatepost.sigkill();
    let begun = Instant::now();
    let second = epoch_after(&world, first).await;
    println!("followed {:?} after SIGKILL", begun.elapsed());
    let leads = async || others.iter().position(|replica| times(replica, LEADS) == 1);
    let leader = until("the leader to say so", DEADLINE, leads).await;
    let other = &others[1 - leader];
    assert_eq!(times(other, LEADS), 0, "one leads");

    others[leader].sigterm();
    let begun = Instant::now();
    let third = epoch_after(&world, second).await;
    println!("followed {:?} after SIGTERM", begun.elapsed());
    other.wait_for_line(LEADS).await;
    assert!(first < second && second < third);
    assert_eq!((times(&others[leader], LEADS), times(other, LEADS)), (1, 1), "nobody came in between");
    assert_eq!(others[leader].wait_exit().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_view_shows_the_replicas_that_serve_and_which_one_leads() {
    let world = World::start(Pair::Shared).await;
    let other = another(&world).await;
    let rows = async |condition: &str| {
        let count = format!("SELECT count(*)::text FROM gatepost.replicas WHERE {condition}");
        sql(&world, &count).await.parse::<u32>().unwrap()
    };
    let recent = format!(
        "version = '{}' AND started_at <= seen_at + interval '2 s' AND seen_at > clock_timestamp() - interval '1 min'",
        env!("CARGO_PKG_VERSION")
    );
    until("both", DEADLINE, async || {
        (rows(&recent).await == 2 && rows("is_leader").await == 1).then_some(())
    })
    .await;
    let seen = sql(&world, "SELECT min(seen_at)::text FROM gatepost.replicas").await;
    until("both to be seen again", DEADLINE, async || {
        (rows(&format!("seen_at > '{seen}'")).await == 2).then_some(())
    })
    .await;
    let leader = if times(&other, LEADS) == 1 { &other } else { &world.gatepost };
    leader.sigterm();
    assert_eq!(leader.wait_exit().await.code(), Some(0));
    assert_eq!(rows("true").await, 1, "who stops takes itself out");
    until("the other one to lead", DEADLINE, async || (rows("is_leader").await == 1).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_begins_to_lead_deletes_replicas_that_stopped_without_a_word() {
    let world = World::start(Pair::Shared).await;
    let other = another(&world).await;
    world.gatepost.wait_for_line(LEADS).await;
    let old = "INSERT INTO gatepost.serving_replicas (id, version, started_at, seen_at) \
               VALUES ('old', '1', clock_timestamp(), clock_timestamp() - interval '61 min') RETURNING id";
    assert_eq!(sql(&world, old).await, "old");
    world.gatepost.sigterm();
    other.wait_for_line(LEADS).await;
    until("the old one to be deleted", DEADLINE, async || {
        let left = sql(&world, "SELECT count(*)::text FROM gatepost.serving_replicas WHERE id = 'old'").await;
        (left == "0").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_paused_finds_another_one_and_leaves_the_work_to_it() {
    let world = World::start(Pair::Shared).await;
    let other = another(&world).await;
    let first = epoch_after(&world, 0).await;
    world.gatepost.wait_for_line(LEADS).await;

    world.gatepost.sigstop();
    let begun = Instant::now();
    let second = epoch_after(&world, first).await;
    println!("followed {:?} after SIGSTOP", begun.elapsed());
    other.wait_for_line(LEADS).await;
    world.gatepost.sigcont();
    world.gatepost.wait_for_line(NO_LONGER).await;
    assert_eq!(sql(&world, "SELECT epoch::text FROM gatepost.leases").await, second.to_string());
    assert_eq!((times(&world.gatepost, LEADS), times(&other, NO_LONGER)), (1, 0));
}
