//! Looks up the holder of a verified access token in the directory, once for all requests that need it at the same time.

use super::cached_caller::{CacheKey, CachedCaller};
use super::single_flight::Found;
use super::token_proof::TokenProof;
use super::{CachedToken, SessionCache};
use crate::authn::{self, LoadError};
use crate::invalidation::lease::Stamp;
use gatepost_core::access::{Person, Standing};
use gatepost_core::clock::BootTime;
use gatepost_core::email::EmailAddress;
use gatepost_core::host::HostName;
use gatepost_core::ids::UserId;
use gatepost_core::secret::Hash;
use gatepost_oidc::{AccessToken, TokenHolder};
use std::sync::Arc;
use std::time::Duration;

/// A holder is looked up again after this time, also if no change was reported: that a group of the token exists here
/// meanwhile concerns only people of whom no row speaks.
const LOOK_UP_AGAIN: Duration = Duration::from_mins(1);
/// The longest client id that is the name of its machine as it is.
const NAME_LIMIT: usize = 48;

impl SessionCache {
    /// The token of an entry, valid or not. Its signature needs no second verification.
    pub fn verified_token(&self, key: &CacheKey) -> Option<Arc<AccessToken>> {
        self.get::<TokenProof>(key).map(|cached| Arc::clone(&cached.proof.token))
    }

    /// Finds the holder of a verified token. `None`: it is nobody here.
    ///
    /// # Errors
    /// [`LoadError`]: the directory did not answer.
    pub async fn find_token(
        self: &Arc<Self>,
        key: CacheKey,
        token: &Arc<AccessToken>,
    ) -> Result<Option<Arc<CachedToken>>, Arc<LoadError>> {
        if let Some(found) = self.stale(&key) {
            return Ok(Some(found));
        }
        let look_up = || self.tasks.run(look_up(Arc::clone(self), key, Arc::clone(token)));
        self.token_look_ups.join(key, BootTime::default(), look_up).await
    }

    async fn standing_of(&self, token: &AccessToken) -> Result<Option<(Standing, Stamp)>, LoadError> {
        match &token.holder {
            TokenHolder::Person(identity) => {
                let Some(user) = authn::find_token_user(&self.stores, &identity.subject).await? else {
                    return Ok(None);
                };
                let stamp = self.lease.stamp(user.random_bits());
                let standing = authn::find_token_standing(&self.stores, user, identity).await?;
                Ok(standing.map(|standing| (standing, stamp)))
            }
            TokenHolder::Application { client, roles } => {
                let id = UserId::of_application(token.provider.as_str(), client);
                let stamp = self.lease.stamp(id.random_bits());
                let access = authn::find_role_access(&self.stores, &token.provider, roles).await?;
                let email = machine_address(client, self.site.config.public_url.host());
                let person = Person { id, email, name: None };
                Ok(Some((Standing::of_machine(person, access.into(), BootTime::MAX), stamp)))
            }
        }
    }

    fn make_token(&self, token: Arc<AccessToken>, standing: Standing, stamp: Stamp) -> Arc<CachedToken> {
        let (standing, headers, interned_bytes) = self.interner.intern(standing, &self.site.config.verify);
        Arc::new(CachedCaller::new(TokenProof { token }, standing, headers, interned_bytes, stamp))
    }
}

async fn look_up(cache: Arc<SessionCache>, key: CacheKey, token: Arc<AccessToken>) -> Found<TokenProof> {
    let started = BootTime::now();
    let found = cache.standing_of(&token).await.inspect_err(|_| cache.note_failure(started));
    let make = |(mut standing, stamp): (Standing, Stamp)| {
        standing.counts_until = standing.counts_until.min(started.plus(LOOK_UP_AGAIN));
        cache.make_token(token, standing, stamp)
    };
    cache.settle(key, found.map(|found| found.map(make)))
}

/// The address of an application. A client id that is no local part of an address is replaced with one that no other
/// client has.
fn machine_address(client: &str, public_host: &HostName) -> Option<EmailAddress> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if client.len() <= NAME_LIMIT && client.bytes().all(is_plain) {
        return EmailAddress::of_machine(client, public_host);
    }
    let hash = Hash::of(&[client.as_bytes()]).to_string();
    EmailAddress::of_machine(&format!("client-{}", &hash[..32]), public_host)
}
