//! Requests to the API of an installation elsewhere, one after the other.
//!
//! Guarantee: the key goes to the configured origin alone, over TLS or to this machine. No redirect is followed, and no error
//! shows the key.

use super::error::ApiError;
use super::problem;
use gatepost_config::RemoteConfig;
use gatepost_core::administration::Version;
use gatepost_core::host::Scheme;
use gatepost_store::directory::Conditions;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderValue, IF_MATCH, IF_NONE_MATCH,
    RETRY_AFTER,
};
use reqwest::{Client, Method, Response, StatusCode};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// Bytes of an answer, or of a line of one. A page of 200 groups with many links has some hundred KiB.
pub(super) const MOST_BYTES: usize = 16 << 20;
/// How often a request is sent again that came too early, and how long one waits for it at most.
const MOST_WAITS: usize = 10;
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The API, and the key with which it is called.
#[derive(Debug)]
pub(crate) struct Api {
    client: Client,
    origin: String,
    authorization: HeaderValue,
}

/// An answer that is no problem.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The version of the thing.
    pub(crate) version: Option<Version>,
    /// `null`: there is none.
    pub(crate) body: Value,
    /// The time there, as `Date` says it (RFC 9110 section 6.6.1).
    pub(super) date: Option<String>,
}

impl Answer {
    /// Whether a change made a difference.
    pub(super) fn changed(&self) -> bool {
        self.body["changed"].as_bool().unwrap_or_default()
    }
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) method: &'a Method,
    /// The segments of the path below `/api/v1`.
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) body: Option<&'a Value>,
    pub(super) conditions: Conditions,
}

impl<'a> Call<'a> {
    pub(super) fn new(method: &'a Method, path: &'a [&'a str]) -> Self {
        Self { method, path, query: &[], body: None, conditions: Conditions::default() }
    }
}

impl Api {
    /// # Errors
    /// `Client`, `Key`.
    pub(crate) fn new(config: &RemoteConfig) -> Result<Self, ApiError> {
        let plain = (config.api.scheme() == Scheme::Http).then(|| config.api.host().as_str());
        let client = gatepost_oidc::command_line_client(config.ca_file.as_deref(), plain)?;
        let bearer = format!("Bearer {}", config.key.expose_secret());
        let mut authorization = HeaderValue::from_str(&bearer).map_err(|_| ApiError::Key)?;
        authorization.set_sensitive(true);
        Ok(Self { client, origin: config.api.to_string(), authorization })
    }

    /// Reads one thing.
    pub(super) async fn get(&self, path: &[&str]) -> Result<Answer, ApiError> {
        self.send(Call::new(&Method::GET, path)).await
    }

