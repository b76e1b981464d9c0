//! A cached caller states who presented a credential, never whether a request passes: requirement, host, lifetimes,
//! limits and `max_age` are evaluated at each request. Other gates cached decisions under a key that lacked one of these
//! inputs, and let requests pass that should have been refused.

use crate::assertion::SignedAssertion;
use crate::identity_headers::IdentityHeaders;
use crate::invalidation::lease::{Entry, Stamp};
use crate::usage::SeenDay;
use gatepost_core::access::{Person, Standing};
use gatepost_core::clock::Timestamp;
use gatepost_core::secret::Hash;

/// Bytes that a cached caller takes besides its own and those of its texts: its place in the cache's index, and the
/// allocator's overhead for four allocations.
const ALLOCATIONS: usize = 140;

/// The key of a caller in the cache: SHA-256 of the host and the credential. It includes the host so that a cookie of one
/// host finds nothing in a request to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; 32]);

impl CacheKey {
    /// The key of a cookie's value on a host.
    pub fn of(host: &str, cookie: &str) -> Self {
        Self(*Hash::of(&[host.as_bytes(), cookie.as_bytes()]).as_bytes())
    }

    /// The key of another credential on a host. `kind` is part of it, so that a cookie with the text of an API key finds
    /// nothing.
    pub fn of_credential(kind: &str, host: &str, text: &str) -> Self {
        Self(*Hash::of(&[kind.as_bytes(), host.as_bytes(), text.as_bytes()]).as_bytes())
    }
}

/// One caller on one host, by one credential.
#[derive(Debug)]
pub struct CachedCaller<P> {
    /// The person or the machine, and their access.
    pub standing: Standing,
    /// The identity headers that do not depend on the request.
    pub headers: IdentityHeaders,
    /// What is known about the credential.
    pub proof: P,
    /// For which tenant and day it was noted last that the person was let in.
    pub seen: SeenDay,
    /// The last assertion, if a router required one. Boxed, because most callers have none.
    pub(super) assertion: Option<Box<SignedAssertion>>,
    /// Bytes of interned values that this caller was the first to use.
    interned_bytes: usize,
    stamp: Stamp,
}

/// A kind of credential.
pub trait Proof: Sized {
    /// Whose changes invalidate the entry.
    fn holder(&self, person: &Person) -> u64;

    /// A copy for an entry that takes the place of this one at `now`.
    fn copy(&self, now: Timestamp) -> Self;

    /// Bytes on the heap.
    fn size(&self) -> usize;

    /// Whether the credential counted when it was looked up. That it did not is said only by a directory that answers.
    fn counts(&self) -> bool {
        true
    }
}

impl<P: Proof> CachedCaller<P> {
    pub(super) fn new(
        proof: P,
        standing: Standing,
        headers: IdentityHeaders,
        interned_bytes: usize,
        stamp: Stamp,
    ) -> Self {
        Self { standing, headers, proof, seen: SeenDay::default(), assertion: None, interned_bytes, stamp }
    }

    /// Whether the credential counts, as far as memory says.
    pub fn counts(&self) -> bool {
        self.proof.counts()
    }

    /// What the lease decides by.
    pub(super) fn lease_entry(&self) -> Entry {
        let Standing { person, counts_until, .. } = &self.standing;
        Entry { user: self.proof.holder(person), stamp: self.stamp, counts_until: *counts_until }
    }

    /// The same caller with another assertion.
    pub(super) fn with_assertion(&self, assertion: SignedAssertion, now: Timestamp) -> Self {
        Self {
            standing: self.standing.clone(),
            headers: self.headers.clone(),
            proof: self.proof.copy(now),
            seen: self.seen.copy(),
            assertion: Some(Box::new(assertion)),
            interned_bytes: self.interned_bytes,
            stamp: self.stamp,
        }
    }

    /// The bytes that this caller takes in the cache. Access that others share counts nothing.
    pub(super) fn weight(&self) -> u64 {
        let Person { email, name, .. } = &self.standing.person;
        let texts = email.as_ref().map_or(0, |email| email.as_str().len())
            + name.as_ref().map_or(0, |name| name.len())
            + self.headers.size();
        let fixed = size_of::<Self>() + size_of::<CacheKey>() + ALLOCATIONS;
        let assertion = self.assertion.as_ref().map_or(0, |made| made.size());
        (fixed + texts + self.interned_bytes + assertion + self.proof.size()) as u64
    }
}
