//! Starts, finds, extends and ends sessions.

use super::record::SessionRecord;
pub use super::record::Stored as Session;
use super::sealed::{KeyRing, Purpose};
use super::store::{Description, Indexed, Replacement, Store, StoreError};
use super::tokens::{BrowserBinding, PublicValue, SessionId};
use gatepost_core::clock::Timestamp;
use gatepost_core::decision::Lifetimes;
use gatepost_core::ids::{ProviderId, UserId};
use gatepost_core::secret::{Hash, Secret};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// How long a new session is shared with racing callbacks of the same browser.
const SHARED_TTL: Duration = Duration::from_mins(2);
/// How long an announced session may take to start.
const ANNOUNCED_TTL: Duration = Duration::from_mins(5);

/// The sealed session records in the store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sessions {
    pub(super) store: Store,
    pub(super) ring: Arc<KeyRing>,
    lifetimes: Lifetimes,
}

/// The cookie that a browser gets after sign-in. Racing callbacks share it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Handover {
    /// The new cookie of the public host.
    pub cookie: String,
    /// The opened value of the cookie.
    pub value: PublicValue,
}

/// Does not show the cookie, because it grants access to the session.
impl std::fmt::Debug for Handover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handover").field("user", &self.value.user).finish_non_exhaustive()
    }
}

/// A session after sign-in.
#[derive(Clone, Debug)]
pub struct Started {
    /// The cookie for the browser.
    pub handover: Handover,
    /// The session.
    pub session: Session,
    /// The provider's own session has ended since this one was announced.
    pub is_over: bool,
    /// The number of the person's sessions in the store. Some of them may have ended.
    pub of_person: u64,
}

/// A session that is about to start within a provider's own session: an index entry without a record, which is removed
/// when the provider's session ends.
#[derive(Debug)]
pub struct Announcement {
    index: Vec<u8>,
    note: Hash,
}

/// What the keys of records begin with.
pub(super) const RECORDS: &[u8] = b"session:";

impl Sessions {
    /// Sessions with these lifetimes in `store`, sealed by `ring`.
    pub const fn new(store: Store, ring: Arc<KeyRing>, lifetimes: Lifetimes) -> Self {
        Self { store, ring, lifetimes }
    }

    pub(super) const fn lifetimes(&self) -> &Lifetimes {
        &self.lifetimes
    }

    /// Whether the store answers and takes writes.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }

    /// Deletes expired data, if the store does not do so by itself.
    pub async fn delete_expired(&self) -> Result<(), StoreError> {
        self.store.delete_expired().await
    }

    /// What the session store is.
    pub async fn describe(&self) -> Description {
        self.store.describe().await
    }

    /// How often the primary of the session store was another server than before.
    pub fn failovers(&self) -> u64 {
        self.store.failovers()
    }

    /// Finds a session. A record that does not open (garbage, or a key that was removed) counts as none.
    pub async fn find(&self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        let Some(raw) = self.store.find(&record_key(&id.hash())).await? else { return Ok(None) };
        Ok(self.open_record(&id.hash(), &raw).map(|record| Session { id: id.clone(), record, raw }))
    }

    /// Finds the record of a session by the hash of its id, as [`Self::list_of_user`] lists it.
    pub async fn find_by_hash(&self, hash: &Hash) -> Result<Option<SessionRecord>, StoreError> {
        let raw = self.store.find(&record_key(hash)).await?;
        Ok(raw.and_then(|raw| self.open_record(hash, &raw)))
    }

    /// Starts a session, or joins the one that a racing callback of the same browser and identity starts.
    ///
    /// `session` is a new id, or the live session of the same person that this browser already has; that one is kept
    /// and gets a new public secret. `record` is the record of a new session. If it has a `sid`, the session was
    /// announced.
    pub async fn start(
        &self,
        browser: &BrowserBinding,
        session: SessionId,
        record: SessionRecord,
        announced: Option<&Announcement>,
    ) -> Result<Started, StoreError> {
        let value = PublicValue { session, secret: Secret::generate(), user: record.user };
        let cookie = self.ring.seal(Purpose::PublicCookie, "", &value);
        let mine = Handover { cookie, value };
        let subject = Hash::of(&[record.subject.issuer.as_bytes(), record.subject.subject.as_bytes()]);
        let key = [b"shared:", &browser.as_bytes()[..], &subject.as_bytes()[..]].concat();
        let my_hash = mine.value.session.hash();
        // Races are rare, so the index is written at the same time. An entry without a record does no harm.
        let (handover, ()) = tokio::try_join!(self.share(&key, mine), self.index(&my_hash, &record))?;
        let id = &handover.value.session;
        let hash = id.hash();
        let record = SessionRecord { public_secret: handover.value.secret.digest(), ..record };
        if hash != my_hash {
            self.index(&hash, &record).await?;
        }
        let (session, used_before) = self.write(id, &record).await?;
        let note = async {
            self.note_uses([(used_before, Some(session.record.last_seen_at))]).await;
            Ok(())
        };
        // Index again: a request that listed the sessions meanwhile found no record yet and removed the entry as stale.
        // If it listed those of the provider's session, it removed the announcement as well.
        let (of_person, is_over, ()) =
            tokio::try_join!(self.index_user(&hash, record.user), self.is_over(announced), note)?;
        Ok(Started { handover, session, is_over, of_person })
    }

