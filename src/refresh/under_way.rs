//! Which sessions are being checked on this replica, and how many requests wait for that.

use crate::permits::Permits;
use gatepost_core::clock::BootTime;
use gatepost_core::ids::UserId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Requests of one person that wait on this replica. By person, not by session: somebody may have many sessions.
const MAX_WAITING_PER_PERSON: usize = 64;
/// Requests of all people together: half of what one HTTP/2 connection of the proxy carries.
const MAX_WAITING: usize = 512;

/// When a check ended; `None`: it goes on.
pub type CheckEnd = watch::Receiver<Option<BootTime>>;

/// The hash of a session.
pub(super) type Key = [u8; 32];

/// All checks of the process that go on now.
#[derive(Debug)]
pub(super) struct ChecksUnderWay {
    by_session: Mutex<HashMap<Key, CheckEnd>>,
    pub(super) waiting: Arc<Permits<UserId>>,
}

impl Default for ChecksUnderWay {
    fn default() -> Self {
        Self {
            by_session: Mutex::default(),
            waiting: Arc::new(Permits::new(MAX_WAITING_PER_PERSON, MAX_WAITING)),
        }
    }
}

impl ChecksUnderWay {
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<Key, CheckEnd>> {
        self.by_session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
