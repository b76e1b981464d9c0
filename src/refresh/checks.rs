//! Checks of sessions at their provider, and the requests that wait for one.
//!
//! A replica checks a session once at a time, however many requests want to know; [`attempt`] sees to that over all
//! replicas. A request that waits holds neither a thread nor a connection to a store. A request waits no longer than
//! [`WAIT`], and the check goes on without it. The requests of one person that wait are limited, and so are all together;
//! one more is answered at once.

use super::under_way::{CheckEnd, Key};
use super::{Context, attempt};
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::decision::Check;
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::UserId;
use gatepost_store::session::store::StoreError;
use gatepost_store::session::values::SessionId;
use gatepost_telemetry::RefreshOutcome;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// A request waits at most so long (DESIGN.md section 2).
const WAIT: Duration = Duration::from_secs(3);
/// While another replica asks, the record is read again after a pause, which doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);
/// Checks a session, if that is due, and returns when the check ended; `None`: the session store failed.
pub async fn run(context: &Arc<Context>, session: &SessionId) -> Option<BootTime> {
    end_of(begin(context, session)).await
}

/// The same for a request of this person, which waits at most [`WAIT`]; `None` also if the check took longer, or if too
/// many wait. The check goes on all the same.
pub async fn wait(context: &Arc<Context>, session: &SessionId, user: UserId) -> Option<BootTime> {
    let over = begin(context, session);
    let Some(_permit) = context.checks.waiting.try_acquire(user) else {
        tracing::debug!(user.id = %user, session.hash = %session.hash(), "a request found no place to wait for its session's check");
        return None;
    };
    let started = Instant::now();
    let end = timeout(WAIT, end_of(over)).await.ok().flatten();
    tracing::debug!(
        user.id = %user,
        session.hash = %session.hash(),
        waited_ms = started.elapsed().as_millis(),
        is_over = end.is_some(),
        "a request waited for its session's check"
    );
    end
}

async fn end_of(mut over: CheckEnd) -> Option<BootTime> {
    *over.wait_for(Option::is_some).await.ok()?
}

/// Joins the check of a session that is under way, or begins one.
pub fn begin(context: &Arc<Context>, session: &SessionId) -> CheckEnd {
    let key = *session.hash().as_bytes();
    let mut under_way = context.checks.lock();
    if let Some(over) = under_way.get(&key) {
        return over.clone();
    }
    let (ends, over) = watch::channel(None);
    under_way.insert(key, over.clone());
    drop(under_way);
    let (checking, session) = (UnderWay { context: Arc::clone(context), key }, session.clone());
    context.tasks.spawn(async move {
        match refresh_if_due(&checking.context, &session).await {
            Ok(()) => {
                ends.send_replace(Some(BootTime::now()));
            }
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "a due refresh waits for the session store");
            }
        }
    });
    over
}

/// A check under way. Whoever comes when it is over begins the next.
struct UnderWay {
    context: Arc<Context>,
    key: Key,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.context.checks.lock().remove(&self.key);
    }
}

/// Refreshes a session, if that is due; while another replica does so, waits for the result.
async fn refresh_if_due(context: &Context, session: &SessionId) -> Result<(), StoreError> {
    let give_up_at = Instant::now() + WAIT;
    let mut pause = FIRST_PAUSE;
    loop {
        // Another replica, or a visit to the public host, may have been faster.
        let Some(found) = context.stores.sessions.find(session).await? else { return Ok(()) };
        let times = context.site.times_of(&found.record, found.record.auth_time);
        if times.check(Timestamp::now(), &context.site.lifetimes) == Check::NotDue {
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
