//! Locks and one-time values that all replicas share: tickets that were used, codes that are being exchanged with their
//! results, refreshes that are running, logout tokens that were used.

use super::sealed::Purpose;
use super::sessions::{Handover, Sessions};
use super::store::StoreError;
use super::tokens::{BrowserBinding, OneTimeId, SessionId};
use gatepost_core::ids::UserId;
use gatepost_core::secret::{self, Hash};
use std::time::Duration;

/// How long a used ticket is remembered: its lifetime, the clock tolerance of both the writer and the reader, and a minute
/// to spare.
const CONSUMED_TTL: Duration = Duration::from_mins(4);
/// How long it is remembered that the code of a `state` was used. A `state` lives for one hour.
const EXCHANGE_TTL: Duration = Duration::from_mins(62);
/// How long a failed exchange is remembered. Only requests that arrive at the same moment need it, and anybody can
/// cause a failure.
const FAILED_TTL: Duration = Duration::from_secs(30);
/// How long other tabs wait for a sign-in.
const COMPLETING_TTL: Duration = Duration::from_secs(10);
/// How long a refresh holds its lock.
const REFRESH_LOCK_TTL: Duration = Duration::from_secs(30);
/// The window in which tickets are counted.
const HANDOVER_WINDOW: Duration = Duration::from_mins(1);

/// The result of the exchange of a code.
#[derive(Clone, Debug)]
pub enum Exchanged {
    /// A session was started.
    Into(Box<Handover>),
    /// No session was started.
    Failed,
}

/// The lock for exchanging the code of one `state`.
#[derive(Debug)]
pub struct ExchangeLock {
    state: OneTimeId,
    browser: BrowserBinding,
    value: [u8; 16],
}

/// The lock for refreshing one session.
#[derive(Debug)]
pub struct RefreshLock {
    key: Vec<u8>,
    value: [u8; 16],
}

impl Sessions {
    /// Consumes a ticket. Returns whether this was its first use.
    pub async fn consume_ticket(&self, ticket: &OneTimeId) -> Result<bool, StoreError> {
        let key = [b"ticket:", &ticket.as_bytes()[..]].concat();
        self.store.create(&key, &unique(), CONSUMED_TTL).await.map(|consumed| consumed.is_none())
    }

    /// Locks a `state` before its code is exchanged, and records that this browser is about to complete a sign-in.
    /// `None`: the `state` is already locked.
    pub async fn lock_exchange(
        &self,
        state: &OneTimeId,
        browser: &BrowserBinding,
    ) -> Result<Option<ExchangeLock>, StoreError> {
        let (key, mark, mine) = (exchange_key(state), completing_key(browser), unique());
        let locking = self.store.create(&key, &mine, EXCHANGE_TTL);
        let marking = self.store.create(&mark, &mine, COMPLETING_TTL);
        let (locked, marked) = tokio::try_join!(locking, marking)?;
        let is_first = locked.is_none();
        if !is_first && marked.is_none() {
            // The request that holds the lock has already deleted its mark.
            self.store.delete_own(&mark, &mine).await?;
        }
        Ok(is_first.then_some(ExchangeLock { state: *state, browser: *browser, value: mine }))
    }

    /// Releases the lock, because the code was not used.
    pub async fn unlock_exchange(&self, lock: &ExchangeLock) -> Result<(), StoreError> {
        let key = exchange_key(&lock.state);
        tokio::try_join!(self.store.delete_own(&key, &lock.value), self.set_complete(&lock.browser)).map(drop)
    }

    /// Records that the sign-in of this browser has succeeded or failed.
    async fn set_complete(&self, browser: &BrowserBinding) -> Result<(), StoreError> {
        self.store.delete(&completing_key(browser)).await
    }

    /// Whether another tab of this browser is about to complete a sign-in.
    pub async fn is_completing(&self, browser: &BrowserBinding) -> Result<bool, StoreError> {
        self.store.find(&completing_key(browser)).await.map(|found| found.is_some())
    }

    /// Publishes the session for other requests with the same `state`. Traefik and browsers retry a GET.
    pub async fn publish_exchange(&self, lock: &ExchangeLock, handover: &Handover) -> Result<(), StoreError> {
        let outcome = outcome_key(&lock.state);
        let publishing = self.share(&outcome, handover.clone());
        let (completed, published) = tokio::join!(self.set_complete(&lock.browser), publishing);
        completed.and(published.map(drop))
    }

