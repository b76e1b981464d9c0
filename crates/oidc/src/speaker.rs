//! The signed words of speakers (`GATEPOST_SPEAKERS__*`): a JWT that says for which person a program sends a request.
//!
//! A word alone is worth nothing, because `Open WebUI` also sends it to those who serve its models: the caller has to
//! require an API key beside it. Of the word only the address counts. `ring` verifies the signature.
//! The algorithm follows from the configured key, so the header of a word cannot choose another kind of key.

use super::bucket::Bucket;
use super::calls::Calls;
use super::claims::{Claims, required};
use super::discovery::{
    FIRST_BACKOFF, LONGEST_BACKOFF, REFETCH_BURST, REFETCH_INTERVAL, REFRESH_INTERVAL, jittered, pause_after,
};
use super::error::OidcError;
use super::jws::{Hs256, Jws};
use super::keys::Key;
use super::lock;
use super::published_keys::PublishedKeys;
use super::settings::Settings;
use super::signature::Algorithm;
use super::token_error::{TokenError, short};
use super::transport::{self, CallError, ClientError, Transport};
use gatepost_config::{SpeakerConfig, SpeakerKey, WatchedSecret};
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::error_chain::Chain;
use gatepost_core::host::HostName;
use ring::hmac;
use secrecy::ExposeSecret;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use url::Url;

/// The longest word in bytes. `Open WebUI`'s have about 300.
pub const WORD_LIMIT: usize = 4096;
/// How far `iat` may be in the future, because clocks differ.
const LEEWAY: Duration = Duration::from_mins(1);

/// All configured speakers, in the order of their ids.
#[derive(Clone, Debug, Default)]
pub struct Speakers {
    list: Vec<Arc<Speaker>>,
    hidden_headers: BTreeSet<String>,
}

/// A program that may say for which person it sends a request.
#[derive(Debug)]
pub struct Speaker {
    config: SpeakerConfig,
    proof: Proof,
}

/// What verifies the signatures of a speaker.
#[derive(Debug)]
enum Proof {
    /// HS256.
    Shared(WatchedSecret),
    Published(Box<Published>),
}

/// Keys that the speaker publishes. Words with unknown keys cause few fetches.
#[derive(Debug)]
struct Published {
    keys: PublishedKeys,
    url: Url,
    refetches: Mutex<Bucket>,
}

/// What a verified word says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// `email`: the person.
    pub email: EmailAddress,
    /// `exp`.
    pub expires_at: Timestamp,
}

impl Speakers {
    /// Sets up all speakers without calling any of them.
    ///
    /// # Errors
    /// The HTTP client cannot be made, mostly because of `GATEPOST_CA_FILE`.
    pub fn new(settings: &Settings, calls: &Calls) -> Result<Self, ClientError> {
        let speaker = |config: &SpeakerConfig| {
            let proof = match &config.key {
                SpeakerKey::Secret(secret) => Proof::Shared(secret.clone()),
                SpeakerKey::Jwks(url) => {
                    let client = transport::client(settings.ca_file.as_deref())?;
                    let transport = Transport::new(client, config.id.to_provider_id(), calls.clone());
                    Proof::Published(Box::new(Published {
                        keys: PublishedKeys::new(transport),
                        url: url.clone(),
                        refetches: Mutex::new(Bucket::new(REFETCH_BURST, REFETCH_INTERVAL, Instant::now())),
                    }))
                }
            };
            Ok(Arc::new(Speaker { config: config.clone(), proof }))
        };
        let hidden = settings.speakers.iter().flat_map(SpeakerConfig::hidden_headers);
        let hidden_headers = hidden.map(str::to_owned).collect();
        let list = settings.speakers.iter().map(speaker).collect::<Result<Vec<_>, ClientError>>()?;
        Ok(Self { list, hidden_headers })
    }

    /// Whether no speaker is configured.
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The headers, in lower case, that tell a person and that no application may get.
    pub fn hidden_headers(&self) -> impl Iterator<Item = &str> {
        self.hidden_headers.iter().map(String::as_str)
    }

    /// All speakers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Speaker>> {
        self.list.iter()
    }

    /// The speakers whose words count on this host.
    pub fn on<'a>(&'a self, host: &'a HostName) -> impl Iterator<Item = &'a Arc<Speaker>> {
        self.list.iter().filter(|speaker| speaker.config.is_heard_on(host))
    }
}

impl Speaker {
    /// The speaker's settings.
    pub const fn config(&self) -> &SpeakerConfig {
        &self.config
    }

