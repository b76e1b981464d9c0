//! What the proxy says about the client's request: parsed once, strictly.
//!
//! Only the headers named here are read; of the rest only names, to refuse those that an application could mistake for
//! ours (`X_User_Email`, `X.User.Email`; Traefik removes the exact spelling alone: CVE-2026-54763, CVE-2026-88011).

use super::headers::{self, Headers};
use crate::domain::asking::{AskedKind, Asker};
use crate::domain::host::{HostError, HostName, Origin, Scheme};
use url::Url;

/// The identity headers, in use or not, that an application may believe.
pub const IDENTITY_HEADERS: [&str; 12] = [
    "x-user-email",
    "x-user-groups",
    "x-user-groups-truncated",
    "x-user-admin",
    "x-user-id",
    "x-user-name",
    "x-user-tenants",
    "x-user-role",
    "x-tenant-id",
    "x-user-assertion",
    "cookie",
    "authorization",
];

/// What the proxy says about the client's request.
pub const FORWARDED_HEADERS: [&str; 5] =
    ["x-forwarded-method", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-uri", "x-forwarded-for"];

/// Longest return address, in bytes.
const MAX_RETURN_URI: usize = 2_000;

/// Below it, `/verify` itself answers.
pub const RESERVED: &str = "/.gatepost/";

/// The request is not one that a proxy set up rightly sends for a client that means well: 400.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Malformed {
    /// One of the four is missing.
    #[error("{0} is missing: the proxy must send it")]
    Missing(&'static str),
    /// Twice is one too many: two readers would take different ones.
    #[error("{0} was sent more than once")]
    Repeated(&'static str),
    /// One of the four cannot be read.
    #[error("{0} cannot be read")]
    Unreadable(&'static str),
    /// See [`HostName`].
    #[error("X-Forwarded-Host cannot be read")]
    Host(#[from] HostError),
    /// Outside development.
    #[error("the request came over plain HTTP: Gatepost guards HTTPS only")]
    PlainHttp,
    /// An application could take it for ours.
    #[error("a header is spelled like {0}, but not exactly")]
    Alias(&'static str),
}

/// How the browser, or whatever it is, asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// A top-level navigation: a person looks at what comes back.
    Navigation,
    /// Anything else: nobody sees a redirect, and it must not start a sign-in.
    Other,
}

/// The client's request as the proxy describes it.
#[derive(Debug)]
pub struct Forwarded<'a> {
    /// The host that it names.
    pub host: HostName,
    /// How it came.
    pub scheme: Scheme,
    method: &'a str,
    uri: &'a [u8],
    headers: Headers<'a>,
}

impl<'a> Forwarded<'a> {
    /// Reads and checks the headers of a sub-request.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(headers: Headers<'a>, is_development: bool) -> Result<Self, Malformed> {
        if let Some(header) = headers.names().find_map(alias_of) {
            return Err(Malformed::Alias(header));
        }
        if headers.all("authorization").nth(1).is_some() {
            return Err(Malformed::Repeated("Authorization"));
        }
        let method = text(one(headers, "x-forwarded-method", "X-Forwarded-Method")?, "X-Forwarded-Method")?;
        let proto = text(one(headers, "x-forwarded-proto", "X-Forwarded-Proto")?, "X-Forwarded-Proto")?;
        let host = text(one(headers, "x-forwarded-host", "X-Forwarded-Host")?, "X-Forwarded-Host")?;
        let uri = one(headers, "x-forwarded-uri", "X-Forwarded-Uri")?;
        if method.is_empty() || !method.bytes().all(is_token) {
            return Err(Malformed::Unreadable("X-Forwarded-Method"));
        }
        if !uri.starts_with(b"/") && uri != b"*" {
            return Err(Malformed::Unreadable("X-Forwarded-Uri"));
        }
        let scheme = match proto {
            "https" | "wss" => Scheme::Https,
            "http" | "ws" if is_development => Scheme::Http,
            "http" | "ws" => return Err(Malformed::PlainHttp),
            _ => return Err(Malformed::Unreadable("X-Forwarded-Proto")),
        };
        Ok(Self { host: host.parse()?, scheme, method, uri, headers })
    }

    /// `GET`, `POST`, ... as the client sent it.
    pub const fn method(&self) -> &'a str {
        self.method
    }

    /// Whether bodies of answers are for nobody.
    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// Path and query below [`RESERVED`], if the request is there.
    pub fn reserved(&self) -> Option<(&'a str, &'a str)> {
        let rest = self.uri.strip_prefix(RESERVED.as_bytes())?;
        // Bytes that are no text lead nowhere, but never to the application.
        let rest = std::str::from_utf8(rest).unwrap_or_default();
        Some(rest.split_once('?').unwrap_or((rest, "")))
    }

    /// The path without its query, which may hold a secret; `*` for the server as a whole.
    pub fn path(&self) -> &'a [u8] {
        self.uri.split(|byte| *byte == b'?').next().unwrap_or_default()
    }

    /// Path and query to come back to, `/` where the client's cannot be trusted to stay on its host.
    pub fn return_uri(&self) -> &'a str {
        std::str::from_utf8(self.uri).ok().filter(|uri| is_return_uri(uri)).unwrap_or("/")
    }

    /// Is this a person looking at a page?
    pub fn kind(&self) -> RequestKind {
        let is_read = matches!(self.method, "GET" | "HEAD");
        let is_prefetch = self.headers.has("sec-purpose");
        let is_navigation = match (self.headers.text("sec-fetch-mode"), self.headers.text("sec-fetch-dest")) {
            // A service worker re-sends navigations with an empty destination.
            (Some("navigate"), Some("document" | "empty")) => true,
            (None, None) => {
                self.accept().contains("text/html")
                    && !self.headers.has("x-requested-with")
                    && !self.is_websocket()
            }
            _ => false,
        };
        if is_read && is_navigation && !is_prefetch { RequestKind::Navigation } else { RequestKind::Other }
    }

    /// The same, with a WebSocket apart.
    pub fn asked_kind(&self) -> AskedKind {
        if self.is_websocket() {
            AskedKind::Websocket
        } else if self.kind() == RequestKind::Navigation {
            AskedKind::Navigation
        } else {
            AskedKind::Fetch
        }
    }

    /// Whose page makes the browser ask, where that counts against the request.
    pub fn asker(&self, own: &Origin, allowed: &[Origin]) -> Asker {
        if self.is_cross_origin(own, allowed) {
            Asker::named_by(self.headers.text("origin").unwrap_or_default())
        } else {
            Asker::Own
        }
    }

    /// Whether a reload would send a form again.
    pub fn is_form(&self) -> bool {
        self.method == "POST" && self.headers.text("sec-fetch-mode").is_none_or(|mode| mode == "navigate")
    }

    /// Whether another site makes the browser do something here: an unsafe method or a WebSocket from elsewhere.
    pub fn is_cross_origin(&self, own: &Origin, allowed: &[Origin]) -> bool {
        (!is_safe(self.method) || self.is_websocket()) && !self.is_from(own, allowed)
    }

    /// Whether the browser says that the host's own pages, or an allowed origin's, or the person directly made this
    /// request; no browser leaves both headers out on what could change something.
    fn is_from(&self, own: &Origin, allowed: &[Origin]) -> bool {
        let origin =
            self.headers.first("origin").map(|value| headers::text(value).and_then(|text| text.parse().ok()));
        let is_own = match self.headers.text("sec-fetch-site") {
            Some(site) => matches!(site, "same-origin" | "none"),
            None => origin.as_ref().is_none_or(|origin: &Option<Origin>| origin.as_ref() == Some(own)),
        };
        is_own || origin.flatten().is_some_and(|origin| allowed.contains(&origin))
    }

    /// Whether the person asked for this from the host's own pages or the address bar. Without `Sec-Fetch-Site` nobody
    /// can tell, for a link from elsewhere carries no `Origin`.
    pub fn is_own_wish(&self, own: &Origin) -> bool {
        let is_own = match self.headers.text("sec-fetch-site") {
            Some(site) => matches!(site, "same-origin" | "none"),
            None => self.headers.text("origin").and_then(|text| text.parse().ok()).as_ref() == Some(own),
        };
        is_own && !self.headers.has("sec-purpose")
    }

    fn is_websocket(&self) -> bool {
        self.headers.has("sec-websocket-key")
    }

    /// Every `Accept` line, joined as RFC 9110 section 5.3 allows.
    pub fn accept(&self) -> String {
        let lines: Vec<&str> = self.headers.all("accept").filter_map(headers::text).collect();
        lines.join(",")
    }

    /// The client's address as the proxy saw it; for logs and limits only.
    pub fn client_address(&self) -> Option<std::net::IpAddr> {
        let last = self.headers.all("x-forwarded-for").last().and_then(headers::text)?;
        last.rsplit(',').next()?.trim().parse().ok()
    }

    /// The `Cookie` lines.
    pub fn cookies(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.headers.all("cookie")
    }

    /// The client's `Authorization`.
    pub fn authorization(&self) -> Option<&'a [u8]> {
        self.headers.first("authorization")
    }
}

