//! Which replica leads, as this one knows: the leader does what one alone does for all (`app/leading.rs`).
//!
//! What is known here decides nothing. Each transaction of the leader's work compares the epoch of the lease itself, so a
//! replica that wrongly takes itself for the leader changes nothing.

use crate::stores::Stores;
use gatepost_core::clock::BootTime;
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::ReplicaId;
use gatepost_store::directory::{LeaderLease, Term};
use std::time::Duration;
use tokio::sync::{Mutex, watch};

/// How often a replica tries to take the lease.
pub const TRY_INTERVAL: Duration = Duration::from_millis(500);
/// How often the leader renews it.
const RENEW_INTERVAL: Duration = Duration::from_secs(1);

/// What this replica knows about the lease.
#[derive(Debug)]
pub struct Leadership {
    replica: ReplicaId,
    known: watch::Sender<Known>,
    /// Whether this replica has given the lease back, and takes it no more. Held while the directory is asked.
    has_left: Mutex<bool>,
}

/// The lease as the directory described it last.
#[derive(Clone, Debug, Default)]
struct Known {
    term: Option<Term>,
    asked_at: BootTime,
    /// Until then no other replica can have taken it.
    until: BootTime,
}

impl Leadership {
    /// Of a replica that does not lead yet.
    pub fn new(replica: ReplicaId) -> Self {
        Self { replica, known: watch::Sender::new(Known::default()), has_left: Mutex::new(false) }
    }

    /// Waits until this replica leads.
    pub async fn until_leading(&self) -> Term {
        let mut known = self.known.subscribe();
        loop {
            if let Some(term) = known.borrow_and_update().term {
                return term;
            }
            // The sender lives as long as `self`.
            let _ = known.changed().await;
        }
    }

    /// Waits until this replica no longer leads in this term.
    pub async fn until_lost(&self, term: Term) {
        let _ = self.known.subscribe().wait_for(|known| known.term != Some(term)).await;
    }

    /// Renews or takes the lease, unless the leader renewed it less than a second ago.
    pub async fn ask(&self, stores: &Stores) {
        let has_left = self.has_left.lock().await;
        let (term, renewal) = {
            let known = self.known.borrow();
            (known.term, known.asked_at.plus(RENEW_INTERVAL))
        };
        let now = BootTime::now();
        // Half an interval early is better than half an interval late.
        if *has_left || (term.is_some() && now.plus(TRY_INTERVAL / 2) < renewal) {
            return;
        }
        match stores.directory.hold_leader_lease(self.replica.as_str(), term).await {
            Ok(lease) => self.note(now, &lease),
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "the lease of the leader cannot be asked for");
                if term.is_some() && self.known.borrow().until <= BootTime::now() {
                    self.set(Known::default());
                }
            }
        }
    }

    /// Gives the lease back, so that another replica leads at once. This one leads no more.
    ///
    /// # Errors
    /// The directory does not answer. Then the lease expires within 4 s.
    pub async fn leave(&self, stores: &Stores) -> Result<(), gatepost_store::directory::DirectoryError> {
        let mut has_left = self.has_left.lock().await;
        *has_left = true;
        let term = self.known.borrow().term;
        // The work stops first, so that no transaction of it keeps the lease from being taken.
        self.set(Known::default());
        match term {
            Some(term) => stores.directory.give_leader_lease_back(term).await,
            None => Ok(()),
        }
    }

    fn note(&self, asked_at: BootTime, lease: &LeaderLease) {
        self.set(Known { term: lease.term, asked_at, until: asked_at.plus(lease.left) });
    }

    /// Only a change of the term wakes those who wait for one.
    fn set(&self, new: Known) {
        self.known.send_if_modified(|known| {
            let (old, now) = (known.term, new.term);
            *known = new;
            match (old, now) {
                (None, Some(_)) => tracing::info!(replica = %self.replica, "this replica leads"),
                (Some(_), None) => tracing::info!(replica = %self.replica, "this replica no longer leads"),
                _ => {}
            }
            old != now
        });
    }
}
