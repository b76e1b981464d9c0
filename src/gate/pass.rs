//! What a permit of a cached caller becomes: the headers of a 200, or a question about the message that the request carries.

use super::assertion::{self, Claims, SignedAssertion};
use super::case::{Case, Verdict};
use super::context::Context;
use super::session_cache::{CacheKey, CachedCaller, Kind};
use super::tools::ToolPassage;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::Permit;
use hyper::HeaderMap;
use std::sync::Arc;

/// A caller that may pass.
pub(super) struct Passing<'a, P> {
    /// The caller.
    pub caller: &'a CachedCaller<P>,
    /// Its key in the cache.
    pub key: CacheKey,
    /// Why it may pass.
    pub permit: &'a Permit<'a>,
    /// The identity headers.
    pub headers: HeaderMap,
}

/// Completes the answer. `narrow` says what of a tool server the caller may use at most, where a router asks about tools.
pub(super) fn pass<P: Kind>(
    context: &Context,
    case: &Case<'_>,
    passing: Passing<'_, P>,
    now: Timestamp,
    narrow: impl FnOnce(ToolPassage) -> ToolPassage,
) -> Verdict {
    let Passing { caller, key, permit, mut headers } = passing;
    let (host, site) = (case.origin.host(), &context.site);
    context.seen_requirements.note(host, case.query, now);
    if caller.headers.is_cut() {
        context.stores.metrics.groups_truncated();
    }
    if case.requirement.mcp.is_some() {
        let claims = case.requirement.assertion.then(|| Claims::of(permit, host, site, now));
        let access = Arc::clone(&caller.standing.access);
        return Verdict::AskTools(Box::new(narrow(ToolPassage::new(
            headers,
            (permit, access),
            claims,
            site,
        ))));
    }
    if case.requirement.assertion {
        let sign = || SignedAssertion::new(permit, host, site, &context.assertion_keys, now);
        headers.insert(assertion::HEADER, context.cache.assertion(key, caller, now, sign));
    }
    Verdict::Allow(headers)
}
