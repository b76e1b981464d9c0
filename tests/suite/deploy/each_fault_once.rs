//! Each fault once, under a small load and a fixed seed. `script/faults` runs more of them for longer.

use super::faults::{Plan, Rates, run};
use std::time::Duration;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_lets_anybody_in_late_or_signs_anybody_out() {
    let debris = TempDir::with_prefix("gatepost-faults-").unwrap();
    let plan = Plan {
        seed: 19,
        length: Duration::ZERO,
        rates: Rates { warm: 60, cold: 10, sign_ins: 1 },
        still: Duration::from_secs(6),
        debris: debris.path().to_owned(),
    };
    let run = run(&plan).await;
    println!("{}", run.table());
    println!("{}", run.events());
    let wrong = run.wrong();
    if !wrong.is_empty() {
        println!("kept: {}", debris.keep().display());
    }
    assert!(wrong.is_empty(), "{} wrong answers:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
}
