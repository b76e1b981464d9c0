//! The measurements, one module for each kind of row. A row that fails is listed in the report, and the others
//! continue.

mod administration;
mod api;
mod cold;
mod copy;
mod footprint;
mod keys;
mod lists;
mod production;
mod quota;
mod replicas;
mod sessions;
mod sign_ins;
mod strangers;
mod tail;
mod tenants;
mod through_traefik;
mod tools;
mod warm;

use crate::measure::{Contestant, Schedule, measure_in_rounds};
use crate::report::{Failure, Report, Row};
use crate::site::Ground;
use futures_util::FutureExt;
use production::Production;
use std::io;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

/// A kind of row, as named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// `/verify` from memory, beside a bare handler; over http and over TLS with HTTP/2
    Warm,
    /// An API key and an access token beside a session
    Keys,
    /// Calls of a tool server beside a session; rules in memory
    Tools,
    /// Hosts of one tenant beside those of a thousand
    Tenants,
    /// A list of tools, filtered and not
    Lists,
    /// 1, 16, 128 and 2,000 connections
    Connections,
    /// A new connection for each request
    Fresh,
    /// No cookie, garbage, an API's request, a refusal
    Strangers,
    /// Every request asks the stores
    Cold,
    /// 1 k, 100 k and 1 M sessions
    Sessions,
    /// Through the real Traefik
    Traefik,
    /// Complete sign-ins
    SignIns,
    /// Idle memory, stored sessions, start
    Footprint,
    /// Lists of administrators in a large directory
    Administration,
    /// The API in a large directory, and `/verify` beside it
    Api,
    /// `gatepost copy` of a million rows
    Copy,
    /// Two replicas: how long nobody leads
    Replicas,
    /// The slowest of a thousand while sign-ins run and a store is slow
    Tail,
}

impl Kind {
    /// All kinds, in the order in which they run.
    pub const ALL: [Self; 18] = [
        Self::Warm,
        Self::Keys,
        Self::Tools,
        Self::Tenants,
        Self::Lists,
        Self::Connections,
        Self::Fresh,
        Self::Strangers,
        Self::Cold,
        Self::Sessions,
        Self::Traefik,
        Self::SignIns,
        Self::Footprint,
        Self::Administration,
        Self::Api,
        Self::Copy,
        Self::Replicas,
        // Last, because it lowers the priority of our processes, which cannot be raised again without privileges.
        Self::Tail,
    ];
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tempo {
    /// The number of rounds of each row.
    pub rounds: usize,
    /// Short rounds and small numbers, to test that everything works.
    pub is_quick: bool,
}

impl Tempo {
    /// The schedule of a row whose ratio is a figure: many short rounds, so that both servers are measured under the same
    /// conditions even if the machine's speed changes from second to second.
    pub fn deciding(self) -> Schedule {
        self.schedule(self.rounds * 4, 500)
    }

    /// The schedule of any other row.
    pub fn short(self) -> Schedule {
        self.schedule(self.rounds.min(3), 1_500)
    }

