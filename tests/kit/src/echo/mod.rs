//! An application that answers with the request that it received: as JSON for programs, and as a small page for people.
//! It also has a service worker that repeats every navigation. It records all requests.

mod page;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::edge::server;

const MAX_BODY: usize = 16 * 1024 * 1024;

/// A request that the application received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The path and query.
    pub uri: String,
    /// The headers in order, with names in lower case. Bytes that are not UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// The body. Bytes that are not UTF-8 are replaced.
    pub body: String,
}

impl Received {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// All values of a header.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .filter(move |(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// A link on the application's page.
#[derive(Debug, Clone)]
pub struct Link {
    /// The visible text.
    pub text: String,
    /// The absolute address.
    pub url: String,
}

/// What the application's pages show.
#[derive(Debug, Clone)]
pub struct Pages {
    /// The name of the application.
    pub title: String,
    /// Links to other pages.
    pub links: Vec<Link>,
}

/// A running application. It stops when this value is dropped.
#[derive(Debug)]
pub struct Echo {
    addr: SocketAddr,
    journal: Arc<Mutex<Vec<Received>>>,
    task: AbortHandle,
}

impl Echo {
    /// Starts an application that answers every request with JSON, except for `/sw`, `/sw.js` and `/page`.
    pub async fn start() -> Self {
        let pages = Pages { title: "Echo".to_owned(), links: Vec::new() };
        Self::launch(pages, false).await
    }

    /// Starts an application for people, which answers navigations with pages, and other requests and `/json` with
    /// JSON.
    pub async fn with_pages(pages: Pages) -> Self {
        Self::launch(pages, true).await
    }

    async fn launch(pages: Pages, for_people: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let journal = Arc::new(Mutex::new(Vec::new()));
        let book = Arc::clone(&journal);
        let pages = Arc::new(pages);
        let task = tokio::spawn(server::serve(listener, None, move |request, _peer| {
            let (book, pages) = (Arc::clone(&book), Arc::clone(&pages));
            async move {
                let received = receive(request).await;
                let answer = respond(&received, &pages, for_people);
                book.lock().unwrap_or_else(PoisonError::into_inner).push(received);
                answer
            }
        }));
        Self { addr, journal, task: task.abort_handle() }
    }

    /// The address of the application.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Received> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Deletes the recorded requests.
    pub fn forget(&self) {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn receive(request: Request<Incoming>) -> Received {
    let (head, body) = request.into_parts();
    let body = to_bytes(Body::new(body), MAX_BODY).await.unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Received {
        method: head.method.to_string(),
        uri: head.uri.path_and_query().map_or_else(|| head.uri.to_string(), ToString::to_string),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
            .collect(),
        body: text(&body),
    }
}

fn respond(received: &Received, pages: &Pages, for_people: bool) -> Response<Body> {
    let navigation = received.header("accept").is_some_and(|accept| accept.contains("text/html"));
    let mut answer = match received.uri.split('?').next().unwrap_or_default() {
        "/sw.js" => content("text/javascript", page::WORKER.to_owned()),
        "/sw" => content("text/html; charset=utf-8", page::REGISTRATION.to_owned()),
        "/page" => content("text/html; charset=utf-8", page::render(received, pages)),
        "/json" => json(received),
        _ if for_people && navigation => content("text/html; charset=utf-8", page::render(received, pages)),
        _ => json(received),
    };
    // Some tests ask for an answer that browsers may cache.
    if received.uri.ends_with("?kept") {
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
    }
    answer
}

fn json(received: &Received) -> Response<Body> {
    content("application/json", serde_json::to_string_pretty(received).expect("text can be JSON"))
}

fn content(kind: &'static str, body: String) -> Response<Body> {
    let mut answer = Response::new(Body::from(body));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
