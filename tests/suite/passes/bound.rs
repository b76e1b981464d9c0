//! One fault each in which a change must bind within a second all the same; [`super::history`] mixes them.

use super::history::binds;
use super::{PATIENCE, waits_for};
use crate::answers::Asked;
use crate::replicas::another_with;
use crate::stores::gate::Gate;
use crate::world::heard;
use gatepost_kit::process::{Clock, Signal, until};
use std::time::Instant;

const PUT_IN: &str = "INSERT INTO user_group_membership VALUES ('alice@example.com', 'Watched')";
const PUT_OUT: &str = "DELETE FROM user_group_membership WHERE group_name = 'Watched'";

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_rows_through_a_view_bind_like_one() {
    let gate = Gate::remembering(&[]).await;
    let asked = Asked::fetch("/").by(&gate.signed_in().await).requiring("group=Watched");
    let sql = async |statement: &str| gate.postgres.sql(&gate.database, statement).await;
    sql("INSERT INTO user_group_membership SELECT 'u' || n || '@example.com', 'Watched' FROM generate_series(1, 5000) n")
        .await;
    sql(PUT_IN).await;
    waits_for("Alice in memory", &asked, &gate.world.gatepost, 200).await;
    sql(PUT_OUT).await;
    binds(&gate.world.gatepost, &asked, Instant::now()).await;
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
async fn a_connection_that_tells_nothing_any_more_while_others_answer_moves_no_bound() {
    let gate = Gate::remembering_with_own_postgres(&[]).await;
    let replica = &gate.world.gatepost;
    let asked = Asked::fetch("/").by(&gate.signed_in().await).requiring("group=Watched");
    for _ in 0..3 {
        gate.postgres.sql(&gate.database, PUT_IN).await;
        waits_for("Alice in memory", &asked, replica, 200).await;
        let listener = until("the connection that tells", PATIENCE, async || {
            let ours =
                "application_name = 'gatepost' AND query = 'SELECT pg_is_in_recovery()' AND state = 'idle'";
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
