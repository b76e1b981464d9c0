//! The session cache: answers of the stores, cached in this process and valid under a [`Lease`].
//!
//! Guarantees: its memory is bounded. It contains only sessions that were valid, for cookies that could be decrypted,
//! so that forged cookies cause neither a look-up nor an entry, keys that the directory knows, and access tokens whose
//! signature was verified. Any number of
//! concurrent requests for one credential cause one look-up. An answer from the cache includes every change that was acknowledged 1 s before the request was sent. What
//! ends by itself counts until that moment and not after it, also while the directory cannot be reached.

mod atomic_timestamp;
mod cached_caller;
mod interning;
mod key_proof;
mod look_up;
mod look_up_key;
mod look_up_token;
mod look_up_word;
mod session_proof;
mod single_flight;
mod token_proof;
mod word_proof;

pub use cached_caller::{CacheKey, CachedCaller};
pub use key_proof::KeyProof;
pub use look_up_key::standing_of;
pub use look_up_word::VerifiedWord;
pub use session_proof::SessionProof;
pub use token_proof::TokenProof;
pub use word_proof::WordProof;

use super::assertion::SignedAssertion;
use crate::authn::LoadError;
use crate::invalidation::lease::Lease;
use crate::site::Site;
use crate::stores::Stores;
use crate::tasks::Tasks;
use cached_caller::Proof;
use gatepost_core::clock::{BootTime, Timestamp};
use hyper::header::HeaderValue;
use interning::AccessInterner;
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Weighter};
use single_flight::{Found, SingleFlight};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The estimated size of one cached session in bytes, from which the initial capacity is computed.
const TYPICAL_WEIGHT: u64 = 520;
/// After a look-up that the directory failed, it is not queried again for this long if a stale session may be served.
/// Less than the second within which a change must take effect.
const RETRY_AFTER_FAILURE: Duration = Duration::from_millis(500);

/// A person, by the session of a cookie.
pub type CachedSession = CachedCaller<SessionProof>;
/// A machine, by an API key.
pub type CachedKey = CachedCaller<KeyProof>;
/// A person, by a speaker's word.
pub type CachedWord = CachedCaller<WordProof>;

/// The holder of an access token.
pub type CachedToken = CachedCaller<TokenProof>;

/// What the cache holds.
#[derive(Clone, Debug)]
pub enum Cached {
    /// A person, by the session of a cookie.
    Session(Arc<CachedSession>),
    /// A machine, by an API key.
    Key(Arc<CachedKey>),
    /// A person, by a speaker's word.
    Word(Arc<CachedWord>),
    /// The holder of an access token.
    Token(Arc<CachedToken>),
}

/// A kind of credential that the cache holds.
pub trait Kind: Proof {
    /// The caller, if it is of this kind.
    fn of(cached: Cached) -> Option<Arc<CachedCaller<Self>>>;

    /// The caller as the cache holds it.
    fn wrap(caller: Arc<CachedCaller<Self>>) -> Cached;
}

macro_rules! kind {
    ($proof:ident, $kind:ident) => {
        impl Kind for $proof {
            fn of(cached: Cached) -> Option<Arc<CachedCaller<Self>>> {
                if let Cached::$kind(caller) = cached { Some(caller) } else { None }
            }

            fn wrap(caller: Arc<CachedCaller<Self>>) -> Cached {
                Cached::$kind(caller)
            }
        }
    };
}

kind!(SessionProof, Session);
kind!(KeyProof, Key);
kind!(WordProof, Word);
kind!(TokenProof, Token);

#[derive(Clone, Copy, Debug)]
struct ByMemory;

impl Weighter<CacheKey, Cached> for ByMemory {
    fn weight(&self, _key: &CacheKey, cached: &Cached) -> u64 {
        match cached {
            Cached::Session(session) => session.weight(),
            Cached::Key(key) => key.weight(),
            Cached::Word(person) => person.weight(),
            Cached::Token(token) => token.weight(),
        }
    }
}

/// All cached sessions of this process.
#[derive(Debug)]
pub struct SessionCache {
    site: Arc<Site>,
    stores: Arc<Stores>,
    tasks: Arc<Tasks>,
    lease: Arc<Lease>,
    /// `None`: the cache is off, and every request queries the stores.
    cache: Option<Cache<CacheKey, Cached, ByMemory, DefaultHashBuilder>>,
    interner: AccessInterner,
    look_ups: SingleFlight<SessionProof>,
    key_look_ups: SingleFlight<KeyProof>,
    word_look_ups: SingleFlight<WordProof>,
    token_look_ups: SingleFlight<TokenProof>,
    /// Until this point in boot time the directory is treated as failing, in nanoseconds.
    failing_until: AtomicU64,
}

