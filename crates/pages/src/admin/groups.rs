//! The list of groups.

use super::forms::EnteredText;
use super::parts::{ApiCall, Empty, Field, FilterLink, Filters, Search};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use askama::Template;
use gatepost_core::access::Role;
use gatepost_core::ids::{GroupId, GroupName, TenantId};
use std::borrow::Cow;

/// Groups that a search found. 200, or 422 if the new group's name is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Groups<'a> {
    pub frame: Frame<'a>,
    /// What was searched for; empty for all.
    pub q: &'a str,
    /// The word of the state by which the list is filtered, or [`Self::ALL`].
    pub state: &'a str,
    /// The states by which it can be filtered: the word of each in queries, and its text.
    pub states: &'a [(&'a str, &'a str)],
    pub groups: &'a [GroupEntry<'a>],
    /// Where the next page begins.
    pub next: Option<&'a str>,
    /// The name of a new group, as it was entered.
    pub new: EnteredText<'a>,
}

/// A group in a list.
#[derive(Clone, Debug)]
pub struct GroupEntry<'a> {
    pub id: GroupId,
    pub name: &'a GroupName,
    /// The labels of the providers whose groups it stands for, without repetition.
    pub providers: Vec<&'a str>,
    /// It stands for a provider's group that nobody linked. Holds the provider's name for it, if there is one.
    pub unlinked: Option<Option<&'a str>>,
    /// How many people are in it, as "12" or "1000+".
    pub members: String,
    pub tenants: Vec<(&'a TenantId, Role)>,
}

/// How pages name a provider's group that has no name here: by the provider's name for it, if it is known, else by the
/// provider. The id says nothing to people.
pub(super) fn nameless<'a>(name: Option<&'a str>, provider: Option<&str>) -> Cow<'a, str> {
    match (name, provider) {
        (Some(name), _) => name.into(),
        (None, Some(provider)) => format!("{provider} group").into(),
        (None, None) => "Group of a provider".into(),
    }
}

impl GroupEntry<'_> {
    /// How the list names it.
    fn title(&self) -> Cow<'_, str> {
        match self.unlinked {
            Some(name) => nameless(name, self.providers.first().copied()),
            None => self.name.as_str().into(),
        }
    }
}

#[derive(Template)]
#[template(path = "admin/groups.html")]
struct View<'a> {
    chrome: Chrome,
    search: Search<'a>,
    filters: Filters,
    groups: &'a [GroupEntry<'a>],
    caption: String,
    empty: Empty<'a>,
    next: Option<String>,
    new: Field<'a>,
    api: Vec<ApiCall>,
}

impl Groups<'_> {
    /// The word for groups in whatever state.
    pub const ALL: &'static str = "all";
    /// The text of the state that is shown first.
    pub const NAMED: &'static str = "Named here";

    /// Renders the page.
    pub fn page(&self) -> Page {
        let filters = self.states.iter().copied().chain([(Self::ALL, "All")]);
        let state = Some(self.state).filter(|state| *state != Self::ALL);
        let view = View {
            chrome: Chrome::portal("Groups", &self.frame, Section::Groups, None),
            search: Search {
                action: paths::ADMIN_GROUPS,
                label: "Search for groups",
                hint: "A part of the name, or the whole id of a provider's group.",
                q: self.q,
                // A search is for every group, unless another state was chosen than the first.
                keeps: state
                    .filter(|state| self.text(state) != Some(Self::NAMED))
                    .map(|state| ("state", state.to_owned()))
                    .into_iter()
                    .collect(),
            },
            filters: Filters {
                label: "States",
                links: filters.map(|(state, text)| self.filter(state, text)).collect(),
            },
            groups: self.groups,
            caption: self.caption(),
            empty: self.empty(),
            next: self.next.map(|next| self.link(self.state, Some(next))),
            new: self.new.field(
                ("new-name", "name"),
                "Name",
                "As routers will ask for it, such as MCP-GitHub. Links and people come afterwards.",
            ),
            api: vec![ApiCall::get("/groups", &[("q", self.typed()), ("state", state)])],
        };
        Page::public(if self.new.error.is_some() { 422 } else { 200 }, render(&view), &[])
    }

    fn filter(&self, state: &str, text: &str) -> FilterLink {
        FilterLink { text: text.to_owned(), link: self.link(state, None), is_chosen: state == self.state }
    }

    fn typed(&self) -> Option<&str> {
        Some(self.q).filter(|q| !q.is_empty())
    }

    fn link(&self, state: &str, after: Option<&str>) -> String {
        paths::query(paths::ADMIN_GROUPS, &[("q", self.typed()), ("state", Some(state)), ("after", after)])
    }

    fn text(&self, state: &str) -> Option<&str> {
        self.states.iter().find(|(known, _)| *known == state).map(|(_, text)| *text)
    }

    fn caption(&self) -> String {
        let which =
            self.text(self.state).map_or_else(|| "Groups".to_owned(), |text| format!("Groups: {text}"));
        if self.q.is_empty() { which } else { format!("{which}, \u{201c}{}\u{201d}", self.q) }
    }

    fn empty(&self) -> Empty<'_> {
        let is_first = self.text(self.state) == Some(Self::NAMED);
        if is_first && self.q.is_empty() {
            return Empty {
                text: "No group has a name here yet.",
                remedy: "Create one below, or look at what providers brought under \u{201c}Not linked yet\u{201d}, and give it a name.",
            };
        }
        if !self.q.is_empty() || self.state != Self::ALL {
            return Empty {
                text: "No group matches.",
                remedy: "Search for less of the name, or look at all groups.",
            };
        }
        Empty {
            text: "There are no groups yet.",
            remedy: "Groups of a provider come by themselves when somebody signs in. Create one below for people whom you add here.",
        }
    }
}
