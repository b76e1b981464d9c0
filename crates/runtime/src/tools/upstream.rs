//! Reaches a tool server as the proxy does. [`forward`] asks for a list with a client's message and headers, without the
//! client's credentials.

use crate::headers::Headers;
use gatepost_core::mcp::event_stream::EventStream;
use gatepost_core::mcp::list::{Filtered, NotAList};
use hyper::HeaderMap;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderName,
    HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::request::Parts;
use reqwest::{Client, RequestBuilder, Response};
use std::time::Duration;
use tokio::time::timeout;
use url::Url;

/// From the question to the end of the answer.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);
/// The longest answer, in bytes.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
/// What is between two neighbours alone (RFC 9110 section 7.6.1), what the message itself says again, and credentials.
const NOT_SENT: [HeaderName; 13] = [
    CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    EXPECT,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HOST,
    CONTENT_LENGTH,
    ACCEPT_ENCODING,
    COOKIE,
    AUTHORIZATION,
];
const NOT_SENT_EITHER: [&str; 3] = ["keep-alive", "proxy-connection", "x-gatepost-key"];

/// Why there is no answer that can be filtered.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    #[error("it did not answer within 10 s")]
    Timeout,
    #[error("it cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("its answer is neither application/json nor text/event-stream without a content coding")]
    MediaType,
    #[error("its answer is longer than 4 MiB")]
    TooLarge,
    #[error("its answer is not UTF-8")]
    NotUtf8,
    #[error("its stream ended before the answer")]
    NoAnswer,
    #[error("its answer is not understood")]
    NotAList(#[from] NotAList),
}

impl From<reqwest::Error> for UpstreamError {
    fn from(error: reqwest::Error) -> Self {
        // The address is the operator's.
        if error.is_timeout() { Self::Timeout } else { Self::Unreachable(error.without_url()) }
    }
}

/// What a tool server has answered.
#[derive(Debug)]
pub struct Reply {
    /// 200, or that of an error.
    pub status: StatusCode,
    /// JSON, as it was sent.
    pub text: String,
    /// `Mcp-Session-Id`, which servers of older revisions give.
    pub session: Option<HeaderValue>,
}

impl Reply {
    /// What the client gets. Only an error may have a status of its own.
    pub fn checked(&self, found: Result<Filtered, NotAList>) -> Result<String, UpstreamError> {
        match found {
            Ok(Filtered::Error(text)) => Ok(text),
            Ok(Filtered::List(text)) if self.status == StatusCode::OK => Ok(text),
            Err(error) if self.status == StatusCode::OK => Err(error.into()),
            Ok(Filtered::List(_)) | Err(_) => Err(UpstreamError::Status(self.status.as_u16())),
        }
    }
}

/// Sends a list call on to a service, to the path that the client named. `hidden`: the headers of speakers.
///
/// # Errors
/// [`UpstreamError`]
pub async fn forward(
    (client, service): (&Client, &Url),
    head: &Parts,
    body: Bytes,
    hidden: &[&str],
) -> Result<Reply, UpstreamError> {
    let mut url = service.clone();
    url.set_path(head.uri.path());
    url.set_query(head.uri.query());
    let request = client.post(url).timeout(DEADLINE).headers(sent(head, hidden)).body(body);
    timeout(DEADLINE, ask(request)).await.unwrap_or(Err(UpstreamError::Timeout))
}

/// Sends a message, and reads the one answer to it.
pub(super) async fn ask(request: RequestBuilder) -> Result<Reply, UpstreamError> {
    read(request.send().await?).await
}

/// The client's headers, as far as the tool server may get them.
fn sent(head: &Parts, hidden: &[&str]) -> HeaderMap {
    let mut headers = head.headers.clone();
    let named: Vec<HeaderName> = Headers::new(&head.headers)
        .joined(CONNECTION)
        .split(',')
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in NOT_SENT.iter().chain(&named) {
        headers.remove(name);
    }
    for name in NOT_SENT_EITHER.iter().chain(hidden) {
        headers.remove(*name);
    }
    headers.insert(ACCEPT_ENCODING, IDENTITY);
    // As the proxy does: a tool server compares it with the origins that it knows.
    let authority = head.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let Some(host) = authority.or_else(|| head.headers.get(HOST).cloned()) {
        headers.insert(HOST, host);
    }
    headers
}

async fn read(mut response: Response) -> Result<Reply, UpstreamError> {
    let status = response.status();
    let headers = Headers::new(response.headers());
    if status != StatusCode::OK && !status.is_client_error() && !status.is_server_error() {
        return Err(UpstreamError::Status(status.as_u16()));
    }
    let session = response.headers().get("mcp-session-id").cloned();
    let is_stream = headers.is_plain("text/event-stream");
    if !is_stream && !headers.is_plain("application/json") {
        let is_answer = status == StatusCode::OK;
        return Err(if is_answer {
            UpstreamError::MediaType
        } else {
            UpstreamError::Status(status.as_u16())
        });
    }
    let (mut whole, mut length, mut stream) = (Vec::new(), 0, EventStream::default());
    while let Some(bytes) = response.chunk().await? {
        length += bytes.len();
        if length > MAX_ANSWER {
            return Err(UpstreamError::TooLarge);
        }
        if !is_stream {
            whole.extend_from_slice(&bytes);
        } else if let Some(text) = stream.push(&bytes)? {
            // What follows the answer is for nobody.
            return Ok(Reply { status, text, session });
        }
    }
    if is_stream {
        return Err(UpstreamError::NoAnswer);
    }
    let text = String::from_utf8(whole).map_err(|_| UpstreamError::NotUtf8)?;
    Ok(Reply { status, text, session })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    #[test]
    fn no_credential_and_nothing_between_neighbours_is_sent_on() {
        let request = Request::post("/servers/github/mcp")
            .header("Host", "mcp.example.com")
            .header("Cookie", "theme=dark")
            .header("Authorization", "Bearer token")
            .header("X-Gatepost-Key", "gp_key")
            .header("Connection", "keep-alive, X-Hop")
            .header("Keep-Alive", "timeout=5")
            .header("X-Hop", "1")
            .header("X-Word", "signed")
            .header("Transfer-Encoding", "chunked")
            .header("Accept-Encoding", "gzip")
            .header("Mcp-Method", "tools/list")
            .header("X-User-Email", "alice@example.com");
        let (head, ()) = request.body(()).expect("a request").into_parts();
        let mut sent: Vec<String> = sent(&head, &["x-word"])
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
            .collect();
        sent.sort();
        let wanted = [
            "accept-encoding: identity",
            "host: mcp.example.com",
            "mcp-method: tools/list",
            "x-user-email: alice@example.com",
        ];
        assert_eq!(sent, wanted);
    }

    #[test]
    fn only_an_error_may_have_another_status_than_200() {
        let reply = |status| Reply { status, text: String::new(), session: None };
        let list = || Ok(Filtered::List("list".to_owned()));
        let error = || Ok(Filtered::Error("error".to_owned()));
        assert_eq!(reply(StatusCode::OK).checked(list()).ok().as_deref(), Some("list"));
        assert_eq!(reply(StatusCode::NOT_FOUND).checked(error()).ok().as_deref(), Some("error"));
        assert_eq!(reply(StatusCode::OK).checked(error()).ok().as_deref(), Some("error"));
        assert!(matches!(reply(StatusCode::NOT_FOUND).checked(list()), Err(UpstreamError::Status(404))));
    }
}
