//! Which faults happen in which order: each kind once in a round, shuffled by a seed.

use super::site::StandIn;
use gatepost_kit::history::Dice;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    ReplicaKilled,
    RollingRestart,
    LeaderStill,
    RedisKilled,
    RedisPaused,
    PostgresLost,
    Partition,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::ReplicaKilled,
        Self::RollingRestart,
        Self::LeaderStill,
        Self::RedisKilled,
        Self::RedisPaused,
        Self::PostgresLost,
        Self::Partition,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::ReplicaKilled => "replica killed",
            Self::RollingRestart => "rolling restart",
            Self::LeaderStill => "leader stands still",
            Self::RedisKilled => "Redis primary killed",
            Self::RedisPaused => "Redis paused 700 ms",
            Self::PostgresLost => "Postgres primary lost",
            Self::Partition => "partition of 5 s",
        }
    }

    /// The setting with which its numbers hold, if they depend on it.
    fn stand_in(self) -> Option<StandIn> {
        match self {
            Self::PostgresLost => Some(StandIn::AMinute),
            Self::Partition => Some(StandIn::Never),
            _ => None,
        }
    }
}

/// One entry of the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    pub kind: Kind,
    /// The setting of the replicas after it; only a rolling restart changes it.
    pub stand_in: StandIn,
    /// Chooses what the kind leaves open.
    pub choice: u64,
}

/// An endless schedule, with at most so many losses of Postgres.
pub struct Schedule {
    dice: Dice,
    round: Vec<Kind>,
    stand_in: StandIn,
    losses_left: usize,
}

impl Schedule {
    pub fn new(seed: u64, losses: usize) -> Self {
        Self { dice: Dice(seed | 1), round: Vec::new(), stand_in: StandIn::AMinute, losses_left: losses }
    }

    fn refill(&mut self) {
        let may = |kind: &Kind| *kind != Kind::PostgresLost || self.losses_left > 0;
        let mut round: Vec<Kind> =
            Kind::ALL.into_iter().filter(|kind| *kind != Kind::RollingRestart).filter(may).collect();
        self.losses_left = self.losses_left.saturating_sub(1);
        for at in (1..round.len()).rev() {
            let other = usize::try_from(self.dice.roll(at as u64 + 1)).unwrap_or(0);
            round.swap(at, other);
        }
        // One rolling restart changes the setting, so what needs the one of now comes first.
        round.sort_by_key(|kind| kind.stand_in().is_some_and(|needed| needed != self.stand_in));
        let first =
            round.iter().position(|kind| kind.stand_in().is_some_and(|needed| needed != self.stand_in));
        round.insert(first.unwrap_or(round.len()), Kind::RollingRestart);
        round.reverse();
        self.round = round;
    }
}

impl Iterator for Schedule {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        if self.round.is_empty() {
            self.refill();
        }
        let kind = self.round.pop()?;
        if kind == Kind::RollingRestart {
            self.stand_in = match self.stand_in {
                StandIn::AMinute => StandIn::Never,
                StandIn::Never => StandIn::AMinute,
            };
        }
        Some(Planned { kind, stand_in: self.stand_in, choice: self.dice.roll(1 << 20) })
    }
}

#[test]
fn each_round_has_each_fault_under_the_setting_with_which_its_numbers_hold() {
    for seed in 1..200 {
        let mut schedule = Schedule::new(seed, 2);
        for round in 0..4 {
            let length = if round < 2 { 7 } else { 6 };
            let planned: Vec<Planned> = schedule.by_ref().take(length).collect();
            let mut kinds: Vec<Kind> = planned.iter().map(|planned| planned.kind).collect();
            kinds.sort();
            let wanted: Vec<Kind> =
                Kind::ALL.into_iter().filter(|kind| round < 2 || *kind != Kind::PostgresLost).collect();
            assert_eq!(kinds, wanted, "seed {seed}, round {round}");
            for Planned { kind, stand_in, .. } in planned {
                assert!(kind.stand_in().is_none_or(|needed| needed == stand_in), "seed {seed}: {kind:?}");
            }
        }
        let twice =
            [Schedule::new(seed, 2).take(30).collect::<Vec<_>>(), Schedule::new(seed, 2).take(30).collect()];
        assert_eq!(twice[0], twice[1]);
    }
}
