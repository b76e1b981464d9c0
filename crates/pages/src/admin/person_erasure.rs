//! The page before a person is erased: what that does, in numbers.

use super::forms::{EnteredText, Removal};
use super::group_removal::View;
use super::parts::ApiCall;
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use gatepost_core::administration::Version;
use gatepost_core::ids::UserId;

/// Before a person is erased. 200, or 422 if another name was typed.
#[derive(Clone, Copy, Debug)]
pub struct PersonErasure<'a> {
    pub frame: Frame<'a>,
    pub id: UserId,
    /// What is to be typed: the address, or the id of a person who has none.
    pub name: &'a str,
    pub version: Version,
    /// `None`: the session store does not answer.
    pub sessions: Option<usize>,
    pub keys: &'a str,
    /// The name, as it was typed.
    pub typed: EnteredText<'a>,
}

impl PersonErasure<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let person = paths::admin_user(self.id);
        let sessions = match self.sessions {
            Some(1) => "1 session ends at once.".to_owned(),
            Some(number) => format!("{number} sessions end at once."),
            None => "All sessions end at once. How many there are is not known now: the session store does not answer.".to_owned(),
        };
        let keys =
            if self.keys == "1" { "1 key stops".to_owned() } else { format!("{} keys stop", self.keys) };
        let view = View {
            chrome: Chrome::portal(
                &format!("Erase {}?", self.name),
                &self.frame,
                Section::People,
                Some(&[(self.name, person.clone())]),
            ),
            removal: Removal {
                action: format!("{person}/erase"),
                effects: vec![
                    sessions,
                    format!("{keys} at once."),
                    "Name, address, identities, groups, tenants, requests and refusals of the person are deleted.".to_owned(),
                    "Whoever signs in with the address later is a new person here.".to_owned(),
                    "What is held can be exported before, at the person\u{2019}s page, and not afterwards.".to_owned(),
                    "Applications keep the account that they have made. Delete it there.".to_owned(),
                ],
                stays: vec!["The audit of what was done, which names the person by the id alone.".to_owned()],
                keeps: vec![("version", self.version.to_string())],
                typed: Some(self.typed.field(("typed", "name"), "Address or id of the person", "")),
                name: self.name,
                is_for_good: true,
                first: None,
                button: "Erase the person",
                back: person,
            },
            api: vec![
                ApiCall::get(&format!("/users/{}/export", self.id), &[]),
                ApiCall::of("POST", &format!("/users/{}/erase", self.id))
                    .if_match(self.version)
                    .with_body(&serde_json::json!({ "confirm": self.name })),
            ],
        };
        Page::public(if self.typed.error.is_some() { 422 } else { 200 }, render(&view), &[])
    }
}
