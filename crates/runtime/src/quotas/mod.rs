//! How many requests a tenant may send.
//!
//! A replica draws an allotment of a day's units from the session store and spends it in memory ([`account`]), so a request
//! costs no I/O while an allotment lasts. [`drawing`] draws the next one before the last unit is used.
//!
//! Guarantee: all replicas together let no more requests through than the limit says, as long as the session store answers. A
//! quota is no access rule: while the store does not answer, requests pass and are counted here, and the store is told later.
//! A store that loses its counters learns them again from the replicas: then more may pass by what replicas drew that ended
//! without a word before they were asked.

mod account;
mod drawing;
mod fields;
mod limits;
mod spent;

pub use spent::SpentDay;

use crate::authn::LoadError;
use crate::invalidation::directory_copy::{DirectoryCopy, Snapshot};
use crate::invalidation::lease::Lease;
use crate::rate::{Quota, Rate};
use crate::site::Site;
use crate::stores::Stores;
use crate::tasks::Tasks;
use crate::usage::{DayCounter, Usage};
use account::Account;
use arc_swap::ArcSwapOption;
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::ids::{TenantId, UserId};
use gatepost_core::quota::{QuotaExceeded, QuotaName};
use hyper::HeaderMap;
use limits::Limits;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A request that counts once it may pass.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The tenant that the request means.
    pub tenant: TenantId,
    /// The machine or person whose key or token was sent.
    pub holder: Option<UserId>,
    /// When it was decided that the request may pass.
    pub now: Timestamp,
    /// What counts the call of a tool, if the request is one.
    pub calls: Option<Arc<DayCounter>>,
}

impl Charge {
    fn count_call(&self) {
        if let Some(calls) = &self.calls {
            calls.add(self.now.day());
        }
    }
}

/// Whether a request is counted.
#[derive(Debug)]
pub enum Counting {
    /// It is, or the tenant has no limits.
    Done,
    /// A quota is used up.
    Exceeded(QuotaExceeded),
    /// Units must be drawn first.
    Waits,
}

#[derive(Debug)]
struct Accounts {
    by_tenant: HashMap<TenantId, Arc<Account>>,
    read: Arc<Snapshot<Limits>>,
}

/// The quotas of all tenants, on this replica.
#[derive(Debug)]
pub struct Quotas {
    limits: DirectoryCopy<Limits>,
    accounts: ArcSwapOption<Accounts>,
    minutes: Rate<UserId>,
    /// Among how many replicas the requests of a minute are divided.
    replicas: AtomicU32,
    /// Counts what passes, whether the tenant has limits or not.
    usage: Arc<Usage>,
    stores: Arc<Stores>,
    tasks: Arc<Tasks>,
}

impl Quotas {
    /// Nothing is read yet.
    pub fn new(
        site: Arc<Site>,
        (stores, usage): (Arc<Stores>, Arc<Usage>),
        lease: Arc<Lease>,
        tasks: Arc<Tasks>,
    ) -> Self {
        let limits = DirectoryCopy::new(site, Arc::clone(&stores), lease, Arc::clone(&tasks));
        let (accounts, minutes, replicas) = (ArcSwapOption::empty(), Rate::default(), AtomicU32::new(1));
        Self { limits, accounts, minutes, replicas, usage, stores, tasks }
    }

    /// Divides the requests of a minute among so many replicas from now on.
    pub fn share_among(&self, replicas: u32) {
        self.replicas.store(replicas.max(1), Ordering::Relaxed);
    }

    /// Counts a request that may pass, without I/O, and writes into its answer what is left.
    pub fn count_now(self: &Arc<Self>, charge: &Charge, headers: &mut HeaderMap) -> Counting {
        let accounts = self.accounts.load();
        let Some(accounts) = accounts.as_ref() else { return Counting::Waits };
        let Some(account) = accounts.by_tenant.get(&charge.tenant) else {
            self.pass_unlimited(charge);
            return Counting::Done;
        };
        let (now, day) = (charge.now, charge.now.day());
        if let Some(limit) = account.per_day() {
            match account.take(day) {
                Some(left) if account.begins_refill(left, limit, now) => self.refill_ahead(account),
                Some(_) => {}
                None if account.is_empty(now) => return Counting::Exceeded(exceeded_day(account, now)),
                None => return Counting::Waits,
            }
        }
        match self.count_minute(account, charge, headers) {
            Ok(()) => Counting::Done,
            Err(exceeded) => Counting::Exceeded(exceeded),
        }
    }

