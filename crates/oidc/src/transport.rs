//! The HTTP client for all calls to providers, with limits.
//!
//! No redirect is followed, because a 307 would send the client secret elsewhere. Connecting may take 2 s, the whole call
//! 5 s. A body may have 1 MiB and is not decompressed. Every answer is a JSON object or an error.

use super::calls::{Call, Calls, Endpoint, Outcome};
use super::guard::Guard;
use super::json;
use gatepost_certs::tls;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::ProviderId;
use openidconnect::{AccessToken, HttpRequest};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Request, RequestBuilder, Response, StatusCode};
use serde_json::{Map, Value};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);
const BODY_LIMIT: usize = 1 << 20;
/// The limit for providers that tenants chose.
const GUARDED_BODY_LIMIT: usize = 256 << 10;
/// How long a call of the command line may take.
const COMMAND_LINE_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest `Retry-After` that counts. A provider's front end that names a longer one must not keep people out, or leave
/// their sessions unchecked, when the provider works again.
pub(super) const MAX_RETRY_AFTER: Duration = Duration::from_mins(1);

/// Why a call brought no usable answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// There was no answer within the time limit.
    #[error("no answer within the time limit")]
    Timeout,
    /// No connection, a TLS error, or a connection that broke.
    #[error("the connection failed")]
    Unreachable(#[source] Arc<reqwest::Error>),
    /// A status that is neither a success nor a refusal with a reason: a redirect, 404, 429, 5xx.
    #[error("the answer has status {status}{}", wait_asked_for(*retry_after))]
    Status {
        /// The status of the answer.
        status: u16,
        /// How long to wait before the next call (`Retry-After`), at most a minute.
        retry_after: Option<Duration>,
    },
    /// The body is larger than 1 MiB, from the provider of a tenant 256 KiB.
    #[error("the answer is too large")]
    TooLarge,
    /// The body is not a JSON object: an HTML page, a compressed or truncated body, a repeated member.
    #[error("the answer is not a JSON object")]
    NotJson(#[source] Arc<serde_json::Error>),
    /// A tenant chose the address, and its provider may not be there.
    #[error("the address may not be called: {0}")]
    Forbidden(&'static str),
    /// The body is a JSON object, but not one that this endpoint may answer with.
    #[error("the answer does not fit the endpoint: {0}")]
    Unexpected(&'static str),
}

impl CallError {
    /// Whether the error may go away without a change of the settings. A status 404, a redirect, or an HTML page does not go
    /// away: the operator has to correct the provider's address.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Timeout | Self::Unreachable(_) | Self::Unexpected(_) => true,
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..),
            // A truncated body may be complete the next time.
            Self::NotJson(error) => error.is_eof(),
            Self::TooLarge | Self::Forbidden(_) => false,
        }
    }

    /// How long the provider asked to wait (`Retry-After`), at most a minute.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The `reason` label: one of a closed set.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Timeout => "provider_timeout",
            Self::Unreachable(_) => "provider_unreachable",
            Self::Status { .. } => "provider_status",
            Self::TooLarge | Self::NotJson(_) | Self::Unexpected(_) | Self::Forbidden(_) => {
                "provider_malformed"
            }
        }
    }

    const fn outcome(&self) -> Outcome {
        match self {
            Self::Timeout => Outcome::Timeout,
            Self::Unreachable(_) => Outcome::Unreachable,
            Self::Status { status, .. } => outcome_of(*status),
            Self::TooLarge | Self::NotJson(_) | Self::Unexpected(_) | Self::Forbidden(_) => {
                Outcome::Malformed
            }
        }
    }
}

impl From<reqwest::Error> for CallError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() { Self::Timeout } else { Self::Unreachable(Arc::new(error.without_url())) }
    }
}

/// What is read of an answer before its body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub status: StatusCode,
    /// `Retry-After` (RFC 9110 section 10.2.3), at most [`MAX_RETRY_AFTER`].
    pub retry_after: Option<Duration>,
}

impl Head {
    fn of(response: &Response) -> Self {
        Self { status: response.status(), retry_after: retry_after(response.headers()) }
    }

    /// The error that an answer with this head is, where it answers nothing else.
    pub fn error(self) -> CallError {
        CallError::Status { status: self.status.as_u16(), retry_after: self.retry_after }
    }
}

const fn outcome_of(status: u16) -> Outcome {
    match status {
        200..=299 => Outcome::Success,
        429 => Outcome::Throttled,
        400..=499 => Outcome::Refused,
        _ => Outcome::Failed,
    }
}

/// The end of a message about a status.
fn wait_asked_for(retry_after: Option<Duration>) -> String {
    retry_after.map_or_else(String::new, |wait| {
        format!(", the provider asks to wait {:.0} s", wait.as_secs_f64().ceil())
    })
}

/// A provider's answer. No `Debug`: it may hold tokens.
pub(super) struct Answer {
    pub head: Head,
    /// The JSON object in the body. Empty if the status is not a success and the body is not an object.
    pub body: Map<String, Value>,
}

