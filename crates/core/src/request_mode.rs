//! What a browser tells about a request: whether a person will see the answer, and which page caused the request.

use super::host::Origin;
use serde::Serialize;
use std::fmt;

/// The kinds of request that get different answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestMode {
    /// The browser opens a page that a person will see.
    Navigation,
    /// A page or a program fetches something.
    Fetch,
    /// A WebSocket handshake.
    Websocket,
}

impl RequestMode {
    /// The name, as the `kind` column and JSON write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Navigation => "navigation",
            Self::Fetch => "fetch",
            Self::Websocket => "websocket",
        }
    }

    /// Reads the `kind` column. An unknown name counts as [`Self::Fetch`]; the table holds none.
    pub fn from_column(text: &str) -> Self {
        match text {
            "navigation" => Self::Navigation,
            "websocket" => Self::Websocket,
            _ => Self::Fetch,
        }
    }
}

/// Whether `Sec-Fetch-Mode` and `Sec-Fetch-Dest` say that the request is a top-level navigation; `None` if the browser
/// sent neither header. A service worker repeats a navigation with the destination `empty`.
pub fn is_navigation(mode: Option<&str>, destination: Option<&str>) -> Option<bool> {
    match (mode, destination) {
        (None, None) => None,
        (Some("navigate"), Some("document" | "empty")) => Some(true),
        _ => Some(false),
    }
}

/// Whether the browser loads the page before a person asked for it, or only for a preview. `header` returns the first
/// value of a header. Browsers that do not send `Sec-Purpose` use older header names.
pub fn is_prefetch<'a>(header: impl Fn(&'static str) -> Option<&'a [u8]>) -> bool {
    const OLDER: [&str; 3] = ["purpose", "x-purpose", "x-moz"];
    let says_so = |value: &[u8]| {
        let value = value.to_ascii_lowercase();
        let holds = |word: &[u8]| value.windows(word.len()).any(|part| part == word);
        holds(b"prefetch") || holds(b"prerender") || holds(b"preview")
    };
    header("sec-purpose").is_some() || OLDER.into_iter().filter_map(header).any(says_so)
}

/// The page that made the browser send a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Initiator {
    /// A page of the requested host itself, or the person, for example with the address bar.
    Own,
    /// A page of this other origin.
    Page(Origin),
    /// A page of another origin that the browser did not name.
    Unnamed,
}

impl Initiator {
    /// The initiator that the value of an `Origin` header names. A value that is not an origin still means another
    /// page.
    pub fn from_origin_header(origin: &str) -> Self {
        origin.parse().map_or(Self::Unnamed, Self::Page)
    }

    /// The value of an `Origin` header with this meaning; `None` for [`Self::Own`].
    pub fn to_origin_header(&self) -> Option<String> {
        match self {
            Self::Own => None,
            Self::Page(_) | Self::Unnamed => Some(self.to_string()),
        }
    }
}

impl fmt::Display for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("own"),
            Self::Page(origin) => origin.fmt(f),
            Self::Unnamed => f.write_str("null"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefetch_is_recognised_by_every_header_that_browsers_use_for_it() {
        let is = |name: &'static str, value: &'static str| {
            is_prefetch(|asked| (asked == name).then_some(value.as_bytes()))
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
    fn only_a_top_level_load_is_a_navigation() {
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
