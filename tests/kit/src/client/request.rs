//! Builds a request as a browser would send it: `Sec-Fetch-*` (Fetch Metadata), `Origin`, `Accept` and cookies depend
//! on the kind of request and on the page that sends it. Every header can be set, repeated or left out.

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::time::{Duration, Instant};
use url::Url;

use super::{Answer, Client, SiteContext, parse};

/// How long and how often a patient browser repeats a request.
const TIMEOUT: Duration = Duration::from_secs(15);
const RETRY: Duration = Duration::from_millis(100);

const USER_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
const ACCEPT_PAGE: &str =
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

/// Repeats a request while the answer is 503 with `Retry-After`: on a busy machine a store may miss its deadline.
pub async fn retry<T, F: Future<Output = T>>(ask: impl Fn() -> F, is_passing: impl Fn(&T) -> bool) -> T {
    let begun = Instant::now();
    loop {
        let answer = ask().await;
        if !is_passing(&answer) || begun.elapsed() > TIMEOUT {
            return answer;
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// The kind of a browser's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A top-level navigation.
    Navigation,
    /// A navigation that a service worker repeats.
    WorkerNavigation,
    /// `fetch()` or `XMLHttpRequest`.
    Fetch,
    /// An image.
    Image,
    /// Not a browser: only headers that the test sets.
    Program,
}

/// A builder for a request.
#[derive(Debug)]
pub struct Request<'a> {
    client: &'a Client,
    method: Method,
    url: Url,
    kind: Kind,
    from: Option<Url>,
    cookies: bool,
    headers: HeaderMap,
    without: Vec<HeaderName>,
    body: Option<Vec<u8>>,
}

impl<'a> Request<'a> {
    pub(super) fn new(client: &'a Client, method: Method, url: Url) -> Self {
        let kind = Kind::Navigation;
        Self {
            client,
            method,
            url,
            kind,
            from: None,
            cookies: true,
            headers: HeaderMap::new(),
            without: Vec::new(),
            body: None,
        }
    }

    /// Sets the kind of request; the default is a navigation.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets the page that sends the request; the default is the address bar.
    #[must_use]
    pub fn from(mut self, page: &str) -> Self {
        self.from = Some(parse(page));
        self
    }

    /// Adds a header. The first one with a name replaces the browser's own, further ones repeat it.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name: HeaderName = name.parse().expect("a header name");
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header value");
        self.headers.append(name, value);
        self
    }

    /// Leaves out a header of the browser.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.without.push(name.parse().expect("a header name"));
        self
    }

    /// Neither sends nor stores cookies.
    #[must_use]
    pub fn without_cookies(mut self) -> Self {
        self.cookies = false;
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets a form as the body.
    #[must_use]
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    /// Sends the request, reads the complete answer and stores its cookies.
    ///
    /// # Panics
    /// If there is no complete answer.
    pub async fn send(self) -> Answer {
        let url = self.url.clone();
        self.try_send().await.unwrap_or_else(|error| panic!("{url} did not answer: {error:?}"))
    }

    /// Like [`Self::send`], for servers that may not answer.
    ///
    /// # Errors
    /// There is no complete answer.
    pub async fn try_send(self) -> reqwest::Result<Answer> {
        let is_passing = |answer: &Answer| answer.status == 503 && answer.header("retry-after").is_some();
        let asks_again = |answer: &reqwest::Result<Answer>| {
            self.client.is_patient && answer.as_ref().is_ok_and(is_passing)
        };
        retry(|| self.try_once(), asks_again).await
    }

    async fn try_once(&self) -> reqwest::Result<Answer> {
        let headers = self.all_headers();
        let mut request = self.client.http.request(self.method.clone(), self.url.clone()).headers(headers);
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        if self.cookies {
            let mut jar = self.client.jar();
            for line in headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok()) {
                jar.set(&self.url, line);
            }
        }
        let body = String::from_utf8_lossy(&answer.bytes().await?).into_owned();
        Ok(Answer { url: self.url.clone(), status, headers, body })
    }

    fn all_headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: &str| {
            headers.insert(name, HeaderValue::from_str(value).expect("the browser's own headers"));
        };
        if let Some((mode, destination, accept)) = self.metadata() {
            put("user-agent", USER_AGENT);
            put("accept", accept);
            put("accept-language", "en-GB,en;q=0.9");
            put("sec-fetch-site", self.site());
            put("sec-fetch-mode", mode);
            put("sec-fetch-dest", destination);
            if mode == "navigate" {
                put("upgrade-insecure-requests", "1");
                put("sec-fetch-user", "?1");
            }
            if let Some(page) = &self.from {
                put("referer", &format!("{}/", page.origin().ascii_serialization()));
                if !self.method.is_safe() {
                    put("origin", &page.origin().ascii_serialization());
                }
            }
        }
        if let Some(cookies) =
            self.cookies.then(|| self.client.jar().header(&self.url, self.context())).flatten()
        {
            put("cookie", &cookies);
        }
        for name in self.headers.keys().chain(&self.without) {
            headers.remove(name);
        }
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        headers
    }

    fn metadata(&self) -> Option<(&'static str, &'static str, &'static str)> {
        match self.kind {
            Kind::Navigation => Some(("navigate", "document", ACCEPT_PAGE)),
            Kind::WorkerNavigation => Some(("navigate", "empty", ACCEPT_PAGE)),
            Kind::Fetch => Some(("cors", "empty", "*/*")),
            Kind::Image => Some(("no-cors", "image", "image/avif,image/webp,image/*,*/*;q=0.8")),
            Kind::Program => None,
        }
    }

    fn site(&self) -> &'static str {
        match &self.from {
            None => "none",
            Some(page) if page.origin() == self.url.origin() => "same-origin",
            Some(page) if same_site(page, &self.url) => "same-site",
            Some(_) => "cross-site",
        }
    }

    fn context(&self) -> SiteContext {
        let navigation = matches!(self.kind, Kind::Navigation | Kind::WorkerNavigation);
        match self.site() {
            "cross-site" if navigation && self.method.is_safe() => SiteContext::CrossSiteNavigation,
            "cross-site" => SiteContext::CrossSite,
            _ => SiteContext::SameSite,
        }
    }
}

/// Whether two addresses have the same scheme and registrable domain. For the names in tests, that is the last two
/// labels.
fn same_site(one: &Url, other: &Url) -> bool {
    let domain = |url: &Url| {
        let host = url.host_str().unwrap_or_default().to_owned();
        let labels: Vec<&str> = host.rsplitn(3, '.').take(2).collect();
        labels.join(".")
    };
    one.scheme() == other.scheme() && domain(one) == domain(other)
}
