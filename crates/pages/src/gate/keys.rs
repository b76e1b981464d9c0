//! The answers to programs whose API key does not count.

use super::{Content, content};
use crate::message::{Fact, Tone};
use std::time::Duration;

/// The challenge says why (RFC 6750 section 3).
pub(super) fn invalid<'a>(why: &str) -> Content<'a> {
    let first = "The request carries an API key that does not count here.";
    let mut content = content(401, "invalid_token", Tone::Stop, "This key does not count", &[first]);
    content.facts.push(Fact::new("Reason", why));
    let challenge = format!("Bearer error=\"invalid_token\", error_description=\"{why}\"");
    content.header = Some(("WWW-Authenticate", challenge));
    content
}

pub(super) fn refused<'a>(why: &str) -> Content<'a> {
    let first = "The API key is valid, but it may not be used for this.";
    let mut content = content(403, "key_refused", Tone::Stop, "This key may not do that", &[first]);
    content.facts.push(Fact::new("Reason", why));
    content
}

pub(super) fn too_many<'a>(retry_after: Duration) -> Content<'a> {
    let seconds = (retry_after.as_secs() + 1).to_string();
    let first = format!(
        "Too many requests came with this key or from this address. Send the next one in {seconds} seconds."
    );
    let mut content = content(429, "too_many_requests", Tone::Wait, "Too many requests", &[&first]);
    content.header = Some(("Retry-After", seconds));
    content
}
