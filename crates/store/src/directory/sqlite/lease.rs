//! The lease of the leader: a lock beside the file lets one process serve it, so that one leads for as long as it runs.

use super::{Connection, Store};
use crate::directory::error::DirectoryError;
use crate::directory::lease::{LEASE, LeaderLease, Replica, Term};
use gatepost_core::clock::Timestamp;
use std::time::Duration;

#[expect(clippy::unused_async, reason = "the same signatures as on Postgres")]
impl Store {
    pub(in crate::directory) async fn hold_leader_lease(
        &self,
        replica: &str,
        term: Option<Term>,
    ) -> Result<LeaderLease, DirectoryError> {
        let term = Some(term.unwrap_or(Term(1)));
        Ok(LeaderLease { term, epoch: 1, holder: replica.to_owned(), age: Duration::ZERO, left: LEASE })
    }

    pub(in crate::directory) async fn give_leader_lease_back(
        &self,
        _term: Term,
    ) -> Result<(), DirectoryError> {
        Ok(())
    }

    pub(in crate::directory) async fn note_replica(
        &self,
        _id: &str,
        _version: &str,
        _started_at: Timestamp,
    ) -> Result<u32, DirectoryError> {
        Ok(1)
    }

    pub(in crate::directory) async fn forget_replica(&self, _id: &str) -> Result<(), DirectoryError> {
        Ok(())
    }

    /// The process that asks knows itself, and there is no other one.
    pub(in crate::directory) async fn list_replicas(&self) -> Result<Vec<Replica>, DirectoryError> {
        Ok(Vec::new())
    }
}

pub(super) async fn lead(_connection: &mut Connection, _term: Term) -> Result<(), DirectoryError> {
    Ok(())
}