    /// Publishes that the exchange has failed. The lock of the `state` then expires soon.
    pub async fn publish_failure(&self, lock: &ExchangeLock) -> Result<(), StoreError> {
        let (key, outcome, value) = (exchange_key(&lock.state), outcome_key(&lock.state), unique());
        let publishing = self.store.create(&outcome, &value, FAILED_TTL);
        let shortening = self.store.replace(&key, &lock.value, &lock.value, FAILED_TTL);
        let (completed, published, shortened) =
            tokio::join!(self.set_complete(&lock.browser), publishing, shortening);
        completed.and(published.map(drop)).and(shortened.map(drop))
    }

    /// The result of the exchange for `state`. `None`: it is under way.
    pub async fn find_exchange(&self, state: &OneTimeId) -> Result<Option<Exchanged>, StoreError> {
        let key = outcome_key(state);
        let Some(sealed) = self.store.find(&key).await? else { return Ok(None) };
        let plain = self.ring.open_bytes(Purpose::Shared, &key, &sealed).ok();
        let handover = plain.and_then(|plain| postcard::from_bytes(&plain).ok());
        Ok(Some(handover.map_or(Exchanged::Failed, |handover| Exchanged::Into(Box::new(handover)))))
    }

    /// Locks the refresh of a session. `None`: another request, possibly on another replica, holds the lock.
    pub async fn lock_refresh(&self, id: &SessionId) -> Result<Option<RefreshLock>, StoreError> {
        let lock = RefreshLock { key: [b"refresh:", &id.hash().as_bytes()[..]].concat(), value: unique() };
        let holder = self.store.create(&lock.key, &lock.value, REFRESH_LOCK_TTL).await?;
        Ok(holder.is_none().then_some(lock))
    }

    /// Releases the lock. If it has expired and another request holds it now, it stays locked.
    pub async fn unlock_refresh(&self, lock: &RefreshLock) -> Result<(), StoreError> {
        self.store.delete_own(&lock.key, &lock.value).await
    }

    /// Counts a ticket of a person for a host. Returns the number in the current minute.
    pub async fn count_ticket(&self, user: UserId, host: &str) -> Result<u64, StoreError> {
        let key = [b"handover:", &user.as_bytes()[..], host.as_bytes()].concat();
        self.store.count(&key, HANDOVER_WINDOW).await
    }

    /// Whether a logout token's `jti` was used. A replay is refused.
    pub async fn knows_logout_token(&self, issuer: &str, jti: &str) -> Result<bool, StoreError> {
        self.store.find(&logout_token_key(issuer, jti)).await.map(|found| found.is_some())
    }

    /// Records a logout token's `jti` until the token expires.
    pub async fn remember_logout_token(
        &self,
        issuer: &str,
        jti: &str,
        ttl: Duration,
    ) -> Result<(), StoreError> {
        self.store.create(&logout_token_key(issuer, jti), &unique(), ttl).await.map(drop)
    }

    /// Announces the key with which this replica seals values. `Some`: this replica cannot read the key of another one,
    /// and announced nothing. So a new replica with a wrong key ring does not become ready, and the others are not
    /// affected.
    pub async fn announce_key(&self, ttl: Duration) -> Result<Option<String>, StoreError> {
        for id in self.store.list(b"keys").await? {
            if self.store.find(&[b"key:", &id[..]].concat()).await?.is_none() {
                self.store.unindex(b"keys", &id).await?;
            } else if let Some(unknown) = String::from_utf8(id).ok().filter(|id| !self.ring.reads(id)) {
                return Ok(Some(unknown));
            }
        }
        let mine = self.ring.writing_key().to_string();
        let key = [b"key:", mine.as_bytes()].concat();
        self.store.delete(&key).await?;
        self.store.create(&key, &unique(), ttl).await?;
        self.store.index(b"keys", mine.as_bytes(), ttl).await?;
        Ok(None)
    }
}

fn exchange_key(state: &OneTimeId) -> Vec<u8> {
    [b"exchange:", &state.as_bytes()[..]].concat()
}

fn outcome_key(state: &OneTimeId) -> Vec<u8> {
    [b"outcome:", &state.as_bytes()[..]].concat()
}

fn logout_token_key(issuer: &str, jti: &str) -> Vec<u8> {
    let hash = Hash::of(&[issuer.as_bytes(), jti.as_bytes()]);
    [b"jti:", &hash.as_bytes()[..]].concat()
}

fn completing_key(browser: &BrowserBinding) -> Vec<u8> {
    [b"completing:", &browser.as_bytes()[..]].concat()
}

fn unique() -> [u8; 16] {
    let mut bytes = [0; 16];
    secret::fill_random(&mut bytes);
    bytes
}
