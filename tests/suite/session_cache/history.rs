//! A history of what was sent, answered and acknowledged, on two replicas under a schedule of faults: no request that was
//! sent 1 s after a change was acknowledged may be answered as before it.
//!
//! The schedule is random; its seed is printed, and `GATEPOST_TEST_SEED` repeats it.

use super::bound::NO_STAND_IN;
use super::{TIMEOUT, another_with};
use crate::answers::Asked;
use crate::stores::gate::Gate;
use gatepost_kit::faulty::{FaultyProxy, Mode};
pub(super) use gatepost_kit::history::{BOUND, Dice, Out, Passed, assert_bound};
use gatepost_kit::process::{Gatepost, until};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const LENGTH: Duration = Duration::from_secs(40);
/// Two of each replica.
const CLIENTS: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn no_request_sent_a_second_after_a_change_is_answered_as_before_it() {
    let seed = seed();
    println!("GATEPOST_TEST_SEED={seed}");
    let gate = Arc::new(Gate::remembering(&NO_STAND_IN).await);
    let to_second = FaultyProxy::start(gate.postgres.addr()).await;
    let url = gate
        .postgres
        .url(&gate.database)
        .replace(&gate.postgres.addr().to_string(), &to_second.addr().to_string());
    let second = Arc::new(another_with(&gate.world, &[("DATABASE_URL", &url)]).await);
    second.wait_ready().await;
    let browser = gate.signed_in().await;
    let asked = Asked::fetch("/").by(&browser).requiring("group=Watched");
    let is_over = Arc::new(AtomicBool::new(false));

    let mut clients = JoinSet::new();
    for client in 0..CLIENTS * 2 {
        let (asked, is_over) = (asked.clone(), Arc::clone(&is_over));
        let (gate, second) = (Arc::clone(&gate), Arc::clone(&second));
        clients.spawn(async move {
            let replica = client % 2;
            let target = if replica == 0 { &gate.world.gatepost } else { &*second };
            ask(&asked, target, replica, &is_over).await
        });
    }
    let changing = async {
        let outs = change(&gate, Dice(seed.rotate_left(32) | 1)).await;
        is_over.store(true, Ordering::Relaxed);
        outs
    };
    let (outs, faults) = tokio::join!(changing, disturb(&gate, &second, &to_second, &is_over, Dice(seed)));
    let passed: Vec<Passed> = clients.join_all().await.into_iter().flatten().collect();
    println!("{} answers of 200, {} changes, faults: {faults:?}", passed.len(), outs.len());

    assert_bound(&passed, &outs);
    assert!(outs.len() >= 4, "too few changes to say anything: {}", outs.len());
    for replica in 0..2 {
        let count = passed.iter().filter(|one| one.replica == replica).count();
        assert!(count > 20, "replica {replica} let somebody in only {count} times");
    }
}

/// Waits for a refusal that was asked for 1 s after the change was acknowledged; nobody may be let in by then.
pub(super) async fn binds(replica: &Gatepost, asked: &Asked, acknowledged: Instant) {
    until("a refusal after the bound", TIMEOUT, async || {
        let is_bound = Instant::now() > acknowledged + BOUND;
        let told = asked.at(replica).await;
        assert!(!is_bound || told.status != 200, "let in {:?} after the change", acknowledged.elapsed());
        (is_bound && [401, 403].contains(&told.status)).then_some(())
    })
    .await;
}

#[expect(clippy::disallowed_methods, reason = "a test's own setting, and its own random number")]
pub(super) fn seed() -> u64 {
    let chosen = std::env::var("GATEPOST_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    chosen.unwrap_or_else(|| u64::from_le_bytes(uuid::Uuid::new_v4().as_bytes()[..8].try_into().unwrap()) | 1)
}

pub(super) async fn ask(
    asked: &Asked,
    replica: &Gatepost,
    number: usize,
    is_over: &AtomicBool,
) -> Vec<Passed> {
    let mut passed = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let sent = Instant::now();
        // A stopped replica answers when it goes on: what was sent meanwhile counts too.
        if let Ok(told) = timeout(Duration::from_secs(20), asked.at(replica)).await
            && told.status == 200
        {
            passed.push(Passed { sent, answered: Instant::now(), replica: number });
        }
        sleep(Duration::from_millis(4)).await;
    }
    passed
}

/// Takes Alice out of the group and puts her back, by the view that other programs write.
async fn change(gate: &Gate, mut dice: Dice) -> Vec<Out> {
    let begun = Instant::now();
    let sql = async |statement: &str| gate.postgres.sql(&gate.database, statement).await;
    let mut outs = Vec::new();
    while begun.elapsed() < LENGTH {
        sql("INSERT INTO user_group_membership VALUES ('alice@example.com', 'Watched')").await;
        sleep(Duration::from_millis(500 + dice.roll(2_500))).await;
        sql("DELETE FROM user_group_membership WHERE group_name = 'Watched'").await;
        let acknowledged = Instant::now();
        sleep(Duration::from_millis(1_500 + dice.roll(2_500))).await;
        outs.push(Out { acknowledged, over: Instant::now() });
    }
    outs
}

/// One fault after another, on one replica or the other; returns what was done.
pub(super) async fn disturb(
    gate: &Gate,
    second: &Gatepost,
    to_second: &FaultyProxy,
    is_over: &AtomicBool,
    mut dice: Dice,
) -> Vec<String> {
    let mut done = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let (replica, proxy) =
            if dice.roll(2) == 0 { (&gate.world.gatepost, &gate.to_postgres) } else { (second, to_second) };
        let length = Duration::from_millis(200 + dice.roll(2_500));
        let mode = match dice.roll(6) {
            0 => Some(Mode::Stall),
            1 => Some(Mode::HalfOpen),
            2 => Some(Mode::Slow(Duration::from_millis(20 + dice.roll(300)))),
            3 => Some(Mode::Refuse),
            4 => None,
            _ => {
                // Every LISTEN ends, and every look-up under way.
                let ours = format!("datname = '{}' AND application_name = 'gatepost'", gate.database);
                let statement =
                    format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {ours}");
                gate.postgres.sql("postgres", &statement).await;
                done.push("terminated".to_owned());
                sleep(length).await;
                continue;
            }
        };
        done.push(format!("{mode:?} {length:?}"));
        if let Some(mode) = mode {
            proxy.set(mode).await;
            sleep(length).await;
            proxy.set(Mode::Pass).await;
        } else {
            replica.sigstop();
            sleep(length * 2).await;
            replica.sigcont();
        }
        sleep(Duration::from_millis(dice.roll(1_500))).await;
    }
    done
}
