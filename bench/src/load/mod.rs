//! The load: one thread that keeps connections busy and believes no answer that it has not read.
//!
//! Closed loop: each connection sends its next request when its answer has come. Open loop: requests are due at a pace
//! that does not wait for answers, and an answer's time runs from when its request was due.

pub mod answer;
mod http1;
mod http2;
pub mod requests;
mod tally;

pub use http2::Client;
pub use requests::{Expect, Requests, Visitor};
pub use tally::{Tally, Window};

use crate::cpu::Watched;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// How requests follow one another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As fast as answers come.
    Closed,
    /// So many a second, whatever comes back.
    Open(f64),
}

/// What requests travel by.
#[derive(Clone, Debug)]
pub enum Wire {
    /// HTTP/1.1, any number of requests on a connection.
    KeptAlive,
    /// HTTP/1.1, a connection for each request.
    Once,
    /// HTTP/2 on one TLS connection.
    Tls(Client),
}

/// One load.
#[derive(Clone, Debug)]
pub struct Load<'a> {
    /// Where to.
    pub addr: SocketAddr,
    /// What.
    pub requests: &'a Requests,
    /// How many requests are under way at once.
    pub connections: usize,
    /// What requests travel by.
    pub wire: &'a Wire,
    /// How requests follow one another.
    pub pace: Pace,
    /// Every visitor asks once, one after another, and that is all; else whoever chance picks, for the counted time.
    pub is_each_once: bool,
    /// Before anything counts: caches fill, the processor wakes up.
    pub warm_up: Duration,
    /// What counts.
    pub counted: Duration,
    /// Whose cost is read at both ends of what counts.
    pub watched: &'a [Watched],
}

impl Load<'_> {
    /// Runs it on the calling thread.
    ///
    /// # Errors
    /// No connection came about, or a watched process is gone.
    pub fn run(&self) -> io::Result<Tally> {
        match self.wire {
            Wire::KeptAlive | Wire::Once => http1::run(self),
            Wire::Tls(client) => http2::run(self, client),
        }
    }
}

/// Whose turn it is: chance picks (xorshift), or one after another, and whoever got a wrong answer again.
#[derive(Clone, Debug)]
struct Turns {
    variety: usize,
    chance: u64,
    /// One after another: so many have asked.
    asked: Option<usize>,
    answered: usize,
    again: Vec<usize>,
    /// So often somebody had to ask again.
    retries: usize,
}

/// One request's turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ticket {
    visitor: usize,
    /// Everybody is to have one.
    is_owed: bool,
}

impl Turns {
    fn of(load: &Load<'_>) -> Self {
        let asked = load.is_each_once.then_some(0);
        Self {
            variety: load.requests.variety(),
            chance: 0x9E37_79B9_7F4A_7C15,
            asked,
            answered: 0,
            again: Vec::new(),
            retries: 0,
        }
    }

    fn next(&mut self) -> Ticket {
        if let Some(visitor) = self.again.pop() {
            return Ticket { visitor, is_owed: true };
        }
        if let Some(asked) = &mut self.asked {
            let ticket = Ticket { visitor: *asked % self.variety, is_owed: *asked < self.variety };
            *asked += 1;
            return ticket;
        }
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        let visitor = usize::try_from(self.chance % self.variety as u64).unwrap_or(0);
        Ticket { visitor, is_owed: false }
    }

    /// Takes the ticket back; tells whether a wrong answer is a failure. It is none where the visitor asks again: a store
    /// may miss its deadline while thousands are looked up.
    fn done(&mut self, ticket: Ticket, is_right: bool) -> bool {
        if !ticket.is_owed {
            return self.asked.is_none();
        }
        if is_right {
            self.answered += 1;
            return false;
        }
        self.again.push(ticket.visitor);
        self.retries += 1;
        self.retries > self.variety
    }

    /// Whether everybody has asked and was answered.
    fn are_over(&self) -> bool {
        self.asked.is_some() && self.answered >= self.variety
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_picks_everybody_and_a_round_is_over_when_everybody_was_answered() {
        let mut turns =
            Turns { variety: 10, chance: 1, asked: None, answered: 0, again: Vec::new(), retries: 0 };
        let picked: std::collections::BTreeSet<usize> = (0..1000).map(|_| turns.next().visitor).collect();
        assert_eq!(picked.len(), 10);
        assert!(!turns.are_over());
        let mut turns =
            Turns { variety: 2, chance: 1, asked: Some(0), answered: 0, again: Vec::new(), retries: 0 };
        let tickets: Vec<Ticket> = (0..3).map(|_| turns.next()).collect();
        assert_eq!(
            [0, 1, 2].map(|at| (tickets[at].visitor, tickets[at].is_owed)),
            [(0, true), (1, true), (0, false)]
        );
        turns.done(tickets[2], true);
        turns.done(tickets[0], true);
        assert!(!turns.are_over());
        assert!(!turns.done(tickets[1], false), "who asks again has not failed yet");
        assert!(!turns.are_over());
        assert_eq!(turns.next(), tickets[1]);
        turns.done(tickets[1], true);
        assert!(turns.are_over());
    }
}
