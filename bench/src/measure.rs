//! Measures the compared servers in turns. Each round measures every one of them, so that changes in the machine's
//! speed affect all.

use crate::cores::{self, Cores};
use crate::cpu::Watched;
use crate::load::{Load, Pace, Requests, Tally, Wire};
use crate::stats::{Latencies, Spread};
use serde::Serialize;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A server that is compared.
#[derive(Clone, Debug)]
pub struct Contestant {
    /// The name in tables.
    pub name: String,
    /// The address of the server.
    pub addr: SocketAddr,
    /// The requests that are sent to it.
    pub requests: Arc<Requests>,
    /// The number of concurrent requests.
    pub connections: usize,
    /// The protocol.
    pub wire: Wire,
    /// When the next request is sent.
    pub pace: Pace,
    /// Whether each visitor sends only one request.
    pub is_each_once: bool,
    /// The processes whose CPU time is measured. The server itself is the first.
    pub watched: Vec<Watched>,
}

/// How often and for how long each server is measured.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// The number of rounds.
    pub rounds: usize,
    /// The warm-up time, which is not measured.
    pub warm_up: Duration,
    /// The measured time.
    pub counted: Duration,
}

impl Schedule {
    /// The time of all rounds with this many servers.
    pub fn total(self, contestants: usize) -> Duration {
        let turns = u32::try_from(self.rounds * contestants).unwrap_or(u32::MAX);
        (self.warm_up + self.counted) * turns
    }
}

/// One measurement.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sample {
    /// Correct answers per second.
    pub per_second: f64,
    /// The CPU time of each watched process per answer, in microseconds.
    pub cpu: Vec<f64>,
    /// The median time of an answer, in microseconds.
    pub p50: f64,
    /// The 99th percentile, in microseconds.
    pub p99: f64,
    /// The 99.9th percentile, in microseconds.
    pub p999: f64,
    /// How busy the load generator's thread was. At 1, it is the limit, not the server.
    pub load: f64,
    /// The 99.9th percentile of how late the load generator sent requests, in an open loop.
    pub late: f64,
}

/// All measurements of one server.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The name of the server.
    pub name: String,
    /// The names of the processes, in the order of [`Sample::cpu`].
    pub processes: Vec<String>,
    /// One measurement for each round.
    pub samples: Vec<Sample>,
}

impl Outcome {
    /// The median and spread of a value over all rounds.
    ///
    /// # Panics
    /// If there are no rounds.
    pub fn of(&self, figure: impl Fn(&Sample) -> f64) -> Spread {
        Spread::of(self.samples.iter().map(figure)).expect("there is a round")
    }

    /// A value of each round.
    pub fn each(&self, figure: impl Fn(&Sample) -> f64) -> Vec<f64> {
        self.samples.iter().map(figure).collect()
    }
}

/// Measures all servers, one after the other in each round.
///
/// # Errors
/// A server gave a wrong answer or none. Such a row has no results.
pub async fn measure_in_rounds(
    cores: Cores,
    contestants: &[Contestant],
    schedule: Schedule,
) -> io::Result<Vec<Outcome>> {
    let mut outcomes: Vec<Outcome> = contestants.iter().map(Contestant::unmeasured).collect();
    for _ in 0..schedule.rounds {
        for (contestant, outcome) in contestants.iter().zip(&mut outcomes) {
            outcome.samples.push(contestant.measure(cores, schedule).await?);
        }
    }
    Ok(outcomes)
}

impl Contestant {
    /// An empty outcome, before the first round.
    pub(crate) fn unmeasured(&self) -> Outcome {
        let processes = self.watched.iter().map(|watched| watched.name.clone()).collect();
        Outcome { name: self.name.clone(), processes, samples: Vec::new() }
    }

    /// Makes one measurement.
    ///
    /// # Errors
    /// The server gave a wrong answer or none.
    pub async fn measure(&self, cores: Cores, schedule: Schedule) -> io::Result<Sample> {
        let contestant = self.clone();
        let tally = tokio::task::spawn_blocking(move || contestant.run(cores, schedule)).await??;
        self.sample(tally)
    }

    /// Sends one request for each visitor, and repeats it after a wrong answer.
    ///
    /// # Errors
    /// There were too many wrong answers.
    pub async fn become_known(&self, cores: Cores) -> io::Result<()> {
        let everybody = Self { is_each_once: true, ..self.clone() };
        let schedule = Schedule { rounds: 1, warm_up: Duration::ZERO, counted: Duration::from_mins(10) };
        everybody.measure(cores, schedule).await.map(drop)
    }

    pub(crate) fn run(&self, cores: Cores, schedule: Schedule) -> io::Result<Tally> {
        cores::pin_here(cores.load)?;
        let load = Load {
            addr: self.addr,
            requests: &self.requests,
            connections: self.connections,
            wire: &self.wire,
            pace: self.pace,
            is_each_once: self.is_each_once,
            warm_up: schedule.warm_up,
            counted: schedule.counted,
            watched: &self.watched,
        };
        load.run()
    }

    pub(crate) fn sample(&self, mut tally: Tally) -> io::Result<Sample> {
        let name = &self.name;
        if let Some(first) = tally.first_wrong {
            return Err(io::Error::other(format!(
                "{name}: {} wrong answers, the first: {first}",
                tally.wrong
            )));
        }
        if tally.broken > 0 {
            return Err(io::Error::other(format!("{name}: {} connections broke", tally.broken)));
        }
        if tally.latencies.is_empty() {
            return Err(io::Error::other(format!("{name}: no answer within {:?}", tally.lasted)));
        }
        let (count, lasted) = (tally.latencies.len() as f64, tally.lasted.as_secs_f64());
        let micros = |latencies: &mut Latencies, rank| latencies.per_mille(rank);
        Ok(Sample {
            per_second: count / lasted,
            cpu: tally.nanos.iter().map(|nanos| *nanos as f64 / 1000.0 / count).collect(),
            p50: micros(&mut tally.latencies, 500),
            p99: micros(&mut tally.latencies, 990),
            p999: micros(&mut tally.latencies, 999),
            load: tally.own_nanos as f64 / 1e9 / lasted,
            late: micros(&mut tally.lateness, 999),
        })
    }
}
