//! What a proxy says about the client's request.
//!
//! Traefik and Caddy use `X-Forwarded-*`. nginx uses `X-Original-URL`, which is absolute, `X-Original-Method` and
//! `X-Original-For`; what a client writes into `X-Forwarded-*` means nothing then.

use super::malformed::Malformed;
use super::single::SingleHeaders;

/// What the proxy says about the request, each part with the header that says it.
pub(super) struct Described<'a> {
    pub(super) method: (&'a [u8], &'static str),
    pub(super) scheme: (&'a [u8], &'static str),
    pub(super) host: (&'a [u8], &'static str),
    /// Path and query.
    pub(super) uri: (&'a [u8], &'static str),
}

impl<'a> Described<'a> {
    /// From the four headers `X-Forwarded-*`.
    pub(super) fn forwarded(found: &SingleHeaders<'a>) -> Result<Self, Malformed> {
        const METHOD: &str = "X-Forwarded-Method";
        const PROTO: &str = "X-Forwarded-Proto";
        const HOST: &str = "X-Forwarded-Host";
        const URI: &str = "X-Forwarded-Uri";
        Ok(Self {
            method: (found.method.once(METHOD)?, METHOD),
            scheme: (found.proto.once(PROTO)?, PROTO),
            host: (found.host.once(HOST)?, HOST),
            uri: (found.uri.once(URI)?, URI),
        })
    }

    /// From `X-Original-*`. The address of the client may be missing, as in `X-Forwarded-For`.
    ///
    /// # Errors
    /// [`Malformed`]: one of the first two is missing, one of the three is repeated, or the address is not absolute.
    pub(super) fn original(found: &SingleHeaders<'a>) -> Result<Self, Malformed> {
        const URL: &str = "X-Original-URL";
        const METHOD: &str = "X-Original-Method";
        const CLIENT: &str = "X-Original-For";
        if found.client.is_repeated {
            return Err(Malformed::Repeated(CLIENT));
        }
        let method = found.original_method.once(METHOD)?;
        let (scheme, host, uri) = split(found.url.once(URL)?).ok_or(Malformed::Unreadable(URL))?;
        Ok(Self { method: (method, METHOD), scheme: (scheme, URL), host: (host, URL), uri: (uri, URL) })
    }
}

/// Scheme, authority, and path with query, which is as the client wrote it. nginx passes no address with a space on: one with a
/// space may be two in one line.
fn split(url: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    if url.contains(&b' ') {
        return None;
    }
    let colon = url.iter().position(|byte| *byte == b':')?;
    let rest = url[colon..].strip_prefix(b"://")?;
    let slash = rest.iter().position(|byte| *byte == b'/')?;
    Some((&url[..colon], &rest[..slash], &rest[slash..]))
}

#[cfg(test)]
mod tests {
    use super::super::testing::map;
    use super::super::{AuthProtocol, Forwarded, Malformed};
    use gatepost_core::host::Scheme;
    use gatepost_runtime::headers::Headers;

    const BASE: [(&str, &str); 3] = [
        ("x-original-url", "https://app.example.com:8443/a?b=//c"),
        ("x-original-method", "POST"),
        ("x-original-for", "203.0.113.9"),
    ];

    fn error(list: &[(&str, &str)]) -> Option<Malformed> {
        Forwarded::parse_as(AuthProtocol::AuthRequest, Headers::new(&map(list)), false).err()
    }

    /// The request of [`BASE`] with another value of one header.
    fn with(name: &str, value: &str) -> Option<Malformed> {
        let list: Vec<_> =
            BASE.iter().map(|(own, text)| (*own, if *own == name { value } else { *text })).collect();
        error(&list)
    }

    #[test]
    fn the_request_is_the_one_of_the_address_whatever_the_client_forwards() {
        let forged = [
            ("x-forwarded-host", "other.example.com"),
            ("x-forwarded-uri", "/else"),
            ("x-forwarded-method", "GET"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-for", "192.0.2.2"),
        ];
        let headers = map(&[&BASE[..], &forged].concat());
        let read = Forwarded::parse_as(AuthProtocol::AuthRequest, Headers::new(&headers), false);
        let read = read.expect("a request");
        assert_eq!(
            (read.host.as_str(), read.scheme, read.method()),
            ("app.example.com", Scheme::Https, "POST")
        );
        assert_eq!((read.path(), read.return_uri()), (&b"/a"[..], "/a?b=//c"));
        assert_eq!(read.client_address(), "203.0.113.9".parse().ok());
        assert_eq!(
            Forwarded::parse(Headers::new(&map(&BASE)), false).err(),
            Some(Malformed::Missing("X-Forwarded-Method")),
            "Traefik describes it otherwise"
        );
    }

    #[test]
    fn each_is_there_once_and_readable() {
        assert_eq!(error(&BASE), None);
        assert_eq!(error(&BASE[..2]), None, "the client's address is for logs and limits alone");
        assert_eq!(error(&BASE[1..]), Some(Malformed::Missing("X-Original-URL")));
        assert_eq!(error(&[BASE[0], BASE[2]]), Some(Malformed::Missing("X-Original-Method")));
        for (header, name) in BASE.iter().zip(["X-Original-URL", "X-Original-Method", "X-Original-For"]) {
            let twice = [&BASE[..], &[*header]].concat();
            assert_eq!(error(&twice), Some(Malformed::Repeated(name)));
        }
        for url in [
            "",
            "/a",
            "app.example.com/a",
            "//app.example.com/a",
            "https:/app.example.com/a",
            "https://app.example.com",
            "https://app.example.com?a=/b",
            "https://app.example.com*",
            "https:///a",
            "https://user@app.example.com/",
            "https://app.example.com:x/",
            "https://app.example.com, https://b.example.com/",
            "https://app.example.com/, https://b.example.com/",
            "https://a b/",
            "https://app\u{e9}.example.com/",
            "ftp://app.example.com/",
            "HTTPS://app.example.com/",
            "://app.example.com/",
        ] {
            assert_eq!(with("x-original-url", url), Some(Malformed::Unreadable("X-Original-URL")), "{url}");
        }
        for method in ["", "G T", "GET, POST"] {
            let wanted = Some(Malformed::Unreadable("X-Original-Method"));
            assert_eq!(with("x-original-method", method), wanted, "{method}");
        }
        assert_eq!(with("x-original-url", "http://app.example.com/"), Some(Malformed::PlainHttp));
    }

    #[test]
    fn an_unreadable_address_of_the_client_is_none() {
        for text in ["", "unix:", "203.0.113.9:80"] {
            let headers = map(&[BASE[0], BASE[1], ("x-original-for", text)]);
            let read = Forwarded::parse_as(AuthProtocol::AuthRequest, Headers::new(&headers), false);
            assert_eq!(read.expect("a request").client_address(), None, "{text}");
        }
    }
}
