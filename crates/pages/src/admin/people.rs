//! The list of people.

use super::PersonState;
use crate::message::{Chrome, Tone, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::{self, Moment};
use askama::Template;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{RequestId, UserId};

/// 200: people that a search found.
#[derive(Clone, Copy, Debug)]
pub struct People<'a> {
    /// What was searched for; empty for everybody.
    pub q: &'a str,
    /// The word of the state by which the list is filtered.
    pub state: Option<&'a str>,
    /// The states by which it can be filtered: the word of each in queries, and its text.
    pub states: &'a [(&'a str, &'a str)],
    pub people: &'a [PersonEntry<'a>],
    /// Where the next page begins.
    pub next: Option<&'a str>,
    /// The present time, from which "3 hours ago" is computed.
    pub now: Timestamp,
    pub request_id: RequestId,
}

/// A person in the list.
#[derive(Clone, Copy, Debug)]
pub struct PersonEntry<'a> {
    pub id: UserId,
    pub email: Option<&'a EmailAddress>,
    pub name: Option<&'a str>,
    pub state: PersonState,
    pub last_sign_in_at: Option<Timestamp>,
}

#[derive(Template)]
#[template(path = "admin/people.html")]
struct View<'a> {
    chrome: Chrome,
    q: &'a str,
    state: Option<&'a str>,
    filters: Vec<FilterView<'a>>,
    people: Vec<PersonView<'a>>,
    next: Option<String>,
    api: String,
}

struct FilterView<'a> {
    text: &'a str,
    link: String,
    is_chosen: bool,
}

struct PersonView<'a> {
    link: String,
    title: String,
    name: Option<&'a str>,
    state: &'static str,
    last_sign_in: Option<(Moment, String)>,
}

impl People<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let states = self.states.iter().map(|(state, text)| (Some(*state), *text));
        let filters = std::iter::once((None, "All")).chain(states);
        let view = View {
            chrome: Chrome::public("People", Tone::Calm, self.request_id),
            q: self.q,
            state: self.state,
            filters: filters.map(|(state, text)| self.filter(state, text)).collect(),
            people: self.people.iter().map(|entry| person(entry, self.now)).collect(),
            next: self.next.map(|next| self.link(paths::ADMIN_USERS, self.state, Some(next))),
            api: self.link("/api/v1/users", self.state, None),
        };
        Page::public(200, render(&view), &[])
    }

    fn filter<'a>(&self, state: Option<&str>, text: &'a str) -> FilterView<'a> {
        FilterView { text, link: self.link(paths::ADMIN_USERS, state, None), is_chosen: state == self.state }
    }

    fn link(&self, path: &str, state: Option<&str>, after: Option<&str>) -> String {
        let q = Some(self.q).filter(|q| !q.is_empty());
        paths::query(path, &[("q", q), ("state", state), ("after", after)])
    }
}

fn person<'a>(entry: &PersonEntry<'a>, now: Timestamp) -> PersonView<'a> {
    let last_sign_in = entry.last_sign_in_at.map(|at| (Moment(at), words::ago(now.since(at))));
    PersonView {
        link: paths::admin_user(entry.id),
        title: entry.email.map_or_else(|| entry.id.to_string(), ToString::to_string),
        name: entry.name,
        state: entry.state.word(),
        last_sign_in,
    }
}
