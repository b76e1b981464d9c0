//! Whose a key is that was found somewhere.

use super::super::parts::{ApiCall, Field};
use super::facts::KeyPages;
use crate::frame::Frame;
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use askama::Template;

/// The form that takes a found key. 200, or 422 if it is none that the reader administers.
#[derive(Clone, Copy, Debug)]
pub struct KeyLookup<'a> {
    pub frame: Frame<'a>,
    /// What is wrong with the text, as a sentence. The text itself is a secret, so it is not shown again.
    pub error: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "keys/lookup.html")]
struct View<'a> {
    chrome: Chrome,
    key: Field<'a>,
    api: Vec<ApiCall>,
}

impl KeyLookup<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let section = KeyPages::Portal.section();
        let view = View {
            chrome: Chrome::portal("Look up a found key", &self.frame, section, Some(&[])),
            key: Field {
                id: "key",
                name: "key",
                kind: "password",
                label: "The whole key",
                hint: "It begins with gp_. The page that follows says whose it is, and lets you revoke it.",
                value: "",
                list: &[],
                error: self.error,
            },
            api: vec![ApiCall::of("POST", "/keys/lookup").with_body(&serde_json::json!({ "key": "gp_..." }))],
        };
        Page::public(if self.error.is_some() { 422 } else { 200 }, render(&view), &[])
    }
}
