//! The one door to a provider: HTTPS with limits on everything.
//!
//! No redirect is followed (a 307 would send the client secret elsewhere), connecting takes at most 2 s and the whole
//! call 5 s, a body may have 1 MiB, nothing is decompressed. Every answer is a JSON object or an error.

use super::calls::{Call, Calls, Endpoint, Outcome};
use super::json;
use gatepost_certs::tls;
use gatepost_core::ids::ProviderId;
use openidconnect::{AccessToken, HttpRequest};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Client, Request, RequestBuilder, Response, StatusCode};
use serde_json::{Map, Value};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);
const BODY_LIMIT: usize = 1 << 20;

/// Why a call brought no answer that can be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody answered within the time limit.
    #[error("no answer within the time limit")]
    Timeout,
    /// No connection, a TLS error, or a connection that broke.
    #[error("the connection failed")]
    Unreachable(#[source] Arc<reqwest::Error>),
    /// A status that answers nothing: a redirect, 429, 5xx.
    #[error("the answer has status {0}")]
    Status(u16),
    /// The body is larger than 1 MiB.
    #[error("the answer is too large")]
    TooLarge,
    /// The body is no JSON object (an HTML page, a compressed or cut body, a member twice).
    #[error("the answer is no JSON object")]
    NotJson(#[source] Arc<serde_json::Error>),
    /// JSON, but not what this endpoint answers.
    #[error("the answer is not what the endpoint is for: {0}")]
    Unexpected(&'static str),
}

impl CallError {
    /// Whether it may go by itself. A path that is not there, a redirect, or a page instead of a document does not: the
    /// operator has to correct the provider's address.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Timeout | Self::Unreachable(_) | Self::Unexpected(_) => true,
            Self::Status(status) => matches!(status, 408 | 425 | 429 | 500..),
            // A body that was cut off may come whole the next time.
            Self::NotJson(error) => error.is_eof(),
            Self::TooLarge => false,
        }
    }

    /// The `reason` label: one of a closed set.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Timeout => "provider_timeout",
            Self::Unreachable(_) => "provider_unreachable",
            Self::Status(_) => "provider_status",
            Self::TooLarge | Self::NotJson(_) | Self::Unexpected(_) => "provider_malformed",
        }
    }

    const fn outcome(&self) -> Outcome {
        match self {
            Self::Timeout => Outcome::Timeout,
            Self::Unreachable(_) => Outcome::Unreachable,
            Self::Status(429) => Outcome::Throttled,
            Self::Status(400..=499) => Outcome::Refused,
            Self::Status(_) => Outcome::Failed,
            Self::TooLarge | Self::NotJson(_) | Self::Unexpected(_) => Outcome::Malformed,
        }
    }
}

impl From<reqwest::Error> for CallError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() { Self::Timeout } else { Self::Unreachable(Arc::new(error.without_url())) }
    }
}

/// A provider's answer: a status, and a JSON object where the status is a success. No `Debug`: it may hold tokens.
pub(super) struct Answer {
    pub status: StatusCode,
    /// Empty where the status is no success and the body no object.
    pub body: Map<String, Value>,
    /// `Retry-After` in seconds, also fractions as Graph sends them.
    pub retry_after: Option<Duration>,
}

impl Answer {
    /// The body of a success.
    pub fn success(self) -> Result<Map<String, Value>, CallError> {
        if self.status.is_success() { Ok(self.body) } else { Err(CallError::Status(self.status.as_u16())) }
    }
}

/// Calls one provider.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    client: Client,
    provider: ProviderId,
    calls: Calls,
}

impl Transport {
    pub const fn new(client: Client, provider: ProviderId, calls: Calls) -> Self {
        Self { client, provider, calls }
    }

    /// GET, with an access token where one is given.
    pub async fn get(
        &self,
        endpoint: Endpoint,
        url: &Url,
        bearer: Option<&AccessToken>,
    ) -> Result<Answer, CallError> {
        let mut request = self.client.get(url.clone());
        if let Some(token) = bearer {
            request = request.header(AUTHORIZATION, sensitive(&format!("Bearer {}", token.secret()))?);
        }
        self.send(endpoint, request).await
    }

