//! A callback for each finished call to a provider. It feeds the metric
//! `gatepost_provider_calls_total{provider,endpoint,outcome}`.

use gatepost_core::ids::ProviderId;
pub use gatepost_telemetry::{CallOutcome as Outcome, ProviderEndpoint as Endpoint};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Receives each [`Call`] once, when it has finished.
#[derive(Clone)]
pub struct Calls(Arc<dyn Fn(&Call<'_>) + Send + Sync>);

impl Calls {
    /// Passes each call to `listener`, which must not block.
    pub fn new(listener: impl Fn(&Call<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listener))
    }

    pub(super) fn record(&self, call: &Call<'_>) {
        (self.0)(call);
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Calls(..)")
    }
}

/// One finished call.
#[derive(Debug)]
pub struct Call<'a> {
    /// The provider that was called.
    pub provider: &'a ProviderId,
    /// The endpoint that was called.
    pub endpoint: Endpoint,
    /// How the call ended.
    pub outcome: Outcome,
    /// The time from connecting until the end of the body.
    pub elapsed: Duration,
}
