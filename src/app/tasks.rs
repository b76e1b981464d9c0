//! The one door for work that goes on beside an answer: refreshes, notes of last use, hints for the log.
//!
//! It runs on the main runtime, which outlives the listeners' threads, and is waited for before the process ends: a
//! refresh that is cut off would take a rotated refresh token with it.

use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// Everything that was begun and has not ended.
#[derive(Debug)]
pub struct Tasks {
    runtime: Handle,
    begun: TaskTracker,
}

impl Tasks {
    /// Tasks that run on the runtime of the caller.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn here() -> Self {
        Self { runtime: Handle::current(), begun: TaskTracker::new() }
    }

    /// Begins a task; nobody waits for what comes of it, so it logs what matters.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.begun.spawn_on(task, &self.runtime);
    }

    /// Waits until nothing runs, or for so long.
    pub async fn finish(&self, limit: Duration) {
        self.begun.close();
        if timeout(limit, self.begun.wait()).await.is_err() {
            tracing::warn!(tasks = self.begun.len(), "tasks did not end within {limit:?}");
        }
    }
}
