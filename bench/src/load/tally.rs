//! The results of a load, and the start and end of the measured time.

use super::Load;
use crate::cpu;
use crate::stats::Latencies;
use std::io;
use std::time::{Duration, Instant};

/// The load is stopped after this many wrong answers.
const MANY: u64 = 1_000;

/// The results of a load.
#[derive(Debug, Default)]
pub struct Tally {
    /// The times of correct answers within the measured time.
    pub latencies: Latencies,
    /// How late requests were sent after they were due; empty in a closed loop.
    pub lateness: Latencies,
    /// The number of wrong answers, including the warm-up.
    pub wrong: u64,
    /// A description of the first wrong answer.
    pub first_wrong: Option<String>,
    /// The number of connections that the server closed.
    pub broken: u64,
    /// The measured time.
    pub lasted: Duration,
    /// The CPU time of each watched process within it, in nanoseconds.
    pub nanos: Vec<u64>,
    /// The CPU time of the load generator's thread, in nanoseconds.
    pub own_nanos: u64,
}

impl Tally {
    /// Whether there were too many wrong answers to continue.
    pub(super) const fn is_hopeless(&self) -> bool {
        self.wrong > MANY
    }

    /// Counts a wrong answer, and keeps the description of the first one.
    pub(super) fn note_wrong(&mut self, what: &str) {
        self.wrong += 1;
        self.first_wrong.get_or_insert_with(|| what.to_owned());
    }
}

/// The measured time of one load.
#[derive(Debug)]
pub struct Window {
    opens: Instant,
    closes: Instant,
    opened: Option<Books>,
}

#[derive(Debug)]
struct Books {
    at: Instant,
    costs: Vec<cpu::Cost>,
    own: u64,
}

impl Books {
    fn read(load: &Load<'_>) -> io::Result<Self> {
        let costs = load.watched.iter().map(cpu::Watched::cost).collect::<io::Result<_>>()?;
        Ok(Self { costs, own: cpu::own_nanos()?, at: Instant::now() })
    }
}

impl Window {
    /// Starts with the load.
    pub fn of(load: &Load<'_>) -> Self {
        let opens = Instant::now() + load.warm_up;
        Self { opens, closes: opens + load.counted, opened: None }
    }

    /// Whether answers are measured now.
    pub const fn is_open(&self) -> bool {
        self.opened.is_some()
    }

    /// Starts the measurement after the warm-up, and tells whether the load continues. Fills the tally at the end of
    /// the time, or when every visitor got an answer.
    ///
    /// # Errors
    /// A watched process has ended.
    pub fn goes_on(
        &mut self,
        now: Instant,
        is_over: bool,
        load: &Load<'_>,
        tally: &mut Tally,
    ) -> io::Result<bool> {
        let Some(opened) = &self.opened else {
            if now >= self.opens {
                let books = Books::read(load)?;
                self.closes = books.at + load.counted;
                self.opened = Some(books);
            }
            return Ok(true);
        };
        if now < self.closes && !is_over {
            return Ok(true);
        }
        let closed = Books::read(load)?;
        tally.lasted = closed.at - opened.at;
        let spent = closed.costs.iter().zip(&opened.costs).map(|(after, before)| after.since(*before));
        tally.nanos = spent.collect();
        tally.own_nanos = closed.own - opened.own;
        Ok(false)
    }
}
