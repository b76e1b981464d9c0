//! What answers say about quotas.

use gatepost_core::clock::Timestamp;
use gatepost_core::quota::{QuotaName, RequestLimits, rate_limit};
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The fields of an answer to a request that passes.
#[derive(Debug)]
pub(super) struct Fields {
    pub made_at: Timestamp,
    policy: HeaderValue,
    /// What is left of the day. `None`: the day has no limit.
    day: Option<HeaderValue>,
}

impl Fields {
    pub(super) fn new(limits: RequestLimits, (used, held): (u64, u64), now: Timestamp) -> Self {
        let left = |most: u64| most.saturating_sub(used.saturating_sub(held));
        let full_in = now.day().end().since(now);
        let day = limits.per_day.map(|most| value(rate_limit(QuotaName::Day, left(most), full_in)));
        Self { made_at: now, policy: value(limits.policy()), day }
    }

    pub(super) fn write(&self, headers: &mut HeaderMap) {
        headers.insert(POLICY, self.policy.clone());
        if let Some(day) = &self.day {
            headers.insert(LIMIT, day.clone());
        }
    }
}

/// Numbers and names: each is a valid value.
fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
