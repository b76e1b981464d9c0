//! The hook that hears of every finished call to a provider: `gatepost_provider_calls_total{provider,endpoint,outcome}`.

use gatepost_core::ids::ProviderId;
pub use gatepost_telemetry::{CallOutcome as Outcome, ProviderEndpoint as Endpoint};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Told of each [`Call`] once, when it is over.
#[derive(Clone)]
pub struct Calls(Arc<dyn Fn(&Call<'_>) + Send + Sync>);

impl Calls {
    /// Hears every call with `listener`, which must not block.
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
    /// To whom.
    pub provider: &'a ProviderId,
    /// What for.
    pub endpoint: Endpoint,
    /// How it ended.
    pub outcome: Outcome,
    /// From connecting to the body's end.
    pub elapsed: Duration,
}
