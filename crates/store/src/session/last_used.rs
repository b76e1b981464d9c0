//! The last uses of sessions, collected at each request and written in batches.
//!
//! The number is limited. A use that does not fit is collected again at a later request of the session.

use super::tokens::SessionId;
use gatepost_core::clock::Timestamp;
use std::sync::{Mutex, PoisonError};

/// The maximum number of collected uses, about 4 MiB.
const MAX_WAITING: usize = 100_000;

/// The uses that are not written yet.
#[derive(Debug, Default)]
pub struct LastUsed(Mutex<Vec<(SessionId, Timestamp)>>);

impl LastUsed {
    /// Collects a use.
    pub fn note(&self, session: &SessionId, at: Timestamp) {
        self.put_back(vec![(session.clone(), at)]);
    }

    /// Collects uses again that could not be written.
    pub fn put_back(&self, mut uses: Vec<(SessionId, Timestamp)>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uses.truncate(MAX_WAITING.saturating_sub(waiting.len()));
        waiting.append(&mut uses);
    }

    /// Removes and returns all uses.
    pub fn take(&self) -> Vec<(SessionId, Timestamp)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
