//! Measures the 99.9th percentile of warm answers at half of the maximum rate, while people sign in and Redis is slow.
//!
//! Requests are sent in an open loop, so the time of an answer counts from when its request was due. Everything but
//! Gatepost and the load generator runs with low priority, because there are only two cores.

use super::Stage;
use super::production::contestant;
use super::sign_ins::{Path, Town};
use crate::cores;
use crate::load::{Pace, Requests, Tally, Visitor};
use crate::measure::{Contestant, Outcome, Schedule};
use crate::report::Row;
use crate::site::Ground;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::io;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// The delay of Redis in each direction.
const SLOW: Duration = Duration::from_millis(20);
/// The time between two sign-ins, for 50 per second.
const GAP: Duration = Duration::from_millis(20);
/// The largest number of concurrent sign-ins. At half a second each, 50 per second are 25 at once. Without this limit,
/// sign-ins would pile up on a slow core until each missed its store's deadline.
const UNDER_WAY: usize = 40;
const PEOPLE: usize = 200;
const SESSIONS: usize = 1_000;
const CONNECTIONS: usize = 64;

/// Measures the 99.9th percentile under these conditions.
pub async fn run(stage: &mut Stage) -> io::Result<()> {
    let ground = stage.ground.clone();
    let town = Town::build(&ground, Path::ThroughProxy).await?;
    let people: Vec<String> = (0..PEOPLE).map(|number| format!("guest-{number}")).collect();
    town.welcome(&people).await?;
    let known = town.site.people(PEOPLE).await?;
    let visitors = town.site.sessions(&known, SESSIONS, town.site.addresses.host, None).await?;
    let asked = asked(&town, visitors);
    asked.become_known(ground.cores).await?;
    let most = asked.measure(ground.cores, stage.tempo.short()).await?.per_second;
    let half = Contestant { pace: Pace::Open(most / 2.0), ..asked };
    town.slow_down(SLOW).await;
    let seconds = if stage.tempo.is_quick { 2 } else { 10 };
    let schedule =
        Schedule { rounds: 3, warm_up: Duration::from_secs(1), counted: Duration::from_secs(seconds) };
    let (outcome, SignIns { done, failed, left_out }) =
        measure(&half, &ground, schedule, &town, &people).await?;
    let rate = format!("{:.0} of {most:.0} requests a second", most / 2.0);
    let late = outcome.of(|sample| sample.late).median / 1000.0;
    let due = done + failed + left_out;
    if done * 2 < due {
        return Err(io::Error::other(format!("{done} of {due} sign-ins: that is no load")));
    }
    let note = format!(
        "{rate}; {done} of {due} sign-ins meanwhile, {failed} told to try again, {left_out} too many for the load's core; \
         the load itself {late:.2} ms late (p99.9)"
    );
    let p999 = outcome.of(|sample| sample.p999 / 1000.0);
    let fact =
        stage.report.fact("p99.9 of a warm /verify, sign-ins at 50/s, Redis 40 ms slow", p999, "ms", &note);
    fact.must("p99.9 of a warm /verify at half of the most, sign-ins at 50/s, one store slow", 20.0, 5.0);
    let title = format!("Warm at half load, {rate}, with sign-ins at 50/s and a Redis 40 ms slow");
    stage.report.rows.push(Row { title, outcomes: vec![outcome] });
    Ok(())
}

fn asked(town: &Town, visitors: Vec<Visitor>) -> Contestant {
    let addresses = &town.site.addresses;
    let requests = Requests::pages("/verify", addresses.host).with("X-Forwarded-Proto", "http");
    let requests = Arc::new(requests.by(addresses.cookie, visitors.into()).ready());
    let watched = town.site.watched(&town.gatepost);
    Contestant {
        connections: CONNECTIONS,
        ..contestant("Gatepost", town.gatepost.internal(), requests, watched)
    }
}

/// The results of the sign-ins.
#[derive(Default)]
struct SignIns {
    done: usize,
    /// Sign-ins that got 503, which is allowed while a store is slow.
    failed: usize,
    /// Sign-ins that were not started, because [`UNDER_WAY`] were already running.
    left_out: usize,
}

/// Runs all rounds on a thread with normal priority, and the sign-ins at the same time with low priority.
async fn measure(
    half: &Contestant,
    ground: &Ground,
    schedule: Schedule,
    town: &Town,
    people: &[String],
) -> io::Result<(Outcome, SignIns)> {
    let (tell, told) = mpsc::channel();
    let (go, gone) = mpsc::channel::<()>();
    let (contestant, cores) = (half.clone(), ground.cores);
    let load = thread::spawn(move || -> io::Result<Vec<Tally>> {
        // The caller waits for both.
        let _ = (tell.send(cores::own_id()), gone.recv());
        (0..schedule.rounds).map(|_| contestant.run(cores, schedule)).collect()
    });
    let own = told.recv().map_err(io::Error::other)?;
    cores::be_nice(std::process::id(), Some(own))?;
    for watched in town.site.watched(&town.gatepost).iter().skip(1) {
        watched.be_nice()?;
    }
    go.send(()).map_err(io::Error::other)?;
    let sign_ins = sign_in_while(town, people, || !load.is_finished()).await;
    let tallies = load.join().map_err(|_| io::Error::other("the load panicked"))??;
    let mut outcome = half.unmeasured();
    for tally in tallies {
        outcome.samples.push(half.sample(tally)?);
    }
    Ok((outcome, sign_ins))
}

async fn sign_in_while(town: &Town, people: &[String], goes_on: impl Fn() -> bool) -> SignIns {
    let mut ticks = interval(GAP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut under_way = FuturesUnordered::new();
    let mut next = people.iter().cycle();
    let mut told = SignIns::default();
    while goes_on() {
        tokio::select! {
            _ = ticks.tick() => {
                if under_way.len() < UNDER_WAY {
                    under_way.extend(next.next().map(|name| town.sign_in(name)));
                } else {
                    told.left_out += 1;
                }
            }
            Some(result) = under_way.next() => if result.is_ok() { told.done += 1 } else { told.failed += 1 },
        }
    }
    told
}
