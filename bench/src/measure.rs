//! Contestants in turns: each round measures every one of them, so that what moves the machine moves all alike.

use crate::cores::{self, Cores};
use crate::cpu::Watched;
use crate::load::{Load, Pace, Requests, Tally, Wire};
use crate::stats::{Latencies, Spread};
use serde::Serialize;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Somebody who answers.
#[derive(Clone, Debug)]
pub struct Contestant {
    /// For tables.
    pub name: String,
    /// Where it listens.
    pub addr: SocketAddr,
    /// What it is asked.
    pub requests: Arc<Requests>,
    /// How many requests are under way at once.
    pub connections: usize,
    /// What requests travel by.
    pub wire: Wire,
    /// How requests follow one another.
    pub pace: Pace,
    /// Every visitor asks once, one after another, and that is all.
    pub is_each_once: bool,
    /// Whose cost counts, itself first.
    pub watched: Vec<Watched>,
}

/// How long each contestant is measured in each round.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// How many rounds.
    pub rounds: usize,
    /// Before anything counts.
    pub warm_up: Duration,
    /// What counts.
    pub counted: Duration,
}

impl Turn {
    /// How long all rounds of so many contestants last.
    pub fn of_all(self, contestants: usize) -> Duration {
        let turns = u32::try_from(self.rounds * contestants).unwrap_or(u32::MAX);
        (self.warm_up + self.counted) * turns
    }
}

/// One measurement.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sample {
    /// Right answers a second.
    pub per_second: f64,
    /// Microseconds on a core for each, of each watched process.
    pub cpu: Vec<f64>,
    /// Microseconds until the answer: median.
    pub p50: f64,
    /// Of 99 in 100.
    pub p99: f64,
    /// Of 999 in 1000.
    pub p999: f64,
    /// How busy the load's thread was: at 1 the load is the limit, not the server.
    pub load: f64,
    /// Open loop: how late the load itself was, of 999 in 1000.
    pub late: f64,
}

/// All measurements of one contestant.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Who.
    pub name: String,
    /// Names of the processes, in the order of [`Sample::cpu`].
    pub processes: Vec<String>,
    /// One of each round.
    pub samples: Vec<Sample>,
}

impl Outcome {
    /// Median and spread of a figure.
    ///
    /// # Panics
    /// Without any round.
    pub fn of(&self, figure: impl Fn(&Sample) -> f64) -> Spread {
        Spread::of(self.samples.iter().map(figure)).expect("there is a round")
    }

    /// A figure of each round.
    pub fn each(&self, figure: impl Fn(&Sample) -> f64) -> Vec<f64> {
        self.samples.iter().map(figure).collect()
    }
}

/// Measures all in turns.
///
/// # Errors
/// Somebody answered wrongly, or not at all: such a row has no figures.
pub async fn in_turns(cores: Cores, contestants: &[Contestant], turn: Turn) -> io::Result<Vec<Outcome>> {
    let mut outcomes: Vec<Outcome> = contestants.iter().map(Contestant::unmeasured).collect();
    for _ in 0..turn.rounds {
        for (contestant, outcome) in contestants.iter().zip(&mut outcomes) {
            outcome.samples.push(contestant.measure(cores, turn).await?);
        }
    }
    Ok(outcomes)
}

impl Contestant {
    /// Before the first round.
    pub(crate) fn unmeasured(&self) -> Outcome {
        let processes = self.watched.iter().map(|watched| watched.name.clone()).collect();
        Outcome { name: self.name.clone(), processes, samples: Vec::new() }
    }

    /// Measures once.
    ///
    /// # Errors
    /// A wrong answer, or none.
    pub async fn measure(&self, cores: Cores, turn: Turn) -> io::Result<Sample> {
        let contestant = self.clone();
        let tally = tokio::task::spawn_blocking(move || contestant.run(cores, turn)).await??;
        self.sample(tally)
    }

    /// Has everybody ask once, and again who was not answered.
    ///
    /// # Errors
    /// Many are answered wrongly.
    pub async fn become_known(&self, cores: Cores) -> io::Result<()> {
        let everybody = Self { is_each_once: true, ..self.clone() };
        let turn = Turn { rounds: 1, warm_up: Duration::ZERO, counted: Duration::from_mins(10) };
        everybody.measure(cores, turn).await.map(drop)
    }

    pub(crate) fn run(&self, cores: Cores, turn: Turn) -> io::Result<Tally> {
        cores::pin_here(cores.load)?;
        let load = Load {
            addr: self.addr,
            requests: &self.requests,
            connections: self.connections,
            wire: &self.wire,
            pace: self.pace,
            is_each_once: self.is_each_once,
            warm_up: turn.warm_up,
            counted: turn.counted,
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
