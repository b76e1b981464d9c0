//! Sessions as the rest of Gatepost sees them: started, found, extended, ended.

use super::record::SessionRecord;
pub use super::record::Stored as Session;
use super::sealed::{KeyRing, Purpose};
use super::store::{Replacement, Store, StoreError};
use super::values::{Bind, OneTimeId, PublicValue, SessionId};
use crate::domain::clock::Timestamp;
use crate::domain::decision::Lifetimes;
use crate::domain::ids::{ProviderId, UserId};
use crate::domain::secret::{self, Hash, Secret};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// A ticket's id is remembered this long: its life, and the tolerance of the clocks of who sealed and who reads.
const BURNT_TTL: Duration = Duration::from_mins(4);
/// Callbacks of one browser race for seconds, not minutes.
const SHARED_TTL: Duration = Duration::from_mins(2);
/// A `state` lives an hour; so does the memory that its code was used.
const EXCHANGE_TTL: Duration = Duration::from_mins(62);
/// A sign-in that takes longer is not waited for.
const COMPLETING_TTL: Duration = Duration::from_secs(10);
/// A sign-in that is announced becomes a session soon, or nothing.
const ANNOUNCED_TTL: Duration = Duration::from_mins(5);
/// A refresh that takes longer lost its turn.
const REFRESH_LOCK_TTL: Duration = Duration::from_secs(30);
/// Hand-overs are counted per minute.
const HANDOVER_WINDOW: Duration = Duration::from_mins(1);

/// Records in the store, sealed; cheap to clone.
#[derive(Clone, Debug)]
pub struct Sessions {
    store: Store,
    ring: Arc<KeyRing>,
    lifetimes: Lifetimes,
}

/// What a completed sign-in gave its browser; shared by racing callbacks.
#[derive(Clone, Serialize, Deserialize)]
pub struct Handover {
    /// The public host's new cookie, the same for all of them.
    pub cookie: String,
    /// What it opens as.
    pub value: PublicValue,
}

/// Whoever has the cookie has the session.
impl std::fmt::Debug for Handover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handover").field("user", &self.value.user).finish_non_exhaustive()
    }
}

/// What came of a code.
#[derive(Clone, Debug)]
pub enum Exchanged {
    /// A session.
    Into(Box<Handover>),
    /// Nothing.
    Failed,
}

/// How a sign-in's session came to be.
#[derive(Clone, Debug)]
pub struct Started {
    /// What the browser gets.
    pub handover: Handover,
    /// The session as it stands now.
    pub session: Session,
}

/// The turn to refresh one session.
#[derive(Debug)]
pub struct RefreshTurn {
    key: Vec<u8>,
    value: [u8; 16],
}

impl Sessions {
    /// Sessions of these lifetimes in `store`, sealed by `ring`.
    pub const fn new(store: Store, ring: Arc<KeyRing>, lifetimes: Lifetimes) -> Self {
        Self { store, ring, lifetimes }
    }

    /// Whether the store answers and takes writes.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }

    /// Deletes what has expired, where the store does not do so by itself.
    pub async fn delete_expired(&self) -> Result<(), StoreError> {
        self.store.delete_expired().await
    }

    /// The session's record. One that does not open (garbage, a key long gone) is none.
    pub async fn find(&self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        let Some(raw) = self.store.find(&record_key(&id.hash())).await? else { return Ok(None) };
        Ok(self.open_record(&id.hash(), &raw).map(|record| Session { id: id.clone(), record, raw }))
    }

    /// The record of a session whose id stays unknown, as [`Self::list_of_user`] lists it.
    pub async fn find_by_hash(&self, hash: &Hash) -> Result<Option<SessionRecord>, StoreError> {
        let raw = self.store.find(&record_key(hash)).await?;
        Ok(raw.and_then(|raw| self.open_record(hash, &raw)))
    }

    /// Starts a session, or joins the one that a racing callback of the same browser and identity starts.
    ///
    /// `session` is new, or the live session that this browser has already, of the same person: that one is kept, with
    /// a new public secret. `record` is what a new session looks like.
    pub async fn start(
        &self,
        browser: &Bind,
        session: SessionId,
        record: SessionRecord,
    ) -> Result<Started, StoreError> {
        let value = PublicValue { session, secret: Secret::generate(), user: record.user };
        let cookie = self.ring.seal(Purpose::PublicCookie, "", &value);
        let mine = Handover { cookie, value };
        let subject = Hash::of(&[record.subject.issuer.as_bytes(), record.subject.subject.as_bytes()]);
        let key = [b"shared:", &browser.as_bytes()[..], &subject.as_bytes()[..]].concat();
        let handover = self.share(&key, mine).await?;
        let session = self.write_started(&handover, record).await?;
        Ok(Started { handover, session })
    }

    /// The first caller's value wins for all.
    async fn share(&self, key: &[u8], mine: Handover) -> Result<Handover, StoreError> {
        let plain = postcard::to_stdvec(&mine).unwrap_or_default();
        let sealed = self.ring.seal_bytes(Purpose::Shared, key, &plain);
        let theirs = self.store.create(key, &sealed, SHARED_TTL).await?;
        let theirs = theirs.and_then(|sealed| self.ring.open_bytes(Purpose::Shared, key, &sealed).ok());
        Ok(theirs.and_then(|plain| postcard::from_bytes(&plain).ok()).unwrap_or(mine))
    }

