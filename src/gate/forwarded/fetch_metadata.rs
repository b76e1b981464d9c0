//! What kind of request the client sends, and which page made the browser send it. Read from Fetch Metadata and
//! `Origin`, which no page can set.

use super::Forwarded;
use gatepost_core::host::Origin;
use gatepost_core::request_mode::{self, Initiator, RequestMode};
use gatepost_runtime::headers;
use hyper::header::{HeaderName, ORIGIN, SEC_WEBSOCKET_KEY};

// As constants they are hashed and not parsed at each request.
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// Whether a person will see the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// A top-level navigation: a person sees the answer.
    Navigation,
    /// Anything else. It must not start a sign-in, because nobody would see the pages.
    Other,
}

impl Forwarded<'_> {
    /// Whether this is a navigation. Clients without Fetch Metadata are judged by `Accept` and `X-Requested-With`.
    pub fn kind(&self) -> RequestKind {
        let is_read = matches!(self.method, "GET" | "HEAD");
        let looks_like_one = || {
            self.accept().contains("text/html") && !self.headers.has(REQUESTED_WITH) && !self.is_websocket()
        };
        let (mode, destination) = (self.headers.text(MODE), self.headers.text(DESTINATION));
        let is_navigation = request_mode::is_navigation(mode, destination).unwrap_or_else(looks_like_one);
        if is_read && is_navigation && !self.is_prefetch() {
            RequestKind::Navigation
        } else {
            RequestKind::Other
        }
    }

    /// Whether a service worker fetches this navigation. Such a request has no destination of its own.
    pub fn is_by_service_worker(&self) -> bool {
        self.kind() == RequestKind::Navigation && self.headers.text(DESTINATION) == Some("empty")
    }

    fn is_prefetch(&self) -> bool {
        request_mode::is_prefetch(|name| self.headers.first(name))
    }

    /// The kind of request as refusals store it: like [`Self::kind`], with a kind of its own for a `WebSocket`.
    pub fn request_mode(&self) -> RequestMode {
        if self.is_websocket() {
            RequestMode::Websocket
        } else if self.kind() == RequestKind::Navigation {
            RequestMode::Navigation
        } else {
            RequestMode::Fetch
        }
    }

    /// The page that made the browser send the request. Named only if the request is refused as cross-origin.
    pub fn initiator(&self, own: &Origin, allowed: &[Origin]) -> Initiator {
        if self.is_cross_origin(own, allowed) {
            Initiator::from_origin_header(self.headers.text(ORIGIN).unwrap_or_default())
        } else {
            Initiator::Own
        }
    }

    /// Whether the request submits a form, which a reload would send again.
    pub fn is_form(&self) -> bool {
        self.method == "POST" && self.headers.text(MODE).is_none_or(|mode| mode == "navigate")
    }

    /// Whether a page of another origin requests a change: an unsafe method or a WebSocket that is not from the host's
    /// own pages or an allowed origin.
    pub fn is_cross_origin(&self, own: &Origin, allowed: &[Origin]) -> bool {
        (!is_safe(self.method) || self.is_websocket()) && !self.is_from(own, allowed)
    }

    /// Whether the headers name the host's own pages, an allowed origin, or the person as the initiator. Requests
    /// without both headers are accepted: every browser sends one of them with a request that could change something.
    fn is_from(&self, own: &Origin, allowed: &[Origin]) -> bool {
        let origin =
            self.headers.first(ORIGIN).map(|value| headers::text(value).and_then(|text| text.parse().ok()));
        let is_own = match self.headers.text(SITE) {
            Some(site) => matches!(site, "same-origin" | "none"),
            None => origin.as_ref().is_none_or(|origin: &Option<Origin>| origin.as_ref() == Some(own)),
        };
        is_own || origin.flatten().is_some_and(|origin| allowed.contains(&origin))
    }

    /// Whether the request was started from the host's own pages or the address bar. A request without `Sec-Fetch-Site`
    /// needs a matching `Origin`: without either header it may come from a link on another site.
    pub fn is_user_initiated(&self, own: &Origin) -> bool {
        let is_own = match self.headers.text(SITE) {
            Some(site) => matches!(site, "same-origin" | "none"),
            None => self.headers.text(ORIGIN).and_then(|text| text.parse().ok()).as_ref() == Some(own),
        };
        is_own && !self.is_prefetch()
    }

    fn is_websocket(&self) -> bool {
        self.headers.has(SEC_WEBSOCKET_KEY)
    }
}

/// Whether a method is safe (RFC 9110 section 9.2.1).
fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
}

#[cfg(test)]
mod tests {
    use super::super::testing::request;
    use super::*;
    use gatepost_runtime::headers::Headers;

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
        let other: [&[(&str, &str)]; 13] = [
            &[],
            &[("accept", "*/*")],
            &[("accept", "text/event-stream")],
            &[("accept", "text/html"), ("x-requested-with", "XMLHttpRequest")],
            &[("accept", "text/html"), ("sec-websocket-key", "x")],
            &[("accept", "text/html"), ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
            &[("accept", "text/html"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
            &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
            &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("sec-purpose", "prefetch")],
            &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("purpose", "prefetch")],
            &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("x-moz", "prefetch")],
            &[("accept", "text/html"), ("x-purpose", "preview")],
            &[("accept", "text/html"), ("purpose", "prefetch")],
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
}
