//! The list of people.

use super::parts::{ApiCall, Empty, Field, FilterLink, Filters, Search};
use super::state::PersonState;
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::{self, Moment};
use askama::Template;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupId, GroupName, TenantId, UserId};

/// 200: people that a search found.
#[derive(Clone, Copy, Debug)]
pub struct People<'a> {
    pub frame: Frame<'a>,
    /// What was searched for; empty for everybody.
    pub q: &'a str,
    /// The word of the state by which the list is filtered.
    pub state: Option<&'a str>,
    /// The states by which it can be filtered: the word of each in queries, and its text.
    pub states: &'a [(&'a str, &'a str)],
    /// Whose members these are. `None`: everybody.
    pub members_of: Option<MembersOf<'a>>,
    pub people: &'a [PersonEntry<'a>],
    /// Where the next page begins.
    pub next: Option<&'a str>,
    /// The form that makes a place for somebody. `None`: the reader may not.
    pub creating: Option<&'a CreatingForm>,
    /// The present time, from which "3 hours ago" is computed.
    pub now: Timestamp,
}

/// The form that makes a place for somebody who has not signed in yet.
#[derive(Clone, Debug, Default)]
pub struct CreatingForm {
    pub email: String,
    pub error: Option<String>,
}

/// Whose members a list has.
#[derive(Clone, Copy, Debug)]
pub enum MembersOf<'a> {
    Group(GroupId, &'a GroupName),
    Tenant(&'a TenantId),
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
    search: Search<'a>,
    filters: Filters,
    everybody: Option<String>,
    people: Vec<PersonView<'a>>,
    caption: String,
    empty: Empty<'a>,
    next: Option<String>,
    creating: Option<Field<'a>>,
    api: Vec<ApiCall>,
}

/// A person in a list.
pub(super) struct PersonView<'a> {
    pub(super) link: String,
    pub(super) title: String,
    pub(super) name: Option<&'a str>,
    pub(super) state: PersonState,
    last_sign_in: Option<(Moment, String)>,
}

/// The parameters that a link may have: their names, and their values if it has them.
type Parameters<'a> = Vec<(&'static str, Option<&'a str>)>;

impl People<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let states = self.states.iter().map(|(state, text)| (Some(*state), *text));
        let states = std::iter::once((None, "All")).chain(states);
        let of = self.members_of.map(MembersOf::parameters).unwrap_or_default();
        let own = self.parameters(&of, self.state, None);
        let filter = |(state, text): (Option<&str>, &str)| FilterLink {
            text: text.to_owned(),
            link: paths::query(paths::ADMIN_USERS, &self.parameters(&of, state, None)),
            is_chosen: state == self.state,
        };
        let next = self.next.map(|next| self.parameters(&of, self.state, Some(next)));
        let kept = own.iter().filter(|(name, _)| *name != "q");
        let view = View {
            chrome: Chrome::portal("People", &self.frame, Section::People, None),
            search: Search {
                action: paths::ADMIN_USERS,
                label: "Search for people",
                hint: "The beginning of a name or of an address, or an id.",
                q: self.q,
                keeps: kept.filter_map(|(name, value)| Some((*name, (*value)?.to_owned()))).collect(),
            },
            filters: Filters { label: "States", links: states.map(filter).collect() },
            everybody: self.members_of.map(|_| paths::ADMIN_USERS.to_owned()),
            people: self.people.iter().map(|entry| person(entry, self.now)).collect(),
            caption: self.caption(),
            empty: self.empty(),
            next: next.map(|next| paths::query(paths::ADMIN_USERS, &next)),
            creating: self.creating.map(CreatingForm::field),
            api: self.calls(&own),
        };
        let is_right = self.creating.is_none_or(|form| form.error.is_none());
        Page::public(if is_right { 200 } else { 422 }, render(&view), &[])
    }

    fn parameters<'b>(
        &'b self,
        (group, tenant): &'b (Option<String>, Option<String>),
        state: Option<&'b str>,
        after: Option<&'b str>,
    ) -> Parameters<'b> {
        let q = Some(self.q).filter(|q| !q.is_empty());
        let (group, tenant) = (group.as_deref(), tenant.as_deref());
        vec![("q", q), ("state", state), ("group", group), ("tenant", tenant), ("after", after)]
    }

    fn calls(&self, parameters: &Parameters<'_>) -> Vec<ApiCall> {
        let email = serde_json::json!({ "email": "alice@example.com" });
        let create = self.creating.map(|_| ApiCall::of("POST", "/users").with_body(&email));
        std::iter::once(ApiCall::get("/users", parameters)).chain(create).collect()
    }

    fn caption(&self) -> String {
        let chosen = self.states.iter().find(|(state, _)| Some(*state) == self.state);
        let whom = chosen.map_or("Everybody", |(_, text)| *text);
        let of = match self.members_of {
            None => String::new(),
            Some(MembersOf::Group(_, name)) => format!(" in the group {name}"),
            Some(MembersOf::Tenant(id)) => format!(" in the tenant {id}"),
        };
        let found =
            if self.q.is_empty() { String::new() } else { format!(", found by \u{201c}{}\u{201d}", self.q) };
        format!("{whom}{of}{found}")
    }

    fn empty(&self) -> Empty<'static> {
        if self.q.is_empty() && self.state.is_none() {
            let remedy =
                "People appear here when they sign in. Before that, add them to a group by their address.";
            return Empty { text: "There is nobody here yet.", remedy };
        }
        Empty {
            text: "Nobody matches.",
            remedy: "Search for less of the name or of the address, or choose All. Whoever has not signed in yet can be added by their e-mail address.",
        }
    }
}

impl CreatingForm {
    fn field(&self) -> Field<'_> {
        Field {
            id: "email",
            name: "email",
            kind: "email",
            label: "E-mail address",
            hint: "Whoever signs in first with this address becomes this person.",
            value: &self.email,
            list: &[],
            error: self.error.as_deref(),
        }
    }
}

impl MembersOf<'_> {
    /// The values of `group` and `tenant` in a query.
    fn parameters(self) -> (Option<String>, Option<String>) {
        match self {
            Self::Group(id, _) => (Some(id.to_string()), None),
            Self::Tenant(id) => (None, Some(id.to_string())),
        }
    }
}

pub(super) fn person<'a>(entry: &PersonEntry<'a>, now: Timestamp) -> PersonView<'a> {
    let last_sign_in = entry.last_sign_in_at.map(|at| (Moment(at), words::ago(now.since(at))));
    PersonView {
        link: paths::admin_user(entry.id),
        title: entry.email.map_or_else(|| entry.id.to_string(), ToString::to_string),
        name: entry.name,
        state: entry.state,
        last_sign_in,
    }
}
