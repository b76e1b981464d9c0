//! Whether this replica should get requests: `/readyz`.
//!
//! Not whether the stores answer: then all replicas would leave together, and nobody would say 503 politely. What makes
//! one replica worse than its sisters counts: draining, a schema it does not know, a key it cannot read, a wrong clock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

/// Why not ready, or nothing.
#[derive(Debug)]
pub struct Readiness {
    is_draining: AtomicBool,
    obstacle: RwLock<Option<Obstacle>>,
}

/// What makes this replica worse than its sisters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// The schema was not seen as current yet.
    #[error("the directory's schema has not been checked yet")]
    Starting,
    /// `gatepost migrate` has not run, or the database is not there.
    #[error("the directory is not prepared")]
    Unprepared,
    /// A replica writes with a key that is not in this one's `GATEPOST_SECRET_KEYS`.
    #[error("another replica writes with key {0}, which is not in GATEPOST_SECRET_KEYS here")]
    UnknownKey(String),
    /// More than 30 s off the database's clock.
    #[error("this machine's clock is {0} s off the database's")]
    Clock(i64),
}

impl Default for Readiness {
    fn default() -> Self {
        Self { is_draining: AtomicBool::new(false), obstacle: RwLock::new(Some(Obstacle::Starting)) }
    }
}

impl Readiness {
    /// SIGTERM came.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// What was found at the last look; logged when it changes.
    pub fn set(&self, obstacle: Option<Obstacle>) {
        let mut current = self.obstacle.write().unwrap_or_else(PoisonError::into_inner);
        if *current == obstacle {
            return;
        }
        if let Some(obstacle) = &obstacle {
            tracing::error!(why = %obstacle, "not ready");
        } else {
            tracing::info!("ready");
        }
        *current = obstacle;
    }

    /// Whether the schema was seen as current; nothing else is looked at before.
    pub fn is_prepared(&self) -> bool {
        let current = self.obstacle.read().unwrap_or_else(PoisonError::into_inner);
        !matches!(*current, Some(Obstacle::Starting | Obstacle::Unprepared))
    }

    /// Why this replica should get no requests.
    pub fn why_not(&self) -> Option<String> {
        if self.is_draining.load(Ordering::Relaxed) {
            return Some("stopping".to_owned());
        }
        self.obstacle.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(ToString::to_string)
    }
}
