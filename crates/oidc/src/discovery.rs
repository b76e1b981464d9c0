//! Fetches and caches the discovery document and the keys of one provider.
//!
//! While the provider does not answer, the last valid document and keys count for 24 hours. A key that the provider withdrew
//! counts until the next refresh, which is within an hour. Two fetches of the same document never run at the same time. A
//! token with an unknown `kid` causes a fetch of the keys, at most three times in a row and then once in five minutes. Tokens
//! from the token endpoint, logout tokens and access tokens have separate limits, so that a flood of what anybody can send does
//! not keep people from signing in or out.

use super::bucket::Bucket;
use super::calls::Endpoint;
use super::error::OidcError;
use super::flight::{Flight, Patience};
use super::issuer::IssuerRule;
use super::jws::Jws;
use super::keys::Key;
use super::lock;
use super::metadata::Metadata;
use super::published_keys::PublishedKeys;
use super::signature::Algorithm;
use super::token_error::TokenError;
use super::transport::{CallError, Transport};
use gatepost_certs::tls;
use gatepost_core::error_chain::Chain;
use gatepost_core::secret::fill_random;
use openidconnect::ClientId;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use url::Url;

const METADATA_TTL: Duration = Duration::from_hours(24);
pub(super) const REFRESH_INTERVAL: Duration = Duration::from_hours(1);
pub(super) const FIRST_BACKOFF: Duration = Duration::from_secs(1);
pub(super) const LONGEST_BACKOFF: Duration = Duration::from_mins(5);
pub(super) const REFETCH_BURST: u32 = 3;
pub(super) const REFETCH_INTERVAL: Duration = Duration::from_mins(5);

/// Where a token came from. It decides which limit a fetch of the keys counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The token endpoint, over TLS.
    TokenEndpoint,
    /// A logout token, which anybody can post.
    Anybody,
    /// An access token, which anybody can send to a protected host.
    AccessToken,
}

/// The discovery document and the keys of one provider.
#[derive(Debug)]
pub(super) struct Discovery {
    transport: Transport,
    rule: IssuerRule,
    client_id: ClientId,
    url: Url,
    metadata: Mutex<Option<(Instant, Arc<Metadata>)>>,
    keys: PublishedKeys,
    /// The algorithm of the newest ID token: the client's `id_token_signed_response_alg`, which is in no document.
    id_token_algorithm: Mutex<Option<Algorithm>>,
    metadata_flight: Flight,
    trusted_refetches: Mutex<Bucket>,
    exposed_refetches: Mutex<Bucket>,
    access_token_refetches: Mutex<Bucket>,
}

impl Discovery {
    pub fn new(
        transport: Transport,
        rule: IssuerRule,
        client_id: ClientId,
        url: Url,
        patience: Patience,
    ) -> Self {
        let bucket = || Mutex::new(Bucket::new(REFETCH_BURST, REFETCH_INTERVAL, Instant::now()));
        Self {
            keys: PublishedKeys::new(transport.clone()),
            transport,
            rule,
            client_id,
            url,
            metadata: Mutex::default(),
            id_token_algorithm: Mutex::default(),
            metadata_flight: Flight::new(patience),
            trusted_refetches: bucket(),
            exposed_refetches: bucket(),
            access_token_refetches: bucket(),
        }
    }

    /// The metadata that was fetched within the last 24 hours. Never fetches it.
    pub fn known(&self) -> Option<Arc<Metadata>> {
        let held = lock(&self.metadata);
        held.as_ref().filter(|(at, _)| at.elapsed() < METADATA_TTL).map(|(_, metadata)| Arc::clone(metadata))
    }

    /// The metadata. Fetches it if none is known.
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

    /// Stores the algorithm of an ID token.
    pub fn note_algorithm(&self, algorithm: Algorithm) {
        *lock(&self.id_token_algorithm) = Some(algorithm);
    }

    /// Checks that a logout token has the algorithm of the ID tokens (Back-Channel Logout section 2.6). Before this process
    /// has seen an ID token, every accepted algorithm counts: leaving a person signed in would be worse.
    pub fn require_algorithm(&self, token: &Jws<'_>) -> Result<(), TokenError> {
        let expected = *lock(&self.id_token_algorithm);
        match expected.filter(|expected| *expected != token.algorithm()) {
            Some(expected) => {
                Err(TokenError::OtherAlgorithm { found: token.algorithm().name(), expected: expected.name() })
            }
            None => Ok(()),
        }
    }

