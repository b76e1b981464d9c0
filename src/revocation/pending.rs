//! Ends of sessions that the directory could not record when they happened. The session's record is gone and every
//! replica knows, but only the directory's row outlives a session store that restores an older copy. Kept until written.
//!
//! In memory alone. If the process ends first and the record comes back, the provider is asked about the session again.

use super::{Context, Ending, end_session};
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use gatepost_store::directory::Actor;
use gatepost_telemetry::EndCause;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// At most this many wait, of 100 bytes each; more in one outage are forgotten, the record of each being gone.
const MAX_PENDING: usize = 100_000;

/// In the order in which they happened.
#[derive(Debug, Default)]
pub(super) struct PendingRevocations(Mutex<VecDeque<Pending>>);

#[derive(Debug)]
struct Pending {
    ending: Ending,
    cause: EndCause,
    actor: Actor,
}

impl PendingRevocations {
    /// Keeps an end to be written.
    pub(super) fn add(&self, ending: Ending, cause: EndCause, actor: Actor) {
        let mut all = self.lock();
        if all.len() < MAX_PENDING {
            all.push_back(Pending { ending, cause, actor });
        }
    }

    /// The oldest; a session that could not come back any more needs no row.
    fn pop(&self, now: Timestamp) -> Option<Pending> {
        let mut all = self.lock();
        std::iter::from_fn(|| all.pop_front()).find(|pending| pending.ending.expires_at > now)
    }

    fn put_back(&self, pending: Pending) {
        self.lock().push_front(pending);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Pending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes the ends that wait, until the directory refuses one.
pub async fn write_pending(context: &Context) {
    while let Some(pending) = context.pending.pop(Timestamp::now()) {
        if let Err(error) = end_session(context, &pending.ending, pending.cause, &pending.actor).await {
            tracing::debug!(error = %Chain(&error), "ended sessions wait for the directory");
            context.pending.put_back(pending);
            return;
        }
        tracing::info!(session.hash = %pending.ending.hash, "the directory has taken down that a session is over");
    }
}
