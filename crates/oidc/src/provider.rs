//! The configured providers, each with its settings, credential, documents and HTTP client.

use super::bucket::Bucket;
use super::calls::Calls;
use super::credential::Client;
use super::credential_error::CredentialError;
use super::discovery::Discovery;
use super::error::OidcError;
use super::flight::Patience;
use super::issuer::IssuerRule;
use super::pause::Pause;
use super::refusal::ErrorResponse;
use super::settings::Settings;
use super::transport::{self, Transport};
use gatepost_config::ProviderConfig;
use gatepost_core::clock::Timestamp;
use gatepost_core::host::HostName;
use gatepost_core::identity::SubjectKey;
use gatepost_core::ids::ProviderId;
use gatepost_core::provider_refusal::ProviderRefusal;
use openidconnect::ClientId;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The log says this often that sign-ins bring no refresh token.
const LOG_INTERVAL: Duration = Duration::from_hours(1);

/// All providers, in their configured order.
#[derive(Clone, Debug)]
pub struct Providers(Vec<Arc<Provider>>);

/// One OpenID provider. Its discovery document and keys are fetched when they are first needed.
#[derive(Debug)]
pub struct Provider {
    pub(super) config: ProviderConfig,
    /// No other provider is configured.
    pub(super) is_sole: bool,
    pub(super) public_host: HostName,
    pub(super) issuer: IssuerRule,
    pub(super) client: Client,
    pub(super) transport: Transport,
    pub(super) discovery: Discovery,
    pub(super) refresh_pause: Pause,
    missing_refresh_token_log: Mutex<Bucket>,
}

/// Why the providers cannot be set up. The operator has to correct the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ProvidersError {
    /// The HTTP client cannot be made, mostly because of `GATEPOST_CA_FILE`.
    #[error("the HTTP client for calls to providers cannot be set up")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The issuer or authority of a provider is not a URL.
    #[error("the issuer of provider {0} is not a URL")]
    Issuer(ProviderId, #[source] url::ParseError),
    /// The client credential of a provider cannot be used.
    #[error("the client credential of provider {0} cannot be used")]
    Credential(ProviderId, #[source] CredentialError),
}

impl Providers {
    /// Sets up all providers without calling any of them. Each later call is reported to `calls`.
    ///
    /// # Errors
    /// [`ProvidersError`]: a setting that the operator has to correct.
    pub fn new(settings: &Settings, calls: &Calls) -> Result<Self, ProvidersError> {
        let client = transport::client(settings.ca_file.as_deref())
            .map_err(|error| ProvidersError::Client(error.into()))?;
        let is_sole = settings.providers.len() == 1;
        let provider = |own: &ProviderConfig| {
            let transport = Transport::new(client.clone(), own.id.clone(), calls.clone());
            Provider::new(own.clone(), is_sole, settings.public_host.clone(), transport).map(Arc::new)
        };
        settings.providers.iter().map(provider).collect::<Result<_, _>>().map(Self)
    }

    /// The provider with this id.
    pub fn find(&self, id: &ProviderId) -> Option<&Arc<Provider>> {
        self.0.iter().find(|provider| provider.id() == id)
    }

    /// All providers, in their configured order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Provider>> {
        self.0.iter()
    }
}

/// The expected issuer and client of a token, and the time.
#[derive(Debug)]
pub(super) struct Recipient<'a> {
    pub issuer: &'a IssuerRule,
    pub client_id: &'a str,
    pub now: Timestamp,
}

impl Provider {
    /// Sets it up without calling it.
    pub(super) fn new(
        config: ProviderConfig,
        is_sole: bool,
        public_host: HostName,
        transport: Transport,
    ) -> Result<Self, ProvidersError> {
        let no_address = |error| ProvidersError::Issuer(config.id.clone(), error);
        let issuer = IssuerRule::new(&config.kind).map_err(no_address)?;
        let url = issuer.discovery_url().map_err(no_address)?;
        let client_id = ClientId::new(config.client_id.clone());
        let client =
            Client::new(&config).map_err(|error| ProvidersError::Credential(config.id.clone(), error))?;
        Ok(Self {
            is_sole,
            public_host,
            client,
            discovery: Discovery::new(
                transport.clone(),
                issuer.clone(),
                client_id,
                url,
                Patience::with(&config.id),
            ),
            refresh_pause: Pause::default(),
            issuer,
            transport,
            missing_refresh_token_log: Mutex::new(Bucket::new(1, LOG_INTERVAL, Instant::now())),
            config,
        })
    }

    /// The key of a person whom this provider names so. The provider of a tenant has keys of its own, whatever issuer it
    /// names: nobody whom it identifies is somebody whom another provider does. The id of the provider and a space come
    /// first, and no issuer of a configured provider has a space.
    pub(super) fn subject_key(&self, SubjectKey { issuer, subject }: SubjectKey) -> SubjectKey {
        let issuer = match self.id().tenant() {
            Some(_) => format!("{} {issuer}", self.id()),
            None => issuer,
        };
        SubjectKey { issuer, subject }
    }

    /// The provider's id, which is part of the path of its callback.
    pub const fn id(&self) -> &ProviderId {
        &self.config.id
    }

    /// The provider's name on pages.
    pub const fn label(&self) -> &str {
        self.config.label.as_str()
    }

    /// The provider's settings.
    pub const fn config(&self) -> &ProviderConfig {
        &self.config
    }

    /// Whether a valid discovery document is known, so that a sign-in can begin without a call.
    pub fn is_known(&self) -> bool {
        self.discovery.known().is_some()
    }

    /// Whether the documents should be fetched again, where nothing keeps them fresh.
    pub fn is_due(&self) -> bool {
        self.discovery.is_due()
    }

    /// Fetches the discovery document, to find out whether the provider answers.
    ///
    /// # Errors
    /// [`OidcError::Unavailable`], [`OidcError::Metadata`].
    pub async fn reach(&self) -> Result<(), OidcError> {
        self.discovery.reach().await
    }

    /// Whether to log now that a sign-in brought no refresh token: once an hour, not at each sign-in.
    pub fn should_log_missing_refresh_token(&self) -> bool {
        self.missing_refresh_token_log.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now())
    }

    /// Whether `issuer`, the `iss` of a front-channel logout, is an issuer of this provider.
    pub fn is_issuer(&self, issuer: &str) -> bool {
        self.issuer.accepts(issuer)
    }

    /// Fetches the discovery document and the keys at intervals, and never returns. The application runs it once, in the
    /// background.
    pub async fn keep_fresh(&self) -> Infallible {
        self.discovery.keep_fresh(self.id().as_str()).await
    }

    /// Explains an error response at the redirect URI.
    ///
    /// # Errors
    /// [`OidcError::WrongResponseIssuer`] if another issuer sent the response (RFC 9207 section 2.4).
    pub fn provider_refusal(&self, response: &ErrorResponse<'_>) -> Result<ProviderRefusal, OidcError> {
        let is_announced = self.discovery.known().is_some_and(|metadata| metadata.announces_issuer());
        self.check_response_issuer(response.issuer, is_announced)?;
        Ok(response.explain())
    }

    pub(super) fn check_response_issuer(
        &self,
        issuer: Option<&str>,
        is_announced: bool,
    ) -> Result<(), OidcError> {
        let holds = issuer.map_or(!is_announced, |issuer| self.issuer.accepts(issuer));
        if holds { Ok(()) } else { Err(OidcError::WrongResponseIssuer) }
    }

    pub(super) fn recipient(&self, now: Timestamp) -> Recipient<'_> {
        Recipient { issuer: &self.issuer, client_id: &self.config.client_id, now }
    }
}
