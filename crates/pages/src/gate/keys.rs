//! The answers to programs whose API key does not count.

use super::{Content, Gate, content, invalid_credential, place, refused_key};
use crate::message::Tone;
use std::time::Duration;

pub(super) fn invalid<'a>(why: &str) -> Content<'a> {
    let first = "The request carries an API key that does not count here.";
    invalid_credential("This key does not count", first, why)
}

pub(super) fn refused<'a>(why: &str) -> Content<'a> {
    let first = "The API key is valid, but it may not be used for this.";
    refused_key("This key may not do that", first, why)
}

pub(super) fn suspended<'a>(gate: &Gate<'_>) -> Content<'a> {
    let first =
        "The API key is valid, and its tenant is suspended: it counts again when the tenant is resumed.";
    let ask = format!("Ask whoever runs {}, and give them the request number below.", place(gate));
    content(403, "tenant_suspended", Tone::Stop, "This tenant is suspended", &[first, &ask])
}

pub(super) fn too_many<'a>(retry_after: Duration) -> Content<'a> {
    let seconds = (retry_after.as_secs() + 1).to_string();
    let first = format!(
        "Too many requests came with this key or from this address. Send the next one in {seconds} seconds."
    );
    let mut content = content(429, "too_many_requests", Tone::Wait, "Too many requests", &[&first]);
    content.headers.push(("Retry-After", seconds));
    content
}
