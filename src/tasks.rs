//! The one door for work that goes on beside an answer, or whether or not somebody still waits for one: refreshes,
//! exchanges of codes, notes of last use, hints for the log.
//!
//! It runs on the main runtime, beside the connections to stores and providers: who asks them twenty times from another
//! thread wakes two threads with each answer. That runtime outlives the listeners' threads, and what it runs is waited
//! for before the process ends: a refresh that is cut off would take a rotated refresh token with it.

use std::panic::resume_unwind;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinError;
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

    /// Runs a task to its end, and waits for what comes of it as long as the caller lives.
    pub async fn run<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> T {
        match self.begun.spawn_on(task, &self.runtime).await.map_err(JoinError::try_into_panic) {
            Ok(output) => output,
            Err(Ok(panic)) => resume_unwind(panic),
            // The process ends, and so does the caller.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    /// Waits until nothing runs, or for so long.
    pub async fn finish(&self, limit: Duration) {
        self.begun.close();
        if timeout(limit, self.begun.wait()).await.is_err() {
            tracing::warn!(tasks = self.begun.len(), "tasks did not end within {} s", limit.as_secs());
        }
    }
}