    async fn write_started(&self, handover: &Handover, fresh: SessionRecord) -> Result<Session, StoreError> {
        let id = &handover.value.session;
        let fresh = SessionRecord { public_secret: handover.value.secret.digest(), ..fresh };
        self.index(&id.hash(), &fresh).await?;
        let session = self.write(id, &fresh).await?;
        // Once more: who listed in between found no record yet and took it for a stale entry.
        self.index(&id.hash(), &fresh).await?;
        Ok(session)
    }

    async fn write(&self, id: &SessionId, fresh: &SessionRecord) -> Result<Session, StoreError> {
        loop {
            match self.find(id).await? {
                None => {
                    if let Some(session) = self.create_record(id, fresh).await? {
                        return Ok(session);
                    }
                }
                Some(old) => {
                    let renewed = renew(&old.record, fresh);
                    if let Some(session) = self.replace(&old, renewed).await? {
                        return Ok(session);
                    }
                }
            }
        }
    }

    async fn create_record(
        &self,
        id: &SessionId,
        record: &SessionRecord,
    ) -> Result<Option<Session>, StoreError> {
        let key = record_key(&id.hash());
        let raw = self.seal_record(&id.hash(), record);
        let ttl = record.ttl(Timestamp::now(), &self.lifetimes);
        let existing = self.store.create(&key, &raw, ttl).await?;
        let unreadable = existing.as_ref().is_some_and(|raw| self.open_record(&id.hash(), raw).is_none());
        if unreadable {
            self.store.delete(&key).await?;
        }
        Ok(existing.is_none().then(|| Session { id: id.clone(), record: record.clone(), raw }))
    }

    /// Indexes come first: a store that loses its end must not know a session that sign-out cannot find.
    async fn index(&self, hash: &Hash, record: &SessionRecord) -> Result<(), StoreError> {
        let ttl = self.lifetimes.absolute;
        let member = hash.as_bytes();
        self.store.index(&user_key(record.user), member, ttl).await?;
        if let Some(sid) = &record.sid {
            self.store.index(&sid_key(&record.provider, sid), member, ttl).await?;
        }
        Ok(())
    }

    /// Replaces the record if nobody else did meanwhile; `None` if somebody did.
    pub async fn replace(&self, old: &Session, record: SessionRecord) -> Result<Option<Session>, StoreError> {
        let hash = old.id.hash();
        let raw = self.seal_record(&hash, &record);
        let ttl = record.ttl(Timestamp::now(), &self.lifetimes);
        let done = self.store.replace(&record_key(&hash), &old.raw, &raw, ttl).await?;
        Ok(done.then(|| Session { id: old.id.clone(), record, raw }))
    }

    /// Notes the last uses of sessions, all in two round trips. Losing a race is fine: somebody else noted it.
    pub async fn touch(&self, uses: &[(SessionId, Timestamp)]) -> Result<(), StoreError> {
        let keys: Vec<_> = uses.iter().map(|(id, _)| record_key(&id.hash())).collect();
        let found = self.store.find_many(&keys).await?;
        let replacements = uses.iter().zip(keys).zip(found).filter_map(|(((id, at), key), raw)| {
            let old = raw?;
            let record = self.open_record(&id.hash(), &old).filter(|record| record.last_seen_at < *at)?;
            let record = SessionRecord { last_seen_at: *at, ..record };
            let ttl = record.ttl(Timestamp::now(), &self.lifetimes);
            Some(Replacement { key, old, new: self.seal_record(&id.hash(), &record), ttl })
        });
        self.store.replace_many(&replacements.collect::<Vec<_>>()).await
    }

    /// Forgets the record; the directory remembers that the session is over.
    pub async fn forget(&self, hash: &Hash, user: UserId) -> Result<(), StoreError> {
        self.store.delete(&record_key(hash)).await?;
        self.store.unindex(&user_key(user), hash.as_bytes()).await
    }

    /// The sessions of a person that the store still knows, by hash: their ids stay unknown.
    pub async fn list_of_user(&self, user: UserId) -> Result<Vec<(Hash, SessionRecord)>, StoreError> {
        let mut found = self.list(&user_key(user)).await?;
        found.retain(|(_, record)| record.user == user);
        Ok(found)
    }

    /// Notes that a session is about to begin in a provider's own session: whoever ends that one takes the note away,
    /// as it is a session without a record to them.
    pub async fn announce(&self, provider: &ProviderId, sid: &str) -> Result<Hash, StoreError> {
        let note = SessionId::generate().hash();
        self.store.index(&sid_key(provider, sid), note.as_bytes(), ANNOUNCED_TTL).await?;
        Ok(note)
    }

