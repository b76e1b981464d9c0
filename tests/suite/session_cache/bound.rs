//! One fault each in which a change must bind within a second all the same; [`super::history`] mixes them.

use super::history::{BOUND, binds};
use super::{TIMEOUT, waits_for};
use crate::answers::Asked;
use crate::replicas::another_with;
use crate::stores::gate::Gate;
use crate::world::heard;
use gatepost_kit::faulty::Mode;
use gatepost_kit::process::{Clock, Signal, until};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// A replica that is moved to another machine, or a laptop that is closed.
pub(super) const STILL: Duration = Duration::from_secs(30);

/// Otherwise what memory knows stands in for a Postgres that is out of reach.
pub(super) const NO_STAND_IN: [(&str, &str); 1] = [("GATEPOST_VERIFY__STALE_IF_ERROR", "0s")];

const PUT_IN: &str = "INSERT INTO user_group_membership VALUES ('alice@example.com', 'Watched')";
const PUT_OUT: &str = "DELETE FROM user_group_membership WHERE group_name = 'Watched'";

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_rows_through_a_view_bind_like_one() {
    let gate = Gate::remembering(&[]).await;
    let asked = Asked::fetch("/").by(&gate.signed_in().await).requiring("group=Watched");
    let sql = async |statement: &str| gate.postgres.sql(&gate.database, statement).await;
    sql(PUT_IN).await;
    // Straight into the tables, in a tenth of the time that the view would take.
    sql("INSERT INTO gatepost.users (id, email, created_at) \
         SELECT gen_random_uuid()::text, 'u' || n || '@example.com', 0 FROM generate_series(1, 100000) n")
    .await;
    sql("INSERT INTO gatepost.manual_memberships (user_id, group_id, source) SELECT u.id, g.id, 'manual' \
         FROM gatepost.users u, gatepost.groups g WHERE u.created_at = 0 AND g.name = 'Watched'")
    .await;
    sql("ANALYZE").await;
    waits_for("Alice in memory", &asked, &gate.world.gatepost, 200).await;
    let begun = Instant::now();
    sql(PUT_OUT).await;
    println!("the change took {:?}", begun.elapsed());
    binds(&gate.world.gatepost, &asked, Instant::now()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stood_still_for_half_a_minute_serves_nothing_that_it_knew() {
    let gate = Gate::remembering(&NO_STAND_IN).await;
    let replica = &gate.world.gatepost;
    let asked = Asked::fetch("/").by(&gate.signed_in().await).requiring("group=Watched");
    gate.postgres.sql(&gate.database, PUT_IN).await;
    waits_for("Alice in memory", &asked, replica, 200).await;
    gate.stop_unheard().await;
    gate.postgres.sql(&gate.database, PUT_OUT).await;
    let acknowledged = Instant::now();
    let asking = async {
        sleep(STILL.saturating_sub(BOUND + acknowledged.elapsed())).await;
        asked.at(replica).await
    };
    let going_on = async {
        sleep(STILL.saturating_sub(acknowledged.elapsed())).await;
        replica.sigcont();
    };
    let (told, ()) = tokio::join!(asking, going_on);
    assert_eq!(told.status, 503, "sent long after the change, read when the replica went on");
    gate.to_postgres.set(Mode::Pass).await;
    binds(replica, &asked, acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wall_clock_that_jumps_an_hour_moves_no_bound() {
    // Sessions end by the wall clock: here they must not.
    let variables = [("GATEPOST_SESSION__IDLE_TIMEOUT", "8h"), ("GATEPOST_SESSION__REFRESH_INTERVAL", "6h")];
    let gate = Gate::remembering(&variables).await;
    let clock = Clock::ahead(0);
    let its_own = clock.variables();
    let its_own: Vec<_> = its_own.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let replica = another_with(&gate.world, &its_own).await;
    let asked = Asked::fetch("/").by(&gate.signed_in().await).requiring("group=Watched");
    for offset in [3_600, -3_600] {
        clock.set(0);
        gate.postgres.sql(&gate.database, PUT_IN).await;
        waits_for("Alice in memory", &asked, &replica, 200).await;
        clock.set(offset);
        // It goes on hearing of changes, and lets in whom it knows.
        heard(replica.internal()).await;
        waits_for("Alice in memory still", &asked, &replica, 200).await;
        gate.postgres.sql(&gate.database, PUT_OUT).await;
        binds(&replica, &asked, Instant::now()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_while_others_answer_moves_no_bound() {
    let gate = Gate::remembering_with_own_postgres(&[]).await;
    let replica = &gate.world.gatepost;
    let asked = Asked::fetch("/").by(&gate.signed_in().await).requiring("group=Watched");
    for _ in 0..3 {
        gate.postgres.sql(&gate.database, PUT_IN).await;
        waits_for("Alice in memory", &asked, replica, 200).await;
        let listener = until("the connection that tells", TIMEOUT, async || {
            let ours =
                "application_name = 'gatepost' AND query LIKE 'SELECT pg_is_in_recovery(), %' AND state = 'idle'";
            let found =
                format!("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND {ours}");
            gate.postgres.sql(&gate.database, &found).await.parse().ok()
        })
        .await;
        gate.postgres.signal_backend(listener, Signal::STOP);
        gate.postgres.sql(&gate.database, PUT_OUT).await;
        binds(replica, &asked, Instant::now()).await;
        gate.postgres.signal_backend(listener, Signal::CONT);
    }
}