    /// Verifies a word.
    ///
    /// # Errors
    /// [`OidcError::Token`] for a word that does not count. [`OidcError::Unavailable`] if the speaker's keys cannot be
    /// fetched, which says nothing about the word.
    pub async fn verify(&self, word: &str, now: Timestamp) -> Result<Word, OidcError> {
        match &self.proof {
            Proof::Shared(secret) => Ok(self.verify_shared(word, secret, now)?),
            Proof::Published(published) => {
                let token = Jws::parse_with(word, WORD_LIMIT, Algorithm::named)?;
                published.verify(&token, |key| self.check(&token, &token.verify(key)?, now)).await
            }
        }
    }

    fn verify_shared(&self, word: &str, secret: &WatchedSecret, now: Timestamp) -> Result<Word, TokenError> {
        let token = Jws::parse_with(word, WORD_LIMIT, Hs256::named)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.current().expose_secret().as_bytes());
        self.check(&token, &token.verify(&key)?, now)
    }

    /// Checks the claims of a word whose signature holds.
    fn check<A>(&self, token: &Jws<'_, A>, claims: &Claims, now: Timestamp) -> Result<Word, TokenError> {
        token.require_type(&["jwt"])?;
        let issuer = required(claims.text("iss")?, "iss")?;
        if issuer != self.config.issuer {
            return Err(TokenError::WrongIssuer(short(issuer)));
        }
        self.check_audience(claims)?;
        let expires_at = self.check_times(claims, now)?;
        let email = required(claims.text("email")?, "email")?;
        let email = email.parse().map_err(|_| TokenError::MalformedClaim("email"))?;
        Ok(Word { email, expires_at })
    }

    /// A word for another audience was meant for somebody else (RFC 7519 section 4.1.3).
    fn check_audience(&self, claims: &Claims) -> Result<(), TokenError> {
        let is_us =
            |value: &Value| value.as_str().is_some_and(|text| Some(text) == self.config.audience.as_deref());
        let holds = match claims.get("aud") {
            None if self.config.audience.is_some() => return Err(TokenError::MissingClaim("aud")),
            None => true,
            Some(Value::Array(list)) => list.iter().any(is_us),
            Some(value) => is_us(value),
        };
        if holds { Ok(()) } else { Err(TokenError::WrongAudience) }
    }

    /// Gives `exp`.
    fn check_times(&self, claims: &Claims, now: Timestamp) -> Result<Timestamp, TokenError> {
        let issued_at = required(claims.moment("iat")?, "iat")?;
        let expires_at = required(claims.moment("exp")?, "exp")?;
        let is_early = |at: Timestamp| at > now.plus(LEEWAY);
        if now >= expires_at {
            return Err(TokenError::Expired);
        }
        if is_early(issued_at) || claims.moment("nbf")?.is_some_and(is_early) {
            return Err(TokenError::NotYetValid);
        }
        let life = expires_at.since(issued_at);
        if life > self.config.max_age {
            return Err(TokenError::LivesTooLong(life.as_secs()));
        }
        Ok(expires_at)
    }

    /// Fetches published keys at intervals. Returns at once if the speaker publishes none, else never.
    pub async fn keep_fresh(&self) {
        let Proof::Published(published) = &self.proof else { return };
        let Published { keys, url, .. } = &**published;
        let mut backoff = FIRST_BACKOFF;
        loop {
            match keys.refresh(url).await {
                Ok(()) => {
                    backoff = FIRST_BACKOFF;
                    tokio::time::sleep(jittered(REFRESH_INTERVAL)).await;
                }
                Err(error) => {
                    tracing::warn!(
                        speaker = %self.config.id,
                        %url,
                        reason = error.reason(),
                        error = %Chain(&error),
                        "the speaker's keys cannot be fetched"
                    );
                    tokio::time::sleep(pause_after(&error, backoff)).await;
                    backoff = LONGEST_BACKOFF.min(backoff * 2);
                }
            }
        }
    }
}

