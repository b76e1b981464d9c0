//! The work of the leader: deleting what is old, audit rows of what has ended, heads of the audit. One replica does it at a
//! time; the lease decides which. Nothing that a request needs is done here.

use super::State;
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use gatepost_runtime::leadership::TRY_INTERVAL;
use gatepost_store::directory::{DirectoryError, Leading, Term};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

/// How often expired and old rows are deleted.
const DELETE_INTERVAL: Duration = Duration::from_mins(10);
/// How often that is tried while the clocks of this replica and of the database differ.
const CLOCK_INTERVAL: Duration = Duration::from_secs(10);
/// How often complete hours of the audit get their heads.
const HEADS_INTERVAL: Duration = Duration::from_mins(1);
/// The number of heads, of batches of audit entries, and of people, in one run.
const MOST_AT_ONCE: u32 = 100;
/// The number of old keys in one run. Postgres reports up to 64 keys by their ids; of more it says "all", which would empty
/// the cache of every replica.
const MOST_OLD_KEYS: u32 = 64;
/// How long a replica that stops tries to give the lease back. Otherwise it expires.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// Takes part in the work that one replica does. If a part of this panics, the replica leads no more.
pub(super) async fn take_part(state: Arc<State>) {
    let mut parts = JoinSet::new();
    parts.spawn(keep_lease(Arc::clone(&state)));
    parts.spawn(lead(state));
    // Neither ends by itself. Dropping the set aborts the other one.
    let _ = parts.join_next().await;
    tracing::error!("the work of the leader has ended here because of a fault: restart this replica");
}

/// Tries to lead, and renews the lease while this replica does.
async fn keep_lease(state: Arc<State>) {
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
async fn lead(state: Arc<State>) {
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
                if state.readiness.trusts_clocks() {
                    delete(state, leading).await;
                } else {
                    // What a wrong clock deletes does not come back.
                    tracing::warn!("nothing old is deleted while the clocks differ");
                    deletions.reset_after(CLOCK_INTERVAL);
                }
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

/// Whether it was done. That another replica leads is no failure; it does the same.
fn report(done: Result<(), DirectoryError>, what: &str) -> bool {
    match done {
        Ok(()) => return true,
        Err(DirectoryError::NotLeader) => tracing::info!("another replica leads: it goes on with the work"),
        Err(error) => tracing::warn!(error = %Chain(&error), "{what}"),
    }
    false
}

/// Deletes what has ended and what is old, by the database's clock, because this replica's clock may be wrong. What fails
/// keeps nothing else from being deleted.
async fn delete(state: &State, leading: Leading<'_>) {
    let now = match state.stores.directory.clock().await {
        Ok(now) => now,
        Err(error) => {
            report(Err(error), "nothing old was deleted");
            return;
        }
    };
    let mut is_complete = report(delete_expired(leading, now).await, "what has expired was not deleted");
    is_complete &= report(delete_ended(leading, now).await, "memberships that have ended were not deleted");
    let retention = &state.site.config.retention;
    if let Some(after) = retention.forget_after {
        let forgotten = leading.forget_people(now.minus(after), MOST_AT_ONCE).await;
        is_complete &=
            count(forgotten, "forgot people who have not signed in for long", "people were not forgotten");
    }
    let keys = leading.delete_old_keys(retention.audit_keep, now, MOST_OLD_KEYS).await;
    is_complete &= count(
        keys,
        "deleted API keys that were revoked or expired long ago",
        "old API keys were not deleted",
    );
    let tenants = leading.erase_deleted_tenants(now, MOST_AT_ONCE).await;
    is_complete &=
        count(tenants, "erased tenants that were deleted long ago", "deleted tenants were not erased");
    let entries = leading.delete_old_audit(retention.audit_keep, now, MOST_AT_ONCE).await;
    is_complete &= count(entries, "deleted old audit entries", "old audit entries were not deleted");
    if is_complete {
        state.stores.metrics.deletions_completed(Timestamp::now());
    }
}

async fn delete_expired(leading: Leading<'_>, now: Timestamp) -> Result<(), DirectoryError> {
    leading.delete_traces().await?;
    while leading.delete_expired(now).await? > 0 {}
    Ok(())
}

async fn delete_ended(leading: Leading<'_>, now: Timestamp) -> Result<(), DirectoryError> {
    while leading.delete_ended(now).await? > 0 {}
    Ok(())
}

/// Logs how many there were, if any. Returns whether it was done.
fn count(deleted: Result<u64, DirectoryError>, what: &str, failed: &str) -> bool {
    if let Ok(count @ 1..) = deleted {
        tracing::info!(count, "{what}");
    }
    report(deleted.map(drop), failed)
}
