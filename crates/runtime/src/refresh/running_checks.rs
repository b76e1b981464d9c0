//! The sessions that this replica checks at the moment, and the number of requests that wait for a check.

use crate::permits::Permits;
use gatepost_core::clock::BootTime;
use gatepost_core::ids::UserId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// How many requests of one person may wait on this replica. The limit is per person because one person may have many
/// sessions.
const MAX_WAITING_PER_PERSON: usize = 64;
/// How many requests may wait in total: about half of the 1,000 streams of one HTTP/2 connection of the proxy.
const MAX_WAITING: usize = 512;

/// When a check ended. `None`: it is still running.
pub type CheckEnd = watch::Receiver<Option<BootTime>>;

/// The hash of a session.
pub(super) type Key = [u8; 32];

/// All running checks of this process.
#[derive(Debug)]
pub(super) struct RunningChecks {
    by_session: Mutex<HashMap<Key, CheckEnd>>,
    pub(super) waiting: Arc<Permits<UserId>>,
}

impl Default for RunningChecks {
    fn default() -> Self {
        Self {
            by_session: Mutex::default(),
            waiting: Arc::new(Permits::new(MAX_WAITING_PER_PERSON, MAX_WAITING)),
        }
    }
}

impl RunningChecks {
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<Key, CheckEnd>> {
        self.by_session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
