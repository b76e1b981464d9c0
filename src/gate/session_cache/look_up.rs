//! Reads from the stores who holds a cookie, once for all requests that want to know.

use super::SessionCache;
use super::cached_session::{CacheKey, CachedSession};
use super::single_flight::Found;
use crate::authn::{self, LoadError};
use crate::invalidation::lease::Stamp;
use gatepost_core::access::Standing;
use gatepost_core::clock::{BootTime, Timestamp};
use gatepost_core::decision::SessionTimes;
use gatepost_store::session::Session;
use gatepost_store::session::values::HostValue;
use std::sync::Arc;

impl SessionCache {
    /// Who holds a cookie that opened: queries both stores, not before `since`, or takes what is cached while they fail.
    ///
    /// # Errors
    /// [`LoadError`]: unavailable is never unauthenticated.
    pub async fn find(
        self: &Arc<Self>,
        key: CacheKey,
        cookie: &HostValue,
        since: BootTime,
    ) -> Result<Option<Arc<CachedSession>>, Arc<LoadError>> {
        if self.is_failing(BootTime::now())
            && let Some(session) = self.known(&key).filter(|session| self.stands_in(session))
        {
            return Ok(Some(session));
        }
        // Beside the stores' connections: each answer that had to come here from another thread would wake this one.
        let look_up = || self.tasks.run(look_up(Arc::clone(self), key, cookie.clone()));
        self.look_ups.join(key, since, look_up).await
    }

    /// Queries the session store again about a cached session, which serves on meanwhile.
    pub async fn revalidate(self: Arc<Self>, key: CacheKey, cookie: HostValue) {
        // An outage is no news: the cached session stands until its lifetimes end.
        let look_up = || look_up(Arc::clone(&self), key, cookie.clone());
        let _ = self.look_ups.join(key, BootTime::default(), look_up).await;
    }

    /// Who will hold a cookie that no browser has yet: queries both stores. Only [`SessionCache::hold`] caches it.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn find_new(&self, cookie: &HostValue) -> Result<Option<Arc<CachedSession>>, LoadError> {
        let stamp = self.lease.stamp(cookie.user.random_bits());
        let (session, standing) = authn::load_both(&self.stores, &cookie.session, cookie.user).await;
        let session = session?.filter(|session| session.record.user == cookie.user);
        let Some((session, standing)) = session.zip(standing?) else { return Ok(None) };
        Ok(Some(self.make(self.site.times_of(&session.record, cookie.auth_time), standing, stamp)))
    }

    /// Caches a session from now on; one that does not count takes no place.
    pub fn hold(&self, key: CacheKey, session: &Arc<CachedSession>) {
        if self.site.counts_at(&session.standing, &session.times(), Timestamp::now()) {
            self.insert(key, Arc::clone(session));
        } else {
            self.remove(&key);
        }
    }

    fn make(&self, times: SessionTimes, standing: Standing, stamp: Stamp) -> Arc<CachedSession> {
        let (standing, headers, brought) = self.shared.share(standing, &self.site.config.verify);
        Arc::new(CachedSession::new(times, standing, headers, brought, stamp))
    }
}

async fn look_up(cache: Arc<SessionCache>, key: CacheKey, cookie: HostValue) -> Found {
    let started = BootTime::now();
    let stamp = cache.lease.stamp(cookie.user.random_bits());
    let known = cache.known(&key);
    let (session, standing) = authn::load_both(&cache.stores, &cookie.session, cookie.user).await;
    let standing = match standing {
        Ok(standing) => standing,
        Err(error) => {
            cache.note_failure(started);
            let stand_in = known.filter(|session| cache.stands_in(session));
            return stand_in.map_or_else(|| Err(Arc::new(error)), |session| Ok(Some(session)));
        }
    };
    let times = match session {
        Ok(session) => session
            .filter(|session| session.record.user == cookie.user)
            .map(|session: Session| cache.site.times_of(&session.record, cookie.auth_time)),
        // Redis only remembers who signed in, and so does the cache.
        Err(error) => match &known {
            Some(session) => Some(session.times()),
            None => return Err(Arc::new(error)),
        },
    };
    let Some((times, standing)) = times.zip(standing) else {
        cache.remove(&key);
        return Ok(None);
    };
    let session = cache.make(times, standing, stamp);
    if let Some(known) = &known {
        session.carry_over(known);
    }
    cache.hold(key, &session);
    Ok(Some(session))
}
