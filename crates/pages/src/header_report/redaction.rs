//! Removes secrets from the values of headers. A value is shown in full only if its header is known to contain no
//! secret. Any other header may contain a session or a token, so only its length is shown.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// The headers whose values are shown. Headers with a path or a query are left out on purpose.
const SHOWN_HEADERS: [&str; 45] = [
    "x-user-email",
    "x-user-groups",
    "x-user-groups-truncated",
    "x-user-admin",
    "x-user-id",
    "x-user-name",
    "x-user-tenants",
    "x-user-role",
    "x-tenant-id",
    "x-user-via",
    "x-user-tools",
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever a header is called, only the harmless ones are shown.
    #[test]
    fn nothing_that_could_be_a_secret_is_shown() {
        let secret = "s3cr3t-0123456789abcdef";
        for name in [
            "cookie",
            "authorization",
            "proxy-authorization",
            "x-api-key",
            "x-auth-token",
            "x-csrf-token",
            "x-amzn-oidc-data",
            "x-forwarded-access-token",
            "x-forwarded-tls-client-cert",
            "x-forwarded-uri",
            "referer",
            "x-user-assertion",
            "x_user_email",
            "x-gatepost-key",
            "sec-websocket-protocol",
            "if-none-match",
            "never-heard-of",
        ] {
            for value in [
                secret.to_owned(),
                format!("Bearer {secret}"),
                format!("a={secret}; b={secret}"),
                format!("{secret} {secret}"),
                format!("e30.e30.{secret}"),
            ] {
                let shown = format!("{:?}", redact(name, value.as_bytes()));
                assert!(!shown.contains(secret), "{name}: {shown}");
            }
        }
    }

    #[test]
    fn of_cookies_the_names_and_of_a_token_the_claims_are_shown() {
        let redacted = |name: Option<&str>, length| Part::Redacted { name: name.map(str::to_owned), length };
        let cookies = redact("cookie", b"theme=dark; ;session=a=b;bare");
        assert_eq!(cookies, [redacted(Some("theme"), 4), redacted(Some("session"), 3), redacted(None, 4)]);
        assert_eq!(redact("authorization", b"bearer abc"), [redacted(Some("bearer"), 3)]);
        assert_eq!(redact("authorization", b"abc def"), [redacted(None, 7)]);
        let token = redact("x-user-assertion", b"e30.eyJhIjoxfQ.c2ln");
        let plain = |text: &str| Part::Plain(text.to_owned());
        assert_eq!(token, [plain("a: 1"), redacted(Some("signature"), 4)]);
        assert_eq!(redact("x-user-assertion", b"abc"), [redacted(None, 3)]);
        assert_eq!(redact("user-agent", b"\xff"), [plain("\u{fffd}")]);
        assert_eq!(describe_redacted(1), "1 byte, hidden");
    }
}
