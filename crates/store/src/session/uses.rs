//! Uses of sessions that wait to be written down: noted at each request, written in batches.
//!
//! Bounded: what does not fit is noted again with the session's next turn.

use super::values::SessionId;
use gatepost_core::clock::Timestamp;
use std::sync::{Mutex, PoisonError};

/// So many wait at most, about 4 MiB.
const MAX_WAITING: usize = 100_000;

/// What waits.
#[derive(Debug, Default)]
pub struct Uses(Mutex<Vec<(SessionId, Timestamp)>>);

impl Uses {
    /// Notes a use.
    pub fn note(&self, session: &SessionId, at: Timestamp) {
        self.put_back(vec![(session.clone(), at)]);
    }

    /// Notes uses that could not be written.
    pub fn put_back(&self, mut uses: Vec<(SessionId, Timestamp)>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uses.truncate(MAX_WAITING.saturating_sub(waiting.len()));
        waiting.append(&mut uses);
    }

    /// Everything that waits.
    pub fn take(&self) -> Vec<(SessionId, Timestamp)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
