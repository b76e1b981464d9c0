//! How a request was asked, as far as its answer depends on it; and a refusal of somebody signed in, as it is kept for
//! whoever has to explain it.

use super::clock::Timestamp;
use super::decision::Missing;
use super::email::EmailAddress;
use super::host::Origin;
use super::ids::{RequestId, UserId};
use serde::Serialize;
use std::fmt;
use std::net::IpAddr;

/// The kinds of request that are answered differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AskedKind {
    /// A page that somebody looks at.
    Navigation,
    /// Anything that a page or a program fetches.
    Fetch,
    /// The start of a WebSocket.
    Websocket,
}

impl AskedKind {
    /// The kind's name in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Navigation => "navigation",
            Self::Fetch => "fetch",
            Self::Websocket => "websocket",
        }
    }

    /// The kind of this name; tables hold no other.
    pub fn from_column(text: &str) -> Self {
        match text {
            "navigation" => Self::Navigation,
            "websocket" => Self::Websocket,
            _ => Self::Fetch,
        }
    }
}

/// Does a person look at the page that comes back, by the word of `Sec-Fetch-Mode` and `Sec-Fetch-Dest`? `None`: the
/// browser says nothing about it. A service worker re-sends navigations with an empty destination.
pub fn is_navigation(mode: Option<&str>, destination: Option<&str>) -> Option<bool> {
    match (mode, destination) {
        (None, None) => None,
        (Some("navigate"), Some("document" | "empty")) => Some(true),
        _ => Some(false),
    }
}

/// Does nobody look at the page yet, because the browser loads it in advance or shows its picture? `header` gives the
/// first value of a name. Browsers without `Sec-Purpose` say so with names of their own.
pub fn is_in_advance<'a>(header: impl Fn(&'static str) -> Option<&'a [u8]>) -> bool {
    const OLDER: [&str; 3] = ["purpose", "x-purpose", "x-moz"];
    let says_so = |value: &[u8]| {
        let value = value.to_ascii_lowercase();
        let holds = |word: &[u8]| value.windows(word.len()).any(|part| part == word);
        holds(b"prefetch") || holds(b"prerender") || holds(b"preview")
    };
    header("sec-purpose").is_some() || OLDER.into_iter().filter_map(header).any(says_so)
}

/// Whose page makes the browser ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asker {
    /// The host's own, or the person directly.
    Own,
    /// Another origin's.
    Page(Origin),
    /// Another origin's that the browser does not name.
    Unnamed,
}

impl Asker {
    /// Whoever an `Origin` header of this value names: what is no origin is somebody's all the same.
    pub fn named_by(origin: &str) -> Self {
        origin.parse().map_or(Self::Unnamed, Self::Page)
    }

    /// As an `Origin` header would say it; `None` for [`Self::Own`].
    pub fn named(&self) -> Option<String> {
        match self {
            Self::Own => None,
            Self::Page(_) | Self::Unnamed => Some(self.to_string()),
        }
    }
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("own"),
            Self::Page(origin) => origin.fmt(f),
            Self::Unnamed => f.write_str("null"),
        }
    }
}

/// A request of somebody signed in that was refused. It holds no secret: no cookie, no query of the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The id that the person reads and the log line has.
    pub request_id: RequestId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub user: UserId,
    /// Their address then.
    pub email: Option<EmailAddress>,
    /// The protected host.
    pub host: String,
    /// The method.
    pub method: String,
    /// The path, perhaps cut, without its query.
    pub path: String,
    /// What kind of request it was.
    pub kind: AskedKind,
    /// Whose page asked.
    pub asker: Asker,
    /// The query of the middleware's address.
    pub requirement: String,
    /// The status of the answer.
    pub status: u16,
    /// The word for why, as in metrics.
    pub reason: String,
    /// What was missing.
    pub missing: Option<Missing>,
    /// The client's address as the proxy saw it.
    pub address: Option<IpAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_loaded_in_advance_is_told_by_every_name_that_browsers_use() {
        let is = |name: &'static str, value: &'static str| {
            is_in_advance(|asked| (asked == name).then_some(value.as_bytes()))
        };
        for (name, value) in [
            ("sec-purpose", "prefetch"),
            ("sec-purpose", "prefetch;prerender"),
            ("sec-purpose", "what comes next"),
            ("purpose", "prefetch"),
            ("purpose", "Prefetch"),
            ("x-purpose", "preview"),
            ("x-purpose", "instant, preview"),
            ("x-moz", "prefetch"),
        ] {
            assert!(is(name, value), "{name}: {value}");
        }
        for (name, value) in [("purpose", ""), ("purpose", "billing"), ("x-moz", "1"), ("accept", "prefetch")]
        {
            assert!(!is(name, value), "{name}: {value}");
        }
    }

    #[test]
    fn a_navigation_is_one_of_the_whole_window() {
        for (mode, destination, is) in [
            (Some("navigate"), Some("document"), Some(true)),
            (Some("navigate"), Some("empty"), Some(true)),
            (Some("navigate"), Some("iframe"), Some(false)),
            (Some("navigate"), None, Some(false)),
            (Some("no-cors"), Some("image"), Some(false)),
            (Some("cors"), Some("empty"), Some(false)),
            (None, Some("document"), Some(false)),
            (None, None, None),
        ] {
            assert_eq!(is_navigation(mode, destination), is, "{mode:?} {destination:?}");
        }
    }
}
