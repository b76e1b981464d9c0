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
struct Visitors {
    variety: usize,
    chance: u64,
    /// The number of visitors that were chosen in order.
    chosen: Option<usize>,
    answered: usize,
    again: Vec<usize>,
    /// How often a request was repeated.
    retries: usize,
}

/// The visitor of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pick {
    visitor: usize,
    /// Whether the load ends only after this request was answered correctly.
    is_owed: bool,
}

impl Visitors {
    fn of(load: &Load<'_>) -> Self {
        let chosen = load.is_each_once.then_some(0);
        Self {
            variety: load.requests.variety(),
            chance: 0x9E37_79B9_7F4A_7C15,
            chosen,
            answered: 0,
            again: Vec::new(),
            retries: 0,
        }
    }

    fn next(&mut self) -> Pick {
        if let Some(visitor) = self.again.pop() {
            return Pick { visitor, is_owed: true };
        }
        if let Some(chosen) = &mut self.chosen {
            let pick = Pick { visitor: *chosen % self.variety, is_owed: *chosen < self.variety };
            *chosen += 1;
            return pick;
        }
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        let visitor = usize::try_from(self.chance % self.variety as u64).unwrap_or(0);
        Pick { visitor, is_owed: false }
    }

    /// Records an answer, and returns whether a wrong one is a failure. It is not if the visitor repeats the request: a
    /// store may miss its deadline while thousands of sessions are looked up.
    fn done(&mut self, pick: Pick, is_right: bool) -> bool {
        if !pick.is_owed {
            return self.chosen.is_none();
        }
        if is_right {
            self.answered += 1;
            return false;
        }
        self.again.push(pick.visitor);
        self.retries += 1;
        self.retries > self.variety
    }

    /// Whether every visitor got an answer.
    fn are_done(&self) -> bool {
        self.chosen.is_some() && self.answered >= self.variety
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_picks_everybody_and_a_round_is_over_when_everybody_was_answered() {
        let mut visitors =
            Visitors { variety: 10, chance: 1, chosen: None, answered: 0, again: Vec::new(), retries: 0 };
        let picked: std::collections::BTreeSet<usize> = (0..1000).map(|_| visitors.next().visitor).collect();
        assert_eq!(picked.len(), 10);
        assert!(!visitors.are_done());
        let mut visitors =
            Visitors { variety: 2, chance: 1, chosen: Some(0), answered: 0, again: Vec::new(), retries: 0 };
        let picks: Vec<Pick> = (0..3).map(|_| visitors.next()).collect();
        assert_eq!(
            [0, 1, 2].map(|at| (picks[at].visitor, picks[at].is_owed)),
            [(0, true), (1, true), (0, false)]
        );
        visitors.done(picks[2], true);
        visitors.done(picks[0], true);
        assert!(!visitors.are_done());
        assert!(!visitors.done(picks[1], false), "a repeated request is no failure yet");
        assert!(!visitors.are_done());
        assert_eq!(visitors.next(), picks[1]);
        visitors.done(picks[1], true);
        assert!(visitors.are_done());
    }
}
