//! The list of tenants.

use super::forms::EnteredText;
use super::parts::{ApiCall, Empty, Field, Search};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use askama::Template;
use gatepost_core::administration::Scope;
use gatepost_core::ids::TenantId;

/// Tenants that a search found. 200, or 422 if what was entered for a new one is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Tenants<'a> {
    pub frame: Frame<'a>,
    /// What was searched for; empty for all.
    pub q: &'a str,
    pub tenants: &'a [TenantSummary<'a>],
    /// Where the next page begins.
    pub next: Option<&'a str>,
    /// The id of a new tenant, as it was entered.
    pub new_id: EnteredText<'a>,
    /// The name of a new tenant, as it was entered.
    pub new_name: EnteredText<'a>,
}

/// A tenant in a list.
#[derive(Clone, Debug)]
pub struct TenantSummary<'a> {
    pub id: &'a TenantId,
    pub name: Option<&'a str>,
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
    tenants: &'a [TenantSummary<'a>],
    shows_groups: bool,
    empty: Empty<'a>,
    next: Option<String>,
    /// The fields of a new tenant, for those who may create one.
    new: Option<[Field<'a>; 2]>,
    api: Vec<ApiCall>,
}

impl Tenants<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let q = Some(self.q).filter(|q| !q.is_empty());
        let is_system = *self.frame.scope == Scope::System;
        let new = [
            self.new_id.field(
                ("new-id", "id"),
                "Id",
                "What applications get as X-Tenant-Id: letters, digits, dot, dash and underscore. It never changes.",
            ),
            self.new_name.field(("new-name", "name"), "Name", "What people see. It may be left empty."),
        ];
        let is_wrong = self.new_id.error.is_some() || self.new_name.error.is_some();
        let view = View {
            chrome: Chrome::portal("Tenants", &self.frame, Section::Tenants, None),
            search: Search {
                action: paths::ADMIN_TENANTS,
                label: "Search for tenants",
                hint: "A part of the id or of the name.",
                q: self.q,
                keeps: Vec::new(),
            },
            tenants: self.tenants,
            shows_groups: is_system,
            empty: if self.q.is_empty() {
                let remedy = "A tenant is a client, a team or an application area with people of its own. Create the first one below.";
                Empty { text: "There are no tenants yet.", remedy }
            } else {
                Empty { text: "No tenant matches.", remedy: "Search for less of the name." }
            },
            next: self
                .next
                .map(|next| paths::query(paths::ADMIN_TENANTS, &[("q", q), ("after", Some(next))])),
            new: is_system.then_some(new),
            api: vec![ApiCall::get("/tenants", &[("q", q)])],
        };
        Page::public(if is_wrong { 422 } else { 200 }, render(&view), &[])
    }
}
