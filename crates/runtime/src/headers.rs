//! The headers of a request, read as bytes: values that the proxy forwards from its client need not be text.

use hyper::HeaderMap;
use hyper::header::{AsHeaderName, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};

/// The beginning of an `Authorization` with a bearer token.
const BEARER: &[u8] = b"bearer ";

/// The token of a value of `Authorization: Bearer` (RFC 6750 section 2.1), which need not be text.
pub fn bearer_token(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = authorization.split_at_checked(BEARER.len())?;
    scheme.eq_ignore_ascii_case(BEARER).then(|| token.trim_ascii())
}

/// All headers of one request.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a>(&'a HeaderMap);

impl<'a> Headers<'a> {
    /// Wraps a header map.
    pub const fn new(map: &'a HeaderMap) -> Self {
        Self(map)
    }

    /// Every header line: the name in lower case, and the value.
    pub fn lines(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.0.iter().map(|(name, value): (&HeaderName, _)| (name.as_str(), value.as_bytes()))
    }

    /// Whether the body is said to be of this type, in UTF-8 and without a content coding.
    pub fn is_plain(self, wanted: &str) -> bool {
        let mut types = self.all(CONTENT_TYPE);
        let (Some(sent), None) = (types.next(), types.next()) else { return false };
        if sent == wanted.as_bytes() {
            return !self.has(CONTENT_ENCODING);
        }
        let Ok(sent) = std::str::from_utf8(sent) else { return false };
        let mut parts = sent.split(';').map(str::trim);
        let is_wanted = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case(wanted));
        let is_utf8 = parts.all(|parameter| {
            parameter.is_empty()
                || parameter.eq_ignore_ascii_case("charset=utf-8")
                || parameter.eq_ignore_ascii_case("charset=\"utf-8\"")
        });
        is_wanted && is_utf8 && !self.has(CONTENT_ENCODING)
    }

    /// The first value of this name, as it can be sent on.
    pub fn value(self, name: impl AsHeaderName) -> Option<&'a HeaderValue> {
        self.0.get(name)
    }

    /// The values of this name, in the order sent.
    pub fn all(self, name: impl AsHeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.0.get_all(name).into_iter().map(HeaderValue::as_bytes)
    }

    /// The first value of this name.
    pub fn first(self, name: impl AsHeaderName) -> Option<&'a [u8]> {
        self.value(name).map(HeaderValue::as_bytes)
    }

    /// The first value of this name, if it is text.
    pub fn text(self, name: impl AsHeaderName) -> Option<&'a str> {
        self.first(name).and_then(text)
    }

    /// All values of this name that are text, joined as RFC 9110 section 5.3 allows.
    pub fn joined(self, name: impl AsHeaderName) -> String {
        self.all(name).filter_map(text).collect::<Vec<_>>().join(",")
    }

    /// Whether a header of this name is present.
    pub fn has(self, name: impl AsHeaderName) -> bool {
        self.0.contains_key(name)
    }
}

/// A value as text: visible ASCII, spaces and tabs, as RFC 9110 section 5.5 wants new fields to be.
pub fn text(value: &[u8]) -> Option<&str> {
    let is_text = value.iter().all(|byte| matches!(byte, b'\t' | 0x20..=0x7E));
    if is_text { std::str::from_utf8(value).ok() } else { None }
}
