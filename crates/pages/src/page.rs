//! A rendered answer, and the choice between HTML and JSON.

use super::policy;
use super::style::STYLE;

/// A complete answer: the handler copies status, headers and body (for HEAD without the body).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The HTTP status.
    pub status: u16,
    /// All headers of the page, including `Content-Type` and the security headers; no cookie.
    pub headers: Vec<(&'static str, String)>,
    /// The body, in UTF-8.
    pub body: String,
}

impl Page {
    /// A page of the public host. `form_targets` are further origins to which a form may redirect.
    pub(super) fn public(status: u16, body: String, form_targets: &[&str]) -> Self {
        let content_security_policy = policy::public_content_security_policy(form_targets);
        Self { status, headers: headers(&policy::PUBLIC_HEADERS, HTML, content_security_policy), body }
    }

    /// A page on a protected host's own origin, with the hash of the style sheet in it. With `form_targets` it has a form,
    /// which under `no-referrer` would send `Origin: null` (Fetch section 3.1).
    pub(super) fn gate(status: u16, body: String, (style, form_targets): (&str, &[&str])) -> Self {
        let content_security_policy = policy::gate_content_security_policy(style, form_targets);
        let page =
            Self { status, headers: headers(&policy::GATE_HEADERS, HTML, content_security_policy), body };
        if form_targets.is_empty() { page } else { page.with("Referrer-Policy", "same-origin".to_owned()) }
    }

    /// JSON on a protected host's own origin.
    pub(super) fn json(status: u16, body: &serde_json::Value) -> Self {
        let content_security_policy = policy::gate_content_security_policy(&STYLE.csp_hash, &[]);
        let headers = headers(&policy::GATE_HEADERS, "application/json", content_security_policy);
        Self { status, headers, body: body.to_string() }
    }

    /// Sets a header of the page.
    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.retain(|(present, _)| *present != name);
        self.headers.push((name, value));
        self
    }

    /// Returns a header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(present, _)| present.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

const HTML: &str = "text/html; charset=utf-8";

fn headers(
    fixed: &[(&'static str, &'static str)],
    media_type: &str,
    csp: String,
) -> Vec<(&'static str, String)> {
    let mut headers: Vec<_> = fixed.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    headers.push(("Content-Security-Policy", csp));
    headers.push(("Content-Type", media_type.to_owned()));
    headers
}

/// The format of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// HTML, for people.
    Html,
    /// JSON, for programs.
    Json,
}

impl Format {
    /// JSON if `accept` prefers it to HTML by name, or if the request is no navigation and does not name HTML: a
    /// `fetch` sends `*/*`. `accept` has every `Accept` line, joined by commas (RFC 9110 section 12.5.1).
    pub fn choose(accept: &str, is_navigation: bool) -> Self {
        let html = quality(accept, "text/html");
        let json = quality(accept, "application/json");
        match (html, json) {
            (html, Some(json)) if json > html.unwrap_or(0) => Self::Json,
            (Some(_), _) => Self::Html,
            (None, _) if is_navigation => Self::Html,
            (None, _) => Self::Json,
        }
    }
}

/// The `q` of a media type that is named literally, in thousandths; `None` if it is missing or 0.
pub fn quality(accept: &str, media_type: &str) -> Option<u16> {
    let weight = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        parts.next().filter(|name| name.eq_ignore_ascii_case(media_type))?;
        let q = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        Some(q.map_or(1000, thousandths)).filter(|q| *q > 0)
    };
    accept.split(',').filter_map(weight).max()
}

/// `0.5` is 500; text that is no number between 0 and 1 is 0.
fn thousandths(q: &str) -> u16 {
    let (whole, fraction) = q.split_once('.').unwrap_or((q, ""));
    let fraction = format!("{fraction:0<3}");
    match (whole, fraction.parse()) {
        ("0", Ok(fraction)) if fraction < 1000 => fraction,
        ("1", Ok(0)) => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_html_and_a_program_json() {
        let chromium = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
        for (accept, is_navigation, format) in [
            (chromium, true, Format::Html),
            (chromium, false, Format::Html),
            ("", true, Format::Html),
            ("*/*", true, Format::Html),
            ("", false, Format::Json),
            ("*/*", false, Format::Json),
            ("image/avif,image/webp,*/*;q=0.8", false, Format::Json),
            ("application/json", true, Format::Json),
            ("Application/JSON; q=0.9, text/html;q=0.8", true, Format::Json),
            ("application/json;q=0.5, text/html", false, Format::Html),
            ("application/json;q=0, text/html;q=0.1", false, Format::Html),
            ("text/html;q=0", false, Format::Json),
            ("application/json, text/html", true, Format::Html),
        ] {
            assert_eq!(Format::choose(accept, is_navigation), format, "{accept} {is_navigation}");
        }
    }

    #[test]
    fn a_weight_is_read_as_rfc_9110_writes_it() {
        for (q, want) in [
            ("1", 1000),
            ("1.0", 1000),
            ("0.5", 500),
            ("0.125", 125),
            ("0", 0),
            ("2", 0),
            ("", 0),
            ("0.x", 0),
            ("0.12345", 0),
        ] {
            assert_eq!(thousandths(q), want, "{q}");
        }
    }
}
