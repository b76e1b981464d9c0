//! The list of tenants.

use super::forms::EnteredText;
use super::parts::{ApiCall, Empty, Field, FilterLink, Filters, Search};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use askama::Template;
use gatepost_core::administration::Scope;
use gatepost_core::ids::TenantId;
use gatepost_core::tenant::TenantState;

/// Tenants that a search found. 200, or 422 if what was entered for a new one is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Tenants<'a> {
    pub frame: Frame<'a>,
    /// What was searched for; empty for all.
    pub q: &'a str,
    /// The state by which the list is filtered. `None`: all that are not deleted.
    pub state: Option<TenantState>,
    pub tenants: &'a [TenantSummary<'a>],
    /// Where the next page begins.
    pub next: Option<&'a str>,
    /// The id of a new tenant, as it was entered.
    pub new_id: EnteredText<'a>,
    /// The name of a new tenant, as it was entered.
    pub new_name: EnteredText<'a>,
    /// The address of who is to administer a new tenant, as it was entered.
    pub new_admin: EnteredText<'a>,
}

/// A tenant in a list.
#[derive(Clone, Debug)]
pub struct TenantSummary<'a> {
    pub id: &'a TenantId,
    pub name: Option<&'a str>,
    pub state: TenantState,
    /// How many people may enter it, as "12" or "1000+".
    pub people: String,
    /// How many groups open it. `None`: the reader may not know of groups.
    pub groups: Option<usize>,
}

#[derive(Template)]
#[template(path = "admin/tenants.html")]
struct View<'a> {
    chrome: Chrome,
    search: Search<'a>,
    /// For those who administer all of them.
    filters: Option<Filters>,
    tenants: &'a [TenantSummary<'a>],
    shows_groups: bool,
    empty: Empty<'a>,
    next: Option<String>,
    /// The fields of a new tenant, for those who may create one.
    new: Option<[Field<'a>; 3]>,
    api: Vec<ApiCall>,
}

const STATES: [(Option<TenantState>, &str); 4] = [
    (None, "All"),
    (Some(TenantState::Active), "Active"),
    (Some(TenantState::Suspended), "Suspended"),
    (Some(TenantState::Deleted), "Deleted"),
];

impl Tenants<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let is_system = *self.frame.scope == Scope::System;
        let new = [
            self.new_id.field(
                ("new-id", "id"),
                "Id",
                "What applications get as X-Tenant-Id: letters, digits, dot, dash and underscore. It never changes.",
            ),
            self.new_name.field(("new-name", "name"), "Name", "What people see. It may be left empty."),
            self.new_admin.field(
                ("new-admin", "admin"),
                "E-mail address of its first administrator",
                "Optional. The next page shows a link for them, once. Gatepost sends no mail: pass the link on yourself.",
            ),
        ];
        let entered = [self.new_id, self.new_name, self.new_admin];
        let is_wrong = entered.iter().any(|text| text.error.is_some());
        let view = View {
            chrome: Chrome::portal("Tenants", &self.frame, Section::Tenants, None),
            search: Search {
                action: paths::ADMIN_TENANTS,
                label: "Search for tenants",
                hint: "A part of the id or of the name.",
                q: self.q,
                keeps: self.state.map(|state| ("state", state.to_string())).into_iter().collect(),
            },
            filters: is_system.then(|| Filters {
                label: "States",
                links: STATES.map(|(state, text)| self.filter(state, text)).into(),
            }),
            tenants: self.tenants,
            shows_groups: is_system,
            empty: if self.q.is_empty() && self.state.is_none() {
                let remedy = "A tenant is a client, a team or an application area with people of its own. Create the first one below.";
                Empty { text: "There are no tenants yet.", remedy }
            } else {
                let remedy = "Search for less of the name, or look at all tenants.";
                Empty { text: "No tenant matches.", remedy }
            },
            next: self.next.map(|next| self.link(self.state, Some(next))),
            new: is_system.then_some(new),
            api: self.api(is_system),
        };
        Page::public(if is_wrong { 422 } else { 200 }, render(&view), &[])
    }

    fn api(&self, is_system: bool) -> Vec<ApiCall> {
        let q = Some(self.q).filter(|q| !q.is_empty());
        let body = serde_json::json!({ "id": "acme", "name": "ACME", "admin_email": "admin@acme.com" });
        let list = ApiCall::get("/tenants", &[("q", q), ("state", self.state.map(TenantState::as_str))]);
        let create = is_system.then(|| ApiCall::of("POST", "/tenants").with_body(&body));
        std::iter::once(list).chain(create).collect()
    }

    fn filter(&self, state: Option<TenantState>, text: &str) -> FilterLink {
        FilterLink { text: text.to_owned(), link: self.link(state, None), is_chosen: state == self.state }
    }

    fn link(&self, state: Option<TenantState>, after: Option<&str>) -> String {
        let q = Some(self.q).filter(|q| !q.is_empty());
        let state = state.map(TenantState::as_str);
        paths::query(paths::ADMIN_TENANTS, &[("q", q), ("state", state), ("after", after)])
    }
}