    /// The same, and draws units first if it must.
    ///
    /// # Errors
    /// [`QuotaExceeded`].
    pub async fn count(
        self: &Arc<Self>,
        charge: &Charge,
        headers: &mut HeaderMap,
    ) -> Result<(), QuotaExceeded> {
        if self.accounts.load().is_none() && self.read_limits().await.is_err() {
            self.stores.metrics.quota_uncounted(1);
            self.pass_unlimited(charge);
            return Ok(());
        }
        match self.count_now(charge, headers) {
            Counting::Done => return Ok(()),
            Counting::Exceeded(exceeded) => return Err(exceeded),
            Counting::Waits => {}
        }
        let accounts = self.accounts.load_full();
        let account = accounts.as_ref().and_then(|accounts| accounts.by_tenant.get(&charge.tenant));
        let Some(account) = account else {
            self.pass_unlimited(charge);
            return Ok(());
        };
        let has_unit = self.draw_one(account).await;
        let now = Timestamp::now();
        if !has_unit {
            return Err(exceeded_day(account, now));
        }
        self.count_minute(account, &Charge { now, ..charge.clone() }, headers)
    }

    /// A request passes whose tenant has no limits, or none that are known.
    fn pass_unlimited(&self, charge: &Charge) {
        self.usage.count_request(&charge.tenant, charge.now);
        charge.count_call();
    }

    /// Counts the request of one key or token, which passes then. A unit of the day was taken.
    fn count_minute(
        &self,
        account: &Account,
        charge: &Charge,
        headers: &mut HeaderMap,
    ) -> Result<(), QuotaExceeded> {
        let limits = account.limits();
        if let (Some(most), Some(holder)) = (limits.per_minute, charge.holder) {
            let share = most / self.replicas.load(Ordering::Relaxed);
            // Of a limit of 0 nothing passes. Of any other one each replica lets one request a minute through.
            let wait = match most {
                0 => Some(Duration::from_mins(1)),
                _ => self.minutes.count(holder, Quota::per_minute(share), BootTime::now()).wait,
            };
            if let Some(retry_after) = wait {
                if limits.per_day.is_some() {
                    account.put_back(charge.now.day());
                }
                return Err(QuotaExceeded { name: QuotaName::Minute, limits, retry_after });
            }
        }
        account.fields(charge.now).write(headers);
        account.usage.count_request(charge.now.day());
        charge.count_call();
        Ok(())
    }

    /// Takes over what the directory says by now.
    ///
    /// # Errors
    /// [`LoadError`]: it does not answer. What was read before holds.
    pub async fn read_limits(&self) -> Result<(), LoadError> {
        let read = self.limits.current().await?;
        let held = self.accounts.load_full();
        if held.as_ref().is_some_and(|held| Arc::ptr_eq(&held.read, &read)) {
            return Ok(());
        }
        let today = Timestamp::now().day();
        let tenants: Vec<&TenantId> = read.0.iter().map(|(tenant, _)| tenant).collect();
        let usages = self.usage.of_all(&tenants);
        let account = |((tenant, limits), usage): (&(TenantId, _), Arc<_>)| {
            let known = held.as_ref().and_then(|held| held.by_tenant.get(tenant));
            let account = match known {
                Some(account) => {
                    if account.limits() != *limits {
                        account.set_limits(*limits, today);
                    }
                    Arc::clone(account)
                }
                None => Arc::new(Account::new(tenant.clone(), *limits, usage)),
            };
            (tenant.clone(), account)
        };
        let by_tenant = read.0.iter().zip(usages).map(account).collect();
        self.accounts.store(Some(Arc::new(Accounts { by_tenant, read })));
        Ok(())
    }
}

fn exceeded_day(account: &Account, now: Timestamp) -> QuotaExceeded {
    let retry_after = now.day().end().since(now);
    QuotaExceeded { name: QuotaName::Day, limits: account.limits(), retry_after }
}
