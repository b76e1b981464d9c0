//! What tenants use, as this replica counts it: requests, calls of tools, sign-ins, and who was let in.
//!
//! A request adds to a counter of its tenant in memory. [`Usage::write`] takes what was counted and adds it to the directory, in
//! batches with a number each.
//!
//! Guarantee: counting needs neither I/O nor, while the tenant and the tool server are known, a lock or an allocation. A batch
//! whose answer was lost is sent again with its number, and counts once. Only a replica that is killed loses what it has not
//! written.

mod counters;
mod people;
mod unsent;

pub use counters::{DayCounter, TenantUsage};
pub use people::SeenDay;

use crate::stores::Stores;
use arc_swap::ArcSwap;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{ReplicaId, TenantId, ToolServerId, UserId};
use gatepost_store::directory::DirectoryError;
use people::People;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use unsent::Unsent;

/// What this replica has counted and not written yet.
#[derive(Debug)]
pub struct Usage {
    stores: Arc<Stores>,
    /// By tenant. An entry stays as long as the process, because requests may hold it.
    tenants: ArcSwap<HashMap<TenantId, Arc<TenantUsage>>>,
    people: Mutex<People>,
    unsent: tokio::sync::Mutex<Unsent>,
    /// Whether the last batch was not written, so that the log says so once.
    is_failing: AtomicBool,
}

impl Usage {
    /// Nothing is counted yet. `replica` is another one for each process.
    pub fn new(replica: ReplicaId, stores: Arc<Stores>) -> Self {
        Self {
            stores,
            tenants: ArcSwap::default(),
            people: Mutex::default(),
            unsent: tokio::sync::Mutex::new(Unsent::new(replica)),
            is_failing: AtomicBool::default(),
        }
    }

    /// The counters of these tenants, in their order.
    pub fn of_all(&self, tenants: &[&TenantId]) -> Vec<Arc<TenantUsage>> {
        let is_new = |tenant: &&&TenantId| !self.tenants.load().contains_key(**tenant);
        let new: Vec<_> = tenants.iter().filter(is_new).collect();
        if !new.is_empty() {
            self.tenants.rcu(|known| {
                let mut known = HashMap::clone(known);
                for tenant in &new {
                    known.entry((**tenant).clone()).or_default();
                }
                known
            });
        }
        let known = self.tenants.load();
        tenants.iter().map(|tenant| known.get(*tenant).cloned().unwrap_or_default()).collect()
    }

    /// The counters of a tenant.
    fn of(&self, tenant: &TenantId) -> Arc<TenantUsage> {
        let known = self.tenants.load().get(tenant).cloned();
        known.unwrap_or_else(|| self.of_all(&[tenant]).pop().unwrap_or_default())
    }

    /// Counts a request of a tenant whose counters nobody holds.
    pub fn count_request(&self, tenant: &TenantId, now: Timestamp) {
        self.of(tenant).count_request(now.day());
    }

    /// The counter of the calls of a tenant's tool server.
    pub fn calls_of(&self, tenant: &TenantId, server: &ToolServerId) -> Arc<DayCounter> {
        self.of(tenant).calls_of(server)
    }

    /// Counts a sign-in that ended on a host of a tenant.
    pub fn count_sign_in(&self, tenant: &TenantId, now: Timestamp) {
        self.of(tenant).count_sign_in(now.day());
    }

    /// Notes that somebody was let in. `seen` is where their credential is cached: only the first request of a day for another
    /// tenant than before takes the lock.
    #[inline]
    pub fn note_person(&self, seen: &SeenDay, tenant: &TenantId, user: UserId, now: Timestamp) {
        if seen.note(tenant, now.day()) {
            self.people.lock().unwrap_or_else(PoisonError::into_inner).note(tenant, user, now.day());
        }
    }

    /// Writes what was counted, up to the first batch that fails. That one and what was counted since wait.
    pub async fn write(&self) {
        let mut unsent = self.unsent.lock().await;
        self.collect(&mut unsent, Timestamp::now());
        let written = self.send(&mut unsent).await;
        let was_failing = self.is_failing.swap(written.is_err(), Ordering::Relaxed);
        match written {
            Err(error) if !was_failing => {
                let error = gatepost_core::error_chain::Chain(&error);
                tracing::warn!(%error, "the usage of tenants waits for the directory");
            }
            Ok(()) if was_failing => tracing::info!("the usage of tenants is written again"),
            _ => {}
        }
    }

    /// Takes what was counted until now.
    fn collect(&self, unsent: &mut Unsent, now: Timestamp) {
        for (tenant, usage) in self.tenants.load().iter() {
            usage.take(now.day(), |day, meter, part, value| unsent.add(tenant, day, meter, part, value));
        }
        let people = self.people.lock().unwrap_or_else(PoisonError::into_inner).take();
        unsent.add_people(people);
    }

    async fn send(&self, unsent: &mut Unsent) -> Result<(), DirectoryError> {
        while let Some(batch) = unsent.first() {
            self.stores.directory.write_usage(batch).await?;
            unsent.sent();
        }
        Ok(())
    }
}
