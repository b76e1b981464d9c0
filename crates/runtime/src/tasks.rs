//! Background tasks: work that continues after the response was sent, or after the client has disconnected. Examples
//! are refreshes, the exchange of authorization codes, and writes of last use.
//!
//! Tasks run on the main runtime, which also drives the connections to stores and providers. From another runtime each
//! reply of a store would wake two threads. The main runtime outlives the threads of the listeners, and the process
//! waits for its tasks before it ends: a refresh that is cut off would lose a rotated refresh token.

use std::panic::resume_unwind;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinError;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// Spawns background tasks and tracks those that have not ended.
#[derive(Debug)]
pub struct Tasks {
    runtime: Handle,
    tracker: TaskTracker,
}

impl Tasks {
    /// Runs its tasks on the current runtime.
    ///
    /// # Panics
    /// If called outside a runtime.
    pub fn here() -> Self {
        Self { runtime: Handle::current(), tracker: TaskTracker::new() }
    }

    /// Spawns a task. Its result is dropped, so the task itself has to log its errors.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn_on(task, &self.runtime);
    }

    /// Spawns a task and returns its result. The task runs to its end even if the caller is dropped first.
    pub async fn run<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> T {
        match self.tracker.spawn_on(task, &self.runtime).await.map_err(JoinError::try_into_panic) {
            Ok(output) => output,
            Err(Ok(panic)) => resume_unwind(panic),
            // The task was cancelled because the runtime shuts down, which drops the caller too.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    /// Waits until all tasks have ended, at most for `limit`.
    pub async fn finish(&self, limit: Duration) {
        self.tracker.close();
        if timeout(limit, self.tracker.wait()).await.is_err() {
            tracing::warn!(
                tasks = self.tracker.len(),
                "background tasks did not end within {} s",
                limit.as_secs()
            );
        }
    }
}