    /// A request that the crate wrote; [`Self::observe`] is for its caller.
    pub async fn exchange(&self, request: HttpRequest) -> Result<(StatusCode, Vec<u8>), CallError> {
        let mut request = Request::try_from(request)?;
        if let Some(credential) = request.headers_mut().get_mut(AUTHORIZATION) {
            credential.set_sensitive(true);
        }
        let mut response = self.client.execute(request).await?;
        let body = read_body(&mut response).await?;
        Ok((response.status(), body))
    }

    /// POST of a form, where the status says all; `basic` is the credential after `Basic `.
    pub async fn post_unread(
        &self,
        endpoint: Endpoint,
        url: &Url,
        form: &[(&str, String)],
        basic: Option<&str>,
    ) -> Result<StatusCode, CallError> {
        let mut request = self.client.post(url.clone()).form(form);
        if let Some(credential) = basic {
            request = request.header(AUTHORIZATION, sensitive(&format!("Basic {credential}"))?);
        }
        self.observe(endpoint, async { Ok(request.send().await?.status()) }, |status| *status).await
    }

    /// GET of an address that answers with a redirect; gives where to, if it is one.
    pub async fn find_redirect(&self, endpoint: Endpoint, url: &Url) -> Result<Option<Url>, CallError> {
        let asking = async { Ok(self.client.get(url.clone()).send().await?) };
        let answer = self.observe(endpoint, asking, Response::status).await?;
        let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        Ok(location.filter(|_| answer.status().is_redirection()).and_then(|to| url.join(to).ok()))
    }

    async fn send(&self, endpoint: Endpoint, request: RequestBuilder) -> Result<Answer, CallError> {
        let request = request.header(ACCEPT, HeaderValue::from_static("application/json"));
        self.observe(endpoint, read(request), |answer| answer.status).await
    }

    /// Counts and times a call.
    pub async fn observe<T>(
        &self,
        endpoint: Endpoint,
        asking: impl Future<Output = Result<T, CallError>>,
        status: impl Fn(&T) -> StatusCode,
    ) -> Result<T, CallError> {
        let begun = Instant::now();
        let answer = asking.await;
        let outcome = match answer.as_ref().map(status) {
            Ok(status)
                if status.is_success() || status.is_redirection() && endpoint == Endpoint::Authorization =>
            {
                Outcome::Success
            }
            Ok(StatusCode::TOO_MANY_REQUESTS) => Outcome::Throttled,
            Ok(status) if status.is_client_error() => Outcome::Refused,
            Ok(_) => Outcome::Failed,
            Err(error) => error.outcome(),
        };
        self.calls.tell(&Call { provider: &self.provider, endpoint, outcome, elapsed: begun.elapsed() });
        answer
    }
}

async fn read(request: RequestBuilder) -> Result<Answer, CallError> {
    let mut response = request.send().await?;
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let body = match json::object(&read_body(&mut response).await?) {
        Ok(body) => body,
        Err(error) if status.is_success() => return Err(CallError::NotJson(Arc::new(error))),
        Err(_) => Map::new(),
    };
    Ok(Answer { status, body, retry_after })
}

async fn read_body(response: &mut Response) -> Result<Vec<u8>, CallError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > BODY_LIMIT {
            return Err(CallError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn sensitive(value: &str) -> Result<HeaderValue, CallError> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| CallError::Unexpected("a token that no header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Why no HTTPS client could be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("{0} cannot be read as PEM certificates")]
    CaFile(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    #[error("the HTTP client cannot be set up")]
    Http(#[from] reqwest::Error),
}

/// The HTTPS client that all providers share: the system's authorities and those of `ca_file`.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub(super) fn client(ca_file: Option<&Path>) -> Result<Client, ClientError> {
    let client = Client::builder()
        .tls_backend_preconfigured(tls_config(ca_file)?)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .user_agent(concat!("gatepost/", env!("CARGO_PKG_VERSION")))
        .build()?;
    Ok(client)
}

fn tls_config(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, ClientError> {
    let mut roots = rustls::RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!(error = %error, "some of the system's certificate authorities cannot be read");
    }
    roots.add_parsable_certificates(native.certs);
    if let Some(path) = ca_file {
        let unreadable = |error| ClientError::CaFile(path.display().to_string(), error);
        let pem = tls::read_authorities(path).map_err(|error| unreadable(error.into()))?;
        let certificates = tls::certificates(&pem).map_err(|error| unreadable(error.into()))?;
        if certificates.is_empty() {
            return Err(unreadable("no certificate in it".into()));
        }
        for certificate in certificates {
            roots.add(certificate).map_err(|error| unreadable(error.into()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
