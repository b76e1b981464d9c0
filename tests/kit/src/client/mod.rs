//! A scripted browser: the headers that browsers send, cookies by their rules, redirects one by one with a journal.
//! It guarantees nothing about pages; what a person sees is Chromium's to show (`browser`).

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
pub use request::{Kind, Request, patiently};
use resolve::Names;

const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_HOPS: usize = 20;

/// Makes ring the process's one cryptography provider; every maker of clients calls this.
pub fn install_crypto() {
    static ONCE: Once = Once::new();
    // An error means that the program under test in this process was faster, with the same provider.
    ONCE.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

/// How a browser is to be set up.
#[derive(Debug, Default)]
pub struct ClientBuilder {
    names: Names,
    authority: Option<String>,
}

impl ClientBuilder {
    /// Connections to `host` go to `addr`, unless the URL names a port.
    #[must_use]
    pub fn host(mut self, host: &str, addr: SocketAddr) -> Self {
        self.names.hosts.insert(host.to_owned(), addr);
        self
    }

    /// Connections to every other host go to `addr`, unless the URL names a port.
    #[must_use]
    pub fn everywhere(mut self, addr: SocketAddr) -> Self {
        self.names.otherwise = Some(addr);
        self
    }

    /// Trusts this authority, and no other.
    #[must_use]
    pub fn trust(mut self, authority: &Authority) -> Self {
        self.authority = Some(authority.ca_pem().to_owned());
        self
    }

    /// Sets the browser up, without a cookie.
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

/// A browser; clones share its cookies, as tabs do.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    jar: Arc<Mutex<Jar>>,
    is_patient: bool,
}

impl Client {
    /// Begins to describe a browser.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Its cookies, to read, steal and plant.
    pub fn jar(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Value of the cookie `name` that `host` would receive.
    pub fn find_cookie(&self, host: &str, name: &str) -> Option<String> {
        self.jar().find(host, name).map(|cookie| cookie.value.clone())
    }

    /// Another browser that has stolen all cookies of this one; from then on each has its own.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let jar = self.jar().clone();
        Self { http: self.http.clone(), jar: Arc::new(Mutex::new(jar)), is_patient: self.is_patient }
    }

    /// Another browser on the same network, without a cookie.
    #[must_use]
    pub fn stranger(&self) -> Self {
        Self { http: self.http.clone(), jar: Arc::default(), is_patient: self.is_patient }
    }

    /// The same browser, whose person tries again where the answer is 503 with `Retry-After`: on a busy machine a store
    /// may miss a deadline, and that is no failure of what is tested.
    #[must_use]
    pub fn patient(&self) -> Self {
        Self { is_patient: true, ..self.clone() }
    }

    /// The same browser, whose person takes 503 for an answer.
    #[must_use]
    pub fn impatient(&self) -> Self {
        Self { is_patient: false, ..self.clone() }
    }

    /// Begins any request.
    ///
    /// # Panics
    /// When `url` is no absolute URL.
    pub fn request(&self, method: Method, url: &str) -> Request<'_> {
        Request::new(self, method, parse(url))
    }

    /// One top-level navigation from the address bar; a redirect is not followed.
    pub async fn get(&self, url: &str) -> Answer {
        self.request(Method::GET, url).send().await
    }

    /// What a page's own script gets for `fetch(url)`, same-origin; a redirect is not followed.
    pub async fn fetch(&self, url: &str) -> Answer {
        self.request(Method::GET, url).kind(Kind::Fetch).from(url).send().await
    }

    /// A navigation from the address bar to its end.
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

    /// Submits a form of the page `from` and follows the redirects.
    pub async fn submit(&self, from: &str, url: &str, fields: &[(&str, &str)]) -> Trip {
        let answer = self.request(Method::POST, url).from(from).form(fields).send().await;
        self.follow(answer).await
    }
}

fn parse(url: &str) -> Url {
    Url::parse(url).unwrap_or_else(|error| panic!("{url:?} is no URL: {error}"))
}
