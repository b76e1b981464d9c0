//! The list of keys.

use super::super::parts::{ApiCall, Empty, FilterLink, Filters, Search};
use super::facts::{KeyFacts, KeyPages, KeyState};
use crate::frame::Frame;
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::{self, Moment};
use askama::Template;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{TenantId, UserId};

/// Keys that a search found. 200.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    pub frame: Frame<'a>,
    pub pages: KeyPages,
    pub q: &'a str,
    /// The word of the state by which the list is filtered.
    pub state: Option<&'a str>,
    /// The states by which it can be filtered: the word of each in queries, and its text.
    pub states: &'a [(&'a str, &'a str)],
    /// Whose keys these are. `None`: all that the reader may know of.
    pub of: Option<KeysOf<'a>>,
    /// Some keys that were not used for long, which stand before the others.
    pub unused: &'a [KeyFacts<'a>],
    pub keys: &'a [KeyFacts<'a>],
    /// Where the next page begins.
    pub next: Option<&'a str>,
    pub now: Timestamp,
}

/// Whose keys a list has.
#[derive(Clone, Copy, Debug)]
pub enum KeysOf<'a> {
    Tenant(&'a TenantId),
    /// A person, and how pages name them.
    Owner(UserId, &'a str),
}

#[derive(Template)]
#[template(path = "keys/list.html")]
struct View<'a> {
    chrome: Chrome,
    is_own: bool,
    of: Option<(String, String)>,
    everybody: &'static str,
    search: Search<'a>,
    filters: Filters,
    unused: Vec<KeyView<'a>>,
    /// All that were not used for long.
    all_unused: String,
    keys: Vec<KeyView<'a>>,
    empty: Empty<'a>,
    next: Option<String>,
    new: String,
    api: Vec<ApiCall>,
}

/// A key in a list.
pub(in super::super) struct KeyView<'a> {
    pub(in super::super) link: String,
    pub(in super::super) name: &'a str,
    pub(in super::super) beginning: String,
    pub(in super::super) tenant: Option<&'a str>,
    pub(in super::super) owner: Option<String>,
    pub(in super::super) uses: String,
    pub(in super::super) state: KeyState,
    pub(in super::super) until: Option<Moment>,
    pub(in super::super) last_used: Option<(Moment, String)>,
}

impl Keys<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let root = self.pages.root();
        let states = self.states.iter().map(|(state, text)| (Some(*state), *text));
        let filter = |(state, text): (Option<&str>, &str)| FilterLink {
            text: text.to_owned(),
            link: self.link(state, None),
            is_chosen: state == self.state,
        };
        let (tenant, owner) = self.holder();
        let kept = [("tenant", tenant.as_deref()), ("owner", owner.as_deref()), ("state", self.state)];
        let view = View {
            chrome: Chrome::portal("API keys", &self.frame, self.pages.section(), None),
            is_own: self.pages == KeyPages::Account,
            of: self.of.map(KeysOf::linked),
            everybody: root,
            search: Search {
                action: root,
                label: "Search for keys",
                hint: "A part of the name, of the machine's name, or the four characters after gp_.",
                q: self.q,
                keeps: kept.iter().filter_map(|(name, value)| Some((*name, (*value)?.to_owned()))).collect(),
            },
            filters: Filters {
                label: "States",
                links: std::iter::once((None, "All")).chain(states).map(filter).collect(),
            },
            unused: self.unused.iter().map(|key| key.in_list(self.pages, self.now)).collect(),
            all_unused: self.link(Some("unused"), None),
            keys: self.keys.iter().map(|key| key.in_list(self.pages, self.now)).collect(),
            empty: self.empty(),
            next: self.next.map(|next| self.link(self.state, Some(next))),
            new: paths::query(
                &format!("{root}/new"),
                &[("tenant", tenant.as_deref()), ("owner", owner.as_deref())],
            ),
            api: vec![ApiCall::get(
                self.pages.api(),
                &[("tenant", tenant.as_deref()), ("owner_id", owner.as_deref())],
            )],
        };
        Page::public(200, render(&view), &[])
    }

    fn holder(&self) -> (Option<String>, Option<String>) {
        match self.of {
            None => (None, None),
            Some(KeysOf::Tenant(id)) => (Some(id.to_string()), None),
            Some(KeysOf::Owner(id, _)) => (None, Some(id.to_string())),
        }
    }

    fn link(&self, state: Option<&str>, after: Option<&str>) -> String {
        let (tenant, owner) = self.holder();
        let q = Some(self.q).filter(|q| !q.is_empty());
        let parameters = [
            ("q", q),
            ("tenant", tenant.as_deref()),
            ("owner", owner.as_deref()),
            ("state", state),
            ("after", after),
        ];
        paths::query(self.pages.root(), &parameters)
    }

    fn empty(&self) -> Empty<'static> {
        if self.q.is_empty() && self.state.is_none() {
            Empty {
                text: "There is no key yet.",
                remedy: "Make one for a script or another program. It is shown once.",
            }
        } else {
            Empty { text: "No key matches.", remedy: "Look at all of them, or search for less of the name." }
        }
    }
}

impl KeysOf<'_> {
    /// The page of the holder, and how pages name it.
    fn linked(self) -> (String, String) {
        match self {
            Self::Tenant(id) => (paths::admin_tenant(id), format!("the tenant {id}")),
            Self::Owner(id, title) => (paths::admin_user(id), title.to_owned()),
        }
    }
}

impl<'a> KeyFacts<'a> {
    pub(in super::super) fn in_list(&self, pages: KeyPages, now: Timestamp) -> KeyView<'a> {
        KeyView {
            link: pages.key(self.id),
            name: self.name,
            beginning: self.beginning(),
            tenant: self.tenant.map(TenantId::as_str),
            owner: if pages == KeyPages::Portal { self.owner_title() } else { None },
            uses: self.uses(),
            state: self.state(now),
            until: self.limits.expires_at.map(Moment),
            last_used: self.last_used_at.map(|at| (Moment(at), words::ago(now.since(at)))),
        }
    }
}
