//! Made-up runs, and what the report says about them.

use super::events::Event;
use super::load::{Lane, Outcome, Sample};
use super::report::Run;
use super::schedule::Kind;
use std::time::{Duration, Instant};

const WARM_ASKERS: usize = 16;
/// The fault is there from here to the end of the run, and was repaired in between. In milliseconds after the start.
const FAULT: u64 = 10_000;
const REPAIRED: u64 = 15_000;
const END: u64 = 40_000;

/// A run with one fault and a right answer of each lane every 100 ms.
fn run(kind: Kind) -> Run {
    let started_at = Instant::now();
    let at = |millis| started_at + Duration::from_millis(millis);
    let event = Event {
        kind,
        started_at: at(FAULT),
        repaired_at: at(REPAIRED),
        ended_at: at(END),
        leaders: Vec::new(),
        detail: String::new(),
    };
    let mut run = Run {
        started_at,
        events: vec![event],
        samples: Vec::new(),
        late: Vec::new(),
        warm_askers: WARM_ASKERS,
    };
    for lane in Lane::ALL {
        for sent in (0..END).step_by(100) {
            answer(&mut run, lane, sent, (200, Outcome::Right));
        }
    }
    run
}

/// Adds an answer that took 10 ms.
fn answer(run: &mut Run, lane: Lane, sent: u64, (status, outcome): (u16, Outcome)) {
    let sent = run.started_at + Duration::from_millis(sent);
    let answered = sent + Duration::from_millis(10);
    run.samples.push(Sample { lane, asker: 0, sent, answered, status, outcome });
}

/// Takes the answers of a lane away that were sent from here to there, and adds one that failed at the end.
fn fail(run: &mut Run, lane: Lane, from: u64, to: u64) {
    let [from, until] = [from, to].map(|millis| run.started_at + Duration::from_millis(millis));
    run.samples.retain(|one| one.lane != lane || one.sent < from || one.sent > until);
    answer(run, lane, to, (503, Outcome::Failed));
}

fn missed(run: &Run) -> Vec<String> {
    let lines = run.verdicts().into_iter().map(|verdict| verdict.to_string());
    lines.filter(|line| line.starts_with("MISSED")).collect()
}

#[test]
fn a_run_in_which_every_answer_is_right_misses_nothing() {
    for kind in Kind::ALL {
        let run = run(kind);
        assert!(run.holds() && missed(&run).is_empty(), "{kind:?}");
        assert!(run.verdicts().iter().any(|verdict| verdict.to_string().starts_with("ok  ")), "{kind:?}");
    }
}

#[test]
fn each_number_that_is_missed_is_reported_as_missed() {
    // The kind, the lane that fails, from when to when, and what is said.
    let cases = [
        (Kind::RollingRestart, Lane::SignIn, 20_000, 20_000, "rolling restart: 0 failed: 1 of 900"),
        (Kind::RollingRestart, Lane::Warm, 39_000, 39_000, "rolling restart: 0 failed: 1 of 900"),
        (Kind::ReplicaKilled, Lane::SignIn, 10_100, 12_000, "replica killed: all well in 2 s: 2.1 s"),
        (Kind::ReplicaKilled, Lane::Cold, 30_000, 30_000, "replica killed: all well in 2 s: 20.1 s"),
        (
            Kind::RedisKilled,
            Lane::Warm,
            10_000,
            10_000,
            "Redis primary killed: no warm request fails: 1 of 300",
        ),
        (
            Kind::RedisKilled,
            Lane::SignIn,
            10_000,
            15_000,
            "Redis primary killed: sign-in again in 5 s: 5.1 s",
        ),
        (
            Kind::PostgresLost,
            Lane::Warm,
            15_100,
            15_100,
            "Postgres primary lost: no warm request fails: 1 of 300",
        ),
        (
            Kind::PostgresLost,
            Lane::Cold,
            11_000,
            25_000,
            "Postgres primary lost: all well 10 s after the promotion: 10.1 s",
        ),
    ];
    for (kind, lane, from, to, what) in cases {
        let mut run = run(kind);
        fail(&mut run, lane, from, to);
        assert_eq!(missed(&run), [format!("MISSED  {what}")]);
        assert!(!run.holds());
    }
}

