//! What may be shown of a header's value: all of it only where the name is known to hold no secret. A session or a token
//! can stand in any other, whoever added it: of those the length is told.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// Names whose values are shown. Deliberately not: whatever carries a path or a query.
const HARMLESS: [&str; 43] = [
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
/// Authentication schemes that may be named (IANA's registry); any other word before a space may be the secret itself.
const SCHEMES: [&str; 6] = ["Basic", "Bearer", "Digest", "DPoP", "HOBA", "Negotiate"];

/// A piece of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Shown as it is.
    Plain(String),
    /// Blanked.
    Blank {
        /// What stands before it: a cookie's name, an authentication scheme.
        name: Option<String>,
        /// How many bytes.
        length: usize,
    },
}

impl Part {
    fn blank(name: Option<&str>, value: &str) -> Self {
        Self::Blank { name: name.map(str::to_owned), length: value.len() }
    }
}

/// The words for something blanked.
pub fn blanked(length: usize) -> String {
    let bytes = if length == 1 { "byte" } else { "bytes" };
    format!("{length} {bytes}, hidden")
}

/// What may be shown of a value; the name is in lower case.
pub(super) fn parts(name: &str, value: &[u8]) -> Vec<Part> {
    let text = String::from_utf8_lossy(value);
    match name {
        "cookie" => text.split(';').map(str::trim).filter(|pair| !pair.is_empty()).map(cookie).collect(),
        "authorization" => vec![authorization(&text)],
        "x-user-assertion" => assertion(&text).unwrap_or_else(|| vec![Part::blank(None, &text)]),
        _ if HARMLESS.contains(&name) => vec![Part::Plain(text.into_owned())],
        _ => vec![Part::Blank { name: None, length: value.len() }],
    }
}

fn cookie(pair: &str) -> Part {
    pair.split_once('=')
        .map_or_else(|| Part::blank(None, pair), |(name, value)| Part::blank(Some(name.trim()), value))
}

fn authorization(text: &str) -> Part {
    let known = |scheme: &&str| SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme));
    match text.split_once(' ').filter(|(scheme, _)| known(scheme)) {
        Some((scheme, rest)) => Part::blank(Some(scheme), rest),
        None => Part::blank(None, text),
    }
}

/// Header and claims; what makes it a credential is the signature.
fn assertion(token: &str) -> Option<Vec<Part>> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let decode = |segment| -> Option<Map<String, Value>> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).ok()?).ok()
    };
    let members = decode(header)?.into_iter().chain(decode(claims)?);
    let shown = members.map(|(name, value)| Part::Plain(format!("{name}: {value}")));
    Some(shown.chain([Part::blank(Some("signature"), signature)]).collect())
}
