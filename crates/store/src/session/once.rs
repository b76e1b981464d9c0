//! What replicas tell one another about sign-ins: what is used up, what is under way, and what came of it.

use super::sealed::Purpose;
use super::sessions::{Handover, Sessions};
use super::store::StoreError;
use super::values::{Bind, OneTimeId, SessionId};
use gatepost_core::ids::UserId;
use gatepost_core::secret::{self, Hash};
use std::time::Duration;

/// A ticket's id is remembered this long: its life, and the tolerance of the clocks of who sealed and who reads.
const BURNT_TTL: Duration = Duration::from_mins(4);
/// A `state` lives an hour; so does the memory that its code was used.
const EXCHANGE_TTL: Duration = Duration::from_mins(62);
/// Anybody can have an exchange fail. Its memory serves those alone who came at the same moment.
const FAILED_TTL: Duration = Duration::from_secs(30);
/// A sign-in that takes longer is not waited for.
const COMPLETING_TTL: Duration = Duration::from_secs(10);
/// A refresh that takes longer lost its turn.
const REFRESH_LOCK_TTL: Duration = Duration::from_secs(30);
/// Hand-overs are counted per minute.
const HANDOVER_WINDOW: Duration = Duration::from_mins(1);

/// What came of a code.
#[derive(Clone, Debug)]
pub enum Exchanged {
    /// A session.
    Into(Box<Handover>),
    /// Nothing.
    Failed,
}

/// The turn to exchange the code of one `state`.
#[derive(Debug)]
pub struct ExchangeTurn {
    state: OneTimeId,
    browser: Bind,
    value: [u8; 16],
}

/// The turn to refresh one session.
#[derive(Debug)]
pub struct RefreshTurn {
    key: Vec<u8>,
    value: [u8; 16],
}

impl Sessions {
    /// Burns a ticket; tells whether this was the first time.
    pub async fn burn(&self, ticket: &OneTimeId) -> Result<bool, StoreError> {
        let key = [b"ticket:", &ticket.as_bytes()[..]].concat();
        self.store.create(&key, &unique(), BURNT_TTL).await.map(|burnt| burnt.is_none())
    }

    /// Locks a `state` before its code is exchanged, and notes that a sign-in of this browser is about to be complete;
    /// `None`: it was locked already.
    pub async fn lock_exchange(
        &self,
        state: &OneTimeId,
        browser: &Bind,
    ) -> Result<Option<ExchangeTurn>, StoreError> {
        let (lock, mark, mine) = (exchange_key(state), completing_key(browser), unique());
        let locking = self.store.create(&lock, &mine, EXCHANGE_TTL);
        let marking = self.store.create(&mark, &mine, COMPLETING_TTL);
        let (locked, marked) = tokio::try_join!(locking, marking)?;
        let is_first = locked.is_none();
        if !is_first && marked.is_none() {
            // The first is done with its own.
            self.store.delete_own(&mark, &mine).await?;
        }
        Ok(is_first.then_some(ExchangeTurn { state: *state, browser: *browser, value: mine }))
    }

    /// Takes the lock back: the code was not used.
    pub async fn unlock_exchange(&self, turn: &ExchangeTurn) -> Result<(), StoreError> {
        let lock = exchange_key(&turn.state);
        tokio::try_join!(self.store.delete_own(&lock, &turn.value), self.set_complete(&turn.browser))
            .map(drop)
    }

    /// Notes that the sign-in of this browser is complete, one way or the other.
    async fn set_complete(&self, browser: &Bind) -> Result<(), StoreError> {
        self.store.delete(&completing_key(browser)).await
    }

    /// Whether another tab of this browser is about to complete a sign-in.
    pub async fn is_completing(&self, browser: &Bind) -> Result<bool, StoreError> {
        self.store.find(&completing_key(browser)).await.map(|found| found.is_some())
    }

    /// Tells other requests with the same `state` (Traefik and browsers retry a GET) what came of it.
    pub async fn publish_exchange(&self, turn: &ExchangeTurn, handover: &Handover) -> Result<(), StoreError> {
        let outcome = outcome_key(&turn.state);
        let publishing = self.share(&outcome, handover.clone());
        let (done, told) = tokio::join!(self.set_complete(&turn.browser), publishing);
        done.and(told.map(drop))
    }

    /// Tells them that nothing came of it, and forgets the `state` soon.
    pub async fn publish_failure(&self, turn: &ExchangeTurn) -> Result<(), StoreError> {
        let (lock, outcome, value) = (exchange_key(&turn.state), outcome_key(&turn.state), unique());
        let publishing = self.store.create(&outcome, &value, FAILED_TTL);
        let shortening = self.store.replace(&lock, &turn.value, &turn.value, FAILED_TTL);
        let (done, told, shortened) = tokio::join!(self.set_complete(&turn.browser), publishing, shortening);
        done.and(told.map(drop)).and(shortened.map(drop))
    }

    /// What came of the exchange for `state`; `None`: it is under way.
    pub async fn find_exchange(&self, state: &OneTimeId) -> Result<Option<Exchanged>, StoreError> {
        let key = outcome_key(state);
        let Some(sealed) = self.store.find(&key).await? else { return Ok(None) };
        let plain = self.ring.open_bytes(Purpose::Shared, &key, &sealed).ok();
        let handover = plain.and_then(|plain| postcard::from_bytes(&plain).ok());
        Ok(Some(handover.map_or(Exchanged::Failed, |handover| Exchanged::Into(Box::new(handover)))))
    }

    /// Takes the turn to refresh a session; `None`: somebody else has it, on whichever replica.
    pub async fn lock_refresh(&self, id: &SessionId) -> Result<Option<RefreshTurn>, StoreError> {
        let turn = RefreshTurn { key: [b"refresh:", &id.hash().as_bytes()[..]].concat(), value: unique() };
        let taken = self.store.create(&turn.key, &turn.value, REFRESH_LOCK_TTL).await?;
        Ok(taken.is_none().then_some(turn))
    }

    /// Gives the turn back; one that took too long may be somebody else's by now, and stays theirs.
    pub async fn unlock_refresh(&self, turn: &RefreshTurn) -> Result<(), StoreError> {
        self.store.delete_own(&turn.key, &turn.value).await
    }

    /// Counts a hand-over of a person to a host; returns how many there were this minute.
    pub async fn count_handover(&self, user: UserId, host: &str) -> Result<u64, StoreError> {
        let key = [b"handover:", &user.as_bytes()[..], host.as_bytes()].concat();
        self.store.count(&key, HANDOVER_WINDOW).await
    }

    /// Whether a logout token's `jti` was used (a replay is refused).
    pub async fn knows_logout_token(&self, issuer: &str, jti: &str) -> Result<bool, StoreError> {
        self.store.find(&logout_token_key(issuer, jti)).await.map(|found| found.is_some())
    }

    /// Remembers a logout token's `jti` until the token is refused anyhow.
    pub async fn remember_logout_token(
        &self,
        issuer: &str,
        jti: &str,
        ttl: Duration,
    ) -> Result<(), StoreError> {
        self.store.create(&logout_token_key(issuer, jti), &unique(), ttl).await.map(drop)
    }

    /// Tells the other replicas which key this one writes with; `Some`: one of theirs cannot be read here, and nothing
    /// was told. So a newcomer with a wrong key ring stands back alone, and those who serve do not hear of it.
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

fn completing_key(browser: &Bind) -> Vec<u8> {
    [b"completing:", &browser.as_bytes()[..]].concat()
}

fn unique() -> [u8; 16] {
    let mut bytes = [0; 16];
    secret::fill_random(&mut bytes);
    bytes
}