    /// Shares the value of the first caller with all later ones.
    pub(super) async fn share(&self, key: &[u8], mine: Handover) -> Result<Handover, StoreError> {
        let plain = postcard::to_stdvec(&mine).unwrap_or_default();
        let sealed = self.ring.seal_bytes(Purpose::Shared, key, &plain);
        let theirs = self.store.create(key, &sealed, SHARED_TTL).await?;
        let theirs = theirs.and_then(|sealed| self.ring.open_bytes(Purpose::Shared, key, &sealed).ok());
        Ok(theirs.and_then(|plain| postcard::from_bytes(&plain).ok()).unwrap_or(mine))
    }

    /// Returns also when a session that was there already was used last.
    async fn write(
        &self,
        id: &SessionId,
        fresh: &SessionRecord,
    ) -> Result<(Session, Option<Timestamp>), StoreError> {
        let (hash, key) = (id.hash(), record_key(&id.hash()));
        loop {
            let raw = self.seal_record(&hash, fresh);
            let ttl = fresh.ttl(Timestamp::now(), &self.lifetimes);
            let Some(existing) = self.store.create(&key, &raw, ttl).await? else {
                return Ok((Session { id: id.clone(), record: fresh.clone(), raw }, None));
            };
            let Some(record) = self.open_record(&hash, &existing) else {
                self.store.delete(&key).await?;
                continue;
            };
            let (renewed, used_before) = (renew(&record, fresh), record.last_seen_at);
            let old = Session { id: id.clone(), record, raw: existing };
            if let Some(session) = self.replace(&old, renewed).await? {
                return Ok((session, Some(used_before)));
            }
        }
    }

    /// Indexes are written before the record: if the store loses the last writes, it must not have a session that
    /// sign-out cannot find.
    async fn index(&self, hash: &Hash, record: &SessionRecord) -> Result<(), StoreError> {
        let Some(sid) = &record.sid else { return self.index_user(hash, record.user).await.map(drop) };
        let sid = sid_key(&record.provider, sid);
        let by_sid = self.store.index(&sid, hash.as_bytes(), self.lifetimes.absolute);
        tokio::try_join!(self.index_user(hash, record.user), by_sid).map(drop)
    }

    async fn index_user(&self, hash: &Hash, user: UserId) -> Result<u64, StoreError> {
        self.store.index(&user_key(user), hash.as_bytes(), self.lifetimes.absolute).await
    }

    /// Replaces the record. `None`: it was changed meanwhile.
    pub async fn replace(&self, old: &Session, record: SessionRecord) -> Result<Option<Session>, StoreError> {
        let hash = old.id.hash();
        let raw = self.seal_record(&hash, &record);
        let ttl = record.ttl(Timestamp::now(), &self.lifetimes);
        let done = self.store.replace(&record_key(&hash), &old.raw, &raw, ttl).await?;
        Ok(done.then(|| Session { id: old.id.clone(), record, raw }))
    }

    /// Writes the last uses of sessions in three round trips. A record that was changed meanwhile is skipped: the other
    /// writer has recorded a use too.
    pub async fn touch(&self, uses: &[(SessionId, Timestamp)]) -> Result<(), StoreError> {
        let keys: Vec<_> = uses.iter().map(|(id, _)| record_key(&id.hash())).collect();
        let found = self.store.find_many(&keys).await?;
        let replacements = uses.iter().zip(keys).zip(found).filter_map(|(((id, at), key), raw)| {
            let old = raw?;
            let record = self.open_record(&id.hash(), &old).filter(|record| record.last_seen_at < *at)?;
            let noted = (Some(record.last_seen_at), Some(*at));
            let record = SessionRecord { last_seen_at: *at, ..record };
            let ttl = record.ttl(Timestamp::now(), &self.lifetimes);
            Some((Replacement { key, old, new: self.seal_record(&id.hash(), &record), ttl }, noted))
        });
        let (replacements, noted): (Vec<_>, Vec<_>) = replacements.unzip();
        self.store.replace_many(&replacements).await?;
        self.note_uses(noted).await;
        Ok(())
    }

    /// Deletes the record. The directory keeps the fact that the session has ended.
    pub async fn forget(&self, hash: &Hash, user: UserId) -> Result<(), StoreError> {
        let last_use = self.last_use(hash).await;
        self.store.delete(&record_key(hash)).await?;
        self.store.unindex(&user_key(user), hash.as_bytes()).await?;
        self.note_uses(last_use.map(|at| (Some(at), None))).await;
        Ok(())
    }

