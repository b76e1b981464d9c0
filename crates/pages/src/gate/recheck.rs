//! 503 for a session without a refresh token: only a redirect of the browser can ask the provider about it.

use super::paths::Wish;
use super::{Content, RESEND, Tone, content, paths, start_link};
use std::time::Duration;

pub(super) fn recheck<'a>(uri: &str, resend: bool, retry_after: Duration) -> Content<'a> {
    let first = "You are signed in, but your identity provider has not confirmed it for a while, and only your browser can \
        ask it. This does not sign you out.";
    let mut content =
        content(503, "recheck_required", Tone::Wait, "Confirm your sign-in to continue", &[first]);
    content.paragraphs.extend(resend.then(|| RESEND.to_owned()));
    let text = if resend { "Confirm, in a new tab" } else { "Confirm" };
    content.actions = vec![start_link(paths::start(uri, Wish::SignIn), resend, text)];
    content.headers.push(("Retry-After", retry_after.as_secs().to_string()));
    content
}
