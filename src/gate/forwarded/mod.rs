//! The client's request as the proxy describes it, parsed strictly: in `X-Forwarded-*`, or in `X-Original-*` as nginx does.
//! [`fetch_metadata`] reads its kind and its origin.
//!
//! Other headers are only compared with the names in [`gatepost_core::header_names`].

mod described;
mod fetch_metadata;
mod malformed;
mod single;

pub use fetch_metadata::RequestKind;
pub use malformed::Malformed;

use described::Described;
use gatepost_core::host::{HostName, Scheme};
use gatepost_core::return_uri::{RESERVED, is_return_uri};
use gatepost_runtime::headers::{self, Headers};
use hyper::header::{ACCEPT, AUTHORIZATION, COOKIE, HeaderValue};
use single::SingleHeaders;

/// How a proxy asks about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthProtocol {
    /// Traefik's `ForwardAuth` and Caddy's `forward_auth`: `X-Forwarded-*`, and the client gets every answer but 200.
    ForwardAuth,
    /// `auth_request` of nginx: `X-Original-*`, and nginx itself answers the client.
    AuthRequest,
}

/// The client's request as the proxy describes it.
#[derive(Debug)]
pub struct Forwarded<'a> {
    /// The requested host.
    pub host: HostName,
    /// Whether the client used HTTPS.
    pub scheme: Scheme,
    method: &'a str,
    uri: &'a [u8],
    authorization: Option<&'a [u8]>,
    own_key: Option<&'a [u8]>,
    headers: Headers<'a>,
    protocol: AuthProtocol,
}

impl<'a> Forwarded<'a> {
    /// Parses the headers that Traefik or Caddy sent.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(headers: Headers<'a>, is_development: bool) -> Result<Self, Malformed> {
        Self::parse_as(AuthProtocol::ForwardAuth, headers, is_development)
    }

    /// Parses the headers that a proxy sent by this protocol.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse_as(
        protocol: AuthProtocol,
        headers: Headers<'a>,
        is_development: bool,
    ) -> Result<Self, Malformed> {
        let found = SingleHeaders::find(headers)?;
        if found.authorization.is_repeated {
            return Err(Malformed::Repeated("Authorization"));
        }
        if found.key.is_repeated {
            return Err(Malformed::Repeated("X-Gatepost-Key"));
        }
        let Described { method, scheme, host, uri } = match protocol {
            AuthProtocol::ForwardAuth => Described::forwarded(&found)?,
            AuthProtocol::AuthRequest => Described::original(&found)?,
        };
        let ((method, method_name), (uri, uri_name)) = ((text(method)?, method.1), uri);
        if method.is_empty() || !method.bytes().all(is_token) {
            return Err(Malformed::Unreadable(method_name));
        }
        if !uri.starts_with(b"/") && uri != b"*" {
            return Err(Malformed::Unreadable(uri_name));
        }
        let scheme = match text(scheme)? {
            "https" | "wss" => Scheme::Https,
            "http" | "ws" if is_development => Scheme::Http,
            "http" | "ws" => return Err(Malformed::PlainHttp),
            _ => return Err(Malformed::Unreadable(scheme.1)),
        };
        Ok(Self {
            host: text(host)?.parse().map_err(|_| Malformed::Unreadable(host.1))?,
            scheme,
            method,
            uri,
            authorization: found.authorization.value,
            own_key: found.key.value,
            headers,
            protocol,
        })
    }

    /// How the proxy asks.
    pub const fn protocol(&self) -> AuthProtocol {
        self.protocol
    }

    /// The client's method, as it was sent.
    pub const fn method(&self) -> &'a str {
        self.method
    }

    /// Whether the answer must not have a body.
    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// Path and query below [`RESERVED`], if the request is for an endpoint of Gatepost.
    pub fn gate_endpoint(&self) -> Option<(&'a str, &'a str)> {
        let rest = self.uri.strip_prefix(RESERVED.as_bytes())?;
        // Bytes that are not UTF-8 match no endpoint, but the request must not reach the application either.
        let rest = std::str::from_utf8(rest).unwrap_or_default();
        Some(rest.split_once('?').unwrap_or((rest, "")))
    }

    /// The path without its query, which may contain a secret. `*` for the server as a whole.
    pub fn path(&self) -> &'a [u8] {
        self.uri.split(|byte| *byte == b'?').next().unwrap_or_default()
    }

    /// Path and query to return to after a sign-in. `/` if the client's might lead to another host.
    pub fn return_uri(&self) -> &'a str {
        std::str::from_utf8(self.uri).ok().filter(|uri| is_return_uri(uri)).unwrap_or("/")
    }

    /// The length of path and query in bytes.
    pub const fn uri_length(&self) -> usize {
        self.uri.len()
    }

    /// All `Accept` headers, joined.
    pub fn accept(&self) -> String {
        self.headers.joined(ACCEPT)
    }

    /// The client's address as the proxy saw it. Only for logs and limits.
    pub fn client_address(&self) -> Option<std::net::IpAddr> {
        let header = match self.protocol {
            AuthProtocol::ForwardAuth => "x-forwarded-for",
            AuthProtocol::AuthRequest => "x-original-for",
        };
        let last = self.headers.all(header).last().and_then(headers::text)?;
        last.rsplit(',').next()?.trim().parse().ok()
    }

    /// All `Cookie` headers.
    pub fn cookies(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.headers.all(COOKIE)
    }

    /// The headers of the request itself.
    pub const fn headers(&self) -> Headers<'a> {
        self.headers
    }

    /// The token of `Authorization: Bearer` (RFC 6750 section 2.1), which need not be text.
    pub fn bearer_token(&self) -> Option<&'a [u8]> {
        headers::bearer_token(self.authorization?)
    }

    /// `X-Gatepost-Key`, which need not be text.
    pub const fn own_key(&self) -> Option<&'a [u8]> {
        self.own_key
    }

    /// The values of a header, which need not be text.
    pub fn lines_of<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.headers.all(name)
    }

    /// The client's `Authorization`.
    pub fn authorization(&self) -> Option<&'a HeaderValue> {
        self.headers.value(AUTHORIZATION)
    }
}

