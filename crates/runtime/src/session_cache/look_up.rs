//! Looks up the session of a cookie in the stores, once for all requests that need it at the same time.

use super::cached_caller::{CacheKey, CachedCaller};
use super::session_proof::SessionProof;
use super::single_flight::Found;
use super::{CachedSession, SessionCache};
use crate::authn::{self, LoadError};
use crate::invalidation::lease::Stamp;
use gatepost_core::access::Standing;
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::decision::SessionTimes;
use gatepost_store::session::Session;
use gatepost_store::session::tokens::HostValue;
use std::sync::Arc;

impl SessionCache {
    /// Finds the session of a decrypted cookie. Queries both stores, or joins a look-up that began after `since`. While
    /// the directory fails, a cached session may be returned.
    ///
    /// # Errors
    /// [`LoadError`]. An unavailable store is never reported as `None`, so an outage signs nobody out.
    pub async fn find(
        self: &Arc<Self>,
        key: CacheKey,
        cookie: &HostValue,
        since: BootTime,
    ) -> Result<Option<Arc<CachedSession>>, Arc<LoadError>> {
        if let Some(session) = self.stale(&key) {
            return Ok(Some(session));
        }
        // On the runtime of the stores' connections: otherwise each reply of a store would wake this thread.
        let look_up = || self.tasks.run(look_up(Arc::clone(self), key, cookie.clone()));
        self.look_ups.join(key, since, look_up).await
    }

    /// Looks a cached session up again. Requests use the cached one meanwhile.
    pub async fn revalidate(self: Arc<Self>, key: CacheKey, cookie: HostValue) {
        // A failure is ignored: the cached session stays until its lifetimes end.
        let look_up = || look_up(Arc::clone(&self), key, cookie.clone());
        let _ = self.look_ups.join(key, BootTime::default(), look_up).await;
    }

    /// Loads the session of a cookie that no browser has yet. Does not cache it: see [`SessionCache::insert`].
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn load_uncached(&self, cookie: &HostValue) -> Result<Option<Arc<CachedSession>>, LoadError> {
        let stamp = self.lease.stamp(cookie.user.random_bits());
        let (session, standing) = authn::load_both(&self.stores, &cookie.session, cookie.user).await;
        let session = session?.filter(|session| session.record.user == cookie.user);
        let Some((session, standing)) = session.zip(standing?) else { return Ok(None) };
        Ok(Some(self.make(self.site.times_of(&session.record, cookie.auth_time), standing, stamp)))
    }

    /// Caches a session. If it is not valid, removes the entry instead.
    pub fn insert(&self, key: CacheKey, session: &Arc<CachedSession>) {
        if self.site.is_valid_at(&session.standing, &session.times(), Timestamp::now()) {
            self.put(key, Arc::clone(session));
        } else {
            self.remove(&key);
        }
    }

    fn make(&self, times: SessionTimes, standing: Standing, stamp: Stamp) -> Arc<CachedSession> {
        let (standing, headers, interned_bytes) = self.interner.intern(standing, &self.site.config.verify);
        Arc::new(CachedCaller::new(times.into(), standing, headers, interned_bytes, stamp))
    }
}

async fn look_up(cache: Arc<SessionCache>, key: CacheKey, cookie: HostValue) -> Found<SessionProof> {
    let started = BootTime::now();
    let stamp = cache.lease.stamp(cookie.user.random_bits());
    let cached = cache.get::<SessionProof>(&key);
    let (session, standing) = authn::load_both(&cache.stores, &cookie.session, cookie.user).await;
    let standing = match standing {
        Ok(standing) => standing,
        Err(error) => {
            cache.note_failure(started);
            let stale = cached.filter(|session| cache.may_serve_stale(session));
            return stale.map_or_else(|| Err(Arc::new(error)), |session| Ok(Some(session)));
        }
    };
    let times = match session {
        Ok(session) => session
            .filter(|session| session.record.user == cookie.user)
            .map(|session: Session| cache.site.times_of(&session.record, cookie.auth_time)),
        // The session store failed: the cached times are used with the standing that the directory has just given. Only the
        // directory says that a session has ended.
        Err(error) => match &cached {
            Some(session) => Some(session.times()),
            None => return Err(Arc::new(error)),
        },
    };
    let Some((times, standing)) = times.zip(standing) else {
        cache.remove(&key);
        return Ok(None);
    };
    let session = cache.make(times, standing, stamp);
    if let Some(cached) = &cached {
        session.carry_over(cached);
    }
    cache.insert(key, &session);
    Ok(Some(session))
}
