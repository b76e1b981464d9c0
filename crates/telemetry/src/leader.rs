//! Who leads: the replica that does the work that one alone does.

use super::handles::{gauge, single};
use gatepost_core::clock::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What this replica knows about the leader.
#[derive(Debug)]
pub(super) struct LeaderMetrics {
    leads: Gauge,
    changes: Counter,
    lease_expires: Gauge,
    deleted: Gauge,
}

impl LeaderMetrics {
    pub fn register(registry: &mut Registry) -> Self {
        Self {
            leads: gauge(
                registry,
                "gatepost_leader",
                "Whether this replica does the work that one alone does: 1 at one replica",
            ),
            changes: single(
                registry,
                "gatepost_leader_changes",
                "Changes of the leader that this replica has seen",
                Counter::default(),
            ),
            lease_expires: gauge(
                registry,
                "gatepost_lease_expires_timestamp",
                "When the lease of the leader expires unless it is renewed, since the epoch, as seen last",
            ),
            deleted: gauge(
                registry,
                "gatepost_deletions_completed_timestamp",
                "When this replica last deleted all that is old without a failure, since the epoch; 0: not yet",
            ),
        }
    }

    pub fn leads(&self, leads: bool) {
        self.leads.set(i64::from(leads));
    }

    pub fn deleted(&self, at: Timestamp) {
        self.deleted.set(at.unix());
    }

    pub fn lease(&self, expires_at: Timestamp, is_another: bool) {
        self.lease_expires.set(expires_at.unix());
        if is_another {
            self.changes.inc();
        }
    }
}