    /// Checks a token with the key that fits it. If no key fits, or the check fails by its signature, fetches the keys again
    /// within the limit and checks once more.
    pub async fn verify<T>(
        &self,
        token: &Jws<'_>,
        source: Source,
        check: impl Fn(&Key) -> Result<T, TokenError>,
    ) -> Result<T, OidcError> {
        match self.keys.find(token).and_then(|key| check(&key)) {
            // A wrong signature may mean that the provider gave a new key an old `kid`, or that it uses none.
            Err(TokenError::UnknownKey | TokenError::BadSignature) => {
                self.refetch_keys(source).await?;
                Ok(self.keys.find(token).and_then(|key| check(&key))?)
            }
            outcome => Ok(outcome?),
        }
    }

    /// Fetches the keys, if the limit of the source allows it.
    async fn refetch_keys(&self, source: Source) -> Result<(), OidcError> {
        match source {
            Source::TokenEndpoint => {
                let metadata = self.metadata().await?;
                self.keys.share(self.fetch_keys_sparingly(metadata.jwks_uri())).await
            }
            Source::Anybody | Source::AccessToken => {
                let limit = match source {
                    Source::AccessToken => &self.access_token_refetches,
                    _ => &self.exposed_refetches,
                };
                // Posted tokens must not cause fetches of the discovery document.
                let missing = OidcError::Unavailable(CallError::Unexpected("no discovery document yet"));
                let metadata = self.known().ok_or(missing)?;
                // The limit is checked before the single flight: when it is used up, this must not become the outcome for the
                // sign-ins that wait in the flight.
                if lock(limit).take(Instant::now()) {
                    self.keys.share(self.keys.fetch(metadata.jwks_uri())).await?;
                }
                Ok(())
            }
        }
    }

    /// Runs inside the single flight, so that many sign-ins which meet a new key together count once against the limit.
    async fn fetch_keys_sparingly(&self, jwks_uri: &Url) -> Result<(), OidcError> {
        if !lock(&self.trusted_refetches).take(Instant::now()) {
            return Ok(());
        }
        let outcome = self.keys.fetch(jwks_uri).await;
        if outcome.is_err() {
            // A failed fetch does not count against the limit.
            lock(&self.trusted_refetches).put_back();
        }
        outcome
    }

    /// Fetches both documents now and then at intervals. Never returns.
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
                    let fix = tls::explain(&error)
                        .map_or_else(|| fix(&error).to_owned(), |fault| fault.to_string());
                    tracing::warn!(
                        provider,
                        url = %self.url,
                        has_last_good,
                        reason = error.reason(),
                        error = %Chain(&error),
                        mend = fix,
                        "the provider's documents cannot be fetched"
                    );
                    tokio::time::sleep(pause_after(&error, backoff)).await;
                    backoff = LONGEST_BACKOFF.min(backoff * 2);
                }
            }
        }
    }

    /// Fetches both documents now, and removes the keys that the provider has withdrawn.
    pub async fn refresh(&self) -> Result<(), OidcError> {
        self.reach().await?;
        let metadata = self.metadata().await?;
        self.keys.refresh(metadata.jwks_uri()).await
    }

    /// Whether the documents are so old that they should be fetched again. For a provider without [`Self::keep_fresh`].
    pub fn is_due(&self) -> bool {
        lock(&self.metadata).as_ref().is_none_or(|(at, _)| at.elapsed() >= REFRESH_INTERVAL)
    }

    /// Fetches the discovery document now, to find out whether the provider answers.
    pub async fn reach(&self) -> Result<(), OidcError> {
        self.metadata_flight.share(self.fetch_metadata()).await
    }
}

/// How long to wait after a failed fetch: no shorter than the provider asks.
pub(super) fn pause_after(error: &OidcError, backoff: Duration) -> Duration {
    jittered(backoff).max(error.retry_after().unwrap_or_default())
}

/// How to fix a failed fetch whose cause is not TLS.
fn fix(error: &OidcError) -> &'static str {
    match error {
        OidcError::Unavailable(error) if error.is_temporary() => "none: it is tried again",
        _ => "correct the provider's issuer, for Entra tenant id and authority; `gatepost check` says more",
    }
}

/// `pause`, shortened by up to a fifth, so that replicas do not fetch at the same time.
pub(super) fn jittered(pause: Duration) -> Duration {
    let mut byte = [0];
    fill_random(&mut byte);
    pause.mul_f64(1.0 - f64::from(byte[0]) / (5.0 * 256.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_fetch_is_repeated_after_the_time_that_the_provider_requests() {
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
