//! Places for exchanges in flight.
//!
//! Whoever runs the provider of a tenant decides how long an exchange there takes. So such providers have places of their own,
//! and each of them a few of those: a slow one delays nobody who signs in elsewhere.

use gatepost_core::ids::ProviderId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of one lane.
pub(super) struct Places {
    configured: Arc<Semaphore>,
    of_tenants: Arc<Semaphore>,
    each: Mutex<HashMap<ProviderId, Weak<Semaphore>>>,
    most: Most,
}

/// How many exchanges are in flight at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    /// At all providers of the configuration.
    pub(super) configured: usize,
    /// At all providers of tenants.
    pub(super) of_tenants: usize,
    /// At each of those.
    pub(super) of_each: usize,
}

/// A place. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _own: Option<OwnedSemaphorePermit>,
    _shared: Option<OwnedSemaphorePermit>,
}

impl Places {
    pub(super) fn new(most: Most) -> Self {
        Self {
            configured: Arc::new(Semaphore::new(most.configured)),
            of_tenants: Arc::new(Semaphore::new(most.of_tenants)),
            each: Mutex::default(),
            most,
        }
    }

    /// Waits for a place.
    pub(super) async fn take(&self, provider: &ProviderId) -> Place {
        if provider.tenant().is_none() {
            return Place { _own: None, _shared: acquire(&self.configured).await };
        }
        let own = acquire(&self.own(provider)).await;
        Place { _own: own, _shared: acquire(&self.of_tenants).await }
    }

    fn own(&self, provider: &ProviderId) -> Arc<Semaphore> {
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = each.get(provider).and_then(Weak::upgrade) {
            return own;
        }
        // Permits and whoever waits for one hold it.
        each.retain(|_, own| own.strong_count() > 0);
        let own = Arc::new(Semaphore::new(self.most.of_each));
        each.insert(provider.clone(), Arc::downgrade(&own));
        own
    }
}

/// `None` is never returned: the semaphores are not closed.
async fn acquire(semaphore: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(semaphore).acquire_owned().await.ok()
}
