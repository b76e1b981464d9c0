//! The table of answers as HTTP: asked of `/verify` itself, header by header, and through the edge.

mod allowed;
mod health;
mod limits;
mod malformed;
mod nginx;
mod refused;
mod stranger;

use crate::world::{APP, COOKIE, World};
use gatepost_kit::client::{Client, get_request, retry, send_raw};
use gatepost_kit::process::Gatepost;

/// One sub-request, as the proxy sends it: a navigation of nobody to `APP` until a test says otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    path: &'static str,
    requirement: String,
    headers: Vec<(String, Vec<u8>)>,
}

impl Asked {
    pub(crate) fn for_uri(uri: &str) -> Self {
        let asked = Self { path: "/verify", requirement: String::new(), headers: Vec::new() };
        asked
            .with("X-Forwarded-Method", "GET")
            .with("X-Forwarded-Proto", "https")
            .with("X-Forwarded-Host", APP)
            .with("X-Forwarded-Uri", uri)
            .with("X-Forwarded-For", "192.0.2.1")
    }

    pub(crate) fn navigation(uri: &str) -> Self {
        Self::for_uri(uri)
            .with("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .with("Sec-Fetch-Mode", "navigate")
            .with("Sec-Fetch-Dest", "document")
            .with("Sec-Fetch-Site", "none")
    }

    pub(crate) fn fetch(uri: &str) -> Self {
        Self::for_uri(uri)
            .with("Accept", "*/*")
            .with("Sec-Fetch-Mode", "cors")
            .with("Sec-Fetch-Dest", "empty")
            .with("Sec-Fetch-Site", "same-origin")
    }

    /// In place of the header's values so far.
    pub(crate) fn with(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.without(name).and(name, value)
    }

    /// Beside the header's values so far.
    pub(crate) fn and(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn requiring(mut self, requirement: &str) -> Self {
        requirement.clone_into(&mut self.requirement);
        self
    }

    pub(crate) fn at_path(mut self, path: &'static str) -> Self {
        self.path = path;
        self
    }

    /// The same request, as nginx sends it.
    pub(crate) fn by_nginx(self) -> Self {
        let value = |name: &str| {
            let (_, value) = self.headers.iter().find(|(own, _)| own == name).unwrap();
            String::from_utf8(value.clone()).unwrap()
        };
        let [proto, host, uri] = ["X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri"].map(value);
        let [method, client] = ["X-Forwarded-Method", "X-Forwarded-For"].map(value);
        let described = |name: &str| name.starts_with("X-Forwarded-");
        let mut asked = self.at_path("/verify/nginx");
        asked.headers.retain(|(name, _)| !described(name));
        asked
            .with("X-Original-URL", format!("{proto}://{host}{uri}"))
            .with("X-Original-Method", method)
            .with("X-Original-For", client)
    }

    /// With the session that this browser has on `APP`.
    pub(crate) fn by(self, browser: &Client) -> Self {
        let value = browser.find_cookie(APP, COOKIE).unwrap();
        self.with("Cookie", format!("{COOKIE}={value}"))
    }

    /// Asks the world's replica, and again while the answer is 503.
    pub(crate) async fn of(&self, world: &World) -> Told {
        retry(|| self.at(&world.gatepost), |told| told.status == 503).await
    }

    /// Asks a replica, once.
    pub(crate) async fn at(&self, replica: &Gatepost) -> Told {
        let separator = if self.requirement.is_empty() { "" } else { "?" };
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let path = format!("{}{separator}{}", self.path, self.requirement);
        let mut request = get_request(&path, &headers);
        let line = request.iter().position(|byte| *byte == b'\n').unwrap();
        let rest = request.split_off(line + 1);
        request.extend_from_slice(b"Host: 127.0.0.1\r\n");
        request.extend(rest);
        Told::read(&send_raw(replica.internal(), &request).await.unwrap().bytes)
    }
}

/// The answer, read to the last byte.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Told {
    fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Self { status, headers, body: body.to_owned() }
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// What every answer but a 200 keeps to.
    fn assert_refusal(&self, status: u16, why: &str) {
        assert_eq!(self.status, status, "{why}: {self:?}");
        assert_eq!(self.all("set-cookie"), Vec::<&str>::new(), "{why}");
        self.assert_says_nothing(why);
    }

    /// Not cached, and nobody's name in a header.
    fn assert_says_nothing(&self, why: &str) {
        assert_eq!(self.header("cache-control"), Some("no-store"), "{why}");
        let names = |name: &str| {
            name.starts_with("x-user") || name.starts_with("x-tenant") || name == "authorization"
        };
        assert!(!self.headers.iter().any(|(name, _)| names(name)), "{why}: {self:?}");
    }

    /// The request id that a person reads, in the page or in the JSON.
    pub(crate) fn request_id(&self) -> String {
        let mut words = self.body.split(|c: char| !c.is_ascii_hexdigit());
        words.rfind(|word| word.len() == 32).unwrap_or_else(|| panic!("no request id: {self:?}")).to_owned()
    }
}
