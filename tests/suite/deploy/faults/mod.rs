//! All faults of docs/scaling.md, in an order that a seed decides, on two replicas behind the real Traefik under load, while the
//! directory is changed. Nobody may be let in more than a second after a change that put them out was acknowledged, and nobody
//! signed out who was not. `script/faults` runs it.

mod changes;
mod databases;
mod events;
mod load;
mod made_up;
mod report;
mod schedule;
mod site;

use changes::{History, Toggled, end_for_good};
use databases::Databases;
use events::Maker;
use gatepost_kit::history::Dice;
pub use load::Rates;
use load::{Credential, Load};
pub use report::Run;
pub use schedule::Kind;
use schedule::Schedule;
use site::{CHAT, Site};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Who stay signed in. Each asks one request at a time.
const WARM_PEOPLE: usize = 16;
const COLD_ASKERS: usize = 4;
/// Who sign in again and again: more than 30 sign-ins of one person in a minute would be taken for redirects that go round.
const GUESTS: usize = 8;
const LEAVERS: usize = 6;
const TOGGLED: [&str; 2] = ["member", "owner"];
/// How long the load runs before the first fault.
const BEFORE: Duration = Duration::from_secs(5);

/// How long, and how much.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    /// No fault begins later. With 0 each happens once.
    pub length: Duration,
    /// Which kinds happen.
    pub kinds: Vec<Kind>,
    pub rates: Rates,
    /// How long the leader stands still.
    pub still: Duration,
    /// An empty folder for everything that a reader may want to see.
    pub debris: PathBuf,
}

fn people(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{name}{number}")).collect()
}

/// Between two requests of one of so many askers who have a rate together.
fn pause(rate: u64, askers: usize) -> Duration {
    Duration::from_nanos(1_000_000_000 * askers as u64 / rate.max(1))
}

/// Runs the schedule of this seed.
pub async fn run(plan: &Plan) -> Run {
    let (regulars, guests, leavers) =
        (people("regular", WARM_PEOPLE), people("guest", GUESTS), people("leaver", LEAVERS));
    let toggled = TOGGLED.map(str::to_owned);
    let everybody = [&regulars[..], &guests, &leavers, &toggled].concat();
    let databases = Databases::start().await;
    let site = Arc::new(Site::start(&databases, &everybody, &plan.debris).await);
    let (load, history) = (Arc::new(Load::default()), Arc::new(History::default()));
    let mut sessions = Vec::new();
    for regular in &regulars {
        sessions.push(Credential::Session(site.signed_in(regular, CHAT).await.expect("a sign-in")));
    }
    for leaver in &leavers {
        let session = Credential::Session(site.signed_in(leaver, CHAT).await.expect("a sign-in"));
        let end = ["session", "end", "--user", &format!("{leaver}@example.com")];
        site.command(&end).await.expect("a command");
        load.has_ended(session);
    }
    let toggled = Toggled::prepare(&site, TOGGLED).await;
    site.redis.settled().await;
    // Everybody has heard of that.
    sleep(gatepost_kit::history::BOUND).await;

    let started_at = Instant::now();
    let mut tasks = JoinSet::new();
    for (asker, session) in sessions.into_iter().enumerate() {
        let (load, every) = (Arc::clone(&load), pause(plan.rates.warm, WARM_PEOPLE));
        tasks.spawn(async move { load.warm(asker, &session, every).await });
    }
    for asker in 0..COLD_ASKERS {
        let (load, every) = (Arc::clone(&load), pause(plan.rates.cold, COLD_ASKERS));
        tasks.spawn(async move { load.cold(asker, every).await });
    }
    {
        let (load, site, every) = (Arc::clone(&load), Arc::clone(&site), pause(plan.rates.sign_ins, 1));
        tasks.spawn(async move { load.sign_ins(&site, &guests, every).await });
    }
    let dice = Dice(plan.seed.rotate_left(32) | 1);
    {
        let (load, site, history) = (Arc::clone(&load), Arc::clone(&site), Arc::clone(&history));
        tasks.spawn(async move { toggled.run(&site, &load, &history, TOGGLED, dice).await });
    }
    let ends = end_for_good(
        Arc::clone(&site),
        Arc::clone(&load),
        Arc::clone(&history),
        leavers,
        Dice(dice.0.rotate_left(7) | 1),
    );
    tasks.spawn(ends);

    sleep(BEFORE).await;
    let mut maker = Maker { site: &site, load: &load, databases, still: plan.still };
    let mut events = Vec::new();
    let schedule = Schedule::new(plan.seed, 2, &plan.kinds);
    let once = schedule.left_of_round();
    for planned in schedule {
        let is_over =
            if plan.length.is_zero() { events.len() == once } else { started_at.elapsed() >= plan.length };
        if is_over {
            break;
        }
        println!("{:>6.1} s  {}", started_at.elapsed().as_secs_f32(), planned.kind.name());
        events.push(maker.carry_out(planned).await);
    }
    load.is_over.store(true, Ordering::Relaxed);
    while let Some(ended) = tasks.join_next().await {
        ended.expect("who ask and change go on");
    }
    let samples = load.samples();
    let run = Run { started_at, events, samples, late: history.late(), warm_askers: WARM_PEOPLE };
    let done = history.done.lock().unwrap().clone();
    println!(
        "{} changes, {} commands failed, {} answers in their history",
        done.0,
        done.1.len(),
        history.answers()
    );
    site.leave_logs();
    leave(plan, &run, &done.1);
    run
}

/// Leaves what was seen in the folder.
fn leave(plan: &Plan, run: &Run, commands: &[String]) {
    let verdicts: Vec<String> = run.verdicts().iter().map(ToString::to_string).collect();
    for (file, text) in [
        ("plan.txt", format!("{plan:?}\n")),
        ("events.txt", run.events()),
        ("failures.csv", run.failures()),
        ("wrong.txt", run.wrong().join("\n")),
        ("commands-that-failed.txt", commands.join("\n")),
        ("report.md", format!("{}\n{}\n", run.table(), verdicts.join("\n"))),
    ] {
        std::fs::write(plan.debris.join(file), text).expect("the folder is ours");
    }
}