    /// Deletes the records of all sessions of a person who does not exist any more: they are not valid.
    pub async fn forget_all(&self, user: UserId) -> Result<(), StoreError> {
        forget_all(&self.store, user).await
    }

    /// Lists the sessions of a person that the store still has, by the hashes of their ids.
    pub async fn list_of_user(&self, user: UserId) -> Result<Vec<(Hash, SessionRecord)>, StoreError> {
        let mut found = self.list(&user_key(user)).await?;
        found.retain(|(_, record)| record.user == user);
        Ok(found)
    }

    /// Announces a session within a provider's own session. Call it before checking whether that one has ended.
    pub async fn announce(&self, provider: &ProviderId, sid: &str) -> Result<Announcement, StoreError> {
        let announced = Announcement { index: sid_key(provider, sid), note: SessionId::generate().hash() };
        self.store.index(&announced.index, announced.note.as_bytes(), ANNOUNCED_TTL).await?;
        Ok(announced)
    }

    /// Whether the provider's session has ended since the announcement.
    async fn is_over(&self, announced: Option<&Announcement>) -> Result<bool, StoreError> {
        let Some(announced) = announced else { return Ok(false) };
        let members = self.store.list(&announced.index).await?;
        Ok(!members.iter().any(|member| member == announced.note.as_bytes()))
    }

    /// Lists the sessions that started within a provider's own session.
    pub async fn list_of_sid(
        &self,
        provider: &ProviderId,
        sid: &str,
    ) -> Result<Vec<(Hash, SessionRecord)>, StoreError> {
        let mut found = self.list(&sid_key(provider, sid)).await?;
        found.retain(|(_, record)| record.provider == *provider && record.sid.as_deref() == Some(sid));
        Ok(found)
    }

    /// Takes three round trips at most, whatever the number of sessions.
    async fn list(&self, index: &[u8]) -> Result<Vec<(Hash, SessionRecord)>, StoreError> {
        let members = self.store.list(index).await?.into_iter();
        let hashes: Vec<Hash> =
            members.filter_map(|member| Some(Hash::from_bytes(member.try_into().ok()?))).collect();
        let keys: Vec<_> = hashes.iter().map(record_key).collect();
        let (mut found, mut stale) = (Vec::new(), Vec::new());
        for (hash, raw) in hashes.into_iter().zip(self.store.find_many(&keys).await?) {
            match raw {
                Some(raw) => found.extend(self.open_record(&hash, &raw).map(|record| (hash, record))),
                None => stale.push(Indexed { member: hash.as_bytes().to_vec(), key: record_key(&hash) }),
            }
        }
        self.store.unindex_stale(index, &stale).await?;
        Ok(found)
    }

    fn seal_record(&self, hash: &Hash, record: &SessionRecord) -> Vec<u8> {
        self.ring.seal_bytes(Purpose::Record, &record_key(hash), &record.to_bytes())
    }

    fn open_record(&self, hash: &Hash, raw: &[u8]) -> Option<SessionRecord> {
        let plain = self.ring.open_bytes(Purpose::Record, &record_key(hash), raw).ok()?;
        SessionRecord::from_bytes(&plain)
    }
}

/// As [`Sessions::forget_all`]. It opens no record, so it needs no keys.
pub async fn forget_all(store: &Store, user: UserId) -> Result<(), StoreError> {
    let index = user_key(user);
    for member in store.list(&index).await? {
        if let Ok(hash) = member.as_slice().try_into() {
            store.delete(&record_key(&Hash::from_bytes(hash))).await?;
        }
        store.unindex(&index, &member).await?;
    }
    Ok(())
}

/// The record after the same person has signed in again: the session is kept with the newer values.
fn renew(old: &SessionRecord, fresh: &SessionRecord) -> SessionRecord {
    let is_joined = old.public_secret == fresh.public_secret;
    // Refresh token, nonce and provider belong together, so all of them are taken over or none.
    let keeps_grant = fresh.refresh_token.is_none() && old.provider == fresh.provider;
    let grant = if keeps_grant { old } else { fresh };
    let (old_secret, now) = (old.public_secret, Timestamp::now());
    SessionRecord {
        started_at: old.started_at,
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
    [RECORDS, &hash.as_bytes()[..]].concat()
}

fn user_key(user: UserId) -> Vec<u8> {
    [b"user:", &user.as_bytes()[..]].concat()
}

fn sid_key(provider: &ProviderId, sid: &str) -> Vec<u8> {
    let hash = Hash::of(&[provider.as_str().as_bytes(), sid.as_bytes()]);
    [b"sid:", &hash.as_bytes()[..]].concat()
}
