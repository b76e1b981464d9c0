//! Postgres away, silent, slow, read-only, crowded, forgetful of its connections.

use super::gate::{Gate, Outage, fail};
use crate::world::APP;
use gatepost_kit::faulty::Mode;
use std::time::Duration;

async fn through_the_proxy(mode: Mode) {
    let gate = Gate::start().await;
    let begin = async |gate: &Gate| fail(&gate.to_postgres, mode).await;
    Outage::BLIND.run(&gate, begin, async |gate| gate.to_postgres.set(Mode::Pass).await).await;
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
    let gate = Gate::with_own_postgres(None).await;
    let end = async |gate: &Gate| gate.postgres.restart().await;
    Outage::BLIND.run(&gate, async |gate| gate.postgres.stop().await, end).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed() {
    let gate = Gate::with_own_postgres(None).await;
    let begin = async |gate: &Gate| {
        // The kit's server acknowledges before it has written: what was committed must be there again.
        gate.postgres.sql("postgres", "CHECKPOINT").await;
        gate.postgres.sigkill();
    };
    Outage::BLIND.run(&gate, begin, async |gate| gate.postgres.restart().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen() {
    let gate = Gate::with_own_postgres(None).await;
    Outage::BLIND
        .run(&gate, async |gate| gate.postgres.sigstop(), async |gate| gate.postgres.sigcont())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only() {
    let gate = Gate::with_own_postgres(None).await;
    let begin = async |gate: &Gate| gate.postgres.set_read_only(true).await;
    Outage { ticket: 303, ..Outage::READ_ONLY }
        .run(&gate, begin, async |gate| gate.postgres.set_read_only(false).await)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_by_a_standby_until_that_is_promoted() {
    let gate = Gate::with_own_postgres(None).await;
    let standby = gate.postgres.standby().await;
    Outage::BLIND
        .run(&gate, async |gate| gate.fail_over(&standby).await, async |_| standby.promote().await)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_free_connection() {
    refusing("CONNECTION LIMIT 0", "CONNECTION LIMIT -1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusing_the_role() {
    refusing("NOLOGIN", "LOGIN").await;
}

/// The server takes the connections away and gives no new one.
async fn refusing(begin: &str, end: &str) {
    let gate = Gate::with_own_postgres(Some("gate")).await;
    let alter = async |gate: &Gate, what: &str| {
        gate.postgres.sql("postgres", &format!("ALTER ROLE gate {what}")).await;
    };
    let begin = async |gate: &Gate| {
        alter(gate, begin).await;
        gate.postgres.terminate_connections().await;
    };
    Outage::BLIND.run(&gate, begin, async |gate| alter(gate, end).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_no_outage() {
    let gate = Gate::with_own_postgres(None).await;
    let alice = gate.signed_in().await;
    let mut passed = 0;
    for _ in 0..5 {
        gate.postgres.terminate_connections().await;
        let answer = alice.fetch(&gate.url(APP, "/")).await;
        assert!(matches!(answer.status, 200 | 503), "{}: {}", answer.status, answer.body);
        passed += usize::from(answer.status == 200);
    }
    // To connect anew takes longer than the deadline on a busy machine only.
    assert!(passed >= 3, "{passed} of 5 passed at once");
    gate.postgres.terminate_connections().await;
    gate.signed_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_is_an_outage_for_as_long_as_it_is_locked() {
    let gate = Gate::with_own_postgres(None).await;
    let lock = "BEGIN; LOCK TABLE gatepost.users IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)";
    let locked = "SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) \
                  WHERE mode = 'AccessExclusiveLock' AND granted AND query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()";
    let alice = gate.signed_in().await;
    let held = async { drop(gate.postgres.try_sql(&gate.database, lock).await) };
    let seen = async {
        gatepost_kit::process::until("the table to be locked", Duration::from_secs(10), async || {
            (gate.postgres.sql(&gate.database, locked).await.contains('1')).then_some(())
        })
        .await;
        super::gate::is_unavailable(&alice.fetch(&gate.url(APP, "/")).await);
    };
    tokio::select! {
        () = held => panic!("the lock was not held"),
        () = seen => {}
    }
    gate.postgres.terminate_connections().await;
    gatepost_kit::process::until("the table to be free", super::gate::RECOVERY, async || {
        let answer = alice.fetch(&gate.url(APP, "/")).await;
        assert!(matches!(answer.status, 200 | 503), "{}", answer.status);
        (answer.status == 200).then_some(())
    })
    .await;
}
