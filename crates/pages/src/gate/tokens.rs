//! The answers to programs whose access token does not count. The challenges are those of RFC 6750 section 3 and RFC 9470.

use super::{Content, content, invalid_credential};
use crate::message::{Fact, Tone};
use std::time::Duration;

pub(super) fn invalid<'a>(why: &str) -> Content<'a> {
    let first = "The request carries an access token that does not count here.";
    invalid_credential("This token does not count", first, why)
}

pub(super) fn scope_missing<'a>(scopes: &[String]) -> Content<'a> {
    let first = "The access token is valid, but it lacks a scope that is required here.";
    let scopes = scopes.join(" ");
    let mut content = content(403, "insufficient_scope", Tone::Stop, "This token lacks a scope", &[first]);
    content.facts.push(Fact::new("Required", &scopes));
    let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scopes}\"");
    content.headers.push(("WWW-Authenticate", challenge));
    content
}

pub(super) fn step_up<'a>(max_age: Duration) -> Content<'a> {
    let first = "The access token does not say that its person authenticated recently enough.";
    let code = "insufficient_user_authentication";
    let mut content = content(401, code, Tone::Stop, "A recent sign-in is required", &[first]);
    let seconds = max_age.as_secs();
    let why = "a more recent authentication is required";
    let challenge = format!("Bearer error=\"{code}\", error_description=\"{why}\", max_age=\"{seconds}\"");
    content.headers.push(("WWW-Authenticate", challenge));
    content
}