    /// Whether the note of [`Self::announce`] is still there.
    pub async fn is_announced(
        &self,
        provider: &ProviderId,
        sid: &str,
        note: &Hash,
    ) -> Result<bool, StoreError> {
        let noted = self.store.list(&sid_key(provider, sid)).await?;
        Ok(noted.iter().any(|member| member == note.as_bytes()))
    }

    /// The sessions that began in a provider's own session.
    pub async fn list_of_sid(
        &self,
        provider: &ProviderId,
        sid: &str,
    ) -> Result<Vec<(Hash, SessionRecord)>, StoreError> {
        let mut found = self.list(&sid_key(provider, sid)).await?;
        found.retain(|(_, record)| record.provider == *provider && record.sid.as_deref() == Some(sid));
        Ok(found)
    }

    async fn list(&self, index: &[u8]) -> Result<Vec<(Hash, SessionRecord)>, StoreError> {
        let mut found = Vec::new();
        for member in self.store.list(index).await? {
            let Some(hash) = <[u8; 32]>::try_from(member).ok().map(Hash::from_bytes) else { continue };
            match self.store.find(&record_key(&hash)).await? {
                Some(raw) => found.extend(self.open_record(&hash, &raw).map(|record| (hash, record))),
                None => self.store.unindex(index, hash.as_bytes()).await?,
            }
        }
        Ok(found)
    }

    /// Burns a ticket; tells whether this was the first time.
    pub async fn burn(&self, ticket: &OneTimeId) -> Result<bool, StoreError> {
        let key = [b"ticket:", &ticket.as_bytes()[..]].concat();
        self.store.create(&key, &unique(), BURNT_TTL).await.map(|burnt| burnt.is_none())
    }

    /// Locks a `state` before its code is exchanged; tells whether this was the first time.
    pub async fn lock_exchange(&self, state: &OneTimeId) -> Result<bool, StoreError> {
        let key = [b"exchange:", &state.as_bytes()[..]].concat();
        self.store.create(&key, &unique(), EXCHANGE_TTL).await.map(|locked| locked.is_none())
    }

    /// Notes that a sign-in of this browser is about to be complete; `false`: it is, one way or the other.
    pub async fn set_completing(&self, browser: &Bind, is_completing: bool) -> Result<(), StoreError> {
        let key = completing_key(browser);
        if is_completing {
            self.store.create(&key, &unique(), COMPLETING_TTL).await.map(drop)
        } else {
            self.store.delete(&key).await
        }
    }

    /// Whether another tab of this browser is about to complete a sign-in.
    pub async fn is_completing(&self, browser: &Bind) -> Result<bool, StoreError> {
        self.store.find(&completing_key(browser)).await.map(|found| found.is_some())
    }

    /// Tells other requests with the same `state` (Traefik and browsers retry a GET) what came of it.
    pub async fn publish_exchange(&self, state: &OneTimeId, handover: &Handover) -> Result<(), StoreError> {
        self.share(&outcome_key(state), handover.clone()).await.map(drop)
    }

    /// Tells them that nothing came of it.
    pub async fn publish_failure(&self, state: &OneTimeId) -> Result<(), StoreError> {
        self.store.create(&outcome_key(state), &unique(), EXCHANGE_TTL).await.map(drop)
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

    fn seal_record(&self, hash: &Hash, record: &SessionRecord) -> Vec<u8> {
        self.ring.seal_bytes(Purpose::Record, &record_key(hash), &record.to_bytes())
    }

    fn open_record(&self, hash: &Hash, raw: &[u8]) -> Option<SessionRecord> {
        let plain = self.ring.open_bytes(Purpose::Record, &record_key(hash), raw).ok()?;
        SessionRecord::from_bytes(&plain)
    }
}

/// The session after the same person signed in again: kept, with what is newer of each.
fn renew(old: &SessionRecord, fresh: &SessionRecord) -> SessionRecord {
    let is_joined = old.public_secret == fresh.public_secret;
    // Token, nonce and provider belong together: what renews the session is taken over whole, or not at all.
    let keeps_grant = fresh.refresh_token.is_none() && old.provider == fresh.provider;
    let grant = if keeps_grant { old } else { fresh };
    let (old_secret, now) = (old.public_secret, Timestamp::now());
    SessionRecord {
        begun_at: old.begun_at,
        auth_time: old.auth_time.max(fresh.auth_time),
        replaced_secret: if is_joined { old.replaced_secret } else { Some((old_secret, now)) },
        refresh_token: grant.refresh_token.clone(),
        nonce: grant.nonce.clone(),
        id_token: fresh.id_token.clone().or_else(|| old.id_token.clone()),
        logout_hint: fresh.logout_hint.clone().or_else(|| old.logout_hint.clone()),
        ..fresh.clone()
    }
}

fn record_key(hash: &Hash) -> Vec<u8> {
    [b"session:", &hash.as_bytes()[..]].concat()
}

fn user_key(user: UserId) -> Vec<u8> {
    [b"user:", &user.as_bytes()[..]].concat()
}

fn sid_key(provider: &ProviderId, sid: &str) -> Vec<u8> {
    let hash = Hash::of(&[provider.as_str().as_bytes(), sid.as_bytes()]);
    [b"sid:", &hash.as_bytes()[..]].concat()
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
