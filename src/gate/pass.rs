//! What a permit becomes: the headers of a 200, or a question about the message that the request carries.

use super::case::{Case, Verdict};
use super::context::Context;
use gatepost_core::access::Access;
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::{Denial, Permit};
use gatepost_runtime::assertion::{self, Claims, SignedAssertion};
use gatepost_runtime::quotas::{Charge, Counting};
use gatepost_runtime::session_cache::{CacheKey, CachedCaller, KeyProof, Kind};
use gatepost_runtime::site::Site;
use gatepost_runtime::tools::ToolPassage;
use gatepost_runtime::usage::SeenDay;
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use std::sync::Arc;

/// A permit, and what else its answer is made of.
pub(super) struct Passing<'a> {
    /// Why the caller may pass.
    pub permit: &'a Permit<'a>,
    /// The same access as the permit's, to share it.
    pub access: &'a Arc<Access>,
    /// The identity headers.
    pub headers: HeaderMap,
    /// The current time.
    pub now: Timestamp,
    /// The key that was sent.
    pub key: Option<&'a KeyProof>,
}

/// Completes the answer to a cached caller whose credential is no session.
pub(super) fn pass<P: Kind>(
    context: &Context,
    case: &Case<'_>,
    (caller, key): (&CachedCaller<P>, CacheKey),
    passing: Passing<'_>,
    narrow: impl FnOnce(ToolPassage) -> ToolPassage,
) -> Verdict {
    let Passing { permit, now, key: sent, .. } = passing;
    context.seen_requirements.note(case.origin.host(), case.query, now);
    if caller.headers.is_cut() {
        context.stores.metrics.groups_truncated();
    }
    let sign = || {
        let sign =
            || SignedAssertion::new(permit, case.origin.host(), &context.site, &context.assertion_keys, now);
        context.cache.assertion(key, caller, now, sign)
    };
    complete(&context.site, case, passing, narrow, sign).charged(charge(permit, sent, now))
}

/// Notes that a person is let in for the tenant that their request means. What a quota or the rules of a tool server say about the
/// request changes nothing about that.
#[inline]
pub(super) fn note_person(context: &Context, seen: &SeenDay, permit: &Permit<'_>, now: Timestamp) {
    if let Some((tenant, _)) = permit.tenant {
        context.usage.note_person(seen, tenant, permit.person.id, now);
    }
}

/// For whom a request with a key or token counts: for the tenant that it means, else for the key's own.
fn charge(permit: &Permit<'_>, key: Option<&KeyProof>, now: Timestamp) -> Option<Charge> {
    let meant = permit.tenant.map(|(tenant, _)| tenant);
    let tenant = meant.or_else(|| key.and_then(|key| key.tenant.as_ref()))?.clone();
    let holder = key.map_or(permit.person.id, |key| key.id.machine());
    Some(Charge { tenant, holder: Some(holder), now, calls: None })
}

/// For whom a request with a session counts: nobody, unless its router says so. A page has a hundred pictures.
pub(super) fn charge_of_person(case: &Case<'_>, access: &Access, now: Timestamp) -> Option<Charge> {
    case.requirement.meter?;
    let (tenant, _) = case.requirement.tenant_for(access)?;
    Some(Charge { tenant: tenant.clone(), holder: None, now, calls: None })
}

/// Counts a request that passes, if that needs no I/O.
pub fn count_now(context: &Context, verdict: Verdict) -> Verdict {
    let Verdict::Allow { mut headers, charge: Some(charge) } = verdict else { return verdict };
    match context.quotas.count_now(&charge, &mut headers) {
        Counting::Done => Verdict::Allow { headers, charge: None },
        Counting::Waits => Verdict::Allow { headers, charge: Some(charge) },
        Counting::Exceeded(exceeded) => Verdict::nobody(Denial::Quota(exceeded)),
    }
}

/// Completes the answer to anybody. `narrow` says what of a tool server the caller may use at most, where a router asks
/// about tools. `sign` makes the assertion, where a router asks for one.
#[inline]
pub(super) fn complete(
    site: &Site,
    case: &Case<'_>,
    Passing { permit, access, mut headers, now, .. }: Passing<'_>,
    narrow: impl FnOnce(ToolPassage) -> ToolPassage,
    sign: impl FnOnce() -> HeaderValue,
) -> Verdict {
    if case.requirement.mcp.is_some() {
        let (tenant, role) = permit.tenant.unzip();
        let claims = || {
            let claims = Claims::of(permit, case.origin.host(), site, now);
            Claims { tenant: tenant.cloned(), role, ..claims }
        };
        let claims = case.requirement.assertion.then(claims);
        let passage = ToolPassage::new(headers, (permit, Arc::clone(access)), claims, site);
        return Verdict::AskTools(Box::new(narrow(passage)));
    }
    if case.requirement.assertion {
        headers.insert(assertion::HEADER, sign());
    }
    Verdict::Allow { headers, charge: None }
}