impl Published {
    /// Checks a word with the key that fits. If none does, fetches the keys again within the limit and checks once more.
    async fn verify(
        &self,
        token: &Jws<'_>,
        check: impl Fn(&Key) -> Result<Word, TokenError>,
    ) -> Result<Word, OidcError> {
        match self.keys.find(token).and_then(|key| check(&key)) {
            Err(TokenError::UnknownKey | TokenError::BadSignature) => {
                if lock(&self.refetches).take(Instant::now()) {
                    self.keys.share(self.keys.fetch(&self.url)).await?;
                } else if self.keys.is_empty() {
                    return Err(OidcError::Unavailable(CallError::Unexpected("no keys yet")));
                }
                Ok(self.keys.find(token).and_then(|key| check(&key))?)
            }
            outcome => Ok(outcome?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Scripted, Signer, json_reply};
    use super::*;
    use gatepost_config::SpeakerKind;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn speaker(key: SpeakerKey, audience: Option<&str>) -> Arc<Speaker> {
        let config = SpeakerConfig {
            id: "chat".parse().expect("an id"),
            kind: SpeakerKind::Jwt,
            key,
            issuer: "chat".to_owned(),
            audience: audience.map(str::to_owned),
            header: "x-word".to_owned(),
            hosts: vec!["*.example.com".parse().expect("a host")],
            require_session: true,
            max_age: Duration::from_hours(1),
        };
        let public_host = "auth.example.com".parse().expect("a host");
        let settings = Settings { ca_file: None, public_host, providers: Vec::new(), speakers: vec![config] };
        let speakers = Speakers::new(&settings, &Calls::new(|_| {})).expect("speakers");
        Arc::clone(speakers.iter().next().expect("a speaker"))
    }

    fn claims(audience: &Value) -> Value {
        let (issued_at, expires_at) = (NOW.unix(), NOW.unix() + 300);
        json!({"iss": "chat", "aud": audience, "email": "a@example.com", "iat": issued_at, "exp": expires_at})
    }

    fn refusal(outcome: Result<Word, OidcError>) -> TokenError {
        match outcome {
            Err(OidcError::Token(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn published_keys_are_fetched_once_for_an_unknown_key_and_few_times_in_a_flood() {
        let server = Scripted::start().await;
        let speaker = speaker(SpeakerKey::Jwks(server.url("/keys")), Some("tools"));
        let word = |signer: &Signer, kid: &str| signer.sign(kid, &claims(&json!("tools")));
        let keys = json!({"keys": [Signer::first().jwk("a")]});
        for _ in 0..4 {
            server.reply(json_reply(200, &keys));
        }
        for _ in 0..3 {
            assert!(speaker.verify(&word(Signer::first(), "a"), NOW).await.is_ok());
        }
        assert_eq!(server.requests().len(), 1);
        for _ in 0..10 {
            let outcome = speaker.verify(&word(Signer::second(), "b"), NOW).await;
            assert_eq!(refusal(outcome), TokenError::UnknownKey);
        }
        assert_eq!(server.requests().len(), 3, "three fetches at once, then one in five minutes");
        let outcome = speaker.verify(&word(Signer::second(), "a"), NOW).await;
        assert_eq!(refusal(outcome), TokenError::BadSignature);
    }

    #[tokio::test]
    async fn keys_that_cannot_be_fetched_say_nothing_about_a_word() {
        let server = Scripted::start().await;
        let speaker = speaker(SpeakerKey::Jwks(server.url("/keys")), Some("tools"));
        for _ in 0..5 {
            let outcome = speaker.verify(&Signer::first().sign("a", &claims(&json!("tools"))), NOW).await;
            assert!(matches!(outcome, Err(OidcError::Unavailable(_))), "{outcome:?}");
        }
    }

    #[tokio::test]
    async fn a_secret_never_verifies_another_kind_of_signature_and_published_keys_no_shared_one() {
        let secret = "0123456789abcdef0123456789abcdef";
        let shared = speaker(SpeakerKey::Secret(secret.into()), None);
        let outcome = shared.verify(&Signer::first().sign("a", &claims(&Value::Null)), NOW).await;
        assert_eq!(refusal(outcome), TokenError::ForbiddenAlgorithm("RS256".into()));
        let server = Scripted::start().await;
        server.reply(json_reply(200, &json!({"keys": [Signer::first().jwk("a")]})));
        let published = speaker(SpeakerKey::Jwks(server.url("/keys")), Some("tools"));
        let header = json!({"alg": "HS256", "kid": "a"});
        let word = Signer::first().sign_with(&header, &claims(&json!("tools")));
        let outcome = published.verify(&word, NOW).await;
        assert_eq!(refusal(outcome), TokenError::ForbiddenAlgorithm("HS256".into()));
        assert!(server.requests().is_empty(), "the algorithm is checked before any key");
    }

    #[tokio::test]
    async fn a_configured_audience_must_be_named() {
        let server = Scripted::start().await;
        server.reply(json_reply(200, &json!({"keys": [Signer::first().jwk("a")]})));
        let speaker = speaker(SpeakerKey::Jwks(server.url("/keys")), Some("tools"));
        let with =
            async |audience: Value| speaker.verify(&Signer::first().sign("a", &claims(&audience)), NOW).await;
        assert!(with(json!("tools")).await.is_ok());
        assert!(with(json!(["models", "tools"])).await.is_ok());
        assert_eq!(refusal(with(Value::Null).await), TokenError::MissingClaim("aud"));
        for other in [json!("Tools"), json!([]), json!({"tools": 1}), json!(["models"])] {
            assert_eq!(refusal(with(other.clone()).await), TokenError::WrongAudience, "{other}");
        }
    }
}
