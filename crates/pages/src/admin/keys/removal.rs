//! The page before a key is revoked.

use super::super::forms::{EnteredText, Removal};
use super::super::parts::ApiCall;
use super::facts::{KeyFacts, KeyPages};
use crate::frame::Frame;
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::style::Sheet;
use crate::words;
use askama::Template;
use gatepost_core::clock::Timestamp;

/// Before a key is revoked. 200; 422 if another name was typed; 412 if somebody else changed it meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct KeyRevocation<'a> {
    pub frame: Frame<'a>,
    pub pages: KeyPages,
    pub key: KeyFacts<'a>,
    /// The name, as it was typed.
    pub typed: EnteredText<'a>,
    pub is_overtaken: bool,
    pub now: Timestamp,
}

#[derive(Template)]
#[template(path = "admin/removal.html")]
struct View<'a> {
    chrome: Chrome,
    removal: Removal<'a>,
    api: Vec<ApiCall>,
}

impl KeyRevocation<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let (key, here) = (&self.key, self.pages.key(self.key.id));
        let heading = format!("Revoke {}?", key.name);
        let above = [(key.name, here.clone())];
        let use_of_it = key.last_used_at.map(|at| {
            format!("It was last used {}: whatever uses it stops.", words::ago(self.now.since(at)))
        });
        let old = key.previous_until.filter(|until| *until > self.now);
        let secrets = if old.is_some() { "Both of its secrets count" } else { "Its secret counts" };
        let mut effects = vec![format!("{secrets} no more within a second, on every replica.")];
        effects.extend(use_of_it);
        if self.is_overtaken {
            effects.insert(
                0,
                "Somebody else changed this key after your page was shown. Nothing of yours was done yet."
                    .to_owned(),
            );
        }
        let view = View {
            chrome: Chrome::portal(&heading, &self.frame, self.pages.section(), Some(&above)),
            removal: Removal {
                action: format!("{here}/revoke"),
                effects,
                stays: vec!["Its record, and the audit of what was done.".to_owned()],
                keeps: vec![("version", key.version.to_string())],
                typed: Some(self.typed.field(("typed", "name"), "Name of the key", "")),
                name: key.name,
                is_for_good: true,
                first: None,
                button: "Revoke the key",
                back: here,
            },
            api: vec![
                ApiCall::of("DELETE", &format!("{}/{}", self.pages.api(), key.id)).if_match(key.version),
            ],
        };
        let status = match (self.typed.error, self.is_overtaken) {
            (_, true) => 412,
            (Some(_), false) => 422,
            (None, false) => 200,
        };
        Page::public(status, render(&view), &[])
    }
}