    fn schedule(self, rounds: usize, millis: u64) -> Schedule {
        let counted = Duration::from_millis(if self.is_quick { millis / 5 } else { millis });
        Schedule { rounds, warm_up: counted / 5, counted }
    }
}

/// A run of the benchmark.
#[derive(Debug)]
pub struct Stage {
    /// What all rows need.
    pub ground: Ground,
    /// How much is measured.
    pub tempo: Tempo,
    /// The results.
    pub report: Report,
}

impl Stage {
    /// Measures these kinds of rows.
    pub async fn run(&mut self, kinds: &[Kind]) {
        let in_production = [
            Kind::Warm,
            Kind::Keys,
            Kind::Tools,
            Kind::Lists,
            Kind::Connections,
            Kind::Fresh,
            Kind::Strangers,
            Kind::Cold,
            Kind::Sessions,
        ];
        let mut production = None;
        if kinds.iter().any(|kind| in_production.contains(kind)) {
            let ground = self.ground.clone();
            match no_panic(Production::set_up(&ground)).await {
                Ok(set_up) => production = Some(set_up),
                Err(error) => self.fail("Redis, Postgres, people and certificates", &error),
            }
        }
        for kind in Kind::ALL.into_iter().filter(|kind| kinds.contains(kind)) {
            let begun = Instant::now();
            let result = match (kind, &production) {
                (Kind::Warm, Some(production)) => no_panic(warm::run(self, production)).await,
                (Kind::Keys, Some(production)) => no_panic(keys::run(self, production)).await,
                (Kind::Tools, Some(production)) => no_panic(tools::run(self, production)).await,
                (Kind::Lists, Some(production)) => no_panic(lists::run(self, production)).await,
                (Kind::Connections, Some(production)) => no_panic(warm::connections(self, production)).await,
                (Kind::Fresh, Some(production)) => no_panic(warm::fresh(self, production)).await,
                (Kind::Strangers, Some(production)) => no_panic(strangers::run(self, production)).await,
                (Kind::Cold, Some(production)) => no_panic(cold::run(self, production)).await,
                (Kind::Sessions, Some(production)) => no_panic(sessions::run(self, production)).await,
                (Kind::Tenants, _) => no_panic(tenants::run(self)).await,
                (Kind::Traefik, _) => no_panic(through_traefik::run(self)).await,
                (Kind::SignIns, _) => no_panic(sign_ins::run(self)).await,
                (Kind::Footprint, _) => no_panic(footprint::run(self)).await,
                (Kind::Administration, _) => no_panic(administration::run(self)).await,
                (Kind::Api, _) => no_panic(api::run(self)).await,
                (Kind::Copy, _) => no_panic(copy::run(self)).await,
                (Kind::Replicas, _) => no_panic(replicas::run(self)).await,
                (Kind::Tail, _) => no_panic(tail::run(self)).await,
                (_, None) => continue,
            };
            if kind == Kind::Sessions {
                // The row with a million sessions uses up its stores.
                production = None;
            }
            self.done(kind, begun, result);
        }
    }

    fn done(&mut self, kind: Kind, begun: Instant, result: io::Result<()>) {
        eprintln!("{kind:?}: {:.1} s", begun.elapsed().as_secs_f64());
        if let Err(error) = result {
            self.fail(&format!("{kind:?}"), &error);
        }
    }

    fn fail(&mut self, title: &str, error: &io::Error) {
        eprintln!("{title}: {error}");
        self.report.failed.push(Failure { title: title.to_owned(), why: error.to_string() });
    }

    /// Measures servers in turns, and adds the row to the report.
    async fn row(&mut self, title: &str, contestants: &[Contestant], schedule: Schedule) -> io::Result<&Row> {
        let rows = self.rows(&[(title, contestants)], schedule).await?;
        // One was asked for.
        Ok(rows.last().expect("a row"))
    }

    /// Measures the servers of several rows in the same turns, so that the rows can also be compared with each other.
    async fn rows(&mut self, rows: &[(&str, &[Contestant])], schedule: Schedule) -> io::Result<&[Row]> {
        let contestants: Vec<Contestant> =
            rows.iter().flat_map(|(_, contestants)| contestants.iter().cloned()).collect();
        let mut outcomes = measure_in_rounds(self.ground.cores, &contestants, schedule).await?.into_iter();
        for (title, contestants) in rows {
            let outcomes = outcomes.by_ref().take(contestants.len()).collect();
            self.report.rows.push(Row { title: (*title).to_owned(), outcomes });
        }
        Ok(&self.report.rows[self.report.rows.len() - rows.len()..])
    }
}

/// Turns a panic of the test kit into an error, so that only this row fails.
async fn no_panic<T>(row: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let caught = AssertUnwindSafe(row).catch_unwind().await;
    caught.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(io::Error::other(text.or_else(|| panic.downcast_ref().copied()).unwrap_or("a panic").to_owned()))
    })
}
