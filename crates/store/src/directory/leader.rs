//! The work that one replica does for all: deletion by age, the heads of the audit, the audit rows of what has ended.
//!
//! The replica that holds the lease "leader" does it. Guarantee: each transaction of that work compares the epoch of the
//! lease and keeps it from being taken until the transaction ends. A replica that was paused, and whose lease another one
//! has taken meanwhile, therefore commits nothing more. No request depends on this work: without a leader it is done later.

use super::changes::KEPT_DELETED;
use super::lease::{LeaderLease, Replica, Term};
use super::{Directory, Result, Store};
use gatepost_core::clock::Timestamp;
use std::time::Duration;

const DAY: i64 = 86_400;
/// How many rows of each kind that have expired are deleted in one transaction.
const EXPIRED_AT_ONCE: u32 = 1_000;
/// How many rows of each kind that have ended are deleted in one transaction.
const ENDED_AT_ONCE: u32 = 200;

// The lease.
impl Directory {
    /// Renews the lease of `term`, or takes it for `replica` if nobody holds it. The embedded file is served by one
    /// process, which always leads. Ends within 2 s and waits for no lock.
    pub async fn hold_leader_lease(&self, replica: &str, term: Option<Term>) -> Result<LeaderLease> {
        on_store!(self, hold_leader_lease(replica, term))
    }

    /// Lets another replica lead at once. Does nothing if one does already.
    pub async fn give_leader_lease_back(&self, term: Term) -> Result<()> {
        on_store!(self, give_leader_lease_back(term))
    }

    /// Notes that this replica serves, and returns how many do. The embedded file needs no note of its one process.
    pub async fn note_replica(&self, id: &str, version: &str, started_at: Timestamp) -> Result<u32> {
        on_store!(self, note_replica(id, version, started_at))
    }

    /// Takes the note back, because the replica stops.
    pub async fn forget_replica(&self, id: &str) -> Result<()> {
        on_store!(self, forget_replica(id))
    }

    /// The replicas that noted themselves within the last hour, the oldest first, at most 100. Empty for the embedded file.
    pub async fn list_replicas(&self) -> Result<Vec<Replica>> {
        on_store!(self, list_replicas())
    }

    /// The work of the leader in this term.
    pub const fn leading(&self, term: Term) -> Leading<'_> {
        Leading { store: &self.store, term }
    }
}

/// What only the leader does. Every call but [`Leading::delete_traces`] fails with [`super::DirectoryError::NotLeader`], and changes nothing more, as
/// soon as another replica leads.
#[derive(Clone, Copy, Debug)]
pub struct Leading<'a> {
    store: &'a Store,
    term: Term,
}

impl Leading<'_> {
    /// Makes the heads of complete hours that have none, at most `most`. Returns how many it made.
    pub async fn make_audit_heads(&self, most: u32) -> Result<u32> {
        on_store!(self, make_audit_heads(self.term, most))
    }

    /// Deletes audit entries that are older than `keep`, in at most `most` batches, and returns their number. Whole days
    /// of UTC are deleted, so that one entry a day says so. Their heads stay. Entries without a head stay too.
    pub async fn delete_old_audit(&self, keep: Duration, now: Timestamp, most: u32) -> Result<u64> {
        let before_hour = now.minus(keep).unix().div_euclid(DAY) * 24;
        on_store!(self, cut_audit(self.term, before_hour, most))
    }

    /// Deletes the rows of keys that were revoked or expired longer ago than `keep`, at most `most`, and returns their
    /// number. Until then somebody who finds the secret of such a key learns whose it was and when it ended.
    pub async fn delete_old_keys(&self, keep: Duration, now: Timestamp, most: u32) -> Result<u64> {
        on_store!(self, delete_old_keys(self.term, now.minus(keep), most))
    }

    /// Deletes people who have not signed in since `since`, at most `most`, and returns their number. What the audit says
    /// about them is erased; the heads still fit. People who were
    /// disabled or denied admin rights stay: whoever signs in again after having been forgotten is a new person. The last
    /// administrator stays too.
    pub async fn forget_people(&self, since: Timestamp, most: u32) -> Result<u64> {
        on_store!(self, forget_people(self.term, since, most))
    }

    /// Erases tenants that were deleted longer ago than [`KEPT_DELETED`], at most `most`, and returns their number.
    pub async fn erase_deleted_tenants(&self, now: Timestamp, most: u32) -> Result<u64> {
        on_store!(self, erase_deleted_tenants(self.term, now.minus(KEPT_DELETED), most))
    }

    /// Deletes what the replicas leave behind for one another: with Postgres the notes of those that stopped, with the
    /// embedded file the changes that every watch has seen. Whoever no longer leads deletes nothing, and is not told so.
    pub async fn delete_traces(&self) -> Result<()> {
        match self.store {
            Store::Sqlite(store) => store.delete_old_changes().await,
            Store::Postgres(store) => store.delete_old_replicas(self.term).await,
        }
    }

    /// Deletes expired rows, at most 1,000 of each kind in one transaction, and returns their number.
    pub async fn delete_expired(&self, now: Timestamp) -> Result<u64> {
        on_store!(self, delete_expired(self.term, now, EXPIRED_AT_ONCE))
    }

    /// Deletes memberships and decisions about admins that have ended by `now`, which count no more, and writes their
    /// audit rows. One transaction with at most 200 rows of each kind. Returns how many were deleted.
    pub async fn delete_ended(&self, now: Timestamp) -> Result<u64> {
        on_store!(self, delete_ended(self.term, now, ENDED_AT_ONCE))
    }
}