impl Answer {
    /// The body of a success.
    pub fn success(self) -> Result<Map<String, Value>, CallError> {
        if self.head.status.is_success() { Ok(self.body) } else { Err(self.head.error()) }
    }
}

/// Calls one provider.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    client: Client,
    provider: ProviderId,
    calls: Calls,
    /// Where calls may go. `None`: everywhere, because the operator chose the addresses.
    guard: Option<Guard>,
}

impl Transport {
    pub const fn new(client: Client, provider: ProviderId, calls: Calls) -> Self {
        Self { client, provider, calls, guard: None }
    }

    /// For addresses that a tenant chose. The client is a [`guarded_client`] with the same guard.
    pub const fn guarded(client: Client, provider: ProviderId, calls: Calls, guard: Guard) -> Self {
        Self { client, provider, calls, guard: Some(guard) }
    }

    fn check(&self, url: &Url) -> Result<(), CallError> {
        self.guard.as_ref().map_or(Ok(()), |guard| guard.check(url).map_err(CallError::Forbidden))
    }

    const fn body_limit(&self) -> usize {
        if self.guard.is_some() { GUARDED_BODY_LIMIT } else { BODY_LIMIT }
    }

    /// Sends a GET request, with an access token if one is given.
    pub async fn get(
        &self,
        endpoint: Endpoint,
        url: &Url,
        bearer: Option<&AccessToken>,
    ) -> Result<Answer, CallError> {
        self.check(url)?;
        let mut request = self.client.get(url.clone());
        if let Some(token) = bearer {
            request = request.header(AUTHORIZATION, sensitive(&format!("Bearer {}", token.secret()))?);
        }
        self.send(endpoint, request).await
    }

    /// Sends a request that the crate made. The caller passes it through [`Self::observe`].
    pub async fn exchange(&self, request: HttpRequest) -> Result<(Head, Vec<u8>), CallError> {
        let mut request = Request::try_from(request)?;
        if let Some(credential) = request.headers_mut().get_mut(AUTHORIZATION) {
            credential.set_sensitive(true);
        }
        self.check(request.url())?;
        let mut response = self.client.execute(request).await?;
        let body = read_body(&mut response, self.body_limit()).await?;
        Ok((Head::of(&response), body))
    }

    /// Sends a form by POST and reads only the head of the answer. `basic` is the credential after `Basic `.
    pub async fn post_unread(
        &self,
        endpoint: Endpoint,
        url: &Url,
        form: &[(&str, String)],
        basic: Option<&str>,
    ) -> Result<Head, CallError> {
        self.check(url)?;
        let mut request = self.client.post(url.clone()).form(form);
        if let Some(credential) = basic {
            request = request.header(AUTHORIZATION, sensitive(&format!("Basic {credential}"))?);
        }
        let call = async { Ok(Head::of(&request.send().await?)) };
        self.observe(endpoint, call, |head| *head).await
    }

    /// Sends a GET request to a URL that answers with a redirect. Gives its target, or `None` if the answer is another one.
    pub async fn find_redirect(&self, endpoint: Endpoint, url: &Url) -> Result<Option<Url>, CallError> {
        self.check(url)?;
        let call = async { Ok(self.client.get(url.clone()).send().await?) };
        let answer = self.observe(endpoint, call, Head::of).await?;
        let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        Ok(location.filter(|_| answer.status().is_redirection()).and_then(|to| url.join(to).ok()))
    }

    async fn send(&self, endpoint: Endpoint, request: RequestBuilder) -> Result<Answer, CallError> {
        let request = request.header(ACCEPT, HeaderValue::from_static("application/json"));
        self.observe(endpoint, read(request, self.body_limit()), |answer| answer.head).await
    }

    /// Makes the call, and reports its outcome and duration.
    pub async fn observe<T>(
        &self,
        endpoint: Endpoint,
        call: impl Future<Output = Result<T, CallError>>,
        head: impl Fn(&T) -> Head,
    ) -> Result<T, CallError> {
        let started = Instant::now();
        let answer = call.await;
        let outcome = match answer.as_ref().map(head) {
            Ok(head) if head.status.is_redirection() && endpoint == Endpoint::Authorization => {
                Outcome::Success
            }
            Ok(head) => outcome_of(head.status.as_u16()),
            Err(error) => error.outcome(),
        };
        let elapsed = started.elapsed();
        self.calls.record(&Call { provider: &self.provider, endpoint, outcome, elapsed });
        answer
    }
}

async fn read(request: RequestBuilder, limit: usize) -> Result<Answer, CallError> {
    let mut response = request.send().await?;
    let head = Head::of(&response);
    let body = match json::object(&read_body(&mut response, limit).await?) {
        Ok(body) => body,
        Err(error) if head.status.is_success() => return Err(CallError::NotJson(Arc::new(error))),
        Err(_) => Map::new(),
    };
    Ok(Answer { head, body })
}

