//! The load generator: one thread that keeps connections busy and checks every answer.
//!
//! In a closed loop, each connection sends its next request after the answer. In an open loop, requests are due at a
//! fixed rate, and the time of an answer counts from when its request was due.

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

/// When the next request is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Closed loop: after the answer.
    Closed,
    /// Open loop: this many requests per second.
    Open(f64),
}

/// The protocol of the requests.
#[derive(Clone, Debug)]
pub enum Wire {
    /// HTTP/1.1 with many requests on each connection.
    KeptAlive,
    /// HTTP/1.1 with a new connection for each request.
    Once,
    /// HTTP/2 on one TLS connection.
    Tls(Client),
}

/// The configuration of a load.
#[derive(Clone, Debug)]
pub struct Load<'a> {
    /// The address of the server.
    pub addr: SocketAddr,
    /// The requests to send.
    pub requests: &'a Requests,
    /// The number of concurrent requests.
    pub connections: usize,
    /// The protocol of the requests.
    pub wire: &'a Wire,
    /// When the next request is sent.
    pub pace: Pace,
    /// Whether each visitor sends one request, in order, and then the load ends. Otherwise visitors are chosen at
    /// random until the time is over.
    pub is_each_once: bool,
    /// The warm-up time, which is not measured.
    pub warm_up: Duration,
    /// The measured time.
    pub counted: Duration,
    /// The processes whose CPU time is measured.
    pub watched: &'a [Watched],
}

impl Load<'_> {
    /// Runs the load on the calling thread.
    ///
    /// # Errors
    /// A connection failed, or a watched process has ended.
    pub fn run(&self) -> io::Result<Tally> {
        match self.wire {
            Wire::KeptAlive | Wire::Once => http1::run(self),
            Wire::Tls(client) => http2::run(self, client),
        }
    }
}

/// Chooses the next visitor: at random (xorshift), or in order. In order, a visitor with a wrong answer is chosen
/// again.
#[derive(Clone, Debug)]
struct Turns {
    variety: usize,
    chance: u64,
    /// The number of visitors that were chosen in order.
    asked: Option<usize>,
    answered: usize,
    again: Vec<usize>,
    /// How often a request was repeated.
    retries: usize,
}

/// A turn for one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ticket {
    visitor: usize,
    /// Each visitor gets one turn.
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

    /// Ends a turn, and tells whether a wrong answer is a failure. It is not if the visitor repeats the request: a
    /// store may miss its deadline while thousands of sessions are looked up.
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

    /// Whether every visitor got an answer.
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
