//! The lease of the leader, as the database describes it.

use std::time::Duration;

/// How long a lease lasts after it was taken or renewed.
pub const LEASE: Duration = Duration::from_secs(4);

/// The time in which one replica leads without another one in between. Holds the lease's epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term(pub(super) i64);

/// The lease at the moment when it was asked for.
#[derive(Clone, Debug)]
pub struct LeaderLease {
    /// `Some`: the replica that asked leads.
    pub term: Option<Term>,
    /// The replica that took it last. Empty: nobody yet.
    pub holder: String,
    /// How long ago it was taken or renewed.
    pub age: Duration,
    /// How much longer it lasts; zero if it has expired or was given back.
    pub left: Duration,
}
