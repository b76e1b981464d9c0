//! The pages before a group is deleted and before a link is removed: what that does, in numbers.

use super::forms::{EnteredText, Removal};
use super::parts::ApiCall;
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words;
use askama::Template;
use gatepost_core::administration::Version;
use gatepost_core::ids::{GroupId, GroupName, TenantId};

/// Before a group is deleted. 200, or 422 if another name was typed or it cannot go.
#[derive(Clone, Copy, Debug)]
pub struct GroupDeletion<'a> {
    pub frame: Frame<'a>,
    pub id: GroupId,
    pub name: &'a GroupName,
    pub version: Version,
    /// How many people are in it.
    pub count: &'a str,
    /// How many providers' groups it stands for. It cannot be deleted before they are unlinked.
    pub links: usize,
    pub tenants: &'a [&'a TenantId],
    /// The name, as it was typed.
    pub typed: EnteredText<'a>,
}

/// Before a provider's group is unlinked.
#[derive(Clone, Copy, Debug)]
pub struct LinkRemoval<'a> {
    pub frame: Frame<'a>,
    pub id: GroupId,
    pub name: &'a GroupName,
    /// The version of the name.
    pub version: Version,
    /// `PROVIDER:ID`.
    pub external: &'a str,
    /// The provider's name for it, or the id.
    pub shown: &'a str,
    /// How many people here have it.
    pub people: &'a str,
}

#[derive(Template)]
#[template(path = "admin/removal.html")]
pub(super) struct View<'a> {
    pub(super) chrome: Chrome,
    pub(super) removal: Removal<'a>,
    pub(super) api: Vec<ApiCall>,
}

impl GroupDeletion<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let group = paths::admin_group(self.id);
        let mut effects = vec![
            format!("It has {}, who are in it no longer.", words::people(self.count)),
            "Routers that ask for it by name refuse everybody.".to_owned(),
        ];
        if !self.tenants.is_empty() {
            let tenants: Vec<String> = self.tenants.iter().map(ToString::to_string).collect();
            effects.push(format!("It opens these tenants no more: {}.", tenants.join(", ")));
        }
        let view = View {
            chrome: Chrome::portal(
                &format!("Delete {}?", self.name),
                &self.frame,
                Section::Groups,
                Some(&[(self.name.as_str(), group.clone())]),
            ),
            removal: Removal {
                action: format!("{group}/delete"),
                effects,
                stays: vec!["The people, and the audit of what was done.".to_owned()],
                keeps: vec![("version", self.version.to_string())],
                typed: Some(self.typed.field(("typed", "name"), "Name of the group", "")),
                name: self.name.as_str(),
                is_for_good: true,
                first: (self.links > 0).then(|| must_unlink(self.links)),
                button: "Delete the group",
                back: group,
            },
            api: vec![ApiCall::of("DELETE", &format!("/groups/{}", self.id)).if_match(self.version)],
        };
        Page::public(if self.typed.error.is_some() { 422 } else { 200 }, render(&view), &[])
    }
}

fn must_unlink(links: usize) -> String {
    let what =
        if links == 1 { "a provider's group".to_owned() } else { format!("{links} provider's groups") };
    format!("It stands for {what}, whose people would have no group then. Unlink first.")
}

impl LinkRemoval<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let group = paths::admin_group(self.id);
        let query = [("link", Some(self.external))];
        let path = paths::query(&format!("/groups/{}/links", self.id), &query);
        let view = View {
            chrome: Chrome::portal(
                &format!("Unlink {}?", self.shown),
                &self.frame,
                Section::Groups,
                Some(&[(self.name.as_str(), group.clone())]),
            ),
            removal: Removal {
                action: format!("{group}/unlink"),
                effects: vec![
                    format!(
                        "It has {} here. Those who are in {} by nothing else are no longer in it.",
                        words::people(self.people),
                        self.name
                    ),
                    "The provider's group then stands alone, under its id.".to_owned(),
                ],
                stays: vec![
                    "Whoever was added here, and whoever is in by another provider's group.".to_owned(),
                ],
                keeps: vec![
                    ("link", self.external.to_owned()),
                    ("shown", self.name.to_string()),
                    ("version", self.version.to_string()),
                ],
                typed: None,
                name: self.name.as_str(),
                is_for_good: true,
                first: None,
                button: "Unlink",
                back: group,
            },
            api: vec![ApiCall::of("DELETE", &path).if_match(self.version)],
        };
        Page::public(200, render(&view), &[])
    }
}
