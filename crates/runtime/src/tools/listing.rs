//! Asks a tool server itself what it has, for whoever makes its rules.
//!
//! The server is asked as nobody: without identity headers and credentials, so it tells what everybody may know. Nothing of
//! the answer is kept. From 2026-07-28 on one message is enough; older revisions need a session, which is ended again.

use super::upstream::{DEADLINE, UpstreamError, ask};
use crate::permits::Permits;
use gatepost_core::ids::{ServiceName, UserId};
use gatepost_core::mcp::CURRENT_VERSION;
use gatepost_core::mcp::endpoint::Endpoint;
use gatepost_core::mcp::list::{List, names};
use gatepost_core::mcp::message::MessageId;
use gatepost_core::mcp::pattern::Kind;
use hyper::StatusCode;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::timeout;
use url::{Position, Url};

/// The revision that a server of before [`CURRENT_VERSION`] is asked for. It may answer with another one.
const OLDER_VERSION: &str = "2025-11-25";
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// Questions of one person and of all at a time. Each may take 5 MiB for 10 s.
const AT_ONCE: (usize, usize) = (1, 2);
/// The most names that are read.
const MOST_NAMES: usize = 120;
/// The most pages of a list that are asked for.
const MOST_PAGES: usize = 10;

/// Reaches tool servers for whoever makes their rules.
#[derive(Debug)]
pub struct Listing {
    client: Option<Client>,
    services: BTreeMap<ServiceName, Url>,
    asking: Arc<Permits<UserId>>,
}

/// What a tool server has, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// The names; of resources their addresses.
    pub names: Vec<String>,
    /// It has more than were read.
    pub has_more: bool,
}

/// Why it is not known what a tool server has. Follows "The server".
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// Gatepost does not know where it is.
    #[error("has no service by which Gatepost reaches it")]
    NoService,
    /// The configuration has changed.
    #[error("has the service {0}, which is not in GATEPOST_SERVICES")]
    UnknownService(ServiceName),
    /// Too many ask.
    #[error("is not asked now, because too many questions are under way: load the page again")]
    TooMany,
    /// It answered with an error.
    #[error("has none, or tells nobody without an identity")]
    Refused,
    /// It was not reached, or not understood.
    #[error("gave no list")]
    Upstream(#[from] UpstreamError),
}

impl Listing {
    /// For the services of the configuration.
    pub fn new(client: Option<Client>, services: BTreeMap<ServiceName, Url>) -> Self {
        Self { client, services, asking: Arc::new(Permits::new(AT_ONCE.0, AT_ONCE.1)) }
    }

    /// Asks a server for all that it has of a kind, for this person, within 10 s.
    ///
    /// # Errors
    /// [`ListingError`]
    pub async fn ask(
        &self,
        person: UserId,
        (endpoint, service): (&Endpoint, Option<&ServiceName>),
        kind: Kind,
    ) -> Result<Listed, ListingError> {
        let name = service.ok_or(ListingError::NoService)?;
        let found = self.client.as_ref().zip(self.services.get(name));
        let (client, base) = found.ok_or_else(|| ListingError::UnknownService(name.clone()))?;
        let _permit = self.asking.try_acquire(person).ok_or(ListingError::TooMany)?;
        let server = Server::new(client, base, endpoint).ok_or(ListingError::Refused)?;
        let answer = timeout(DEADLINE, server.list(List::of_kind(kind)));
        answer.await.unwrap_or(Err(ListingError::Upstream(UpstreamError::Timeout)))
    }
}

/// A tool server, at the address behind the proxy.
struct Server<'a> {
    client: &'a Client,
    url: Url,
    headers: HeaderMap,
}

impl<'a> Server<'a> {
    fn new(client: &'a Client, base: &Url, endpoint: &Endpoint) -> Option<Self> {
        let public = Url::parse(endpoint.as_str()).ok()?;
        let mut url = base.clone();
        url.set_path(public.path());
        let host = &public[Position::BeforeHost..Position::AfterPort];
        let headers = [
            (HOST, HeaderValue::from_str(host).ok()?),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (ACCEPT, HeaderValue::from_static("application/json, text/event-stream")),
            (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
        ];
        Some(Self { client, url, headers: headers.into_iter().collect() })
    }

    fn post(&self, body: &Value) -> RequestBuilder {
        self.client.post(self.url.clone()).headers(self.headers.clone()).body(body.to_string())
    }

    async fn list(mut self, list: &List) -> Result<Listed, ListingError> {
        let current = HeaderMap::from_iter([
            (VERSION, HeaderValue::from_static(CURRENT_VERSION)),
            (METHOD, HeaderValue::from_static(list.method())),
        ]);
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": CURRENT_VERSION,
            "io.modelcontextprotocol/clientInfo": client_info(),
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        match self.pages(list, &current, &json!({ "_meta": meta })).await {
            // What servers of older revisions say to a message without a session.
            Err(ListingError::Refused | ListingError::Upstream(UpstreamError::Status(400..=499))) => {}
            answer => return answer,
        }
        let session = self.begin().await?;
        let listed = self.pages(list, &session, &json!({})).await;
        if session.contains_key(SESSION) {
            // Whether it could be ended is the server's matter: it has no identity.
            self.headers.extend(session);
            let _ = self.client.delete(self.url).headers(self.headers).send().await;
        }
        listed
    }

    /// Begins a session, and returns the headers of its messages.
    async fn begin(&self) -> Result<HeaderMap, ListingError> {
        let params =
            json!({ "protocolVersion": OLDER_VERSION, "capabilities": {}, "clientInfo": client_info() });
        let begin = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
        let reply = ask(self.post(&begin)).await?;
        let answer: Value = serde_json::from_str(&reply.text).unwrap_or_default();
        let version = answer["result"]["protocolVersion"].as_str();
        let version = version.and_then(|version| HeaderValue::from_str(version).ok());
        let mut session = HeaderMap::from_iter([(VERSION, version.ok_or(ListingError::Refused)?)]);
        session.extend(reply.session.map(|id| (SESSION, id)));
        let notice = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let told = self.post(&notice).headers(session.clone()).send();
        told.await.map_err(UpstreamError::from)?;
        Ok(session)
    }

    /// Reads the pages of a list.
    async fn pages(&self, list: &List, headers: &HeaderMap, params: &Value) -> Result<Listed, ListingError> {
        let (mut listed, mut params) = (Listed::default(), params.clone());
        for number in 1..=MOST_PAGES {
            let body = json!({ "jsonrpc": "2.0", "id": number, "method": list.method(), "params": params });
            let reply = ask(self.post(&body).headers(headers.clone())).await?;
            let read = names(&reply.text, list, &MessageId::from(number));
            let page = match (read, reply.status) {
                (Ok(None), _) => return Err(ListingError::Refused),
                (Ok(Some(page)), StatusCode::OK) => page,
                (Err(error), StatusCode::OK) => return Err(UpstreamError::from(error).into()),
                (_, status) => return Err(UpstreamError::Status(status.as_u16()).into()),
            };
            listed.names.extend(page.names);
            listed.has_more = page.next.is_some() || listed.names.len() > MOST_NAMES;
            listed.names.truncate(MOST_NAMES);
            match page.next {
                Some(next) if listed.names.len() < MOST_NAMES => params["cursor"] = next.into(),
                _ => break,
            }
        }
        Ok(listed)
    }
}

fn client_info() -> Value {
    json!({ "name": "gatepost", "version": env!("CARGO_PKG_VERSION") })
}
