//! The lease of the leader, and the replicas that serve, as the database describes them.

use gatepost_core::clock::Timestamp;
use std::time::Duration;

/// How long a lease lasts after it was taken or renewed.
pub const LEASE: Duration = Duration::from_secs(4);

/// A process that serves, as the others see it.
#[derive(Clone, Debug)]
pub struct Replica {
    pub id: String,
    /// The version of the program.
    pub version: String,
    pub started_at: Timestamp,
    /// When it noted itself last. It does so every 2 s.
    pub seen_at: Timestamp,
    /// Whether it holds the lease of the leader.
    pub is_leader: bool,
}

/// The time in which one replica leads without another one in between. Holds the lease's epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term(pub(super) i64);

/// The lease at the moment when it was asked for.
#[derive(Clone, Debug)]
pub struct LeaderLease {
    /// `Some`: the replica that asked leads.
    pub term: Option<Term>,
    /// Greater whenever another replica takes it.
    pub epoch: i64,
    /// The replica that took it last. Empty: nobody yet.
    pub holder: String,
    /// How long ago it was taken or renewed.
    pub age: Duration,
    /// How much longer it lasts; zero if it has expired or was given back.
    pub left: Duration,
}
