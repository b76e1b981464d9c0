//! Pages around a sign-out: the confirmation before it, the page after it, and the page after an administrator's
//! consent.

use super::message::{Action, ActionKind, Chrome, Fact, Message, Tone, render};
use super::page::Page;
use super::paths;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::RequestId;

/// 200: asks for confirmation, because another site may have requested the sign-out. `form_targets`: origins of the
/// providers' `end_session_endpoint`s.
pub fn confirm_sign_out(email: Option<&EmailAddress>, form_targets: &[&str], request_id: RequestId) -> Page {
    let message = Message {
        chrome: Chrome::public("Sign out?", Tone::Calm, request_id),
        paragraphs: vec![
            "You will be signed out of every application that uses this sign-in, and at your provider."
                .to_owned(),
        ],
        facts: email.map(|email| Fact::new("Signed in as", email.as_str())).into_iter().collect(),
        actions: vec![
            Action::new(ActionKind::Post, "Sign out", paths::LOGOUT.to_owned()),
            Action::new(ActionKind::Link, "Stay signed in", paths::ACCOUNT.to_owned()).quiet(),
        ],
    };
    Page::public(200, render(&message), form_targets)
}

/// 200: the sign-out is done. `provider_remains`: the label of a provider that has no sign-out endpoint.
pub fn signed_out(provider_remains: Option<&str>, request_id: RequestId) -> Page {
    let mut paragraphs =
        vec!["This browser is signed out of every application that uses this sign-in.".to_owned()];
    paragraphs.push(provider_remains.map_or_else(
        || "On a shared computer, also close the browser.".to_owned(),
        |provider| format!("You are still signed in at {provider}, and we cannot sign you out there. On a shared computer, also sign out there."),
    ));
    let message = Message {
        chrome: Chrome::public("You are signed out", Tone::Calm, request_id),
        paragraphs,
        facts: Vec::new(),
        actions: vec![Action::new(ActionKind::Link, "Sign in again", paths::LOGIN.to_owned()).quiet()],
    };
    Page::public(200, render(&message), &[])
}

/// 200: an administrator returns after the provider asked for consent for the whole organisation.
pub fn consented(provider: &str, request_id: RequestId) -> Page {
    let message = Message {
        chrome: Chrome::public("Back from the provider", Tone::Calm, request_id),
        paragraphs: vec![
            format!(
                "{provider} sent you back after it asked you to consent for your organisation. This did not sign anyone in."
            ),
            "Sign in once to see whether it works.".to_owned(),
        ],
        facts: Vec::new(),
        actions: vec![Action::new(ActionKind::Link, "Sign in", paths::LOGIN.to_owned())],
    };
    Page::public(200, render(&message), &[])
}
