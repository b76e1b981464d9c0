//! What the directory says about something that changes seldom, whole and in memory: the tool servers, the hosts of tenants.
//!
//! Guarantee: what [`DirectoryCopy::current`] and [`DirectoryCopy::look`] return includes every change that was acknowledged
//! 1 s before they were called. A request costs no query while the lease holds and nothing changed that concerns everybody.
//! Each such change has everything read again.

use super::lease::{Entry, LEASE, Lease, Stamp};
use crate::authn::{DEADLINE, LoadError};
use crate::site::Site;
use crate::stores::Stores;
use crate::tasks::Tasks;
use arc_swap::ArcSwapOption;
use gatepost_core::clock::BootTime;
use gatepost_store::directory::{Directory, DirectoryError};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// After a failure the directory is not queried again for this long, unless changes are received meanwhile.
const RETRY_AFTER_FAILURE: Duration = Duration::from_millis(500);
/// The counter that the copy shares with some people. What concerns everybody increments the era, which all share.
const STRIPE: u64 = 0;

/// What can be read from the directory as a whole.
pub trait ReadWhole: Sized + Send + Sync + 'static {
    /// Reads it, and arranges it for this site.
    fn read(site: &Site, directory: &Directory) -> impl Future<Output = Result<Self, DirectoryError>> + Send;
}

/// All of it at one moment.
#[derive(Debug)]
pub struct Snapshot<T> {
    value: T,
    stamp: Stamp,
    started: BootTime,
}

impl<T> Snapshot<T> {
    const fn entry(&self) -> Entry {
        Entry { user: STRIPE, stamp: self.stamp, counts_until: BootTime::MAX }
    }
}

impl<T> Deref for Snapshot<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// A part of the directory, held by this process.
#[derive(Debug)]
pub struct DirectoryCopy<T> {
    site: Arc<Site>,
    stores: Arc<Stores>,
    lease: Arc<Lease>,
    tasks: Arc<Tasks>,
    /// Read at each request, so reading it takes no lock.
    last: ArcSwapOption<Snapshot<T>>,
    /// Held while it is read, by one request for all. Holds when the directory failed last.
    reading: Mutex<Option<BootTime>>,
}

impl<T: ReadWhole> DirectoryCopy<T> {
    /// Nothing is read yet.
    pub fn new(site: Arc<Site>, stores: Arc<Stores>, lease: Arc<Lease>, tasks: Arc<Tasks>) -> Self {
        let (last, reading) = (ArcSwapOption::empty(), Mutex::default());
        Self { site, stores, lease, tasks, last, reading }
    }

    /// Without a lease nobody reports changes, and what was read counts for as long as an answer to a question may.
    fn counts(&self, snapshot: &Snapshot<T>) -> bool {
        if self.lease.is_valid(snapshot.entry(), BootTime::now) {
            return true;
        }
        let now = BootTime::now();
        !self.lease.holds(now) && now < snapshot.started.plus(LEASE)
    }

    /// Looks into what is in memory, without I/O and without a lock. `None`: it must be read first.
    #[inline]
    pub fn look<R>(&self, look: impl FnOnce(&T) -> R) -> Option<R> {
        let last = self.last.load();
        let snapshot = last.as_ref().filter(|snapshot| self.counts(snapshot))?;
        Some(look(snapshot))
    }

    fn fresh(&self) -> Option<Arc<Snapshot<T>>> {
        self.last.load_full().filter(|snapshot| self.counts(snapshot))
    }

    /// What the directory says by now.
    ///
    /// # Errors
    /// [`LoadError`]: the directory does not answer, and what was read before counts no more.
    pub async fn current(&self) -> Result<Arc<Snapshot<T>>, LoadError> {
        match self.fresh() {
            Some(snapshot) => Ok(snapshot),
            // On the heap: nearly every request finds it in memory.
            None => Box::pin(timeout(DEADLINE, self.read())).await.unwrap_or(Err(LoadError::Deadline)),
        }
    }

    /// What is known, for what need not be new.
    pub async fn known(&self) -> Option<Arc<Snapshot<T>>> {
        match self.current().await {
            Ok(snapshot) => Some(snapshot),
            Err(_) => self.last.load_full(),
        }
    }

    async fn read(&self) -> Result<Arc<Snapshot<T>>, LoadError> {
        let mut failed_at = self.reading.lock().await;
        if let Some(snapshot) = self.fresh() {
            return Ok(snapshot);
        }
        let stale = self.site.config.verify.stale_if_error;
        let stale = |snapshot: &Arc<Snapshot<T>>| {
            self.lease.is_valid_during_outage(snapshot.entry(), stale, BootTime::now)
        };
        let now = BootTime::now();
        let answers = self.lease.holds(now) || self.lease.is_returning();
        if !answers && failed_at.is_some_and(|at| now < at.plus(RETRY_AFTER_FAILURE)) {
            return self.last.load_full().filter(stale).ok_or(LoadError::Deadline);
        }
        let (stamp, started) = (self.lease.stamp(STRIPE), BootTime::now());
        // On the runtime of the stores' connections.
        let (site, stores) = (Arc::clone(&self.site), Arc::clone(&self.stores));
        let read =
            self.tasks.run(async move { timeout(DEADLINE, T::read(&site, &stores.directory)).await }).await;
        let error = match read {
            Ok(Ok(value)) => {
                let snapshot = Arc::new(Snapshot { value, stamp, started });
                self.last.store(Some(Arc::clone(&snapshot)));
                *failed_at = None;
                return Ok(snapshot);
            }
            Ok(Err(error)) => LoadError::Directory(error),
            Err(_) => LoadError::Deadline,
        };
        *failed_at = Some(started);
        self.last.load_full().filter(stale).ok_or(error)
    }
}
