//! The metrics of each configured provider.

use super::handles::{Counters, Handles, Histograms, NewCounter, NewHistogram, counters, durations};
use super::labels::{CallOutcome, ProviderEndpoint, RefreshOutcome, SignInOutcome};
use gatepost_core::ids::ProviderId;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use std::time::Duration;

/// Histogram buckets in seconds, around the timeout of 5 s.
const CALL_SECONDS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignInLabels {
    provider: String,
    outcome: SignInOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    provider: String,
    endpoint: ProviderEndpoint,
    outcome: CallOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabels {
    provider: String,
    endpoint: ProviderEndpoint,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefreshLabels {
    provider: String,
    outcome: RefreshOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProviderLabels {
    provider: String,
}

/// The metric families with the label `provider`.
pub(super) struct ProviderFamilies {
    sign_ins: Counters<SignInLabels>,
    calls: Counters<CallLabels>,
    call_duration: Histograms<EndpointLabels>,
    refreshes: Counters<RefreshLabels>,
    groups_lost: Counters<ProviderLabels>,
    groups_unknown: Counters<ProviderLabels>,
    without_refresh_token: Counters<ProviderLabels>,
}

impl ProviderFamilies {
    pub fn register(registry: &mut prometheus_client::registry::Registry) -> Self {
        let seconds: NewHistogram = || Histogram::new(CALL_SECONDS);
        Self {
            sign_ins: counters(registry, "gatepost_sign_ins", "Sign-ins by outcome"),
            calls: counters(registry, "gatepost_provider_calls", "Calls to providers"),
            call_duration: durations(
                registry,
                "gatepost_provider_call_duration",
                "Time that a provider took to answer",
                seconds,
            ),
            refreshes: counters(registry, "gatepost_refreshes", "Refreshes of sessions"),
            groups_lost: counters(
                registry,
                "gatepost_groups_lost",
                "People who lost all their groups at once",
            ),
            groups_unknown: counters(
                registry,
                "gatepost_groups_unknown",
                "Sign-ins and refreshes for which the provider did not tell the person's groups",
            ),
            without_refresh_token: counters(
                registry,
                "gatepost_sign_ins_without_refresh_token",
                "Sign-ins whose session cannot be refreshed in the background",
            ),
        }
    }

    pub fn metrics_of(&self, id: &ProviderId) -> ProviderMetrics {
        let labels = ProviderLabels { provider: id.to_string() };
        ProviderMetrics {
            id: id.to_string(),
            sign_ins: Handles::new(self.sign_ins.clone()),
            calls: Handles::new(self.calls.clone()),
            call_duration: Handles::new(self.call_duration.clone()),
            refreshes: Handles::new(self.refreshes.clone()),
            groups_lost: self.groups_lost.get_or_create_owned(&labels),
            groups_unknown: self.groups_unknown.get_or_create_owned(&labels),
            without_refresh_token: self.without_refresh_token.get_or_create_owned(&labels),
        }
    }
}

/// The metrics of one configured provider.
#[derive(Debug)]
pub struct ProviderMetrics {
    id: String,
    sign_ins: Handles<SignInOutcome, SignInLabels, Counter, NewCounter>,
    calls: Handles<(ProviderEndpoint, CallOutcome), CallLabels, Counter, NewCounter>,
    call_duration: Handles<ProviderEndpoint, EndpointLabels, Histogram, NewHistogram>,
    refreshes: Handles<RefreshOutcome, RefreshLabels, Counter, NewCounter>,
    groups_lost: Counter,
    groups_unknown: Counter,
    without_refresh_token: Counter,
}

impl ProviderMetrics {
    /// Counts the outcome of a sign-in.
    pub fn signed_in(&self, outcome: SignInOutcome) {
        self.sign_ins.get(&outcome, || SignInLabels { provider: self.id.clone(), outcome }).inc();
    }

    /// Counts a call to the provider and its duration.
    pub fn called(&self, endpoint: ProviderEndpoint, outcome: CallOutcome, took: Duration) {
        let provider = || self.id.clone();
        self.calls.get(&(endpoint, outcome), || CallLabels { provider: provider(), endpoint, outcome }).inc();
        let duration =
            self.call_duration.get(&endpoint, || EndpointLabels { provider: provider(), endpoint });
        duration.observe(took.as_secs_f64());
    }

    /// Counts the outcome of a refresh.
    pub fn refreshed(&self, outcome: RefreshOutcome) {
        self.refreshes.get(&outcome, || RefreshLabels { provider: self.id.clone(), outcome }).inc();
    }

    /// Counts a person who lost all their groups at once.
    pub fn groups_lost(&self) {
        self.groups_lost.inc();
    }

    /// Counts a sign-in or refresh for which the provider did not tell the person's groups.
    pub fn groups_unknown(&self) {
        self.groups_unknown.inc();
    }

    /// Counts a sign-in for which the provider issued no refresh token.
    pub fn signed_in_without_refresh_token(&self) {
        self.without_refresh_token.inc();
    }
}
