//! Requests as Traefik sends them to `/verify` for a browser: 18 headers of the browser, and the `X-Forwarded-*`
//! headers.

use hyper::body::Bytes;
use hyper::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Uri, Version};
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

/// The headers of a browser for a navigation, except cookies (Chrome 156, in its order).
const PAGE: [(&str, &str); 17] = [
    ("Cache-Control", "max-age=0"),
    ("Dnt", "1"),
    ("Sec-Ch-Ua", "\"Chromium\";v=\"156\", \"Not?A_Brand\";v=\"8\", \"Google Chrome\";v=\"156\""),
    ("Sec-Ch-Ua-Mobile", "?0"),
    ("Sec-Ch-Ua-Platform", "\"Linux\""),
    ("Sec-Gpc", "1"),
    ("Upgrade-Insecure-Requests", "1"),
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    ),
    (
        "Accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
    ),
    ("Sec-Fetch-Site", "same-origin"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-User", "?1"),
    ("Sec-Fetch-Dest", "document"),
    ("Referer", "https://app.example.test/reports"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Accept-Language", "en-GB,en;q=0.9,de;q=0.8"),
    ("Priority", "u=0, i"),
];

/// The headers that differ for a request by a script of the page.
const FETCH: [(&str, &str); 4] =
    [("Accept", "*/*"), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty"), ("Priority", "u=1, i")];

const FORWARDED_HOST: &str = "X-Forwarded-Host";

/// The application's own cookies.
const OTHER_COOKIES: &str = "_ga=GA1.1.1838422912.1763942400; theme=dark; sidebar=open";

/// A person whose requests are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The value of Gatepost's cookie.
    pub cookie: Box<str>,
    /// The address that the answer must contain.
    pub email: Box<str>,
}

/// The expected answer. Any other answer is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Status 200 with the visitor's address in `X-User-Email`.
    Passed,
    /// Status 200 with any or no address, for servers other than Gatepost.
    Reached,
    /// This status without an address.
    Status(u16),
}

/// The parts that all HTTP/2 requests share.
#[derive(Clone, Debug, Default)]
struct Http2 {
    uri: Uri,
    headers: HeaderMap,
}

/// Requests that only differ in the visitor.
#[derive(Clone, Debug)]
pub struct Requests {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    cookie: String,
    body: Bytes,
    head: Vec<u8>,
    http2: Http2,
    visitors: Arc<[Visitor]>,
    among: Range<usize>,
    /// The hosts of the visitors, one after the other. Empty: `headers` name one for all.
    hosts: Arc<[Box<str>]>,
    expect: Expect,
}

impl Requests {
    /// Requests for a navigation to a page of `host`, sent to the server's `path`.
    pub fn pages(path: &str, host: &str) -> Self {
        let browser = PAGE.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self {
            method: Method::GET,
            path: path.to_owned(),
            headers: browser,
            cookie: OTHER_COOKIES.to_owned(),
            body: Bytes::new(),
            head: Vec::new(),
            http2: Http2::default(),
            visitors: Arc::default(),
            among: 0..0,
            hosts: Arc::default(),
            expect: Expect::Passed,
        }
        .with("X-Forwarded-For", "127.0.0.1")
        .with(FORWARDED_HOST, host)
        .with("X-Forwarded-Method", "GET")
        .with("X-Forwarded-Port", "443")
        .with("X-Forwarded-Proto", "https")
        .with("X-Forwarded-Uri", "/reports/2026/november?view=table")
        .with("X-Forwarded-Server", "traefik")
        .with("X-Real-Ip", "127.0.0.1")
    }

    /// Changes the requests into those of a script of the page.
    #[must_use]
    pub fn by_script(self) -> Self {
        FETCH.iter().fold(self, |requests, (name, value)| requests.with(name, value))
    }

    /// Sets a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Sends a body of JSON with each request, as Traefik does with `forwardBody: true`.
    #[must_use]
    pub fn with_json(mut self, body: String) -> Self {
        self = self.with("Content-Type", "application/json").with("Content-Length", &body.len().to_string());
        self.body = body.into();
        self
    }

    /// The body of each request.
    pub fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// Sends the requests by POST.
    #[must_use]
    pub fn posted(mut self) -> Self {
        self.method = Method::POST;
        self
    }