#[test]
fn what_is_allowed_while_a_fault_lasts_is_not_missed() {
    let cases = [
        (Kind::ReplicaKilled, Lane::SignIn, 10_000, 11_800),
        (Kind::RedisKilled, Lane::SignIn, 10_000, 14_800),
        (Kind::RedisKilled, Lane::Cold, 10_000, 39_000),
        (Kind::PostgresLost, Lane::Cold, 10_000, 24_800),
        (Kind::PostgresLost, Lane::SignIn, 10_000, 24_800),
        (Kind::LeaderStill, Lane::Warm, 10_000, 20_000),
        (Kind::Partition, Lane::Warm, 10_000, 20_000),
        // Before the fault.
        (Kind::RollingRestart, Lane::Warm, 1_000, 2_000),
    ];
    for (kind, lane, from, to) in cases {
        let mut run = run(kind);
        fail(&mut run, lane, from, to);
        assert!(run.holds(), "{:?}", missed(&run));
    }
}

#[test]
fn more_failures_than_there_can_be_requests_in_flight_are_missed() {
    for (failures, holds) in [(WARM_ASKERS, true), (WARM_ASKERS + 1, false)] {
        let mut run = run(Kind::ReplicaKilled);
        for _ in 0..failures {
            answer(&mut run, Lane::Warm, FAULT, (502, Outcome::Failed));
        }
        let what = "replica killed: at most the 16 warm requests in flight fail: at most 17";
        let expected = if holds { Vec::new() } else { vec![format!("MISSED  {what}")] };
        assert_eq!(missed(&run), expected);
    }
}

#[test]
fn a_leader_that_is_late_is_missed() {
    for (cause, must, took) in
        [("killed", "4.6", 4_700), ("SIGTERM", "0.6", 700), ("stands still", "4.6", 4_700)]
    {
        let mut run = run(Kind::LeaderStill);
        run.events[0].leaders =
            vec![(cause, Duration::from_millis(100)), (cause, Duration::from_millis(took))];
        let seen = Duration::from_millis(took).as_secs_f32();
        assert_eq!(missed(&run), [format!("MISSED  leader ({cause}): another one in {must} s: {seen:.1} s")]);
    }
}

#[test]
fn a_wrong_answer_is_missed_and_described_also_where_no_fault_was() {
    use super::changes::{Answer, Late};
    let mut during = run(Kind::Partition);
    answer(&mut during, Lane::Warm, 12_000, (401, Outcome::Wrong));
    assert_eq!(missed(&during), ["MISSED  partition of 5 s: no wrong answer: 1"]);
    assert_eq!(during.wrong(), ["12.0 s (partition of 5 s): Warm 0 was answered 401"]);

    let mut late = run(Kind::Partition);
    let sent = late.started_at + Duration::from_secs(12);
    let answered = Answer { sent, answered: sent, status: 200 };
    late.late.push(Late { what: "a key".to_owned(), answer: answered, after: Duration::from_secs(2) });
    assert_eq!(missed(&late), ["MISSED  partition of 5 s: no wrong answer: 1"]);
    assert_eq!(late.wrong(), ["12.0 s (partition of 5 s): a key was answered 200 2s after the change"]);

    let mut before = run(Kind::Partition);
    answer(&mut before, Lane::Cold, 1_000, (200, Outcome::Wrong));
    assert!(missed(&before).is_empty(), "no number of a fault");
    assert!(!before.holds(), "and the run fails all the same");
    assert_eq!(before.wrong(), ["1.0 s (no fault): Cold 0 was answered 200"]);
}
