//! The keys that somebody publishes at one address: fetched, cached, and found for a token.

use super::calls::Endpoint;
use super::error::OidcError;
use super::flight::Flight;
use super::jws::Jws;
use super::keys::{JwkCache, Key, parse_set};
use super::lock;
use super::token_error::TokenError;
use super::transport::Transport;
use std::sync::Mutex;
use std::time::Instant;
use url::Url;

/// The keys that were fetched. Two fetches never run at the same time.
#[derive(Debug)]
pub(super) struct PublishedKeys {
    transport: Transport,
    cache: Mutex<JwkCache>,
    flight: Flight,
}

impl PublishedKeys {
    pub fn new(transport: Transport) -> Self {
        Self { transport, cache: Mutex::default(), flight: Flight::default() }
    }

    /// The key that fits a token.
    pub fn find(&self, token: &Jws<'_>) -> Result<Key, TokenError> {
        lock(&self.cache).find(token.kid(), token.algorithm(), Instant::now())
    }

    /// Whether no key is known.
    pub fn is_empty(&self) -> bool {
        lock(&self.cache).is_empty()
    }

    /// Fetches the keys and adds them. To be passed to [`Self::share`].
    pub async fn fetch(&self, url: &Url) -> Result<(), OidcError> {
        let document = self.transport.get(Endpoint::Keys, url, None).await?.success()?;
        let set = parse_set(document)?;
        lock(&self.cache).merge(&set, Instant::now());
        Ok(())
    }

    /// Runs a fetch, or gives the outcome of another one that has ended since this call began.
    pub async fn share(&self, fetch: impl Future<Output = Result<(), OidcError>>) -> Result<(), OidcError> {
        self.flight.share(fetch).await
    }

    /// Fetches the keys now, and removes those that were withdrawn.
    pub async fn refresh(&self, url: &Url) -> Result<(), OidcError> {
        let started = Instant::now();
        self.share(self.fetch(url)).await?;
        lock(&self.cache).withdraw_unseen(started);
        Ok(())
    }
}
