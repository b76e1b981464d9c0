//! Ends of sessions that the directory could not record when they happened, kept until it can.
//!
//! The session's record is deleted and every replica was notified. The row in the directory is still needed, because
//! the session store may be restored from an older copy. The ends are kept in memory only: if the process stops first
//! and the record is restored, the session is refreshed at its provider, which refuses it again.

use super::{Context, Ending, write_end};
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use gatepost_store::directory::Actor;
use gatepost_telemetry::EndCause;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// At most this many are kept, at about 100 bytes each. Further ones are dropped; their records are deleted all the
/// same.
const MAX_PENDING: usize = 100_000;

/// A queue in the order in which the sessions ended.
#[derive(Debug, Default)]
pub(super) struct PendingRevocations(Mutex<VecDeque<Pending>>);

#[derive(Debug)]
struct Pending {
    ending: Ending,
    cause: EndCause,
    actor: Actor,
}

impl PendingRevocations {
    /// Adds an end that is to be written later.
    pub(super) fn add(&self, ending: Ending, cause: EndCause, actor: Actor) {
        let mut all = self.lock();
        if all.len() < MAX_PENDING {
            all.push_back(Pending { ending, cause, actor });
        }
    }

    /// Takes the oldest one. Skips those whose session has expired, which need no row.
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

/// Writes the pending ends to the directory, and stops at the first error.
pub async fn write_pending(context: &Context) {
    while let Some(pending) = context.pending.pop(Timestamp::now()) {
        if let Err(error) = write_end(context, &pending.ending, pending.cause, &pending.actor).await {
            tracing::debug!(error = %Chain(&error), "pending ends of sessions still cannot be written to the directory");
            context.pending.put_back(pending);
            return;
        }
        tracing::info!(session.hash = %pending.ending.hash, "the pending end of a session was written to the directory");
    }
}
