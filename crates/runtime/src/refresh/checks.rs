//! Checks of sessions at their provider, and the requests that wait for a check.
//!
//! A replica runs at most one check of a session at a time, however many requests need it; [`attempt`] ensures the same
//! across replicas. A waiting request holds neither a thread nor a connection to a store. It waits at most [`WAIT`],
//! and the check continues without it. The number of waiting requests is limited per person and in total. A request
//! beyond the limit does not wait.

use super::running_checks::{CheckEnd, Key};
use super::{Context, attempt};
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::decision::RefreshDue;
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::UserId;
use gatepost_store::session::store::StoreError;
use gatepost_store::session::tokens::SessionId;
use gatepost_telemetry::RefreshOutcome;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// How long a request waits at most.
const WAIT: Duration = Duration::from_secs(3);
/// While another replica refreshes the session, the record is read again after a pause. The pause doubles each time, up
/// to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// Checks a session if that is due, and returns the time when the check ended. `None`: the session store failed.
pub async fn run(context: &Arc<Context>, session: &SessionId) -> Option<BootTime> {
    end_of(begin(context, session)).await
}

/// Does the same for a request of this person, which waits at most [`WAIT`]. Returns `None` also if the check takes
/// longer or too many requests wait; the check continues then.
pub async fn wait(context: &Arc<Context>, session: &SessionId, user: UserId) -> Option<BootTime> {
    let check = begin(context, session);
    let Some(_permit) = context.checks.waiting.try_acquire(user) else {
        tracing::debug!(user.id = %user, session.hash = %session.hash(), "too many requests wait for session checks: a request does not wait");
        return None;
    };
    let started = Instant::now();
    let end = timeout(WAIT, end_of(check)).await.ok().flatten();
    tracing::debug!(
        user.id = %user,
        session.hash = %session.hash(),
        waited_ms = started.elapsed().as_millis(),
        is_over = end.is_some(),
        "a request waited for its session's check"
    );
    end
}

async fn end_of(mut check: CheckEnd) -> Option<BootTime> {
    *check.wait_for(Option::is_some).await.ok()?
}

/// Returns the running check of a session, or starts one.
pub fn begin(context: &Arc<Context>, session: &SessionId) -> CheckEnd {
    let key = *session.hash().as_bytes();
    let mut running = context.checks.lock();
    if let Some(check) = running.get(&key) {
        return check.clone();
    }
    let (sender, check) = watch::channel(None);
    running.insert(key, check.clone());
    drop(running);
    let (guard, session) = (RunningCheck { context: Arc::clone(context), key }, session.clone());
    context.tasks.spawn(async move {
        match refresh_if_due(&guard.context, &session).await {
            Ok(()) => {
                sender.send_replace(Some(BootTime::now()));
            }
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "a due refresh was not started: the session store failed");
            }
        }
    });
    check
}

/// A running check. Dropping it removes its entry, so that the next request starts a new check.
struct RunningCheck {
    context: Arc<Context>,
    key: Key,
}

impl Drop for RunningCheck {
    fn drop(&mut self) {
        self.context.checks.lock().remove(&self.key);
    }
}

/// Refreshes a session if that is due. While another replica refreshes it, waits for that result, at most [`WAIT`].
async fn refresh_if_due(context: &Context, session: &SessionId) -> Result<(), StoreError> {
    let give_up_at = Instant::now() + WAIT;
    let mut pause = FIRST_PAUSE;
    loop {
        // Another replica or a sign-in at the public host may have refreshed it already.
        let Some(found) = context.stores.sessions.find(session).await? else { return Ok(()) };
        let times = context.site.times_of(&found.record, found.record.auth_time);
        if times.refresh_due(Timestamp::now(), &context.site.lifetimes) == RefreshDue::NotDue {
            return Ok(());
        }
        let outcome = attempt::refresh(context, &found).await;
        if outcome != RefreshOutcome::Busy || Instant::now() >= give_up_at {
            return Ok(());
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
