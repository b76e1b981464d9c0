//! The work of the leader: deleting what is old, audit rows of what has ended, heads of the audit. One replica does it at a
//! time; the lease decides which. Nothing that a request needs is done here.

use super::State;
use crate::leadership::TRY_INTERVAL;
use gatepost_core::error_chain::Chain;
use gatepost_store::directory::{Directory, DirectoryError, Leading, Term};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

/// How often expired and old rows are deleted.
const DELETE_INTERVAL: Duration = Duration::from_mins(10);
/// How often complete hours of the audit get their heads.
const HEADS_INTERVAL: Duration = Duration::from_mins(1);
/// The number of heads, of batches of audit entries, and of people, in one run.
const MOST_AT_ONCE: u32 = 100;
/// The number of old keys in one run. Postgres reports up to 64 keys by their ids; of more it says "all", which would empty
/// the cache of every replica.
const MOST_OLD_KEYS: u32 = 64;
/// How long a replica that stops tries to give the lease back. Otherwise it expires.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// Tries to lead, and renews the lease while this replica does.
pub(super) async fn keep_lease(state: Arc<State>) {
    let mut ticks = delayed(TRY_INTERVAL);
    loop {
        ticks.tick().await;
        if state.readiness.is_prepared() {
            state.leadership.ask(&state.stores).await;
        }
    }
}

/// Gives the lease back. The replica goes on answering requests.
pub(super) async fn leave(state: &State) {
    let left = timeout(LEAVE_TIMEOUT, state.leadership.leave(&state.stores)).await;
    if let Ok(Err(error)) = left {
        tracing::debug!(error = %Chain(&error), "the lease of the leader was not given back; it expires by itself");
    }
}

/// Takes this replica out of the list of those that serve. Otherwise it stays there for an hour.
pub(super) async fn forget(state: &State) {
    let id = state.leadership.replica().as_str();
    let forgotten = timeout(LEAVE_TIMEOUT, state.stores.directory.forget_replica(id)).await;
    if let Ok(Err(error)) = forgotten {
        tracing::debug!(error = %Chain(&error), "this replica stays in the list of those that serve");
    }
}

/// Does the work whenever this replica leads, and stops in the middle of it when it no longer does.
pub(super) async fn lead(state: Arc<State>) {
    loop {
        let term = state.leadership.until_leading().await;
        tokio::select! {
            () = work(&state, term) => {}
            () = state.leadership.until_lost(term) => {}
        }
    }
}

async fn work(state: &State, term: Term) {
    let (mut deletions, mut heads) = (delayed(DELETE_INTERVAL), delayed(HEADS_INTERVAL));
    let leading = state.stores.directory.leading(term);
    loop {
        tokio::select! {
            _ = deletions.tick() => {
                report(delete_ended(&state.stores.directory, leading).await, "what has ended was not deleted");
                report(delete_old(state, leading).await, "old audit entries or people were not deleted");
            }
            _ = heads.tick() => {
                let made = leading.make_audit_heads(MOST_AT_ONCE).await;
                report(made.map(drop), "the heads of the audit were not made");
            }
        }
    }
}

fn delayed(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// That another replica leads is no failure; it does the same.
fn report(done: Result<(), DirectoryError>, what: &str) {
    match done {
        Ok(()) => {}
        Err(DirectoryError::NotLeader) => tracing::info!("another replica leads: it goes on with the work"),
        Err(error) => tracing::warn!(error = %Chain(&error), "{what}"),
    }
}

/// By the database's clock, because this replica's clock may be wrong.
async fn delete_ended(directory: &Directory, leading: Leading<'_>) -> Result<(), DirectoryError> {
    let now = directory.clock().await?;
    leading.delete_expired(now).await?;
    while leading.delete_ended(now).await? > 0 {}
    Ok(())
}

/// Deletes what is kept for a configured time.
async fn delete_old(state: &State, leading: Leading<'_>) -> Result<(), DirectoryError> {
    let retention = &state.site.config.retention;
    let now = state.stores.directory.clock().await?;
    if let Some(after) = retention.forget_after {
        let forgotten = leading.forget_people(now.minus(after), MOST_AT_ONCE).await?;
        if forgotten > 0 {
            tracing::info!(people = forgotten, "forgot people who have not signed in for long");
        }
    }
    let keys = leading.delete_old_keys(retention.audit_keep, now, MOST_OLD_KEYS).await?;
    if keys > 0 {
        tracing::info!(keys, "deleted API keys that were revoked or expired long ago");
    }
    let tenants = leading.erase_deleted_tenants(now, MOST_AT_ONCE).await?;
    if tenants > 0 {
        tracing::info!(tenants, "erased tenants that were deleted long ago");
    }
    let deleted = leading.delete_old_audit(retention.audit_keep, now, MOST_AT_ONCE).await?;
    if deleted > 0 {
        tracing::info!(entries = deleted, "deleted old audit entries");
    }
    Ok(())
}
