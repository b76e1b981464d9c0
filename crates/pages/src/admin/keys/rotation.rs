//! The form that gives a key another secret.

use super::super::parts::ApiCall;
use super::facts::{KeyFacts, KeyPages};
use crate::frame::Frame;
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::style::Sheet;
use askama::Template;

/// How long the secret from before may count too: the seconds, and their text.
pub const OVERLAPS: [(u32, &str); 5] =
    [(0, "Not at all"), (3_600, "1 hour"), (86_400, "1 day"), (604_800, "7 days"), (2_592_000, "30 days")];

/// Before a key gets another secret. 200; 412 if somebody else changed the key after the form was shown.
#[derive(Clone, Copy, Debug)]
pub struct KeyRotation<'a> {
    pub frame: Frame<'a>,
    pub pages: KeyPages,
    pub key: KeyFacts<'a>,
    /// A text that no other form has, so that this one is carried out once.
    pub once: &'a str,
    /// The seconds that are chosen, of [`OVERLAPS`].
    pub overlap: u32,
    pub is_overtaken: bool,
}

#[derive(Template)]
#[template(path = "keys/rotation.html")]
struct View<'a> {
    chrome: Chrome,
    page: &'a KeyRotation<'a>,
    here: String,
    api: Vec<ApiCall>,
}

impl KeyRotation<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let here = self.pages.key(self.key.id);
        let heading = format!("Another secret for {}?", self.key.name);
        let above = [(self.key.name, here.clone())];
        let body = serde_json::json!({ "overlap_seconds": self.overlap });
        let view = View {
            chrome: Chrome::portal(&heading, &self.frame, self.pages.section(), Some(&above)),
            page: self,
            api: vec![
                ApiCall::of("POST", &format!("{}/{}/rotate", self.pages.api(), self.key.id))
                    .if_match(self.key.version)
                    .with_body(&body),
            ],
            here,
        };
        Page::public(if self.is_overtaken { 412 } else { 200 }, render(&view), &[])
    }
}