impl SessionCache {
    /// Creates an empty cache of `GATEPOST_VERIFY__CACHE_MEMORY` bytes. With 0 the cache is off.
    pub fn new(site: Arc<Site>, stores: Arc<Stores>, lease: Arc<Lease>, tasks: Arc<Tasks>) -> Self {
        let memory = site.config.verify.cache_memory;
        let items = usize::try_from(memory / TYPICAL_WEIGHT).unwrap_or(usize::MAX);
        let cache = (memory > 0).then(|| Cache::with_weighter(items, memory, ByMemory));
        Self {
            site,
            stores,
            tasks,
            lease,
            cache,
            interner: AccessInterner::default(),
            look_ups: SingleFlight::default(),
            key_look_ups: SingleFlight::default(),
            word_look_ups: SingleFlight::default(),
            token_look_ups: SingleFlight::default(),
            failing_until: AtomicU64::new(0),
        }
    }

    /// The cached caller, if the entry is valid for the current request.
    pub fn fresh<P: Kind>(&self, key: &CacheKey) -> Option<Arc<CachedCaller<P>>> {
        self.get::<P>(key).filter(|caller| self.lease.is_valid(caller.lease_entry(), BootTime::now))
    }

    /// The cached caller, valid or not.
    fn get<P: Kind>(&self, key: &CacheKey) -> Option<Arc<CachedCaller<P>>> {
        self.cache.as_ref()?.get(key).and_then(P::of)
    }

    /// Whether a stale entry may be served while the directory cannot be reached. Never an admin's, and none of a credential
    /// that has ended: it may count again.
    fn may_serve_stale<P: Proof>(&self, caller: &CachedCaller<P>) -> bool {
        let stale = self.site.config.verify.stale_if_error;
        !caller.standing.access.is_admin
            && caller.counts()
            && self.lease.is_valid_during_outage(caller.lease_entry(), stale, BootTime::now)
    }

    /// Whether a stale entry may be served at once, because the directory has just failed.
    fn stale<P: Kind>(&self, key: &CacheKey) -> Option<Arc<CachedCaller<P>>> {
        self.is_failing(BootTime::now())
            .then(|| self.get(key))
            .flatten()
            .filter(|caller| self.may_serve_stale(caller))
    }

    /// What a look-up found, put into the cache. A stale entry is served where the look-up failed and that is allowed.
    fn settle<P: Kind>(
        &self,
        key: CacheKey,
        looked_up: Result<Option<Arc<CachedCaller<P>>>, LoadError>,
    ) -> Found<P> {
        match looked_up {
            Ok(Some(found)) => {
                self.put(key, Arc::clone(&found));
                Ok(Some(found))
            }
            Ok(None) => {
                self.remove(&key);
                Ok(None)
            }
            Err(error) => {
                let stale = self.get(&key).filter(|caller| self.may_serve_stale(caller));
                stale.map_or_else(|| Err(Arc::new(error)), |caller| Ok(Some(caller)))
            }
        }
    }

    /// The assertion of a cached caller. If there is none, or only an old one, calls `sign` and caches the result. The
    /// entry is replaced, because the cache computes the weight of an entry only when it is inserted.
    pub fn assertion<P: Kind>(
        &self,
        key: CacheKey,
        caller: &CachedCaller<P>,
        now: Timestamp,
        sign: impl FnOnce() -> SignedAssertion,
    ) -> HeaderValue {
        if let Some(kept) = caller.assertion.as_ref().filter(|kept| kept.is_fresh(now)) {
            return kept.value();
        }
        let made = sign();
        let value = made.value();
        if let Some(cache) = &self.cache {
            // Only if the entry still exists: one that was removed meanwhile must not come back.
            let _ = cache.replace(key, P::wrap(Arc::new(caller.with_assertion(made, now))), true);
        }
        value
    }

    fn put<P: Kind>(&self, key: CacheKey, caller: Arc<CachedCaller<P>>) {
        if let Some(cache) = &self.cache {
            cache.insert(key, P::wrap(caller));
        }
    }

    /// Removes an entry, so that the next request with this credential queries the stores.
    pub fn remove(&self, key: &CacheKey) {
        if let Some(cache) = &self.cache {
            cache.remove(key);
        }
    }

    /// Notes that the directory failed a look-up that began at `started`.
    fn note_failure(&self, started: BootTime) {
        self.failing_until.fetch_max(started.plus(RETRY_AFTER_FAILURE).nanos(), Ordering::Relaxed);
    }

    fn is_failing(&self, now: BootTime) -> bool {
        let has_failed = now.nanos() < self.failing_until.load(Ordering::Relaxed);
        has_failed && !self.lease.holds(now) && !self.lease.is_returning()
    }

    /// The number of cached callers, and their estimated size in bytes.
    pub fn size(&self) -> (usize, u64) {
        self.cache.as_ref().map_or((0, 0), |cache| (cache.len(), cache.weight()))
    }
}