fn text<'a>((value, name): (&'a [u8], &'static str)) -> Result<&'a str, Malformed> {
    headers::text(value).ok_or(Malformed::Unreadable(name))
}

/// Whether a byte may occur in a token (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod testing {
    //! Requests as the proxy describes them.

    use super::{Forwarded, Malformed};
    use gatepost_runtime::headers::Headers;
    use hyper::HeaderMap;
    use hyper::header::{HeaderName, HeaderValue};

    pub const BASE: [(&str, &str); 4] = [
        ("x-forwarded-method", "GET"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "app.example.com"),
        ("x-forwarded-uri", "/a?b=1"),
    ];

    pub fn map(list: &[(&str, &str)]) -> HeaderMap {
        let name = |name: &str| HeaderName::from_bytes(name.as_bytes()).expect("a name");
        let value = |value: &str| HeaderValue::from_bytes(value.as_bytes()).expect("a value");
        let mut map = HeaderMap::new();
        for (at, text) in list {
            map.append(name(at), value(text));
        }
        map
    }

    /// The base request with these headers in place of its own.
    pub fn request(list: &[(&str, &str)]) -> HeaderMap {
        let kept: Vec<_> =
            BASE.into_iter().filter(|(name, _)| list.iter().all(|(other, _)| other != name)).collect();
        map(&[&kept[..], list].concat())
    }

    pub fn error(list: &[(&str, &str)]) -> Option<Malformed> {
        Forwarded::parse(Headers::new(&request(list)), false).err()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{BASE, error, map, request};
    use super::*;
    use hyper::header::HeaderName;
    use proptest::prelude::*;
    use url::Url;

    #[test]
    fn each_of_the_four_must_be_there_once_and_readable() {
        assert_eq!(error(&[]), None);
        for (name, value) in BASE {
            let without: Vec<_> = BASE.into_iter().filter(|(other, _)| *other != name).collect();
            assert!(
                matches!(Forwarded::parse(Headers::new(&map(&without)), false), Err(Malformed::Missing(_))),
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
            let mut headers = request(&[("x-forwarded-host", host), ("x-forwarded-uri", uri)]);
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(&value)) {
                headers.append(name, value);
            }
            if let Ok(forwarded) = Forwarded::parse(Headers::new(&headers), true) {
                let _ = (forwarded.kind(), forwarded.return_uri(), forwarded.gate_endpoint(), forwarded.client_address());
            }
        }
    }
}
