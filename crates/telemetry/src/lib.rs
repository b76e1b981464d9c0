//! Logs and metrics.
//!
//! A log line is for the person at three in the morning, a metric for the machine that wakes that person. Neither holds a
//! secret, and no label of a metric has values that a stranger could multiply.

mod handles;
pub mod labels;
pub mod logs;
pub mod metrics;
mod provider;

pub use labels::{
    Answer, CallOutcome, EndCause, NotKept, ProviderEndpoint, Reason, RefreshOutcome, SignInOutcome, Store,
    StoreOperation, StoreOutcome,
};
pub use logs::LogError;
pub use metrics::{CONTENT_TYPE, Metrics};
pub use provider::ProviderMetrics;