    /// Removes the `X-Forwarded-*` headers, because the requests are sent to a proxy that sets them.
    #[must_use]
    pub fn of_a_browser(mut self, host: &str) -> Self {
        self.headers.retain(|(name, _)| !name.starts_with("X-"));
        self.headers.insert(0, ("Host", host.to_owned()));
        self
    }

    /// Sends the requests for these people, each with a cookie of this name besides the application's own cookies.
    #[must_use]
    pub fn by(mut self, cookie_name: &str, visitors: Arc<[Visitor]>) -> Self {
        let _ = write!(self.cookie, "; {cookie_name}=");
        self.among = 0..visitors.len();
        self.visitors = visitors;
        self
    }

    /// Sends the first visitor's requests to a page of the first of these hosts, and so on, in turns.
    #[must_use]
    pub fn at(mut self, hosts: Arc<[Box<str>]>) -> Self {
        self.headers.retain(|(name, _)| *name != FORWARDED_HOST);
        self.hosts = hosts;
        self
    }

    /// Restricts the visitors to this range.
    #[must_use]
    pub fn among(mut self, among: Range<usize>) -> Self {
        self.among = among;
        self
    }

    /// Sends the requests for one unknown visitor with these cookies.
    #[must_use]
    pub fn with_cookies(mut self, cookies: &str) -> Self {
        let _ = write!(self.cookie, "; {cookies}");
        self
    }

    /// Sets the expected answer.
    #[must_use]
    pub fn expecting(mut self, expect: Expect) -> Self {
        self.expect = expect;
        self
    }

    /// Prepares the parts that all requests share.
    ///
    /// # Panics
    /// If a header is malformed.
    #[must_use]
    pub fn ready(mut self) -> Self {
        let host =
            if self.headers.iter().any(|(name, _)| *name == "Host") { "" } else { "Host: gatepost:4181\r\n" };
        let mut head = format!("{} {} HTTP/1.1\r\n{host}", self.method, self.path);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(head, "Cookie: {}", self.cookie);
        self.head = head.into_bytes();
        self.http2.uri = format!("https://gatepost:4181{}", self.path).parse().expect("an address");
        let header = |(name, value): &(&str, String)| {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            (name, HeaderValue::from_str(value).expect("a header's value"))
        };
        self.http2.headers = self.headers.iter().map(header).collect();
        self
    }

    /// The number of visitors, at least 1.
    pub fn variety(&self) -> usize {
        self.among.len().max(1)
    }

    fn visitor(&self, number: usize) -> Option<&Visitor> {
        self.visitors.get(self.among.start + number)
    }

    /// The host of a visitor who has one of their own.
    fn host(&self, number: usize) -> Option<&str> {
        let place = (self.among.start + number).checked_rem(self.hosts.len())?;
        Some(&self.hosts[place])
    }

    /// Writes a visitor's HTTP/1.1 request.
    pub fn write(&self, visitor: usize, into: &mut Vec<u8>) {
        into.clear();
        into.extend_from_slice(&self.head);
        if let Some(visitor) = self.visitor(visitor) {
            into.extend_from_slice(visitor.cookie.as_bytes());
        }
        if let Some(host) = self.host(visitor) {
            for part in ["\r\n", FORWARDED_HOST, ": ", host] {
                into.extend_from_slice(part.as_bytes());
            }
        }
        into.extend_from_slice(b"\r\n\r\n");
        into.extend_from_slice(&self.body);
    }

    /// A visitor's HTTP/2 request.
    pub fn http2(&self, visitor: usize) -> Request<()> {
        let mut request = Request::new(());
        request.method_mut().clone_from(&self.method);
        *request.version_mut() = Version::HTTP_2;
        request.uri_mut().clone_from(&self.http2.uri);
        request.headers_mut().clone_from(&self.http2.headers);
        let own = self.visitor(visitor).map_or("", |visitor| &visitor.cookie);
        if let Ok(cookie) = HeaderValue::from_maybe_shared([self.cookie.as_str(), own].concat()) {
            request.headers_mut().insert(COOKIE, cookie);
        }
        if let Some(Ok(host)) = self.host(visitor).map(HeaderValue::from_str) {
            request.headers_mut().insert("x-forwarded-host", host);
        }
        request
    }

