//! The log and the Prometheus metrics.
//!
//! Neither contains secrets. Every label has a bounded set of values, so that requests cannot create new series.

mod handles;
mod key_ends;
pub mod labels;
mod leader;
pub mod logs;
pub mod metrics;
mod provider;
mod tenants;

pub use labels::{
    Answer, CallOutcome, Credential, EndCause, NotKept, ProviderEndpoint, Reason, RefreshOutcome,
    SignInOutcome, Store, StoreOperation, StoreOutcome,
};
pub use logs::LogError;
pub use metrics::{CONTENT_TYPE, Metrics};
pub use provider::ProviderMetrics;
