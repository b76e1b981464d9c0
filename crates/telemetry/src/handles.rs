//! Caches the series of a metric family in an array, so that counting needs no hash and no lock after the first use.

use super::labels::Label;
use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::OnceLock;

pub(super) type NewCounter = fn() -> Counter;
pub(super) type NewHistogram = fn() -> Histogram;
pub(super) type Counters<L> = Family<L, Counter, NewCounter>;
pub(super) type Histograms<L> = Family<L, Histogram, NewHistogram>;

/// The key of a handle: one label, or a tuple of labels. Each label has a fixed set of values.
pub(super) trait Key {
    /// The number of different keys.
    const COUNT: usize;
    /// A number below `COUNT` that is different for each key.
    fn index(&self) -> usize;
}

impl<A: Label> Key for A {
    const COUNT: usize = A::ALL.len();
    fn index(&self) -> usize {
        Label::index(*self)
    }
}

impl<A: Label, B: Label> Key for (A, B) {
    const COUNT: usize = A::COUNT * B::COUNT;
    fn index(&self) -> usize {
        Label::index(self.0) * B::COUNT + Label::index(self.1)
    }
}

impl<A: Label, B: Label, C: Label> Key for (A, B, C) {
    const COUNT: usize = A::COUNT * B::COUNT * C::COUNT;
    fn index(&self) -> usize {
        (self.0, self.1).index() * C::COUNT + Label::index(self.2)
    }
}

/// The handles of one family by key `K`. `L` is the label set that Prometheus sees.
pub(super) struct Handles<K, L, M, C> {
    family: Family<L, M, C>,
    slots: Box<[OnceLock<M>]>,
    key: PhantomData<fn(K)>,
}

impl<K: Key, L: Clone + Eq + Hash, M: Clone, C: MetricConstructor<M>> Handles<K, L, M, C> {
    pub fn new(family: Family<L, M, C>) -> Self {
        Self { family, slots: (0..K::COUNT).map(|_| OnceLock::new()).collect(), key: PhantomData }
    }

    /// Returns the handle of `key`. `labels` is only called on first use.
    pub fn get(&self, key: &K, labels: impl FnOnce() -> L) -> &M {
        self.slots[key.index()].get_or_init(|| self.family.get_or_create_owned(&labels()))
    }
}

impl<K, L, M, C> fmt::Debug for Handles<K, L, M, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handles").field("slots", &self.slots.len()).finish_non_exhaustive()
    }
}

/// Registers a family of counters. `_total` is appended to the name.
pub(super) fn counters<L>(registry: &mut Registry, name: &str, help: &str) -> Counters<L>
where
    L: EncodeLabelSet + Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static,
{
    let family = Family::new_with_constructor(Counter::default as NewCounter);
    registry.register(name, help, family.clone());
    family
}

/// Registers a family of histograms for durations. `_seconds` is appended to the name.
pub(super) fn durations<L>(
    registry: &mut Registry,
    name: &str,
    help: &str,
    new: NewHistogram,
) -> Histograms<L>
where
    L: EncodeLabelSet + Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static,
{
    let family = Family::new_with_constructor(new);
    registry.register_with_unit(name, help, Unit::Seconds, family.clone());
    family
}

/// Registers a metric without labels.
pub(super) fn single<M>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M
where
    M: EncodeMetric + TypedMetric + Clone + fmt::Debug + Send + Sync + 'static,
{
    registry.register(name, help, metric.clone());
    metric
}

/// Registers a gauge without labels.
pub(super) fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge {
    single(registry, name, help, Gauge::default())
}
