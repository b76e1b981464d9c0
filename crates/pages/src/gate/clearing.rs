//! The page before a host's cookie is set, if a service worker of the last person still fetches navigations.
//!
//! Chromium drops a navigation whose answer ends the service worker that fetches it. So this page requests the same
//! address once more, as an image: that answer clears the storage and ends the worker. Then the page continues by
//! itself, because `Refresh` waits until the page and its image have loaded.

use super::super::paths;
use super::{Action, ActionKind, Content, Tone, content};

pub(super) fn clearing<'a>(here: &str) -> Content<'a> {
    let first = "Somebody else may have used this browser before you. It now deletes the data that applications here stored \
        for them, and then continues by itself.";
    let mut content = content(403, "clearing_storage", Tone::Wait, "Clearing stored data", &[first]);
    let next = paths::again(here);
    content.headers.push(("Refresh", format!("0; url={next}")));
    content.actions = vec![
        Action::new(ActionKind::Link, "Continue", next),
        Action::new(ActionKind::Image, "", here.to_owned()),
    ];
    content
}
