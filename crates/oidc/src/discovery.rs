//! What is known of a provider just now: its metadata and keys, fetched when needed, kept fresh, kept when it is down.
//!
//! The last good document and keys count for 24 hours while the provider is down; a key that it withdrew counts until
//! the next refresh, an hour at most. Fetches of one kind never run side by side. An unknown `kid`
//! fetches the keys again at most three times at once and then once per five minutes, counted apart for tokens that
//! came from the token endpoint and for those that anybody can post to us: a flood of the latter starves nobody.

use super::bucket::Bucket;
use super::calls::Endpoint;
use super::error::OidcError;
use super::flight::Flight;
use super::issuer::IssuerRule;
use super::jws::Jws;
use super::keys::{Key, KeyRing, parse_set};
use super::metadata::Metadata;
use super::signature::Algorithm;
use super::token_error::TokenError;
use super::transport::{CallError, Transport};
use gatepost_certs::tls;
use gatepost_core::error_chain::Chain;
use gatepost_core::secret::fill_random;
use openidconnect::ClientId;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use url::Url;

const METADATA_TTL: Duration = Duration::from_hours(24);
const REFRESH_INTERVAL: Duration = Duration::from_hours(1);
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_mins(5);
const REFETCH_BURST: u32 = 3;
const REFETCH_INTERVAL: Duration = Duration::from_mins(5);

/// Where a token came from, hence who can make us fetch keys with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The token endpoint, over TLS.
    TokenEndpoint,
    /// Anybody: a logout token posted to us.
    Anybody,
}

/// One provider's documents.
#[derive(Debug)]
pub(super) struct Discovery {
    transport: Transport,
    rule: IssuerRule,
    client_id: ClientId,
    url: Url,
    metadata: Mutex<Option<(Instant, Arc<Metadata>)>>,
    keys: Mutex<KeyRing>,
    /// Of the newest ID token: the client's `id_token_signed_response_alg`, which no document tells.
    id_token_algorithm: Mutex<Option<Algorithm>>,
    metadata_flight: Flight,
    keys_flight: Flight,
    trusted_refetches: Mutex<Bucket>,
    exposed_refetches: Mutex<Bucket>,
}

impl Discovery {
    pub fn new(transport: Transport, rule: IssuerRule, client_id: ClientId, url: Url) -> Self {
        let bucket = || Mutex::new(Bucket::new(REFETCH_BURST, REFETCH_INTERVAL, Instant::now()));
        Self {
            transport,
            rule,
            client_id,
            url,
            metadata: Mutex::default(),
            keys: Mutex::default(),
            id_token_algorithm: Mutex::default(),
            metadata_flight: Flight::default(),
            keys_flight: Flight::default(),
            trusted_refetches: bucket(),
            exposed_refetches: bucket(),
        }
    }

    /// The metadata, if some came within a day; never the network.
    pub fn known(&self) -> Option<Arc<Metadata>> {
        let held = lock(&self.metadata);
        held.as_ref().filter(|(at, _)| at.elapsed() < METADATA_TTL).map(|(_, metadata)| Arc::clone(metadata))
    }

    /// The metadata, fetched if none is known.
    pub async fn metadata(&self) -> Result<Arc<Metadata>, OidcError> {
        if let Some(metadata) = self.known() {
            return Ok(metadata);
        }
        self.metadata_flight.share(self.fetch_metadata()).await?;
        self.known()
            .ok_or(OidcError::Unavailable(CallError::Unexpected("the discovery document has expired")))
    }

    async fn fetch_metadata(&self) -> Result<(), OidcError> {
        let document = self.transport.get(Endpoint::Discovery, &self.url, None).await?.success()?;
        let metadata = Metadata::parse(&document, &self.rule, &self.url, &self.client_id)?;
        *lock(&self.metadata) = Some((Instant::now(), Arc::new(metadata)));
        Ok(())
    }

    async fn fetch_keys(&self, jwks_uri: &Url) -> Result<(), OidcError> {
        let document = self.transport.get(Endpoint::Keys, jwks_uri, None).await?.success()?;
        let set = parse_set(document)?;
        lock(&self.keys).merge(&set, Instant::now());
        Ok(())
    }

    /// Notes by which algorithm the provider signs ID tokens for us.
    pub fn note_algorithm(&self, algorithm: Algorithm) {
        *lock(&self.id_token_algorithm) = Some(algorithm);
    }

    /// A logout token is signed as ID tokens are (Back-Channel Logout section 2.6). Before this process has seen one,
    /// whatever the issuer's keys sign counts: to leave somebody signed in would be worse.
    pub fn require_algorithm(&self, token: &Jws<'_>) -> Result<(), TokenError> {
        let expected = *lock(&self.id_token_algorithm);
        match expected.filter(|expected| *expected != token.algorithm()) {
            Some(expected) => {
                Err(TokenError::OtherAlgorithm { found: token.algorithm().name(), expected: expected.name() })
            }
            None => Ok(()),
        }
    }