/// May a browser be sent to this path and query of a configured origin? DESIGN.md section 4, "Return address".
pub fn is_return_uri(uri: &str) -> bool {
    uri.len() <= MAX_RETURN_URI
        && uri.starts_with('/')
        && !uri.starts_with("//")
        && !leads_below_reserved(uri)
        && uri.bytes().all(|byte| matches!(byte, 0x21..=0x7E) && byte != b'\\' && byte != b'#')
}

/// As the browser will resolve it: `/x/../.gatepost/` and `/%2e/.gatepost/` lead there too (WHATWG URL).
fn leads_below_reserved(uri: &str) -> bool {
    Url::parse(&format!("https://host{uri}")).is_ok_and(|url| url.path().starts_with(RESERVED))
}

/// A header's name as Go writes it, and Traefik compares: `X-User-Email`.
pub fn canonical(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

/// The bytes of names that nobody reads as others: a table, for every byte of every name is looked at.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = u8::MAX;
    while byte > 0 {
        plain[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'-';
        byte -= 1;
    }
    plain
};

/// The header of ours that an application could read this name as, whatever its case.
pub fn alias_of(name: &str) -> Option<&'static str> {
    let name = name.as_bytes();
    let is_plain = |byte: &u8| PLAIN[usize::from(*byte)];
    if name.iter().all(is_plain) {
        return None;
    }
    let folds_to = |header: &str| {
        header.len() == name.len()
            && header
                .bytes()
                .zip(name)
                .all(|(want, byte)| want == if is_plain(byte) { byte.to_ascii_lowercase() } else { b'-' })
    };
    IDENTITY_HEADERS.iter().chain(&FORWARDED_HEADERS).copied().find(|header| folds_to(header))
}

