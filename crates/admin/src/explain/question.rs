//! The request to explain: a person, a URL, a method and a router's requirement.

use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_core::host::{HostError, HostName};
use gatepost_core::mcp::message::Call;
use gatepost_core::request_mode::{Initiator, RequestMode};
use gatepost_store::directory::UserKey;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Method};
use serde::{Serialize, Serializer};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use url::{Position, Url, form_urlencoded};

/// Who sends the request.
#[derive(Clone, Debug)]
pub enum Asker {
    /// A person.
    Person(UserKey),
    /// A program with this API key.
    Key(KeyId),
}

/// The request to explain.
#[derive(Clone, Debug)]
pub struct Question {
    /// Who sends it.
    pub asker: Asker,
    /// The requested URL.
    pub url: RequestUrl,
    /// The method.
    pub method: Method,
    /// The query of the middleware's address, as it is written in the proxy's configuration.
    pub requirement: String,
    /// The kind of request.
    pub kind: RequestMode,
    /// The page that makes the browser send the request.
    pub initiator: Initiator,
    /// The time of the request. `None`: now.
    pub at: Option<Timestamp>,
    /// What it asks a tool server for.
    pub call: Option<Call>,
    /// From where it comes, which counts for keys alone. `None`: from where a key counts.
    pub client: Option<IpAddr>,
}

impl Question {
    /// A request from the address bar or the host's own pages.
    pub fn own(asker: Asker, url: RequestUrl, method: Method, requirement: String) -> Self {
        let is_page = matches!(method, Method::GET | Method::HEAD) && matches!(asker, Asker::Person(_));
        let kind = if is_page { RequestMode::Navigation } else { RequestMode::Fetch };
        Self {
            asker,
            url,
            method,
            requirement,
            kind,
            initiator: Initiator::Own,
            at: None,
            call: None,
            client: None,
        }
    }

    /// The same, asking a tool server for something.
    #[must_use]
    pub fn asking_for(self, call: Option<Call>) -> Self {
        Self { call, ..self }
    }

    /// The headers that the proxy would send to `/verify`.
    pub fn headers(&self) -> HeaderMap {
        let url = &self.url.0;
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, value: &str| {
            // URLs and methods are valid header values. If one were not, `Forwarded::parse` would report it as missing.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        set("x-forwarded-method", self.method.as_str());
        set("x-forwarded-proto", url.scheme());
        set("x-forwarded-host", &url[Position::BeforeHost..Position::AfterPort]);
        set("x-forwarded-uri", &url[Position::BeforePath..Position::AfterQuery]);
        let (mode, dest, accept) = match self.kind {
            RequestMode::Navigation => ("navigate", "document", "text/html"),
            RequestMode::Fetch => ("cors", "empty", "*/*"),
            RequestMode::Websocket => ("websocket", "empty", "*/*"),
        };
        set("sec-fetch-mode", mode);
        set("sec-fetch-dest", dest);
        set("accept", accept);
        if self.kind == RequestMode::Websocket {
            set("sec-websocket-key", "eA==");
        }
        if let Some(client) = self.client {
            set("x-forwarded-for", &client.to_string());
        }
        match self.initiator.to_origin_header() {
            None => set("sec-fetch-site", "same-origin"),
            Some(origin) => set("origin", &origin),
        }
        headers
    }
}

/// The query of a middleware's address that requires any of these groups.
pub fn requirement_of_groups<'a>(groups: impl IntoIterator<Item = &'a str>) -> String {
    let pairs = groups.into_iter().map(|group| ("group", group));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// An absolute URL without credentials. `Display` omits the query, which may contain a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestUrl(Url);

/// The text is not an absolute URL with a supported scheme, or it contains credentials.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a valid address: expected one as in https://app.example.com/path")]
pub struct RequestUrlError(String);

impl RequestUrl {
    /// The host that the proxy would name.
    ///
    /// # Errors
    /// No protected host can be called that.
    pub fn host(&self) -> Result<HostName, HostError> {
        self.0.host_str().unwrap_or_default().parse()
    }
}

impl FromStr for RequestUrl {
    type Err = RequestUrlError;

    fn from_str(text: &str) -> Result<Self, RequestUrlError> {
        let url = Url::parse(text).ok();
        let is_supported = |url: &Url| {
            matches!(url.scheme(), "https" | "http" | "wss" | "ws")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
        };
        url.filter(is_supported).map(Self).ok_or_else(|| RequestUrlError(text.chars().take(260).collect()))
    }
}

impl fmt::Display for RequestUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0[..Position::AfterPath])
    }
}

impl Serialize for RequestUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatepost_core::requirement::Requirement;

    #[test]
    fn an_address_shows_neither_query_nor_password() {
        let url = "https://app.example.com/a?token=secret#x".parse::<RequestUrl>().map(|url| url.to_string());
        assert_eq!(url, Ok("https://app.example.com/a".to_owned()));
        for text in ["app.example.com", "/a", "ftp://a.b/", "mailto:a@b", "https://u:p@a.b/", "https://"] {
            assert!(text.parse::<RequestUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn groups_are_written_as_in_the_proxy_s_configuration() {
        let query = requirement_of_groups(["MCP-GitHub", "A b,c&d"]);
        assert_eq!(query, "group=MCP-GitHub&group=A+b%2Cc%26d");
        let groups = Requirement::parse(&query).map(|requirement| requirement.groups);
        let want = ["MCP-GitHub", "A b,c&d"].map(|name| name.parse().expect("a name"));
        assert_eq!(groups, Ok(want.to_vec()));
    }
}
