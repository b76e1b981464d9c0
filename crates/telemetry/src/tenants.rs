//! What tenants use today, and how much of their quota is used.
//!
//! Guarantees a bounded number of series: [`MOST_TENANTS`] tenants have their own, the others share one, and the names of meters
//! come from the caller's list, never from outside.

use super::handles::single;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

/// How many tenants have series of their own.
pub const MOST_TENANTS: usize = 50;
/// The label of the others. A tenant of this name is among them.
const OTHER: &str = "other";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UsageLabels {
    tenant: String,
    meter: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QuotaLabels {
    tenant: String,
}

/// Series of which those that are not set any more go.
#[derive(Debug)]
struct Shown<L, G> {
    family: Family<L, G>,
    labels: Mutex<Vec<L>>,
}

impl<L: Clone + Debug + Eq + Hash, G: Default + Clone> Shown<L, G> {
    fn set<V>(&self, values: Vec<(L, V)>, set: impl Fn(&G, V)) {
        let mut labels = self.labels.lock().unwrap_or_else(PoisonError::into_inner);
        let new: HashMap<L, V> = values.into_iter().collect();
        for gone in labels.iter().filter(|label| !new.contains_key(label)) {
            self.family.remove(gone);
        }
        *labels = new.keys().cloned().collect();
        for (label, value) in new {
            set(&self.family.get_or_create(&label), value);
        }
    }
}

type Ratio = Gauge<f64, AtomicU64>;

/// The series of tenants.
#[derive(Debug)]
pub(super) struct TenantMetrics {
    usage: Shown<UsageLabels, Gauge>,
    quota: Shown<QuotaLabels, Ratio>,
}

impl TenantMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let usage = single(
            registry,
            "gatepost_tenant_usage_today",
            "What a tenant used today (UTC), by meter; the 50 tenants with the most requests, the rest as other",
            Family::default(),
        );
        let quota = single(
            registry,
            "gatepost_tenant_quota_used_ratio",
            "The part of a tenant's requests of today (UTC) that is used; the 50 tenants with the greatest part",
            Family::default(),
        );
        Self {
            usage: Shown { family: usage, labels: Mutex::default() },
            quota: Shown { family: quota, labels: Mutex::default() },
        }
    }

    /// Shows this usage and no other: tenant, meter, and how much. `first` is the meter by which tenants are compared.
    pub(super) fn set_usage(&self, used: &[(String, &'static str, u64)], first: &str) {
        let mut requests: BTreeMap<&str, u64> = BTreeMap::new();
        for (tenant, meter, value) in used {
            *requests.entry(tenant).or_default() += if *meter == first { *value } else { 0 };
        }
        let mut order: Vec<(&str, u64)> =
            requests.into_iter().filter(|(tenant, _)| *tenant != OTHER).collect();
        order.sort_by_key(|(_, requests)| Reverse(*requests));
        let own: BTreeSet<&str> = order.into_iter().take(MOST_TENANTS).map(|(tenant, _)| tenant).collect();
        let mut sums: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for (tenant, meter, value) in used {
            let tenant = if own.contains(tenant.as_str()) { tenant } else { OTHER };
            let sum = sums.entry((tenant, meter)).or_default();
            *sum = sum.saturating_add(*value);
        }
        let labels = |(tenant, meter): (&str, &str)| UsageLabels {
            tenant: tenant.to_owned(),
            meter: meter.to_owned(),
        };
        let values = sums.into_iter().map(|(key, sum)| (labels(key), i64::try_from(sum).unwrap_or(i64::MAX)));
        self.usage.set(values.collect(), |gauge, value| {
            gauge.set(value);
        });
    }

    /// Shows of these tenants, the greatest part first, how much of their quota is used, in percent, and of no others.
    pub(super) fn set_quotas(&self, used: impl IntoIterator<Item = (String, u64)>) {
        // In percent there are few digits: the number is exact.
        #[expect(clippy::cast_precision_loss, reason = "percents are small numbers")]
        let ratio = |percent: u64| percent as f64 / 100.0;
        let values = used.into_iter().take(MOST_TENANTS);
        let values = values.map(|(tenant, percent)| (QuotaLabels { tenant }, ratio(percent))).collect();
        self.quota.set(values, |gauge, value| {
            gauge.set(value);
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::Metrics;

    const FIRST: &str = "api_requests";

    fn lines(metrics: &Metrics, of: &str) -> Vec<String> {
        let text = metrics.encode();
        let mut lines: Vec<String> =
            text.lines().filter(|line| line.starts_with(of)).map(str::to_owned).collect();
        lines.sort();
        lines
    }

    #[test]
    fn the_fifty_tenants_with_the_most_requests_have_their_own_series() {
        let metrics = Metrics::new(&[]);
        let mut used: Vec<_> = (0..60_u64).map(|number| (format!("t{number}"), FIRST, number)).collect();
        used.push(("other".to_owned(), FIRST, 1_000));
        used.push(("t59".to_owned(), "sign_ins", 7));
        used.push(("t3".to_owned(), "sign_ins", 9));
        metrics.tenants_used(&used, FIRST);
        let shown = lines(&metrics, "gatepost_tenant_usage_today{");
        assert_eq!(shown.len(), 50 + 1 + 2, "{shown:#?}");
        for line in [
            "gatepost_tenant_usage_today{tenant=\"t59\",meter=\"api_requests\"} 59",
            "gatepost_tenant_usage_today{tenant=\"t10\",meter=\"api_requests\"} 10",
            "gatepost_tenant_usage_today{tenant=\"other\",meter=\"api_requests\"} 1045",
            "gatepost_tenant_usage_today{tenant=\"t59\",meter=\"sign_ins\"} 7",
            "gatepost_tenant_usage_today{tenant=\"other\",meter=\"sign_ins\"} 9",
        ] {
            assert!(shown.iter().any(|found| found == line), "{line}: {shown:#?}");
        }
        metrics.tenants_used(&[("t1".to_owned(), FIRST, 1)], FIRST);
        assert_eq!(lines(&metrics, "gatepost_tenant_usage_today{").len(), 1, "a new day");
    }

    #[test]
    fn a_quota_that_is_not_used_any_more_has_no_series() {
        let metrics = Metrics::new(&[]);
        metrics.quotas_used([("acme".to_owned(), 80), ("zeta".to_owned(), 100)]);
        let want = [
            "gatepost_tenant_quota_used_ratio{tenant=\"acme\"} 0.8",
            "gatepost_tenant_quota_used_ratio{tenant=\"zeta\"} 1.0",
        ];
        assert_eq!(lines(&metrics, "gatepost_tenant_quota"), want);
        metrics.quotas_used([]);
        assert!(lines(&metrics, "gatepost_tenant_quota").is_empty());
    }
}