    /// Whether status and `X-User-Email` are as expected for the visitor.
    pub fn fits(&self, visitor: usize, status: u16, email: Option<&[u8]>) -> bool {
        let wanted = self.visitor(visitor).map(|visitor| visitor.email.as_bytes());
        match self.expect {
            Expect::Passed => status == 200 && email.is_some() && email == wanted,
            Expect::Reached => status == 200,
            Expect::Status(wanted) => status == wanted && email.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitor(name: &str) -> Visitor {
        Visitor { cookie: format!("sealed-{name}").into(), email: format!("{name}@example.com").into() }
    }

    fn text(requests: &Requests, visitor: usize) -> String {
        let mut bytes = Vec::new();
        requests.write(visitor, &mut bytes);
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn a_request_is_what_traefik_sends_for_a_browser() {
        let visitors = [visitor("alice"), visitor("bob")].into();
        let requests =
            Requests::pages("/verify?group=A", "app.example.test").by("__Host-gatepost", visitors).ready();
        let text = text(&requests, 1);
        assert!(text.starts_with("GET /verify?group=A HTTP/1.1\r\nHost: gatepost:4181\r\n"), "{text}");
        assert!(text.ends_with("; sidebar=open; __Host-gatepost=sealed-bob\r\n\r\n"), "{text}");
        let headers = text.lines().filter(|line| line.contains(": ")).count();
        let forwarded = text.lines().filter(|line| line.starts_with("X-")).count();
        assert_eq!((headers - forwarded - 1, forwarded), (18, 8), "{text}");
    }

    #[test]
    fn a_visitor_without_a_session_sends_no_cookie_of_gatepost() {
        let requests = Requests::pages("/verify", "app.example.test").by_script().ready();
        let text = text(&requests, 0);
        assert!(
            text.ends_with("; sidebar=open\r\n\r\n") && text.contains("Sec-Fetch-Mode: cors\r\n"),
            "{text}"
        );
        assert_eq!(text.matches("Sec-Fetch-Mode").count(), 1);
    }

    #[test]
    fn a_body_comes_with_its_length() {
        let body = r#"{"jsonrpc":"2.0"}"#.to_owned();
        let requests = Requests::pages("/verify", "app.example.test").with_json(body.clone()).ready();
        let text = text(&requests, 0);
        assert!(text.ends_with(&format!("\r\n\r\n{body}")), "{text}");
        assert!(text.contains("Content-Length: 17\r\n") && requests.body() == body, "{text}");
    }

    #[test]
    fn each_visitor_has_the_next_host() {
        let hosts = ["a.example.net".into(), "b.example.net".into()].into();
        let visitors = ["x", "y", "z"].map(visitor).into();
        let requests = Requests::pages("/verify", "h").at(hosts).by("c", visitors).among(1..3).ready();
        for (number, host, cookie) in [(0, "b", "y"), (1, "a", "z")] {
            let text = text(&requests, number);
            let end = format!("; c=sealed-{cookie}\r\nX-Forwarded-Host: {host}.example.net\r\n\r\n");
            assert!(text.ends_with(&end) && text.matches("X-Forwarded-Host").count() == 1, "{text}");
            let over_tls = requests.http2(number);
            assert_eq!(over_tls.headers()["x-forwarded-host"], format!("{host}.example.net"));
        }
    }

    #[test]
    fn another_persons_answer_and_another_status_are_wrong() {
        let requests =
            Requests::pages("/verify", "h").by("c", [visitor("alice"), visitor("bob")].into()).ready();
        let bob = Some(&b"bob@example.com"[..]);
        assert!(requests.fits(1, 200, bob));
        for (status, email) in [(200, Some(&b"alice@example.com"[..])), (200, None), (302, bob)] {
            assert!(!requests.fits(1, status, email), "{status} {email:?}");
        }
        let strangers = Requests::pages("/verify", "h").expecting(Expect::Status(302)).ready();
        assert!(
            strangers.fits(0, 302, None) && !strangers.fits(0, 302, bob) && !strangers.fits(0, 503, None)
        );
    }
}
