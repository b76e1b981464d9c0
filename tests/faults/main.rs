//! The faults of docs/scaling.md for minutes, in an order that a seed decides, through the real Traefik and the shipped files.
//! `script/faults` runs this.

#![expect(clippy::unwrap_used, reason = "in a test an error is a failure")]

#[path = "../suite/deploy/faults/mod.rs"]
#[expect(dead_code, reason = "the suite tests the report on made-up runs")]
mod faults;
#[expect(dead_code, reason = "the suite uses more of it")]
#[path = "../suite/deploy/folder.rs"]
mod folder;
#[path = "../suite/deploy/stage.rs"]
#[expect(dead_code, reason = "the suite uses the rest")]
mod stage;
#[path = "../suite/deploy/traefik.rs"]
#[expect(dead_code, reason = "the suite uses the rest")]
mod traefik;
#[path = "../suite/world.rs"]
#[expect(dead_code, unused_macros, reason = "the suite uses the rest")]
mod world;

use faults::{Kind, Plan, Rates, run};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "usage: script/faults [--seconds N] [--seed S] [--rate N] [--only FAULT]...";
/// The load under which docs/scaling.md promises its numbers.
const RATES: Rates = Rates { warm: 500, cold: 20, sign_ins: 2 };

/// A path of the repository; what the suite's modules ask the module above them.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The plan of these arguments. `None`: they are not understood.
#[expect(clippy::disallowed_methods, reason = "a seed, and the name of a folder")]
fn plan(arguments: &[String]) -> Option<Plan> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let (mut seconds, mut seed, mut rates) = (600, u64::from(now.subsec_nanos()), RATES);
    let mut kinds = Vec::new();
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return None };
        match name.as_str() {
            "--seconds" => seconds = value.parse().ok()?,
            "--seed" => seed = value.parse().ok()?,
            "--rate" => rates.warm = value.parse().ok()?,
            "--only" => kinds.push(Kind::of_word(value)?),
            _ => return None,
        }
    }
    if kinds.is_empty() {
        kinds.extend(Kind::ALL);
    }
    let debris = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("faults-{}-{seed}", now.as_secs()));
    let still = Duration::from_secs(if seconds >= 600 { 30 } else { 8 });
    Some(Plan { seed, length: Duration::from_secs(seconds), kinds, rates, still, debris })
}

/// What ends with this process ends with its guards, so an interruption ends `main` and not the process.
#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(plan) = plan(&arguments) else {
        eprintln!("{USAGE}\nFAULT is one of: {}", Kind::ALL.map(Kind::word).join(", "));
        return ExitCode::from(2);
    };
    std::fs::create_dir_all(&plan.debris).unwrap();
    println!("Seed {}; everything is kept in {}", plan.seed, plan.debris.display());
    let mut interrupt = signal(SignalKind::interrupt()).unwrap();
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    tokio::select! {
        biased;
        _ = interrupt.recv() => ExitCode::from(130),
        _ = terminate.recv() => ExitCode::from(143),
        code = judged(&plan) => code,
    }
}

async fn judged(plan: &Plan) -> ExitCode {
    let run = run(plan).await;
    println!("\n{}\n{}", run.events(), run.table());
    for verdict in run.verdicts() {
        println!("{verdict}");
    }
    for line in run.wrong() {
        println!("WRONG   {line}");
    }
    println!("Seed {}; everything is kept in {}", plan.seed, plan.debris.display());
    if run.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
