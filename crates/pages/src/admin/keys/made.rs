//! The page that shows a secret, once.

use super::super::parts::ApiCall;
use super::facts::{KeyFacts, KeyPages};
use crate::frame::Frame;
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::style::Sheet;
use crate::words::Moment;
use askama::Template;

/// A key with its secret, which nothing else ever shows. 200, as the answer to the form itself: no address leads to it.
#[derive(Clone, Copy)]
pub struct KeyMade<'a> {
    pub frame: Frame<'a>,
    pub pages: KeyPages,
    pub key: KeyFacts<'a>,
    pub secret: &'a str,
    /// The address of a protected host that it opens, if there is one.
    pub opens: Option<&'a str>,
    /// The key was there, and has another secret.
    pub is_rotated: bool,
}

#[derive(Template)]
#[template(path = "keys/made.html")]
struct View<'a> {
    chrome: Chrome,
    page: &'a KeyMade<'a>,
    here: String,
    example: Option<String>,
    previous_until: Option<Moment>,
    api: Vec<ApiCall>,
}

impl std::fmt::Debug for KeyMade<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyMade").field("key", &self.key.id).finish_non_exhaustive()
    }
}

impl KeyMade<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let key = &self.key;
        let heading = if self.is_rotated { "The other secret" } else { "The key" };
        let above = [(key.name, self.pages.key(key.id))];
        let api = self.pages.api();
        let path = if self.is_rotated { format!("{api}/{}/rotate", key.id) } else { api.to_owned() };
        let view = View {
            chrome: Chrome::portal(heading, &self.frame, self.pages.section(), Some(&above)),
            page: self,
            here: self.pages.key(key.id),
            example: self.opens.map(|origin| format!("curl -H \"Authorization: Bearer $KEY\" {origin}/")),
            previous_until: key.previous_until.map(Moment),
            api: vec![ApiCall::of("POST", &path)],
        };
        Page::public(200, render(&view), &[])
    }
}