fn one<'a>(headers: Headers<'a>, name: &'static str, shown: &'static str) -> Result<&'a [u8], Malformed> {
    let mut values = headers.all(name);
    let value = values.next().ok_or(Malformed::Missing(shown))?;
    if values.next().is_some() { Err(Malformed::Repeated(shown)) } else { Ok(value) }
}

fn text<'a>(value: &'a [u8], shown: &'static str) -> Result<&'a str, Malformed> {
    headers::text(value).ok_or(Malformed::Unreadable(shown))
}

/// RFC 9110 section 9.2.1.
fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::super::headers::Line;
    use super::*;
    use proptest::prelude::*;

    const BASE: [(&str, &str); 4] = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "app.example.com"),
        ("x-forwarded-uri", "/a?b=1"),
    ];

    fn lines<'a>(list: &[(&'a str, &'a str)]) -> Vec<Line<'a>> {
        list.iter().map(|(name, value)| Line { name, value: value.as_bytes() }).collect()
    }

    /// The base request with these headers in place of its own.
    fn request<'a>(list: &[(&'a str, &'a str)]) -> Vec<Line<'a>> {
        let kept: Vec<_> =
            BASE.into_iter().filter(|(name, _)| list.iter().all(|(other, _)| other != name)).collect();
        lines(&[&kept[..], list].concat())
    }

    fn error(list: &[(&str, &str)]) -> Option<Malformed> {
        Forwarded::parse(Headers::new(&request(list)), false).err()
    }

    #[test]
    fn each_of_the_four_must_be_there_once_and_readable() {
        assert_eq!(error(&[]), None);
        for (name, value) in BASE {
            let without: Vec<_> = BASE.into_iter().filter(|(other, _)| *other != name).collect();
            assert!(
                matches!(Forwarded::parse(Headers::new(&lines(&without)), false), Err(Malformed::Missing(_))),
                "{name}"
            );
            assert!(matches!(error(&[(name, value), (name, value)]), Some(Malformed::Repeated(_))), "{name}");
        }
        for (name, value) in [
            ("x-forwarded-method", "G T"),
            ("x-forwarded-method", ""),
            ("x-forwarded-method", "GET, POST"),
            ("x-forwarded-proto", "ftp"),
            ("x-forwarded-proto", "https, http"),
            ("x-forwarded-host", "a b"),
            ("x-forwarded-host", "app.example.com, evil.example"),
            ("x-forwarded-host", "app.example.com/x"),
            ("x-forwarded-host", "user@app.example.com"),
            ("x-forwarded-host", "appé.example.com"),
            ("x-forwarded-uri", ""),
            ("x-forwarded-uri", "http:evil.example/"),
        ] {
            assert!(error(&[(name, value)]).is_some(), "{name}: {value}");
        }
        assert_eq!(
            error(&[("authorization", "a"), ("Authorization", "b")]),
            Some(Malformed::Repeated("Authorization"))
        );
        let twice = [("x-forwarded-host", "app.example.com"), ("X-Forwarded-Host", "b.example.com")];
        assert_eq!(error(&twice), Some(Malformed::Repeated("X-Forwarded-Host")));
    }

    #[test]
    fn plain_http_is_for_development_alone() {
        let plain = request(&[("x-forwarded-proto", "http")]);
        assert_eq!(Forwarded::parse(Headers::new(&plain), false).err(), Some(Malformed::PlainHttp));
        assert_eq!(Forwarded::parse(Headers::new(&plain), true).map(|f| f.scheme).ok(), Some(Scheme::Http));
        assert_eq!(error(&[("x-forwarded-proto", "wss")]), None);
    }

    #[test]
    fn every_alias_of_an_identity_or_forwarded_header_is_refused_and_the_exact_name_passes() {
        for header in IDENTITY_HEADERS.iter().chain(&FORWARDED_HEADERS).filter(|name| name.contains('-')) {
            if !header.starts_with("x-forwarded") {
                assert_eq!(error(&[(header, "v")]), None, "{header}");
            }
            for byte in "!#$%&'*+.^_`|~".chars() {
                let all = header.replace('-', &byte.to_string());
                let first = header.replacen('-', &byte.to_string(), 1);
                for alias in [all.to_ascii_uppercase(), all, first] {
                    assert_eq!(error(&[(alias.as_str(), "v")]), Some(Malformed::Alias(header)), "{alias}");
                }
            }
        }
        for harmless in ["x_user_emails", "x-user-email-x", "xuseremail", "x_user", "x_request_id"] {
            assert_eq!(error(&[(harmless, "v")]), None, "{harmless}");
        }
    }

    fn kind(list: &[(&str, &str)]) -> RequestKind {
        Forwarded::parse(Headers::new(&request(list)), false).expect("a request").kind()
    }

    #[test]
    fn only_what_a_person_looks_at_is_a_navigation() {
        let navigate = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        assert_eq!(kind(&navigate), RequestKind::Navigation);
        assert_eq!(
            kind(&[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "empty")]),
            RequestKind::Navigation
        );
        assert_eq!(kind(&[("accept", "text/html,*/*;q=0.8")]), RequestKind::Navigation);
        let other: [&[(&str, &str)]; 9] = [
            &[],
            &[("accept", "*/*")],
            &[("accept", "text/event-stream")],
            &[("accept", "text/html"), ("x-requested-with", "XMLHttpRequest")],
            &[("accept", "text/html"), ("sec-websocket-key", "x")],
            &[("accept", "text/html"), ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
            &[("accept", "text/html"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
            &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
            &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("sec-purpose", "prefetch")],
        ];
        for list in other {
            assert_eq!(kind(list), RequestKind::Other, "{list:?}");
        }
        for method in ["POST", "OPTIONS", "PUT", "get"] {
            let list = [navigate[0], navigate[1], ("x-forwarded-method", method)];
            assert_eq!(kind(&list), RequestKind::Other, "{method}");
        }
    }

    #[test]
    fn a_change_counts_only_from_the_hosts_own_pages_or_an_allowed_origin() {
        let own: Origin = "https://app.example.com".parse().expect("an origin");
        let allowed = ["https://admin.example.com".parse().expect("an origin")];
        let is_cross = |list: &[(&str, &str)]| {
            Forwarded::parse(Headers::new(&request(list)), false)
                .expect("a request")
                .is_cross_origin(&own, &allowed)
        };
        let post = ("x-forwarded-method", "POST");
        for (list, cross) in [
            (&[post][..], false),
            (&[post, ("sec-fetch-site", "same-origin")], false),
            (&[post, ("sec-fetch-site", "none")], false),
            (&[post, ("sec-fetch-site", "same-site")], true),
            (&[post, ("sec-fetch-site", "cross-site")], true),
            (&[post, ("sec-fetch-site", "cross-site"), ("origin", "https://admin.example.com")], false),
            (&[post, ("sec-fetch-site", "same-site"), ("origin", "https://app.example.com")], true),
            (&[post, ("origin", "https://app.example.com")], false),
            (&[post, ("origin", "https://app.example.com:8443")], true),
            (&[post, ("origin", "http://app.example.com")], true),
            (&[post, ("origin", "null")], true),
            (&[post, ("origin", "é")], true),
            (&[("origin", "https://evil.example")], false),
            (&[("sec-websocket-key", "x"), ("origin", "https://evil.example")], true),
            (&[("sec-websocket-key", "x"), ("origin", "https://app.example.com")], false),
            (&[("x-forwarded-method", "FOO"), ("origin", "https://evil.example")], true),
        ] {
            assert_eq!(is_cross(list), cross, "{list:?}");
        }
    }

    #[test]
    fn the_client_is_the_last_of_the_list() {
        let request =
            request(&[("x-forwarded-for", "1.1.1.1, 2.2.2.2"), ("x-forwarded-for", "3.3.3.3,2001:db8::1")]);
        let address = Forwarded::parse(Headers::new(&request), false).expect("a request").client_address();
        assert_eq!(address, "2001:db8::1".parse().ok());
    }

    #[test]
    fn a_return_address_stays_on_its_host() {
        let at = |uri: &str| {
            let request = request(&[("x-forwarded-uri", uri)]);
            Forwarded::parse(Headers::new(&request), false).expect("a request").return_uri().to_owned()
        };
        assert_eq!(at("/deep?x=1&y=%2F//z"), "/deep?x=1&y=%2F//z");
        let long = format!("/{}", "a".repeat(2_000));
        for uri in [
            "//evil.example",
            "/\\evil.example",
            "/a\\b",
            "/a#b",
            "/a b",
            "/é",
            "*",
            "/.gatepost/enter?t=1",
            "/./.gatepost/logout",
            "/x/../.gatepost/logout",
            "/%2e/.gatepost/logout",
            &long,
        ] {
            assert_eq!(at(uri), "/", "{uri}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_client_sends_the_browser_ends_on_the_configured_origin(uri in "/[\\PC\\x00-\\x7f]{0,60}") {
            let uri = if is_return_uri(&uri) { uri.as_str() } else { "/" };
            let address = Url::parse(&format!("https://app.example.com{uri}")).expect("an address");
            prop_assert_eq!(address.origin().ascii_serialization(), "https://app.example.com");
            let relative = Url::parse("https://auth.example.com/").expect("an address").join(uri).expect("an address");
            prop_assert_eq!(relative.origin().ascii_serialization(), "https://auth.example.com");
        }

        #[test]
        fn parsing_never_panics(name in "[a-z_.-]{1,20}", value: Vec<u8>, host in "\\PC*", uri in "\\PC*") {
            let (host, uri) = (host.as_str(), uri.as_str());
            let mut lines = request(&[("x-forwarded-host", host), ("x-forwarded-uri", uri)]);
            lines.push(Line { name: &name, value: &value });
            if let Ok(forwarded) = Forwarded::parse(Headers::new(&lines), true) {
                let _ = (forwarded.kind(), forwarded.return_uri(), forwarded.reserved(), forwarded.client_address());
            }
        }
    }
}
