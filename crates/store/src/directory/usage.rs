//! What tenants use: what replicas report, what others report, and what is read of it.

use super::Directory;
use super::error::DirectoryError;
use super::records::ActivePerson;
use gatepost_core::clock::Day;
use gatepost_core::ids::{ReplicaId, TenantId};
use gatepost_core::usage::{ACTIVE_USERS, MeterName, Prices, UsageEvent};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

type Result<T> = std::result::Result<T, DirectoryError>;

/// How long it is known which events were counted: longer than one is accepted again.
pub(super) const EVENTS_TTL: Duration = Duration::from_hours(36 * 24);
/// How long the last batch of a replica is known that has not written since.
pub(super) const BATCHES_TTL: Duration = Duration::from_hours(35 * 24);
/// How many meters beside those of Gatepost a tenant may bring about in one month by what it reports itself.
pub const MOST_METERS: i64 = 100;
/// How many new events a tenant itself may report on one day, in UTC: each is remembered for [`EVENTS_TTL`].
pub const MOST_EVENTS: i64 = 100_000;

/// What a replica has counted since its last batch. It is added once, however often it is sent.
#[derive(Clone, Debug)]
pub struct UsageBatch {
    pub replica: ReplicaId,
    /// Greater than that of every batch of this replica before it.
    pub number: i64,
    pub counts: Vec<UsageCount>,
    pub people: Vec<ActivePerson>,
}

/// How often something happened on a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsageCount {
    pub tenant: TenantId,
    pub day: Day,
    pub meter: &'static str,
    /// Of tool calls: the tool server. Else empty.
    pub part: String,
    pub value: u64,
}

/// What a tenant used of one meter on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageDay {
    pub day: Day,
    pub meter: MeterName,
    /// Of tool calls: the tool server. Else empty.
    pub part: String,
    pub value: u64,
}

/// What a tenant used in some days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// By day, meter and part. Of `active_users`: the people of the day.
    pub days: Vec<UsageDay>,
    /// The people of whom a day is the first one of its month, by day.
    pub first_seen: Vec<(Day, u64)>,
}

impl Usage {
    /// How much of each meter was used in all these days, which are those of one month. Of people each counts once.
    pub fn of_month(&self) -> BTreeMap<MeterName, u64> {
        let mut sums: BTreeMap<MeterName, u64> = BTreeMap::new();
        for UsageDay { meter, value, .. } in self.days.iter().filter(|day| day.meter.as_str() != ACTIVE_USERS)
        {
            let sum = sums.entry(meter.clone()).or_default();
            *sum = sum.saturating_add(*value);
        }
        let people: u64 = self.first_seen.iter().map(|(_, people)| people).sum();
        if let Some(meter) = ACTIVE_USERS.parse().ok().filter(|_| people > 0) {
            sums.insert(meter, people);
        }
        sums
    }
}

/// What became of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountedEvents {
    pub added: u64,
    /// They were counted before.
    pub repeated: u64,
}

impl Directory {
    /// Adds what a replica has counted, in one transaction. Counts of tenants that are gone are left out. Returns whether it was
    /// added: `false`, if that happened before.
    pub async fn write_usage(&self, batch: &UsageBatch) -> Result<bool> {
        on_store!(self, write_usage(batch))
    }

    /// Adds what others report, in one transaction. An event that was counted in the last 35 days counts once. Unless the platform
    /// reports, the tenant of an event does: neither can send an event first that the other one sends later.
    ///
    /// # Errors
    /// `UnknownTenant`; of what tenants report `TooManyMeters`, `TooManyEvents`: nothing is added.
    pub async fn add_usage_events(
        &self,
        is_platform: bool,
        events: &[UsageEvent],
        is_dry_run: bool,
    ) -> Result<CountedEvents> {
        on_store!(self, add_usage_events(is_platform, events, is_dry_run))
    }

    /// For which of these tenants usage may be reported: those that are active and, by the platform, those that are suspended.
    pub async fn find_reportable_tenants(
        &self,
        ids: &BTreeSet<TenantId>,
        is_platform: bool,
    ) -> Result<BTreeSet<TenantId>> {
        on_store!(self, find_reportable_tenants(ids, is_platform))
    }

    /// What a tenant used from one day to another, both included.
    pub async fn read_usage(&self, tenant: &TenantId, days: (Day, Day)) -> Result<Usage> {
        on_store!(self, read_usage(tenant, days))
    }

    /// What all tenants used on a day of the meters that Gatepost counts.
    pub async fn read_usage_of_day(&self, day: Day) -> Result<Vec<(TenantId, &'static str, u64)>> {
        on_store!(self, read_usage_of_day(day))
    }

    /// The prices of the tier of a tenant. `None`: it has none.
    pub async fn find_prices(&self, tenant: &TenantId) -> Result<Option<Prices>> {
        on_store!(self, find_prices(tenant))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_core::usage::{FUTURE, PAST};

    #[test]
    fn an_event_is_remembered_for_longer_than_it_is_accepted() {
        assert!(EVENTS_TTL > PAST + FUTURE);
    }
}
