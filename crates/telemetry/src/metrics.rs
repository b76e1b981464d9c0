//! The metrics that `/metrics` shows.
//!
//! Guarantees that requests cannot create new series: providers come from the configuration, API keys that end soon from
//! the directory, at most 100 of them. All other labels are enums of [`super::labels`]. After its first use, a counter costs an array access and an atomic addition.

use super::handles::{Handles, NewCounter, NewHistogram, counters, durations, gauge, single};
use super::key_ends::KeyEnds;
use super::labels::{
    Answer, Credential, EndCause, Label, NotKept, Reason, Store, StoreOperation, StoreOutcome,
};
use super::leader::LeaderMetrics;
use super::provider::{ProviderFamilies, ProviderMetrics};
use super::tenants::TenantMetrics;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::ProviderId;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The content type of [`Metrics::encode`]: `OpenMetrics` 1.0.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Histogram buckets in seconds, from an answer from the cache to the deadline of `/verify`.
const ANSWER_SECONDS: [f64; 12] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    answer: Answer,
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CredentialLabels {
    credential: Credential,
    answer: Answer,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabels {
    answer: Answer,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    store: Store,
    operation: StoreOperation,
    outcome: StoreOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    store: Store,
    operation: StoreOperation,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndLabels {
    cause: EndCause,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NotKeptLabels {
    cause: NotKept,
}

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    decisions: Handles<(Answer, Reason), DecisionLabels, Counter, NewCounter>,
    credentials: Handles<(Credential, Answer), CredentialLabels, Counter, NewCounter>,
    verify_duration: Handles<Answer, AnswerLabels, Histogram, NewHistogram>,
    store_calls: Handles<(Store, StoreOperation, StoreOutcome), CallLabels, Counter, NewCounter>,
    store_call_duration: Handles<(Store, StoreOperation), OperationLabels, Histogram, NewHistogram>,
    sessions_ended: Handles<EndCause, EndLabels, Counter, NewCounter>,
    refusals_not_kept: Handles<NotKept, NotKeptLabels, Counter, NewCounter>,
    groups_truncated: Counter,
    sign_ins_limited: Counter,
    quota_uncounted: Counter,
    lease_renewals: Counter,
    leader: LeaderMetrics,
    redis_failovers: Counter,
    backup_drilled: Gauge,
    passes: Gauge,
    passes_bytes: Gauge,
    key_ends: KeyEnds,
    tenants: TenantMetrics,
    providers: BTreeMap<ProviderId, ProviderMetrics>,
}

impl Metrics {
    /// Registers all metrics, with series for the configured providers. Sets the process's start time to now.
    pub fn new<'a>(providers: impl IntoIterator<Item = &'a ProviderId>) -> Self {
        let seconds: NewHistogram = || Histogram::new(ANSWER_SECONDS);
        let mut registry = Registry::default();
        let r = &mut registry;
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        r.register("gatepost_build", "The running version", version);
        let started = ConstGauge::new(Timestamp::now().unix());
        r.register_with_unit(
            "process_start_time",
            "Start time of the process, since the epoch",
            Unit::Seconds,
            started,
        );
        let families = ProviderFamilies::register(r);
        let providers = providers.into_iter().map(|id| (id.clone(), families.metrics_of(id))).collect();
        let store_time = "Time that a store took to answer";
        let metrics = Self {
            decisions: Handles::new(counters(r, "gatepost_decisions", "Answers of /verify")),
            credentials: Handles::new(counters(
                r,
                "gatepost_credentials",
                "Answers of /verify by what the request was sent with",
            )),
            verify_duration: Handles::new(durations(
                r,
                "gatepost_verify_duration",
                "Time to answer /verify, without waiting for a provider",
                seconds,
            )),
            store_calls: Handles::new(counters(
                r,
                "gatepost_store_calls",
                "Calls to the session store and the directory",
            )),
            store_call_duration: Handles::new(durations(
                r,
                "gatepost_store_call_duration",
                store_time,
                seconds,
            )),
            sessions_ended: Handles::new(counters(
                r,
                "gatepost_sessions_ended",
                "Sessions ended before their lifetime was over",
            )),
            refusals_not_kept: Handles::new(counters(
                r,
                "gatepost_refusals_not_kept",
                "Refusals that `gatepost explain --request` will not find",
            )),
            groups_truncated: single(
                r,
                "gatepost_groups_truncated",
                "Answers with a truncated X-User-Groups header",
                Counter::default(),
            ),
            sign_ins_limited: single(
                r,
                "gatepost_sign_ins_limited",
                "Sign-ins refused because too many others were failing",
                Counter::default(),
            ),
            quota_uncounted: single(
                r,
                "gatepost_quota_uncounted",
                "Requests for which a tenant's quota was not asked, because the session store did not answer",
                Counter::default(),
            ),
            lease_renewals: single(
                r,
                "gatepost_lease_renewals",
                "Renewals of the lease on cached sessions; usually four a second",
                Counter::default(),
            ),
            leader: LeaderMetrics::register(r),
            redis_failovers: single(
                r,
                "gatepost_redis_failovers",
                "Times that Sentinels named another primary of Redis",
                Counter::default(),
            ),
            backup_drilled: gauge(
                r,
                "gatepost_backup_drilled_timestamp",
                "When a dump of the directory was last restored in a drill, since the epoch; 0: never",
            ),
            passes: gauge(r, "gatepost_passes", "Sessions in the cache, counted once for each host"),
            passes_bytes: gauge(r, "gatepost_passes_bytes", "Estimated memory of the cached sessions"),
            key_ends: KeyEnds::register(r),
            tenants: TenantMetrics::register(r),
            providers,
            registry,
        };
        // Start at 0, so that the first one counts as an increase.
        for cause in NotKept::ALL {
            metrics.refusals_not_kept(*cause, 0);
        }
        metrics
    }

    /// Counts an answer of `/verify` and its duration.
    pub fn decided(&self, answer: Answer, reason: Reason, took: Duration) {
        self.decisions.get(&(answer, reason), || DecisionLabels { answer, reason }).inc();
        self.verify_duration.get(&answer, || AnswerLabels { answer }).observe(took.as_secs_f64());
    }

    /// Counts the same answer by what the request was sent with.
    pub fn decided_by(&self, credential: Credential, answer: Answer) {
        self.credentials.get(&(credential, answer), || CredentialLabels { credential, answer }).inc();
    }

    /// Counts a call to a store and its duration.
    pub fn store_called(
        &self,
        store: Store,
        operation: StoreOperation,
        outcome: StoreOutcome,
        took: Duration,
    ) {
        self.store_calls.get(&(store, operation, outcome), || CallLabels { store, operation, outcome }).inc();
        let duration =
            self.store_call_duration.get(&(store, operation), || OperationLabels { store, operation });
        duration.observe(took.as_secs_f64());
    }

    /// Counts sessions that ended before their lifetime was over.
    pub fn sessions_ended(&self, cause: EndCause, count: u64) {
        self.sessions_ended.get(&cause, || EndLabels { cause }).inc_by(count);
    }

    /// Counts refusals that are not stored for `gatepost explain --request`.
    pub fn refusals_not_kept(&self, cause: NotKept, count: u64) {
        self.refusals_not_kept.get(&cause, || NotKeptLabels { cause }).inc_by(count);
    }

    /// Counts an answer whose `X-User-Groups` was truncated.
    pub fn groups_truncated(&self) {
        self.groups_truncated.inc();
    }

    /// Counts a sign-in that was refused because too many others were failing.
    pub fn sign_in_limited(&self) {
        self.sign_ins_limited.inc();
    }

    /// Counts requests that a replica lets pass without a draw from the store.
    pub fn quota_uncounted(&self, requests: u64) {
        self.quota_uncounted.inc_by(requests);
    }

    /// Counts a renewal of the lease on cached sessions.
    pub fn lease_renewed(&self) {
        self.lease_renewals.inc();
    }

    /// Sets whether this replica leads.
    pub fn leads(&self, leads: bool) {
        self.leader.leads(leads);
    }

    /// Sets when this replica deleted all that is old without a failure.
    pub fn deletions_completed(&self, at: Timestamp) {
        self.leader.deleted(at);
    }

    /// Sets when the lease of the leader expires, and counts another leader.
    pub fn leader_lease(&self, expires_at: Timestamp, is_another: bool) {
        self.leader.lease(expires_at, is_another);
    }

    /// Sets how often Redis had another primary.
    pub fn redis_failovers(&self, count: u64) {
        self.redis_failovers.inner().store(count, Ordering::Relaxed);
    }

    /// Sets when a dump of the directory was last restored in a drill.
    pub fn backup_drilled(&self, at: Timestamp) {
        self.backup_drilled.set(at.unix());
    }

    /// Sets the number of cached sessions, and their estimated memory in bytes.
    pub fn cached_sessions(&self, count: usize, bytes: u64) {
        self.passes.set(i64::try_from(count).unwrap_or(i64::MAX));
        self.passes_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Shows when these keys expire, and no others: the id of each, its tenant, and its end. The caller limits their number,
    /// and only administrators make keys.
    pub fn keys_end<'a>(&self, keys: impl IntoIterator<Item = (String, Option<&'a str>, Timestamp)>) {
        self.key_ends.set(keys);
    }

    /// Shows what tenants used today, by meter, and nothing else. The tenants that used most of the meter `first` have series of
    /// their own.
    pub fn tenants_used(&self, used: &[(String, &'static str, u64)], first: &str) {
        self.tenants.set_usage(used, first);
    }

    /// Shows of these tenants how much of their quota of today is used, in percent, and of no others.
    pub fn quotas_used(&self, used: impl IntoIterator<Item = (String, u64)>) {
        self.tenants.set_quotas(used);
    }

    /// The metrics of a provider; `None` if it is not configured.
    pub fn provider(&self, id: &ProviderId) -> Option<&ProviderMetrics> {
        self.providers.get(id)
    }

    /// Formats all metrics as [`CONTENT_TYPE`].
    ///
    /// # Panics
    /// Never: neither writing to a `String` nor encoding our labels can fail.
    pub fn encode(&self) -> String {
        let mut text = String::with_capacity(16 * 1024);
        let written = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        written.expect("a String takes every text");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::{CallOutcome, ProviderEndpoint, RefreshOutcome, SignInOutcome};
    use std::collections::BTreeSet;

    const FAMILIES: [(&str, &str); 30] = [
        ("gatepost_backup_drilled_timestamp", "gauge"),
        ("gatepost_build", "info"),
        ("gatepost_decisions", "counter"),
        ("gatepost_deletions_completed_timestamp", "gauge"),
        ("gatepost_groups_lost", "counter"),
        ("gatepost_groups_truncated", "counter"),
        ("gatepost_groups_unknown", "counter"),
        ("gatepost_key_expires_timestamp", "gauge"),
        ("gatepost_leader", "gauge"),
        ("gatepost_leader_changes", "counter"),
        ("gatepost_lease_expires_timestamp", "gauge"),
        ("gatepost_lease_renewals", "counter"),
        ("gatepost_passes", "gauge"),
        ("gatepost_passes_bytes", "gauge"),
        ("gatepost_provider_call_duration_seconds", "histogram"),
        ("gatepost_provider_calls", "counter"),
        ("gatepost_quota_uncounted", "counter"),
        ("gatepost_redis_failovers", "counter"),
        ("gatepost_refreshes", "counter"),
        ("gatepost_refusals_not_kept", "counter"),
        ("gatepost_sessions_ended", "counter"),
        ("gatepost_sign_ins", "counter"),
        ("gatepost_sign_ins_limited", "counter"),
        ("gatepost_sign_ins_without_refresh_token", "counter"),
        ("gatepost_store_call_duration_seconds", "histogram"),
        ("gatepost_store_calls", "counter"),
        ("gatepost_tenant_quota_used_ratio", "gauge"),
        ("gatepost_tenant_usage_today", "gauge"),
        ("gatepost_verify_duration_seconds", "histogram"),
        ("process_start_time_seconds", "gauge"),
    ];

    fn id(text: &str) -> ProviderId {
        text.parse().expect("an id")
    }

    fn used() -> String {
        let metrics = Metrics::new(&[id("entra"), id("kc")]);
        let millisecond = Duration::from_millis(1);
        metrics.decided(Answer::Allowed, Reason::Met, Duration::from_micros(60));
        metrics.decided(Answer::Allowed, Reason::Met, millisecond);
        metrics.decided(Answer::Unavailable, Reason::Deadline, Duration::from_millis(251));
        metrics.store_called(Store::Session, StoreOperation::FindSession, StoreOutcome::Ok, millisecond);
        metrics.store_called(Store::Session, StoreOperation::FindSession, StoreOutcome::Failed, millisecond);
        metrics.sessions_ended(EndCause::ProviderSignOut, 3);
        metrics.refusals_not_kept(NotKept::OnePerson, 2);
        metrics.groups_truncated();
        metrics.sign_in_limited();
        metrics.keys_end([("0".to_owned(), None, Timestamp::from_unix(6))]);
        metrics.tenants_used(&[("acme".to_owned(), "api_requests", 1)], "api_requests");
        metrics.quotas_used([("acme".to_owned(), 80)]);
        let entra = metrics.provider(&id("entra")).expect("configured");
        entra.signed_in(SignInOutcome::Done);
        entra.called(ProviderEndpoint::Token, CallOutcome::Success, Duration::from_secs(11));
        entra.refreshed(RefreshOutcome::Refreshed);
        entra.groups_lost();
        metrics.encode()
    }

    #[test]
    fn events_are_counted_under_their_labels() {
        let text = used();
        for line in [
            "gatepost_decisions_total{answer=\"allowed\",reason=\"met\"} 2",
            "gatepost_decisions_total{answer=\"unavailable\",reason=\"deadline\"} 1",
            "gatepost_verify_duration_seconds_bucket{le=\"0.00005\",answer=\"allowed\"} 0",
            "gatepost_verify_duration_seconds_bucket{le=\"0.0001\",answer=\"allowed\"} 1",
            "gatepost_verify_duration_seconds_bucket{le=\"0.25\",answer=\"unavailable\"} 0",
            "gatepost_verify_duration_seconds_count{answer=\"unavailable\"} 1",
            "gatepost_store_calls_total{store=\"session\",operation=\"find_session\",outcome=\"failed\"} 1",
            "gatepost_store_call_duration_seconds_count{store=\"session\",operation=\"find_session\"} 2",
            "gatepost_sessions_ended_total{cause=\"provider_sign_out\"} 3",
            "gatepost_refusals_not_kept_total{cause=\"one_person\"} 2",
            "gatepost_groups_truncated_total 1",
            "gatepost_sign_ins_limited_total 1",
            "gatepost_sign_ins_total{provider=\"entra\",outcome=\"done\"} 1",
            "gatepost_provider_calls_total{provider=\"entra\",endpoint=\"token\",outcome=\"success\"} 1",
            "gatepost_provider_call_duration_seconds_bucket{le=\"10.0\",provider=\"entra\",endpoint=\"token\"} 0",
            "gatepost_refreshes_total{provider=\"entra\",outcome=\"refreshed\"} 1",
            "gatepost_groups_lost_total{provider=\"entra\"} 1",
            "gatepost_groups_lost_total{provider=\"kc\"} 0",
            concat!("gatepost_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn every_family_has_help_and_type_and_every_sample_a_family() {
        let text = used();
        let mut types = BTreeSet::new();
        for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            types.insert(line.split_once(' ').expect("a name and a type"));
        }
        assert_eq!(types, BTreeSet::from(FAMILIES));
        for (name, _) in &types {
            assert!(text.contains(&format!("# HELP {name} ")), "{name}");
        }
        for sample in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = sample.rsplit_once(' ').expect("a series and a value");
            assert!(value.parse::<f64>().is_ok(), "{sample}");
            assert!(types.iter().any(|(name, _)| series.starts_with(name)), "{sample}");
        }
    }

    #[test]
    fn a_provider_that_is_not_configured_makes_no_series() {
        let metrics = Metrics::new(&[id("entra")]);
        assert!(metrics.provider(&id("stranger")).is_none());
        assert!(!metrics.encode().contains("stranger"));
    }

    #[test]
    fn every_handle_is_its_own() {
        let metrics = Metrics::new(&[]);
        for answer in Answer::ALL {
            for reason in Reason::ALL {
                metrics.decided(*answer, *reason, Duration::ZERO);
            }
        }
        let text = metrics.encode();
        let series: Vec<_> =
            text.lines().filter(|line| line.starts_with("gatepost_decisions_total")).collect();
        assert_eq!(series.len(), Answer::ALL.len() * Reason::ALL.len());
        assert!(series.iter().all(|line| line.ends_with(" 1")), "{text}");
    }
}
