//! Removes secrets from the values of headers. A value is shown in full only if its header is known to contain no
//! secret. Any other header may contain a session or a token, so only its length is shown.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// The headers whose values are shown. Headers with a path or a query are left out on purpose.
const SHOWN_HEADERS: [&str; 43] = [
    "x-user-email",
    "x-user-groups",
    "x-user-groups-truncated",
    "x-user-admin",
    "x-user-id",
    "x-user-name",
    "x-user-tenants",
    "x-user-role",
    "x-tenant-id",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-method",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
    "forwarded",
    "via",
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "dnt",
    "host",
    "origin",
    "pragma",
    "priority",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "sec-gpc",
    "te",
    "transfer-encoding",
    "upgrade-insecure-requests",
    "user-agent",
];
/// The authentication schemes that are shown, from IANA's registry. Any other word may be the secret itself.
const SCHEMES: [&str; 6] = ["Basic", "Bearer", "Digest", "DPoP", "HOBA", "Negotiate"];

/// A piece of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text that is shown.
    Plain(String),
    /// Text that is not shown.
    Redacted {
        /// The cookie's name or the authentication scheme.
        name: Option<String>,
        /// The length in bytes.
        length: usize,
    },
}

impl Part {
    fn redacted(name: Option<&str>, value: &str) -> Self {
        Self::Redacted { name: name.map(str::to_owned), length: value.len() }
    }
}

/// The text in place of a redacted value.
pub fn describe_redacted(length: usize) -> String {
    let bytes = if length == 1 { "byte" } else { "bytes" };
    format!("{length} {bytes}, hidden")
}

/// Splits a value into shown and redacted parts. The name is in lower case.
pub(super) fn redact(name: &str, value: &[u8]) -> Vec<Part> {
    let text = String::from_utf8_lossy(value);
    match name {
        "cookie" => text.split(';').map(str::trim).filter(|pair| !pair.is_empty()).map(cookie).collect(),
        "authorization" => vec![authorization(&text)],
        "x-user-assertion" => assertion(&text).unwrap_or_else(|| vec![Part::redacted(None, &text)]),
        _ if SHOWN_HEADERS.contains(&name) => vec![Part::Plain(text.into_owned())],
        _ => vec![Part::Redacted { name: None, length: value.len() }],
    }
}

fn cookie(pair: &str) -> Part {
    pair.split_once('=')
        .map_or_else(|| Part::redacted(None, pair), |(name, value)| Part::redacted(Some(name.trim()), value))
}

fn authorization(text: &str) -> Part {
    let known = |scheme: &&str| SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme));
    match text.split_once(' ').filter(|(scheme, _)| known(scheme)) {
        Some((scheme, rest)) => Part::redacted(Some(scheme), rest),
        None => Part::redacted(None, text),
    }
}

/// Shows the token's header and claims. Without the signature they are no credential.
fn assertion(token: &str) -> Option<Vec<Part>> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let decode = |segment| -> Option<Map<String, Value>> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).ok()?).ok()
    };
    let members = decode(header)?.into_iter().chain(decode(claims)?);
    let shown = members.map(|(name, value)| Part::Plain(format!("{name}: {value}")));
    Some(shown.chain([Part::redacted(Some("signature"), signature)]).collect())
}
