//! A scripted browser: it sends the headers that browsers send, follows their rules for cookies, and follows redirects
//! one by one. It does not render pages; tests of pages use Chromium (`browser`).

#![expect(clippy::missing_panics_doc, reason = "a kit for tests: what cannot be set up is a failed test")]

mod answer;
mod jar;
mod raw;
mod request;
mod resolve;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use reqwest::Method;
use url::Url;

use crate::process::Authority;
pub use answer::{Answer, Trip};
pub use jar::{Jar, SameSite, SiteContext, StoredCookie};
pub use raw::{RawAnswer, get_request, send_raw};
pub use request::{Kind, Request, retry};
use resolve::Names;

const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_HOPS: usize = 20;

/// Installs ring as the process's cryptography provider. To be called before a client is built.
pub fn install_crypto() {
    static ONCE: Once = Once::new();
    // An error means that the code under test already installed the same provider in this process.
    ONCE.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

/// The options of a scripted browser.
#[derive(Debug, Default)]
pub struct ClientBuilder {
    names: Names,
    authority: Option<String>,
}

impl ClientBuilder {
    /// Sends connections to `host` to `addr`, unless the URL has a port.
    #[must_use]
    pub fn host(mut self, host: &str, addr: SocketAddr) -> Self {
        self.names.hosts.insert(host.to_owned(), addr);
        self
    }

    /// Sends connections to all other hosts to `addr`, unless the URL has a port.
    #[must_use]
    pub fn everywhere(mut self, addr: SocketAddr) -> Self {
        self.names.otherwise = Some(addr);
        self
    }

    /// Makes the browser trust only this authority.
    #[must_use]
    pub fn trust(mut self, authority: &Authority) -> Self {
        self.authority = Some(authority.ca_pem().to_owned());
        self
    }

    /// Builds the browser, without cookies.
    pub fn build(self) -> Client {
        install_crypto();
        let roots = self.authority.as_deref().map(str::as_bytes).map(reqwest::Certificate::from_pem);
        let roots: Vec<_> =
            roots.into_iter().map(|root| root.expect("the authority's certificate")).collect();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .http1_max_headers(1000)
            .timeout(TIMEOUT)
            .dns_resolver(self.names)
            .tls_certs_only(roots)
            .build()
            .expect("a client");
        Client { http, jar: Arc::default(), is_patient: false }
    }
}

/// A scripted browser. Clones share cookies, like tabs of one browser.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    jar: Arc<Mutex<Jar>>,
    is_patient: bool,
}

impl Client {
    /// Returns a builder for a browser.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// The cookie jar.
    pub fn jar(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of the cookie `name` that is sent to `host`.
    pub fn find_cookie(&self, host: &str, name: &str) -> Option<String> {
        self.jar().find(host, name).map(|cookie| cookie.value.clone())
    }

    /// Another browser with a copy of all cookies of this one, as if stolen.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let jar = self.jar().clone();
        Self { http: self.http.clone(), jar: Arc::new(Mutex::new(jar)), is_patient: self.is_patient }
    }

    /// Another browser with the same options, without cookies.
    #[must_use]
    pub fn stranger(&self) -> Self {
        Self { http: self.http.clone(), jar: Arc::default(), is_patient: self.is_patient }
    }

    /// The same browser, which repeats a request that is answered with 503 and `Retry-After`. On a busy machine a store
    /// may miss its deadline, which is not what most tests are about.
    #[must_use]
    pub fn patient(&self) -> Self {
        Self { is_patient: true, ..self.clone() }
    }

    /// The same browser, which does not repeat requests.
    #[must_use]
    pub fn impatient(&self) -> Self {
        Self { is_patient: false, ..self.clone() }
    }

    /// Returns a builder for a request.
    ///
    /// # Panics
    /// If `url` is not an absolute URL.
    pub fn request(&self, method: Method, url: &str) -> Request<'_> {
        Request::new(self, method, parse(url))
    }

    /// Sends a top-level navigation from the address bar. Does not follow redirects.
    pub async fn get(&self, url: &str) -> Answer {
        self.request(Method::GET, url).send().await
    }

    /// Sends a same-origin `fetch(url)` of a page's script. Does not follow redirects.
    pub async fn fetch(&self, url: &str) -> Answer {
        self.request(Method::GET, url).kind(Kind::Fetch).from(url).send().await
    }

    /// Sends a navigation from the address bar, and follows redirects to the end.
    pub async fn navigate(&self, url: &str) -> Trip {
        self.follow(self.get(url).await).await
    }

    /// Follows the redirects of an answer to the end.
    pub async fn follow(&self, answer: Answer) -> Trip {
        let mut hops = vec![answer];
        while let Some(next) = hops.last().and_then(Answer::location) {
            assert!(hops.len() < MAX_HOPS, "redirects without end:\n{}", Trip { hops }.describe());
            hops.push(self.get(next.as_str()).await);
        }
        Trip { hops }
    }

    /// Submits a form of the page `from`, and follows redirects to the end.
    pub async fn submit(&self, from: &str, url: &str, fields: &[(&str, &str)]) -> Trip {
        let answer = self.request(Method::POST, url).from(from).form(fields).send().await;
        self.follow(answer).await
    }
}

fn parse(url: &str) -> Url {
    Url::parse(url).unwrap_or_else(|error| panic!("{url:?} is no URL: {error}"))
}