    /// Checks a token with the issuer's key for it, fetching the keys again if none fits and it is allowed.
    pub async fn verify<T>(
        &self,
        token: &Jws<'_>,
        source: Source,
        check: impl Fn(&Key) -> Result<T, TokenError>,
    ) -> Result<T, OidcError> {
        match self.find_key(token).and_then(|key| check(&key)) {
            // A provider may also have put a new key under an old name, or use no names.
            Err(TokenError::UnknownKey | TokenError::BadSignature) => {
                self.refetch_keys(source).await?;
                Ok(self.find_key(token).and_then(|key| check(&key))?)
            }
            outcome => Ok(outcome?),
        }
    }

    fn find_key(&self, token: &Jws<'_>) -> Result<Key, TokenError> {
        lock(&self.keys).find(token.kid(), token.algorithm(), Instant::now())
    }

    /// Fetches the keys, if the source's bucket allows.
    async fn refetch_keys(&self, source: Source) -> Result<(), OidcError> {
        match source {
            Source::TokenEndpoint => {
                let metadata = self.metadata().await?;
                self.keys_flight.share(self.fetch_keys_sparingly(metadata.jwks_uri())).await
            }
            Source::Anybody => {
                // A stranger's token must not make us ask for the metadata again and again.
                let missing = OidcError::Unavailable(CallError::Unexpected("no discovery document yet"));
                let metadata = self.known().ok_or(missing)?;
                // Before the flight: a stranger whose limit is spent must not answer for those who wait in it.
                if lock(&self.exposed_refetches).take(Instant::now()) {
                    self.keys_flight.share(self.fetch_keys(metadata.jwks_uri())).await?;
                }
                Ok(())
            }
        }
    }

    /// Within the flight: many sign-ins that meet a new key together take one from the bucket.
    async fn fetch_keys_sparingly(&self, jwks_uri: &Url) -> Result<(), OidcError> {
        if !lock(&self.trusted_refetches).take(Instant::now()) {
            return Ok(());
        }
        let outcome = self.fetch_keys(jwks_uri).await;
        if outcome.is_err() {
            // Nothing was learnt: when the provider is back, the next sign-in may ask.
            lock(&self.trusted_refetches).put_back();
        }
        outcome
    }

    /// Fetches metadata and keys now, later again and again; ends never.
    pub async fn keep_fresh(&self, provider: &str) -> Infallible {
        let mut backoff = FIRST_BACKOFF;
        loop {
            match self.refresh().await {
                Ok(()) => {
                    tracing::debug!(provider, "discovery document and keys are fresh");
                    backoff = FIRST_BACKOFF;
                    tokio::time::sleep(jittered(REFRESH_INTERVAL)).await;
                }
                Err(error) => {
                    let has_last_good = self.known().is_some();
                    let mend = tls::explain(&error)
                        .map_or_else(|| mend(&error).to_owned(), |fault| fault.to_string());
                    tracing::warn!(
                        provider,
                        url = %self.url,
                        has_last_good,
                        reason = error.reason(),
                        error = %Chain(&error),
                        mend,
                        "the provider's documents cannot be fetched"
                    );
                    tokio::time::sleep(pause_after(&error, backoff)).await;
                    backoff = LONGEST_BACKOFF.min(backoff * 2);
                }
            }
        }
    }

    /// Fetches both documents now; keys that are not in the set any more count no longer.
    pub async fn refresh(&self) -> Result<(), OidcError> {
        self.reach().await?;
        let metadata = self.metadata().await?;
        let begun = Instant::now();
        self.keys_flight.share(self.fetch_keys(metadata.jwks_uri())).await?;
        lock(&self.keys).withdraw_unseen(begun);
        Ok(())
    }

    /// Fetches the metadata now, which shows whether the provider answers.
    pub async fn reach(&self) -> Result<(), OidcError> {
        self.metadata_flight.share(self.fetch_metadata()).await
    }
}

/// How long to wait after a failed fetch: no shorter than the provider asks.
fn pause_after(error: &OidcError, backoff: Duration) -> Duration {
    jittered(backoff).max(error.retry_after().unwrap_or_default())
}

/// What mends a failed fetch, where TLS is not what failed.
fn mend(error: &OidcError) -> &'static str {
    match error {
        OidcError::Unavailable(error) if error.is_passing() => "none: it is tried again",
        _ => "correct the provider's issuer, for Entra tenant id and authority; `gatepost check` says more",
    }
}

/// `pause`, shortened by up to a fifth, so that replicas do not ask in step.
fn jittered(pause: Duration) -> Duration {
    let mut byte = [0];
    fill_random(&mut byte);
    pause.mul_f64(1.0 - f64::from(byte[0]) / (5.0 * 256.0))
}

/// The values are replaced whole: one left by a panicking thread is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_fetch_is_tried_again_when_the_provider_asks_for_it() {
        let after = |retry_after| {
            pause_after(&CallError::Status { status: 503, retry_after }.into(), Duration::from_secs(10))
        };
        let asked = Duration::from_secs(30);
        assert_eq!(after(Some(asked)), asked);
        for short in [None, Some(Duration::from_secs(1))] {
            assert!((8..=10).contains(&after(short).as_secs()), "{short:?}");
        }
    }
}
