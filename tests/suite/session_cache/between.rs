//! A change that is committed while it is being looked up whom it concerns: after Postgres was read, before Redis has
//! answered, and so before what was found is kept. Who asked just then may still pass; what was found must not stay, and
//! not if the replica stands still for half a minute in the midst of it.

use super::bound::{NO_STAND_IN, STILL};
use super::history::binds;
use super::{TIMEOUT, waits_for};
use crate::answers::Asked;
use crate::stores::gate::Gate;
use crate::world::heard;
use gatepost_kit::faulty::Mode;
use gatepost_kit::process::until;
use sqlx::PgPool;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// In each direction; twice this is less than Redis is waited for.
const LATE: Duration = Duration::from_millis(35);
const ROUNDS: usize = 3;
/// A hot read that began after $1 and has been answered.
const READ: &str = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
    AND application_name = 'gatepost' AND state = 'idle' AND query LIKE '%resolved_memberships m%' \
    AND query_start > $1::timestamptz)";

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_between_the_two_reads_of_a_look_up_binds() {
    let gate = Gate::remembering(&[]).await;
    let pool = PgPool::connect(&gate.postgres.url(&gate.database)).await.unwrap();
    let asked = Asked::fetch("/").by(&gate.signed_in().await).requiring("group=Watched");
    let mut rounds = 0;
    until("enough changes in the midst of a look-up", TIMEOUT * 2, async || {
        rounds += usize::from(round(&gate, &pool, &asked, None).await);
        (rounds == ROUNDS).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_while_the_replica_stood_still_in_the_midst_of_a_look_up_binds() {
    let gate = Gate::remembering(&NO_STAND_IN).await;
    let pool = PgPool::connect(&gate.postgres.url(&gate.database)).await.unwrap();
    let asked = Asked::fetch("/").by(&gate.signed_in().await).requiring("group=Watched");
    until("a replica stopped in the midst of a look-up", TIMEOUT * 4, async || {
        round(&gate, &pool, &asked, Some(STILL)).await.then_some(())
    })
    .await;
}

/// One change, while the replica stands `still`; was it committed in the midst of a look-up?
async fn round(gate: &Gate, pool: &PgPool, asked: &Asked, still: Option<Duration>) -> bool {
    let replica = &gate.world.gatepost;
    let run = async |sql: &'static str| sqlx::query(sql).execute(pool).await.map(drop).unwrap();
    run("INSERT INTO user_group_membership VALUES ('alice@example.com', 'Watched')").await;
    waits_for("Alice in the group", asked, replica, 200).await;
    // Whoever changes is looked up anew.
    run("INSERT INTO user_group_membership VALUES ('alice@example.com', 'Other')").await;
    run("DELETE FROM user_group_membership WHERE group_name = 'Other'").await;
    heard(replica.internal()).await;

    gate.to_redis.set(Mode::Slow(LATE)).await;
    let before: String = sqlx::query_scalar("SELECT clock_timestamp()::text").fetch_one(pool).await.unwrap();
    let sent = Instant::now();
    let changing = async {
        let read = until("Postgres to be read", TIMEOUT, async || {
            let is_read: bool = sqlx::query_scalar(READ).bind(&before).fetch_one(pool).await.unwrap();
            (is_read || sent.elapsed() > LATE * 2).then_some(is_read)
        });
        let is_read = read.await;
        let still = still.filter(|_| is_read);
        if still.is_some() {
            gate.stop_unheard().await;
        }
        run("DELETE FROM user_group_membership WHERE group_name = 'Watched'").await;
        let acknowledged = Instant::now();
        if let Some(still) = still {
            sleep(still).await;
            replica.sigcont();
        }
        (is_read, acknowledged)
    };
    let (told, (is_read, acknowledged)) = tokio::join!(asked.at(replica), changing);
    gate.to_redis.set(Mode::Pass).await;
    if still.is_some() && is_read {
        assert_eq!(asked.at(replica).await.status, 503, "what was found half a minute ago does not count");
        gate.to_postgres.set(Mode::Pass).await;
    }
    binds(replica, asked, acknowledged).await;
    // Redis cannot have answered yet. Who stood still so long asks anew.
    is_read && (told.status == 200 || still.is_some()) && acknowledged < sent + LATE * 2
}
