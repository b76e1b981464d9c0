//! The hook that hears of every finished call to a provider: `gatepost_provider_calls_total{provider,endpoint,outcome}`.

use crate::domain::ids::ProviderId;
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

    pub(super) fn tell(&self, call: &Call<'_>) {
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

/// What a call was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// The discovery document.
    Discovery,
    /// `jwks_uri`.
    Keys,
    /// `token_endpoint`.
    Token,
    /// `userinfo_endpoint`.
    Userinfo,
    /// Microsoft Graph.
    Graph,
}

impl Endpoint {
    /// The `endpoint` label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discovery => "discovery",
            Self::Keys => "keys",
            Self::Token => "token",
            Self::Userinfo => "userinfo",
            Self::Graph => "graph",
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// 2xx with a JSON object.
    Success,
    /// 4xx.
    Refused,
    /// 429.
    Throttled,
    /// Any other status.
    Failed,
    /// Nobody answered in time.
    Timeout,
    /// No connection, or one that broke.
    Unreachable,
    /// 2xx, but no JSON object, or too large.
    Malformed,
}

impl Outcome {
    /// The `outcome` label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Malformed => "malformed",
        }
    }
}
