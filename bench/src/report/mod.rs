//! The results of a run: rows of compared servers, single facts, and the figures with required values.

mod chart;
mod documents;
mod machine;
mod table;

pub use chart::draw;
pub use documents::write_between;
pub use machine::Machine;
pub use table::{markdown, text};

use crate::measure::{Outcome, Sample};
use crate::stats::{Spread, ratio};
use serde::Serialize;

/// The results of one run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The machine and the time.
    pub machine: Machine,
    /// The rows of compared servers.
    pub rows: Vec<Row>,
    /// A result that is one number.
    pub facts: Vec<Fact>,
    /// What could not be measured, and why.
    pub failed: Vec<Failure>,
}

/// Servers that were measured in turns.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The title in the report.
    pub title: String,
    /// The results of each server. The others are compared with the first.
    pub outcomes: Vec<Outcome>,
}

impl Row {
    /// The ratio of a server's CPU time to that of the first server, over all rounds.
    pub fn cpu_ratio(&self, contestant: usize) -> Option<Spread> {
        self.ratio(contestant, |sample| sample.cpu[0])
    }

    /// The ratio of a server's answers per second to those of the first server, over all rounds.
    pub fn rate_ratio(&self, contestant: usize) -> Option<Spread> {
        self.ratio(contestant, |sample| sample.per_second)
    }

    fn ratio(&self, contestant: usize, figure: fn(&Sample) -> f64) -> Option<Spread> {
        ratio(&self.outcomes.get(contestant)?.each(figure), &self.outcomes.first()?.each(figure))
    }
}

/// A result that is one number.
#[derive(Clone, Debug, Serialize)]
pub struct Fact {
    /// The title in the report.
    pub title: String,
    /// The value, with its spread if it was measured several times.
    pub value: Spread,
    /// The unit of the value.
    pub unit: &'static str,
    /// A remark for the report.
    pub note: String,
    /// The required value, if there is one.
    pub goal: Option<Goal>,
}

/// A measurement that failed.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// The title of the row.
    pub title: String,
    /// Why it failed.
    pub why: String,
}

/// The required value of a figure, and the value that it aims at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Goal {
    /// The name of the figure.
    pub figure: &'static str,
    /// The worst value that is acceptable.
    pub must: f64,
    /// The value to aim at.
    pub aim: f64,
}

/// Whether a figure reached its goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Reached {
    /// The value that it aims at.
    Aim,
    /// Only the required value.
    Must,
    /// Not even the required value.
    Missed,
}

impl Goal {
    /// Compares a measured value with the goal. If `aim` is above `must`, a larger value is better.
    pub fn reached(&self, measured: f64) -> Reached {
        let meets = |goal: f64| if self.aim > self.must { measured >= goal } else { measured <= goal };
        if meets(self.aim) {
            Reached::Aim
        } else if meets(self.must) {
            Reached::Must
        } else {
            Reached::Missed
        }
    }
}

impl Reached {
    /// The text in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aim => "yes, the aim",
            Self::Must => "yes",
            Self::Missed => "no",
        }
    }
}

impl Report {
    /// Adds a fact.
    ///
    /// # Panics
    /// Never: the fact was just added.
    pub fn fact(&mut self, title: &str, value: Spread, unit: &'static str, note: &str) -> &mut Fact {
        let fact = Fact { title: title.to_owned(), value, unit, note: note.to_owned(), goal: None };
        self.facts.push(fact);
        self.facts.last_mut().expect("a fact")
    }

    /// The facts with a required value.
    pub fn figures(&self) -> impl Iterator<Item = (&Fact, &Goal)> {
        self.facts.iter().filter_map(|fact| Some((fact, fact.goal.as_ref()?)))
    }
}

impl Fact {
    /// Sets the required value and the aim.
    pub fn must(&mut self, figure: &'static str, must: f64, aim: f64) {
        self.goal = Some(Goal { figure, must, aim });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_goal_shows_which_way_is_better() {
        let cost = Goal { figure: "cost", must: 1.3, aim: 1.15 };
        assert_eq!(
            [1.1, 1.2, 1.31].map(|ratio| cost.reached(ratio)),
            [Reached::Aim, Reached::Must, Reached::Missed]
        );
        let rate = Goal { figure: "rate", must: 0.95, aim: 0.98 };
        assert_eq!(
            [0.99, 0.96, 0.9].map(|ratio| rate.reached(ratio)),
            [Reached::Aim, Reached::Must, Reached::Missed]
        );
        let none = Goal { figure: "none", must: 0.0, aim: 0.0 };
        assert_eq!((none.reached(0.0), none.reached(1.0)), (Reached::Aim, Reached::Missed));
    }
}
