//! Which replica leads, as this one knows: the leader does what one alone does for all (`app/leading.rs`).
//!
//! What is known here decides nothing. Each transaction of the leader's work compares the epoch of the lease itself, so a
//! replica that wrongly takes itself for the leader changes nothing.

use crate::stores::Stores;
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::ReplicaId;
use gatepost_store::directory::{DirectoryError, LeaderLease, Replica, Term};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, watch};

/// How often a replica tries to take the lease.
pub const TRY_INTERVAL: Duration = Duration::from_millis(500);
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// How often the leader renews it.
const RENEW_INTERVAL: Duration = Duration::from_secs(1);

/// What this replica knows about the lease.
#[derive(Debug)]
pub struct Leadership {
    replica: ReplicaId,
    started_at: Timestamp,
    known: watch::Sender<Known>,
    /// Whether this replica gives the lease back, and takes it no more.
    is_leaving: AtomicBool,
    /// Held while the directory is asked.
    asking: Mutex<()>,
    /// Whether the directory did not answer about the lease.
    is_failing: AtomicBool,
}

/// The lease as the directory described it last.
#[derive(Clone, Debug, Default)]
struct Known {
    term: Option<Term>,
    asked_at: BootTime,
    /// Until then no other replica can have taken it.
    until: BootTime,
    /// `None`: the directory has not answered yet.
    lease: Option<LeaderLease>,
}

/// Who leads, as far as this replica knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The replica whose lease has not expired. `None`: none, or the directory does not answer.
    pub leader: Option<String>,
    /// How long ago the leader took or renewed the lease. `None`: the directory has not answered yet.
    pub lease_age: Option<Duration>,
}

impl Leadership {
    /// Of a replica that does not lead yet.
    pub fn new(replica: ReplicaId, started_at: Timestamp) -> Self {
        Self {
            replica,
            started_at,
            known: watch::Sender::default(),
            is_leaving: AtomicBool::default(),
            asking: Mutex::default(),
            is_failing: AtomicBool::default(),
        }
    }

    /// This replica.
    pub const fn replica(&self) -> &ReplicaId {
        &self.replica
    }

    /// Who leads.
    pub fn seen(&self) -> Seen {
        let known = self.known.borrow();
        let (now, lease) = (BootTime::now(), known.lease.as_ref());
        Seen {
            leader: lease.filter(|_| now < known.until).map(|lease| lease.holder.clone()),
            lease_age: lease.map(|lease| {
                let since = Duration::from_nanos(now.nanos().saturating_sub(known.asked_at.nanos()));
                lease.age.saturating_add(since)
            }),
        }
    }

    /// Tells the other replicas that this one serves. Returns how many do, if the directory answers.
    pub async fn announce(&self, stores: &Stores) -> Option<u32> {
        let noted = stores.directory.note_replica(self.replica.as_str(), VERSION, self.started_at).await;
        let note = |error: &DirectoryError| tracing::debug!(error = %Chain(error), "this replica could not note itself in the directory");
        noted.inspect_err(note).ok()
    }

    /// All replicas that serve, the oldest first.
    ///
    /// # Errors
    /// The directory does not answer.
    pub async fn list(&self, stores: &Stores) -> Result<Vec<Replica>, DirectoryError> {
        let mut replicas = stores.directory.list_replicas().await?;
        if replicas.is_empty() {
            // The one that serves the embedded file, or one that has not noted itself yet.
            let id = self.replica.to_string();
            let (is_leader, version) = (self.known.borrow().term.is_some(), VERSION.to_owned());
            let (started_at, seen_at) = (self.started_at, Timestamp::now());
            replicas.push(Replica { id, version, started_at, seen_at, is_leader });
        }
        Ok(replicas)
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
        let _asking = self.asking.lock().await;
        let (term, renewal) = {
            let known = self.known.borrow();
            (known.term, known.asked_at.plus(RENEW_INTERVAL))
        };
        let now = BootTime::now();
        // Half an interval early is better than half an interval late.
        if self.is_leaving.load(Ordering::Acquire) || (term.is_some() && now.plus(TRY_INTERVAL / 2) < renewal)
        {
            return;
        }
        match stores.directory.hold_leader_lease(self.replica.as_str(), term).await {
            // It was taken or renewed while this replica began to stop.
            Ok(LeaderLease { term: Some(term), .. }) if self.is_leaving.load(Ordering::Acquire) => {
                if let Err(error) = stores.directory.give_leader_lease_back(term).await {
                    tracing::debug!(error = %Chain(&error), "the lease of the leader expires by itself");
                }
            }
            Ok(lease) => {
                if self.is_failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("the directory answers about the lease of the leader again");
                }
                self.note(now, lease, stores);
            }
            Err(error) => {
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(error = %Chain(&error), "the lease of the leader cannot be asked for: trying again");
                }
                if term.is_some() && self.known.borrow().until <= BootTime::now() {
                    self.lose(stores);
                }
            }
        }
    }

    /// Gives the lease back, so that another replica leads at once. This one leads no more.
    ///
    /// # Errors
    /// The directory does not answer. Then the lease expires within 4 s.
    pub async fn leave(&self, stores: &Stores) -> Result<(), DirectoryError> {
        self.is_leaving.store(true, Ordering::Release);
        let term = self.known.borrow().term;
        // The work stops first, so that no transaction of it keeps the lease from being taken.
        self.lose(stores);
        let _asking = self.asking.lock().await;
        match term {
            Some(term) => stores.directory.give_leader_lease_back(term).await,
            None => Ok(()),
        }
    }

    fn note(&self, asked_at: BootTime, lease: LeaderLease, stores: &Stores) {
        let is_another = self.known.borrow().lease.as_ref().is_some_and(|known| known.epoch != lease.epoch);
        stores.metrics.leads(lease.term.is_some());
        stores.metrics.leader_lease(Timestamp::now().plus(lease.left), is_another);
        self.set(Known { term: lease.term, asked_at, until: asked_at.plus(lease.left), lease: Some(lease) });
    }

    /// This replica leads no more. What it knows about the lease stays.
    fn lose(&self, stores: &Stores) {
        stores.metrics.leads(false);
        let known = self.known.borrow().clone();
        self.set(Known { term: None, ..known });
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
