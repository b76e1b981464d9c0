//! What was measured: rows of contestants, single facts, and the figures that issue 5 asks for.

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

/// Everything of one run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Where it was measured.
    pub machine: Machine,
    /// Contestants in turns.
    pub rows: Vec<Row>,
    /// What is one number.
    pub facts: Vec<Fact>,
    /// What could not be measured, and why.
    pub failed: Vec<Failure>,
}

/// Contestants that took turns.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What it is.
    pub title: String,
    /// Who, the first being the one that the others are compared with.
    pub outcomes: Vec<Outcome>,
}

impl Row {
    /// The CPU of a contestant by that of the first, round by round.
    pub fn cpu_ratio(&self, contestant: usize) -> Option<Spread> {
        self.ratio(contestant, |sample| sample.cpu[0])
    }

    /// The answers a second of a contestant by those of the first, round by round.
    pub fn rate_ratio(&self, contestant: usize) -> Option<Spread> {
        self.ratio(contestant, |sample| sample.per_second)
    }

    fn ratio(&self, contestant: usize, figure: fn(&Sample) -> f64) -> Option<Spread> {
        ratio(&self.outcomes.get(contestant)?.each(figure), &self.outcomes.first()?.each(figure))
    }
}

/// What is one number.
#[derive(Clone, Debug, Serialize)]
pub struct Fact {
    /// What it is.
    pub title: String,
    /// How much, where several times measured with the spread.
    pub value: Spread,
    /// Of what.
    pub unit: &'static str,
    /// What belongs to it.
    pub note: String,
    /// The figure of issue 5 that it is.
    pub goal: Option<Goal>,
}

/// What could not be measured.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// What.
    pub title: String,
    /// Why.
    pub why: String,
}

/// What a figure must reach, and what it aims at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Goal {
    /// The name of the figure.
    pub figure: &'static str,
    /// At worst.
    pub must: f64,
    /// At best.
    pub aim: f64,
}

/// How far a figure got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Reached {
    /// What it aims at.
    Aim,
    /// What it must.
    Must,
    /// Less.
    Missed,
}

impl Goal {
    /// How far `measured` got. Where the aim is above what it must be, more is better.
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
    /// For tables.
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
    /// Never: it is there.
    pub fn fact(&mut self, title: &str, value: Spread, unit: &'static str, note: &str) -> &mut Fact {
        let fact = Fact { title: title.to_owned(), value, unit, note: note.to_owned(), goal: None };
        self.facts.push(fact);
        // It was pushed just now.
        self.facts.last_mut().expect("a fact")
    }

    /// The facts that are figures of issue 5.
    pub fn figures(&self) -> impl Iterator<Item = (&Fact, &Goal)> {
        self.facts.iter().filter_map(|fact| Some((fact, fact.goal.as_ref()?)))
    }
}

impl Fact {
    /// Makes it a figure of issue 5.
    pub fn must(&mut self, figure: &'static str, must: f64, aim: f64) {
        self.goal = Some(Goal { figure, must, aim });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_says_by_itself_which_way_is_better() {
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
