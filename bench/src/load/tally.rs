//! What a load has counted, and between which two looks at the books.

use super::Load;
use crate::cpu;
use crate::stats::Latencies;
use std::io;
use std::time::{Duration, Instant};

/// So many wrong answers are no accident.
const MANY: u64 = 1_000;

/// What came of a load.
#[derive(Debug, Default)]
pub struct Tally {
    /// Times of the right answers within the counted time.
    pub latencies: Latencies,
    /// How late the load itself sent what was due; empty in a closed loop.
    pub lateness: Latencies,
    /// Answers that were not what they must be, in the whole load.
    pub wrong: u64,
    /// What the first of them was.
    pub first_wrong: Option<String>,
    /// Connections that the server ended.
    pub broken: u64,
    /// The counted time.
    pub lasted: Duration,
    /// Nanoseconds on a core of each watched process within it.
    pub nanos: Vec<u64>,
    /// The same of the load's own thread.
    pub own_nanos: u64,
}

impl Tally {
    /// Whether going on is of no use.
    pub(super) const fn is_hopeless(&self) -> bool {
        self.wrong > MANY
    }

    /// An answer that counts as none; the first one is kept.
    pub(super) fn note_wrong(&mut self, what: &str) {
        self.wrong += 1;
        self.first_wrong.get_or_insert_with(|| what.to_owned());
    }
}

/// The counted time of one load.
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
    /// Begins with the load.
    pub fn of(load: &Load<'_>) -> Self {
        let opens = Instant::now() + load.warm_up;
        Self { opens, closes: opens + load.counted, opened: None }
    }

    /// Whether answers count.
    pub const fn is_open(&self) -> bool {
        self.opened.is_some()
    }

    /// Opens the window when it is time and says whether the load goes on; fills the tally at the end, which is also
    /// when everybody has asked.
    ///
    /// # Errors
    /// A watched process is gone.
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
