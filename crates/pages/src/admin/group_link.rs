//! Which provider's group a group here is to stand for too: chosen from those that people who signed in have.

use super::forms::EnteredText;
use super::parts::{ApiCall, Empty, Field, Search};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use askama::Template;
use gatepost_core::administration::Version;
use gatepost_core::ids::{GroupId, GroupName};

/// The providers' groups to choose from. 200, or 422 if what was entered is wrong.
#[derive(Clone, Copy, Debug)]
pub struct GroupLinking<'a> {
    pub frame: Frame<'a>,
    pub id: GroupId,
    pub name: &'a GroupName,
    /// The version of the name.
    pub version: Version,
    /// What was searched for. Empty: those that most people have.
    pub q: &'a str,
    pub seen: &'a [SeenGroup<'a>],
    /// A provider's group that was entered rather than chosen.
    pub link: EnteredText<'a>,
    /// An example of what can be entered.
    pub example: &'a str,
}

/// A provider's group that people here have and that nobody linked.
#[derive(Clone, Debug)]
pub struct SeenGroup<'a> {
    /// `PROVIDER:ID`, as the form sends it.
    pub external: String,
    /// The provider's label.
    pub provider: &'a str,
    pub external_id: &'a str,
    /// The name of an application role rather than the id of a group.
    pub is_role: bool,
    /// The provider's name for it.
    pub name: Option<&'a str>,
    /// How many people here have it.
    pub people: String,
}

#[derive(Template)]
#[template(path = "admin/group_link.html")]
struct View<'a> {
    chrome: Chrome,
    page: &'a GroupLinking<'a>,
    action: String,
    search: Search<'a>,
    empty: Empty<'a>,
    link: Field<'a>,
    api: Vec<ApiCall>,
}

impl GroupLinking<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let group = paths::admin_group(self.id);
        let here = format!("{group}/link");
        let body = serde_json::json!({ "link": self.example });
        let view = View {
            chrome: Chrome::portal(
                "Link a provider's group",
                &self.frame,
                Section::Groups,
                Some(&[(self.name.as_str(), group.clone())]),
            ),
            page: self,
            action: format!("{group}/links"),
            search: Search {
                action: &here,
                label: "Search for a provider's group",
                hint: "A part of the provider's name for it, or its whole id.",
                q: self.q,
                keeps: Vec::new(),
            },
            empty: Empty {
                text: "No group that is not linked yet.",
                remedy: "A provider's group is seen here when somebody who has it signs in. Until then, enter its id below.",
            },
            link: self.link.field(
                ("link", "link"),
                "Provider and id",
                "PROVIDER:ID, for an application role PROVIDER:role:NAME.",
            ),
            api: vec![
                ApiCall::of("POST", &format!("/groups/{}/links", self.id))
                    .with_body(&body)
                    .if_match(self.version),
            ],
        };
        let status = if self.link.error.is_some() { 422 } else { 200 };
        Page::public(status, render(&view), &[])
    }
}
