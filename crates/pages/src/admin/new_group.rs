//! The question before a group is made by adding a person to it.

use super::changing::Again;
use super::parts::ApiCall;
use crate::frame::{Frame, Section};
use crate::message::{Chrome, Tone, render};
use crate::page::Page;
use crate::style::Sheet;
use askama::Template;

/// No group has the name that was entered. 200.
#[derive(Clone, Copy, Debug)]
pub struct NewGroup<'a> {
    pub frame: Frame<'a>,
    /// How pages name the person who is to be in it.
    pub person: &'a str,
    /// The path of the person's page.
    pub back: &'a str,
    /// The name that was entered.
    pub name: &'a str,
    /// Names of groups that are like it.
    pub similar: &'a [&'a str],
    /// The path that the form is sent to.
    pub action: &'a str,
    /// The fields of the form without the group.
    pub fields: &'a [(&'a str, &'a str)],
}

/// The field that says which group is to be made.
pub const CREATE: &str = "create";

#[derive(Template)]
#[template(path = "admin/new_group.html")]
struct View<'a> {
    chrome: Chrome,
    page: &'a NewGroup<'a>,
    similar: Vec<Again<'a>>,
    create: Again<'a>,
    api: Vec<ApiCall>,
}

impl NewGroup<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let with = |group| [self.fields, &[("group", group)]].concat();
        let others: Vec<_> = self.similar.iter().map(|name| (with(name), format!("Add to {name}"))).collect();
        let create = [with(self.name), vec![(CREATE, self.name)]].concat();
        let text = format!("Create the new group {}", self.name);
        let action = self.action;
        let heading = format!("There is no group {}", self.name);
        let above = [(self.person, self.back.to_owned())];
        let view = View {
            chrome: Chrome::portal(&heading, &self.frame, Section::People, Some(&above))
                .with_tone(Tone::Wait),
            page: self,
            similar: others.iter().map(|(fields, text)| Again { action, fields, text }).collect(),
            create: Again { action, fields: &create, text: &text },
            api: vec![ApiCall::of("POST", "/groups")],
        };
        Page::public(200, render(&view), &[])
    }
}
