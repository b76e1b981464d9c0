//! Units of a quota, which replicas draw from a counter that all of them share.

use std::time::Duration;

/// How many units were ever drawn from a counter, and given back to it. Both only grow, so of two tallies of one counter the
/// greater numbers are the newer ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Units that were drawn.
    pub drawn: u64,
    /// Units that were given back.
    pub returned: u64,
}

impl Tally {
    /// Units that are used, or held by a replica.
    pub const fn used(self) -> u64 {
        self.drawn.saturating_sub(self.returned)
    }

    /// The newer of two tallies.
    #[must_use]
    pub fn newer(self, other: Self) -> Self {
        Self { drawn: self.drawn.max(other.drawn), returned: self.returned.max(other.returned) }
    }
}

/// What one replica wants of a counter, and tells it.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// A draw that is repeated within a minute with the same id has the effect and the answer of the first one.
    pub id: [u8; 16],
    /// The most units to draw.
    pub wanted: u64,
    /// The most units that may be used.
    pub limit: u64,
    /// What the replica knows of the counter. A store that lost the counter learns it so.
    pub known: Tally,
    /// Units that were used without being drawn, because the store did not answer. They count whatever the limit is.
    pub owed: u64,
    /// Units that were drawn and not used.
    pub returned: u64,
    /// The lifetime of the counter.
    pub ttl: Duration,
}

/// The answer to a [`Draw`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The units that the replica may use.
    pub granted: u64,
    /// The counter after the draw.
    pub tally: Tally,
    /// The store has lost its counters, or is new. It grants nothing until each replica had the time to tell what it knows.
    pub settling: Option<Duration>,
}

impl Draw {
    /// Carries the draw out on a counter that is locked, in a store that loses nothing.
    pub(super) fn carry_out(&self, counter: Tally) -> Drawn {
        let mut tally = counter.newer(self.known);
        tally.drawn += self.owed;
        tally.returned += self.returned;
        let granted = self.wanted.min(self.limit.saturating_sub(tally.used()));
        tally.drawn += granted;
        Drawn { granted, tally, settling: None }
    }
}

/// How a counter is written.
pub(super) fn written(tally: Tally) -> Vec<u8> {
    format!("{} {}", tally.drawn, tally.returned).into_bytes()
}

/// Reads a counter. One that nobody could have written is empty.
pub(in crate::session) fn read(text: &[u8]) -> Tally {
    let parse = |text: &str| text.parse().ok();
    let numbers = std::str::from_utf8(text).ok().and_then(|text| text.split_once(' '));
    let tally = numbers
        .and_then(|(drawn, returned)| Some(Tally { drawn: parse(drawn)?, returned: parse(returned)? }));
    tally.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Draw = Draw {
        id: [0; 16],
        wanted: 0,
        limit: 1_000,
        known: Tally { drawn: 0, returned: 0 },
        owed: 0,
        returned: 0,
        ttl: Duration::from_secs(1),
    };

    #[test]
    fn no_more_is_granted_than_the_limit_leaves() {
        let counter = Tally { drawn: 1_003, returned: 5 };
        for (wanted, limit, granted) in
            [(5, 1_000, 2), (1, 1_000, 1), (5, 998, 0), (5, 10, 0), (5, u64::MAX, 5)]
        {
            let drawn = Draw { wanted, limit, ..NOTHING }.carry_out(counter);
            assert_eq!((drawn.granted, drawn.tally.drawn), (granted, 1_003 + granted), "{wanted} of {limit}");
        }
    }

    #[test]
    fn a_counter_that_was_lost_is_what_the_replica_knew() {
        let known = Tally { drawn: 900, returned: 2 };
        let drawn = Draw { wanted: 500, known, ..NOTHING }.carry_out(Tally::default());
        assert_eq!((drawn.granted, drawn.tally), (102, Tally { drawn: 1_002, returned: 2 }));
    }

    #[test]
    fn what_is_owed_counts_beyond_the_limit_and_what_is_given_back_may_be_drawn_again() {
        let counter = Tally { drawn: 999, returned: 0 };
        let owing = Draw { owed: 7, wanted: 1, ..NOTHING }.carry_out(counter);
        assert_eq!((owing.granted, owing.tally.used()), (0, 1_006));
        let giving = Draw { returned: 3, wanted: 9, ..NOTHING }.carry_out(counter);
        assert_eq!((giving.granted, giving.tally.used()), (4, 1_000));
    }

    #[test]
    fn a_counter_is_read_as_it_is_written() {
        let tally = Tally { drawn: 12, returned: 3 };
        assert_eq!(read(&written(tally)), tally);
        for text in [&b""[..], b"12", b"x 3", b"\xff"] {
            assert_eq!(read(text), Tally::default());
        }
    }
}
