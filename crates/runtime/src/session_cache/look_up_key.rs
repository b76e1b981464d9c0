//! Looks up an API key in the directory, once for all requests that need it at the same time.

use super::cached_caller::{CacheKey, CachedCaller};
use super::key_proof::{self, KeyProof};
use super::single_flight::Found;
use super::{CachedKey, SessionCache};
use crate::authn::{self, LoadError};
use crate::invalidation::lease::Stamp;
use crate::site::Site;
use gatepost_core::access::{Person, Standing};
use gatepost_core::clock::BootTime;
use gatepost_core::email::EmailAddress;
use gatepost_core::secret::Hash;
use gatepost_store::directory::FoundKey;
use std::sync::Arc;

impl SessionCache {
    /// Finds a key in the directory. `None`: it is unknown. One that has ended says so in its limits.
    ///
    /// # Errors
    /// [`LoadError`]: the directory did not answer.
    pub async fn find_key(
        self: &Arc<Self>,
        key: CacheKey,
        digest: Hash,
    ) -> Result<Option<Arc<CachedKey>>, Arc<LoadError>> {
        if let Some(found) = self.stale(&key) {
            return Ok(Some(found));
        }
        let look_up = || self.tasks.run(look_up(Arc::clone(self), key, digest));
        self.key_look_ups.join(key, BootTime::default(), look_up).await
    }

    /// Whether a key is in memory, for this host, as one that counts. It may have ended since it was looked up.
    pub fn is_known_to_count(&self, key: &CacheKey) -> bool {
        self.get::<KeyProof>(key).is_some_and(|key| key.counts())
    }

    fn make_key(&self, found: FoundKey, stamp: Stamp) -> Arc<CachedKey> {
        let standing = standing_of(&self.site, &found);
        let FoundKey { id, name, owner, tenant, limits, .. } = found;
        let (standing, headers, interned_bytes) = self.interner.intern(standing, &self.site.config.verify);
        let proof = KeyProof::new(id, name, tenant, owner, limits);
        Arc::new(CachedCaller::new(proof, standing, headers, interned_bytes, stamp))
    }
}

/// The standing of the machine that a key stands for.
pub fn standing_of(site: &Site, found: &FoundKey) -> Standing {
    // The name holds only characters that an address may hold, so there always is one.
    let email = EmailAddress::of_machine(&found.machine_name, site.config.public_url.host());
    let person = Person { id: found.id.machine(), email, name: Some(found.name.clone()) };
    Standing::of_machine(person, Arc::clone(&found.access), found.counts_until)
}

/// The counters must be read before the key is, and whose counter it is only the key says. So a key that is new to this
/// process is read twice, and any later look-up begins with the holder of the entry that it replaces.
async fn look_up(cache: Arc<SessionCache>, key: CacheKey, digest: Hash) -> Found<KeyProof> {
    let started = BootTime::now();
    let found = load(&cache, key, &digest).await.inspect_err(|_| cache.note_failure(started));
    cache.settle(key, found)
}

async fn load(
    cache: &SessionCache,
    key: CacheKey,
    digest: &Hash,
) -> Result<Option<Arc<CachedKey>>, LoadError> {
    let mut holder = cache.get::<KeyProof>(&key).map(|cached| cached.holder());
    loop {
        let stamp = holder.map(|holder| cache.lease.stamp(holder));
        let Some(found) = authn::find_key(&cache.stores, digest).await? else { return Ok(None) };
        let found_holder = key_proof::holder(found.id, found.owner);
        if let Some(stamp) = stamp.filter(|_| holder == Some(found_holder)) {
            return Ok(Some(cache.make_key(found, stamp)));
        }
        holder = Some(found_holder);
    }
}
