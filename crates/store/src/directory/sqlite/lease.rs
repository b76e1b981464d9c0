//! The lease of the leader: a lock beside the file lets one process serve it, so that one leads for as long as it runs.

use super::{Connection, Store};
use crate::directory::error::DirectoryError;
use crate::directory::lease::{LEASE, LeaderLease, Term};
use std::time::Duration;

#[expect(clippy::unused_async, reason = "the same signatures as on Postgres")]
impl Store {
    pub(in crate::directory) async fn hold_leader_lease(
        &self,
        replica: &str,
        term: Option<Term>,
    ) -> Result<LeaderLease, DirectoryError> {
        let term = Some(term.unwrap_or(Term(1)));
        Ok(LeaderLease { term, holder: replica.to_owned(), age: Duration::ZERO, left: LEASE })
    }

    pub(in crate::directory) async fn give_leader_lease_back(
        &self,
        _term: Term,
    ) -> Result<(), DirectoryError> {
        Ok(())
    }
}

pub(super) async fn lead(_connection: &mut Connection, _term: Term) -> Result<(), DirectoryError> {
    Ok(())
}
