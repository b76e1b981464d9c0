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

/// Whose turn it is: chance picks (xorshift), or one after another.
#[derive(Clone, Copy, Debug)]
struct Turns {
    variety: usize,
    state: u64,
    taken: Option<usize>,
}

impl Turns {
    fn of(load: &Load<'_>) -> Self {
        let taken = if load.is_each_once { Some(0) } else { None };
        Self { variety: load.requests.variety(), state: 0x9E37_79B9_7F4A_7C15, taken }
    }

    fn next(&mut self) -> usize {
        if let Some(taken) = &mut self.taken {
            *taken += 1;
            return (*taken - 1) % self.variety;
        }
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % self.variety as u64).unwrap_or(0)
    }

    /// Whether everybody has asked: every connection has begun something that nobody waits for.
    fn are_over(&self, connections: usize) -> bool {
        self.taken.is_some_and(|taken| taken >= self.variety + connections)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_picks_everybody_and_a_round_everybody_once() {
        let mut turns = Turns { variety: 10, state: 1, taken: None };
        let picked: std::collections::BTreeSet<usize> = (0..1000).map(|_| turns.next()).collect();
        assert_eq!(picked.len(), 10);
        assert!(!turns.are_over(0));
        let mut turns = Turns { variety: 3, state: 1, taken: Some(0) };
        assert_eq!([turns.next(), turns.next(), turns.next()], [0, 1, 2]);
        assert!(turns.are_over(0) && !turns.are_over(1));
    }
}
