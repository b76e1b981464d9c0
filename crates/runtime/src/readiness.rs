//! Whether this replica should get requests: `/readyz`.
//!
//! Only what makes this replica worse than the others counts: it has just started, it shuts down, its schema version does
//! not fit, it lacks a key, its clock is wrong. Whether the stores answer does not count: an outage would take all replicas
//! out of the load balancer at once, and clients would no longer get Gatepost's own 503.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

/// Whether this replica is ready, and if not, why.
#[derive(Debug)]
pub struct Readiness {
    /// From the start until [`Readiness::connected`].
    is_connecting: AtomicBool,
    is_draining: AtomicBool,
    obstacle: RwLock<Option<Obstacle>>,
}

/// Why this replica should get no requests.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// The schema has not been checked yet.
    #[error("the directory's schema has not been checked yet")]
    Starting,
    /// `gatepost migrate` has not run, or the database does not exist.
    #[error("the directory is not prepared")]
    Unprepared,
    /// Another replica writes with a key that is not in `GATEPOST_SECRET_KEYS` of this one. Holds the key's id.
    #[error("another replica writes with key {0}, which is not in GATEPOST_SECRET_KEYS here")]
    UnknownKey(String),
    /// The clock differs from the database's by more than 30 s. Holds the difference in seconds.
    #[error("this machine's clock is {0} s off the database's")]
    Clock(i64),
}

impl Default for Readiness {
    fn default() -> Self {
        Self {
            is_connecting: AtomicBool::new(true),
            is_draining: AtomicBool::new(false),
            obstacle: RwLock::new(Some(Obstacle::Starting)),
        }
    }
}

impl Readiness {
    /// Marks the replica as connected to its stores, once after its start.
    pub fn connected(&self) {
        let was_connecting = self.is_connecting.swap(false, Ordering::Relaxed);
        if was_connecting && self.reason_not_ready().is_none() {
            tracing::info!("ready");
        }
    }

    /// Marks the replica as shutting down, after SIGTERM.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// Sets the result of the last check, and logs it if it differs from the one before.
    pub fn set(&self, obstacle: Option<Obstacle>) {
        let mut current = self.obstacle.write().unwrap_or_else(PoisonError::into_inner);
        if *current == obstacle {
            return;
        }
        if let Some(obstacle) = &obstacle {
            tracing::error!(why = %obstacle, "not ready");
        } else if !self.is_connecting.load(Ordering::Relaxed) {
            tracing::info!("ready");
        }
        *current = obstacle;
    }

    /// Whether the schema was found to be current. The other checks need the schema, so they run only after that.
    pub fn is_prepared(&self) -> bool {
        let current = self.obstacle.read().unwrap_or_else(PoisonError::into_inner);
        !matches!(*current, Some(Obstacle::Starting | Obstacle::Unprepared))
    }

    /// Whether the clocks of this replica and of the database agree, as far as is known.
    pub fn trusts_clocks(&self) -> bool {
        let current = self.obstacle.read().unwrap_or_else(PoisonError::into_inner);
        !matches!(*current, Some(Obstacle::Clock(_)))
    }

    /// Why this replica should get no requests. `None`: it is ready.
    pub fn reason_not_ready(&self) -> Option<String> {
        if self.is_draining.load(Ordering::Relaxed) {
            return Some("stopping".to_owned());
        }
        let obstacle =
            self.obstacle.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(ToString::to_string);
        let is_connecting = self.is_connecting.load(Ordering::Relaxed);
        obstacle.or_else(|| is_connecting.then(|| "connecting to the stores".to_owned()))
    }
}
