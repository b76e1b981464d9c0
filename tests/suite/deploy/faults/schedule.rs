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

    /// The kind that is named so on the command line: as in the report, in small letters and with hyphens.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    pub fn word(self) -> String {
        self.name().to_ascii_lowercase().replace(' ', "-")
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

/// An endless schedule of these kinds, with at most so many losses of Postgres.
pub struct Schedule {
    kinds: Vec<Kind>,
    dice: Dice,
    round: Vec<Kind>,
    stand_in: StandIn,
    losses_left: usize,
}

impl Schedule {
    pub fn new(seed: u64, losses: usize, kinds: &[Kind]) -> Self {
        let (kinds, dice) = (kinds.to_vec(), Dice(seed | 1));
        let mut schedule =
            Self { kinds, dice, round: Vec::new(), stand_in: StandIn::AMinute, losses_left: losses };
        schedule.refill();
        schedule
    }

    /// How many are left of the round, in which each kind happens once.
    pub fn left_of_round(&self) -> usize {
        self.round.len()
    }

    fn refill(&mut self) {
        let may = |kind: &Kind| *kind != Kind::PostgresLost || self.losses_left > 0;
        let kinds = self.kinds.iter().copied();
        let mut round: Vec<Kind> = kinds.filter(|kind| *kind != Kind::RollingRestart).filter(may).collect();
        self.losses_left = self.losses_left.saturating_sub(1);
        for at in (1..round.len()).rev() {
            let other = usize::try_from(self.dice.roll(at as u64 + 1)).unwrap_or(0);
            round.swap(at, other);
        }
        // One rolling restart changes the setting, so what needs the one of now comes first.
        round.sort_by_key(|kind| kind.stand_in().is_some_and(|needed| needed != self.stand_in));
        let first =
            round.iter().position(|kind| kind.stand_in().is_some_and(|needed| needed != self.stand_in));
        if first.is_some() || self.kinds.contains(&Kind::RollingRestart) {
            round.insert(first.unwrap_or(round.len()), Kind::RollingRestart);
        }
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
        let mut schedule = Schedule::new(seed, 2, &Kind::ALL);
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
        let twice = [0; 2].map(|_| Schedule::new(seed, 2, &Kind::ALL).take(30).collect::<Vec<_>>());
        assert_eq!(twice[0], twice[1]);
    }
}

#[test]
fn single_faults_are_repeated_and_the_setting_that_they_need_is_made() {
    let kinds = |only: &str, count| -> Vec<Kind> {
        let only = Kind::of_word(only).expect("a kind");
        Schedule::new(7, 2, &[only]).take(count).map(|planned| planned.kind).collect()
    };
    assert_eq!(kinds("replica-killed", 3), [Kind::ReplicaKilled; 3]);
    assert_eq!(
        kinds("postgres-primary-lost", 3),
        [Kind::PostgresLost; 2],
        "each takes minutes to make up for"
    );
    assert_eq!(kinds("partition-of-5-s", 3), [Kind::RollingRestart, Kind::Partition, Kind::Partition]);
    assert_eq!(Schedule::new(7, 2, &[Kind::Partition]).left_of_round(), 2);
    assert_eq!(Kind::of_word("partition"), None);
}