async fn read_body(response: &mut Response, limit: usize) -> Result<Vec<u8>, CallError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > limit {
            return Err(CallError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// `Retry-After`: seconds, also with a fraction as Graph sends them, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<f64>() {
        Ok(seconds) if seconds.is_nan() => return None,
        Ok(seconds) => Duration::from_secs_f64(seconds.clamp(0.0, MAX_RETRY_AFTER.as_secs_f64())),
        Err(_) => {
            let date = OffsetDateTime::parse(text, &Rfc2822).ok()?;
            Timestamp::from_unix(date.unix_timestamp()).since(Timestamp::now())
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

fn sensitive(value: &str) -> Result<HeaderValue, CallError> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| CallError::Unexpected("the access token has characters that a header must not have"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Why no HTTPS client could be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("the certificates in {0} cannot be read")]
    CaFile(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    #[error("the HTTP client cannot be set up")]
    Http(#[from] reqwest::Error),
}

/// The client of all outgoing HTTP calls: to providers, and to the webhook. It trusts the system's authorities and those of
/// `ca_file`, follows no redirects and waits 5 s at most.
///
/// # Errors
/// [`ClientError`].
pub fn client(ca_file: Option<&Path>) -> Result<Client, ClientError> {
    client_to(ca_file, None)
}

/// The same; a host may have another address than DNS says.
///
/// # Errors
/// [`ClientError`].
pub fn client_to(ca_file: Option<&Path>, host: Option<(&str, IpAddr)>) -> Result<Client, ClientError> {
    let mut builder = builder(tls_config(ca_file)?);
    if let Some((name, address)) = host {
        // The port is that of the URL.
        builder = builder.resolve(name, SocketAddr::new(address, 0));
    }
    Ok(builder.build()?)
}

/// The same client for addresses that a tenant chose: it connects to what the guard allows, and to no proxy.
///
/// # Errors
/// As [`client`].
pub(super) fn guarded_client(ca_file: Option<&Path>, guard: &Guard) -> Result<Client, ClientError> {
    Ok(builder(tls_config(ca_file)?).no_proxy().dns_resolver(Arc::new(guard.clone())).build()?)
}

/// The same client for the operator's own servers, which no proxy of the environment reaches or may see. It speaks HTTP/1.1,
/// where a request may name another host than its address has.
///
/// # Errors
/// As [`client`].
pub fn direct_client(ca_file: Option<&Path>) -> Result<Client, ClientError> {
    let mut tls = tls_config(ca_file)?;
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(builder(tls).no_proxy().build()?)
}

/// The client of the command line, which calls another installation with a key. As [`client`], but a call may take 30 s.
/// `plain_host` is the host of an address without TLS: it is this machine, whatever a name service or a proxy says, because
/// the key is readable on the way.
///
/// # Errors
/// As [`client`].
pub fn command_line_client(ca_file: Option<&Path>, plain_host: Option<&str>) -> Result<Client, ClientError> {
    let mut builder = builder(tls_config(ca_file)?).timeout(COMMAND_LINE_TIMEOUT);
    if let Some(host) = plain_host {
        builder = builder.no_proxy().resolve(host, SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0));
    }
    Ok(builder.build()?)
}

#[expect(clippy::disallowed_methods, reason = "all outgoing HTTP calls go through these clients")]
fn builder(tls: rustls::ClientConfig) -> ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .user_agent(concat!("gatepost/", env!("CARGO_PKG_VERSION")))
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
            return Err(unreadable("the file holds no certificate".into()));
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

#[cfg(test)]
mod tests {
    use super::super::testing::{Reply, Scripted, json_reply, transport};
    use super::*;
    use serde_json::json;

    #[test]
    fn a_wait_is_read_as_seconds_or_a_date_and_is_a_minute_at_most() {
        let read = |text: &str| {
            let value = HeaderValue::from_str(text).expect("a value");
            retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value)]))
        };
        for (text, seconds) in [
            ("0", 0.0),
            ("-5", 0.0),
            (" 2.128 ", 2.128),
            ("60", 60.0),
            ("61", 60.0),
            ("1e300", 60.0),
            ("inf", 60.0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
            ("Sun, 06 Nov 2094 08:49:37 GMT", 60.0),
        ] {
            assert_eq!(read(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "soon", "NaN", "30 s", "Sun, 06 Nov 1994"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[tokio::test]
    async fn a_temporarily_refused_document_has_the_duration() {
        let server = Scripted::start().await;
        for (status, endpoint) in [(429, Endpoint::Keys), (503, Endpoint::Userinfo)] {
            server.reply(json_reply(status, &json!({})).header("Retry-After", "7"));
            let answer = transport().get(endpoint, &server.url("/"), None).await.expect("an answer");
            let error = answer.success().expect_err("a refusal");
            assert_eq!(error.retry_after(), Some(Duration::from_secs(7)), "{status}");
            assert!(error.is_temporary());
        }
        server.reply(Reply::text(503, "<html>"));
        let answer = transport().get(Endpoint::Discovery, &server.url("/"), None).await.expect("an answer");
        let error = answer.success().expect_err("a refusal");
        assert_eq!((error.retry_after(), error.to_string().as_str()), (None, "the answer has status 503"));
    }
}