    /// Reads one thing; `None`: it is not there.
    pub(super) async fn find<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Option<T>, ApiError> {
        match self.get(path).await {
            Ok(answer) => self.read(answer.body).map(Some),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a change.
    pub(super) async fn change(
        &self,
        method: &Method,
        path: &[&str],
        body: Option<&Value>,
        conditions: Conditions,
    ) -> Result<Answer, ApiError> {
        self.send(Call { body, conditions, ..Call::new(method, path) }).await
    }

    /// Deletes something. The answer to a deletion says nothing, so its dry run says what it does.
    pub(super) async fn remove(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        conditions: Conditions,
    ) -> Result<Answer, ApiError> {
        let call = Call { query, conditions, ..Call::new(&Method::DELETE, path) };
        let tried = Conditions { is_dry_run: true, ..conditions };
        let would = self.send(Call { conditions: tried, ..call }).await?;
        if !conditions.is_dry_run {
            self.send(call).await?;
        }
        Ok(would)
    }

    /// What a line of an answer holds.
    pub(super) fn parse<T: DeserializeOwned>(&self, line: &[u8]) -> Result<T, ApiError> {
        serde_json::from_slice(line)
            .map_err(|error| ApiError::Unexpected { origin: self.origin.clone(), error })
    }

    /// Says that an answer is longer than anything that Gatepost sends.
    pub(super) fn too_long(&self) -> ApiError {
        ApiError::TooLong(self.origin.clone())
    }

    /// What an answer holds.
    pub(super) fn read<T: DeserializeOwned>(&self, body: Value) -> Result<T, ApiError> {
        serde_json::from_value(body)
            .map_err(|error| ApiError::Unexpected { origin: self.origin.clone(), error })
    }

    /// Sends a request, again if it came too early.
    pub(super) async fn send(&self, call: Call<'_>) -> Result<Answer, ApiError> {
        self.answer(self.respond(call, None).await?).await
    }

    /// Sends a request whose answer has this type, and may take this long. Its body is not read yet.
    pub(super) async fn open(
        &self,
        call: Call<'_>,
        (media_type, timeout): (&str, Duration),
    ) -> Result<(Response, &str), ApiError> {
        let response = self.respond(call, Some(timeout)).await?;
        if response.status() == StatusCode::OK && content_type(&response) == media_type {
            return Ok((response, &self.origin));
        }
        let (origin, status) = (self.origin.clone(), response.status());
        self.answer(response).await.and(Err(ApiError::NoApi { origin, status }))
    }

    /// The first answer that does not say that the request came too early.
    async fn respond(&self, call: Call<'_>, timeout: Option<Duration>) -> Result<Response, ApiError> {
        let url = self.url(call)?;
        let mut waits = 0;
        loop {
            let mut request =
                self.client.request(call.method.clone(), url.clone()).headers(self.headers(call)?);
            if let Some(timeout) = timeout {
                request = request.timeout(timeout);
            }
            if let Some(body) = call.body {
                request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
            }
            let response = request.send().await.map_err(|error| self.unreachable(error))?;
            let wait = wait_asked_for(&response).filter(|_| waits < MOST_WAITS);
            let Some(wait) = wait else { return Ok(response) };
            waits += 1;
            tokio::time::sleep(wait).await;
        }
    }

    /// A segment that is `.` or `..` would name another thing, however it is encoded (WHATWG URL).
    fn url(&self, Call { path, query, conditions, .. }: Call<'_>) -> Result<Url, ApiError> {
        let fault = path.iter().find(|segment| matches!(**segment, "" | "." | ".."));
        if let Some(segment) = fault {
            return Err(ApiError::Segment(format!("{segment:?}")));
        }
        let no_url = || ApiError::Segment(self.origin.clone());
        let mut url = Url::parse(&self.origin).map_err(|_| no_url())?;
        url.path_segments_mut().map_err(|()| no_url())?.clear().extend(["api", "v1"]).extend(path);
        let dry_run = conditions.is_dry_run.then_some(("dry_run", "true"));
        if !query.is_empty() || dry_run.is_some() {
            url.query_pairs_mut().extend_pairs(query).extend_pairs(dry_run);
        }
        Ok(url)
    }

    fn headers(&self, call: Call<'_>) -> Result<HeaderMap, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(version) = call.conditions.if_version {
            let tag = HeaderValue::from_str(&format!("\"{version}\"")).map_err(|_| ApiError::Key)?;
            headers.insert(IF_MATCH, tag);
        }
        if call.conditions.must_be_new {
            headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
        }
        Ok(headers)
    }

    fn unreachable(&self, error: reqwest::Error) -> ApiError {
        ApiError::Unreachable { origin: self.origin.clone(), error: error.without_url() }
    }

    async fn answer(&self, mut response: Response) -> Result<Answer, ApiError> {
        let (status, origin) = (response.status(), self.origin.clone());
        let header = |name| response.headers().get(name)?.to_str().ok().map(str::to_owned);
        let (etag, date, kind) = (header(ETAG), header(DATE), content_type(&response));
        let version = etag.and_then(|tag| tag.trim_matches('"').parse().ok());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(error))? {
            if bytes.len() + chunk.len() > MOST_BYTES {
                return Err(ApiError::TooLong(origin));
            }
            bytes.extend_from_slice(&chunk);
        }
        match (status, kind.as_str()) {
            (StatusCode::NO_CONTENT, _) => Ok(Answer { version, body: Value::Null, date }),
            (StatusCode::OK | StatusCode::CREATED, "application/json") => {
                let body = serde_json::from_slice(&bytes);
                let body = body.map_err(|error| ApiError::Unexpected { origin, error })?;
                Ok(Answer { version, body, date })
            }
            (_, "application/problem+json") => Err(problem::read(origin, (status, version), &bytes)),
            // A proxy in front answers so while Gatepost does not run.
            _ if status.is_server_error() => {
                let detail = "the answer is not Gatepost's".to_owned();
                Err(ApiError::Unavailable { origin, status, detail })
            }
            _ => Err(ApiError::NoApi { origin, status }),
        }
    }
}

fn content_type(response: &Response) -> String {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.unwrap_or_default().to_owned()
}

/// How long a request has to wait that came too early.
fn wait_asked_for(response: &Response) -> Option<Duration> {
    if response.status() != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds)).filter(|wait| *wait <= LONGEST_WAIT)
}
