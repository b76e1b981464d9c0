//! Ends that the directory could not take down when they came about: the session's record is gone and every replica was
//! told, but only the directory's row outlives a session store that gives an older copy back. Kept until it is written.
//!
//! In memory alone. What a process takes with it is asked of the provider once more, should its record ever come back.

use super::end::{Ending, end_session};
use crate::state::State;
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::Chain;
use gatepost_store::directory::Actor;
use gatepost_telemetry::EndCause;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// More than that in one outage are forgotten, the record of each being gone: 100 bytes each.
const MOST: usize = 100_000;

/// In the order in which they came about.
#[derive(Debug, Default)]
pub struct Unwritten(Mutex<VecDeque<Pending>>);

#[derive(Debug)]
struct Pending {
    over: Ending,
    cause: EndCause,
    actor: Actor,
}

impl Unwritten {
    /// Keeps an end to be written.
    pub fn keep(&self, over: Ending, cause: EndCause, actor: Actor) {
        let mut all = self.all();
        if all.len() < MOST {
            all.push_back(Pending { over, cause, actor });
        }
    }

    /// The oldest; what could not come back any more needs no row.
    fn take(&self, now: Timestamp) -> Option<Pending> {
        let mut all = self.all();
        std::iter::from_fn(|| all.pop_front()).find(|pending| pending.over.expires_at() > now)
    }

    fn put_back(&self, pending: Pending) {
        self.all().push_front(pending);
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<Pending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what can be written by now.
pub async fn write(state: &State) {
    while let Some(pending) = state.unwritten.take(Timestamp::now()) {
        if let Err(error) = end_session(state, &pending.over, pending.cause, &pending.actor).await {
            tracing::debug!(error = %Chain(&error), "ended sessions wait for the directory");
            state.unwritten.put_back(pending);
            return;
        }
        tracing::info!(session.hash = %pending.over.hash(), "the directory has taken down that a session is over");
    }
}
