//! The headers that an application received, and what is wrong with them.
//!
//! Guarantees: only values of headers that are known to contain no secret are shown ([`redaction`]). Each problem
//! states what to change.

mod problem;
mod redaction;

pub use problem::{HeaderProblem, Severity};
pub use redaction::{Part, describe_redacted};

use gatepost_core::header_names::{FORWARDED_HEADERS, IDENTITY_HEADERS, canonical};

/// What arrived, compared with what was sent.
#[derive(Debug)]
pub struct Report {
    /// All headers in the order of the proxy: `Host` first, then by name.
    pub headers: Vec<Header>,
    /// The problems that were found.
    pub problems: Vec<HeaderProblem>,
}

/// One header, which only [`Header::new`] makes: so its secrets are removed.
#[derive(Debug)]
#[non_exhaustive]
pub struct Header {
    /// The name in Go's capitalisation, which Traefik uses.
    pub name: String,
    /// Who set the header.
    pub source: Source,
    /// The value without its secret parts.
    pub parts: Vec<Part>,
    /// Whether a problem is about this header.
    pub has_problem: bool,
}

/// Who set a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `/verify`.
    Gatepost,
    /// The proxy.
    Proxy,
    /// The client, or another middleware.
    Client,
}

impl Header {
    /// A header as it arrived, without its secrets. Its name is in lower case.
    pub fn new(name: &str, value: &[u8], has_problem: bool) -> Self {
        Self {
            name: canonical(name),
            source: source(name),
            parts: redaction::redact(name, value),
            has_problem,
        }
    }
}

fn source(name: &str) -> Source {
    let is_clients = matches!(name, "cookie" | "authorization");
    if IDENTITY_HEADERS.contains(&name) && !is_clients {
        Source::Gatepost
    } else if FORWARDED_HEADERS.contains(&name) || name.starts_with("x-forwarded-") || name == "x-real-ip" {
        Source::Proxy
    } else {
        Source::Client
    }
}
