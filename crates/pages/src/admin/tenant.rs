//! One tenant: who may enter it and by what, and the groups that open it.

use super::ends::{Ends, EnteredEnd};
use super::entries::TenantEntry;
use super::forms::{Adding, EnteredText, Select};
use super::parts::{ApiCall, Button, Empty, Field, Search};
use super::tenant_life::Suspended;
use super::tenant_usage::{MonthOfTenant, UsageView};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::Moment;
use askama::Template;
use gatepost_core::access::Role;
use gatepost_core::administration::{Scope, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{GroupId, GroupName, TenantId, UserId};

/// One tenant. 200, or 422 if what was entered is wrong.
#[derive(Clone, Copy, Debug)]
pub struct TenantDetails<'a> {
    pub frame: Frame<'a>,
    pub id: &'a TenantId,
    pub name: Option<&'a str>,
    /// The version of its own data.
    pub version: Version,
    pub created_at: Timestamp,
    pub suspended: Option<Suspended<'a>>,
    /// How many people may enter it, as "12" or "1000+".
    pub count: &'a str,
    /// The words by which the people are searched; empty for all.
    pub q: &'a str,
    pub people: &'a [TenantPersonEntry<'a>],
    /// Where the next page of people begins.
    pub next: Option<&'a str>,
    /// The groups that open it. `None`: the reader may not know of groups.
    pub groups: Option<&'a [MappedGroup<'a>]>,
    pub usage: MonthOfTenant<'a>,
    pub entered: TenantEntered<'a>,
    /// It was created just now: the page says what comes next.
    pub is_new: bool,
    pub now: Timestamp,
}

/// Somebody who may enter a tenant.
#[derive(Clone, Debug)]
pub struct TenantPersonEntry<'a> {
    pub id: UserId,
    pub email: Option<&'a EmailAddress>,
    pub name: Option<&'a str>,
    pub is_disabled: bool,
    pub ways: Vec<TenantEntry<'a>>,
    /// The version of the membership in the tenant itself, if there is one.
    pub version: Option<Version>,
}

/// A group that opens the tenant.
#[derive(Clone, Debug)]
pub struct MappedGroup<'a> {
    pub id: GroupId,
    pub name: &'a GroupName,
    pub role: Role,
    pub version: Version,
    /// How many people are in it.
    pub members: String,
}

/// What was entered into the forms.
#[derive(Clone, Copy, Debug)]
pub struct TenantEntered<'a> {
    /// Who is to be a member.
    pub user: EnteredText<'a>,
    pub role: Role,
    pub end: &'a EnteredEnd,
    pub end_error: Option<&'a str>,
    /// The group that is to open the tenant.
    pub group: EnteredText<'a>,
    pub group_role: Role,
    /// Another name.
    pub name: EnteredText<'a>,
}

impl<'a> TenantEntered<'a> {
    /// Nothing was entered: the forms of a tenant that has this name.
    pub const fn none(name: &'a str, end: &'a EnteredEnd) -> Self {
        Self {
            user: EnteredText::of(""),
            role: Role::Member,
            end,
            end_error: None,
            group: EnteredText::of(""),
            group_role: Role::Member,
            name: EnteredText::of(name),
        }
    }

    const fn is_wrong(&self) -> bool {
        self.user.error.is_some()
            || self.end_error.is_some()
            || self.group.error.is_some()
            || self.name.error.is_some()
    }
}

#[derive(Template)]
#[template(path = "admin/tenant.html")]
struct View<'a> {
    chrome: Chrome,
    tenant: &'a TenantDetails<'a>,
    here: String,
    created_at: Moment,
    suspended: Option<(Moment, &'a str)>,
    /// For those who may end the suspension.
    resume: Option<Button>,
    adding: Adding<'a>,
    empty: Empty<'a>,
    next: Option<String>,
    group: Field<'a>,
    group_role: Select,
    /// For those who may rename and delete it.
    name: Option<Field<'a>>,
    usage: UsageView,
    api: Vec<ApiCall>,
}

impl TenantDetails<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let (here, entered) = (paths::admin_tenant(self.id), &self.entered);
        let q = Some(self.q).filter(|q| !q.is_empty());
        let is_system = *self.frame.scope == Scope::System;
        let heading = self.name.unwrap_or(self.id.as_str());
        let name = entered.name.field(("name", "name"), "Name", "What people see. Empty: the id.");
        let view = View {
            chrome: Chrome::portal(heading, &self.frame, Section::Tenants, Some(&[])),
            tenant: self,
            created_at: Moment(self.created_at),
            suspended: self.suspended.map(|suspended| (Moment(suspended.at), suspended.reason)),
            resume: is_system.then(|| self.resume(&here)),
            adding: self.adding(&here),
            empty: self.empty(is_system),
            next: self.next.map(|next| paths::query(&here, &[("q", q), ("after", Some(next))])),
            group: entered.group.field(
                ("group", "group"),
                "Group",
                "Its name here, as the list of groups shows it.",
            ),
            group_role: Select::of_roles("group-role", entered.group_role),
            name: is_system.then_some(name),
            usage: self.usage.view(),
            api: vec![
                ApiCall::get(&format!("/tenants/{}", self.id), &[]),
                ApiCall::get(&format!("/tenants/{}/usage", self.id), &[]),
                ApiCall::get(&format!("/tenants/{}/bill", self.id), &[("month", Some(self.usage.month))]),
            ],
            here: here.clone(),
        };
        let status = if entered.is_wrong() { 422 } else { 200 };
        Page::public(status, render(&view), &[])
    }

    fn resume(&self, here: &str) -> Button {
        Button {
            action: format!("{here}/resume"),
            fields: vec![("version", self.version.to_string())],
            text: "Resume the tenant",
            label: String::new(),
        }
    }

    fn adding<'a>(&'a self, here: &'a str) -> Adding<'a> {
        let TenantEntered { user, role, end, end_error, .. } = self.entered;
        let is_empty = self.people.is_empty() && self.q.is_empty();
        let call = ApiCall::of("PUT", &format!("/tenants/{}/members/alice@example.com", self.id));
        Adding {
            action: format!("{here}/members"),
            is_open: user.error.is_some() || end_error.is_some() || is_empty,
            user: user.field(
                ("user", "user"),
                "E-mail address",
                "Somebody who has never signed in can be added too.",
            ),
            role: Some(Select::of_roles("role", role)),
            ends: Ends::new("end", "How long", end, end_error, self.now),
            button: "Add to the tenant",
            api: vec![call.with_body(&serde_json::json!({ "role": "member", "until": null }))],
            search: Search {
                action: here,
                label: "Search in this tenant",
                hint: "The beginning of a name or of an e-mail address.",
                q: self.q,
                keeps: Vec::new(),
            },
        }
    }

    fn empty(&self, is_system: bool) -> Empty<'static> {
        match (self.q.is_empty(), is_system) {
            (false, _) => {
                Empty { text: "Nobody in this tenant matches.", remedy: "Search for less of the name." }
            }
            (true, true) => Empty {
                text: "Nobody may enter this tenant yet.",
                remedy: "Add somebody here, or let a group open it.",
            },
            (true, false) => {
                Empty { text: "Nobody may enter this tenant yet.", remedy: "Add somebody here." }
            }
        }
    }
}

impl TenantPersonEntry<'_> {
    fn title(&self) -> String {
        self.email.map_or_else(|| self.id.to_string(), ToString::to_string)
    }

    /// The highest of the roles, which counts.
    fn role(&self) -> &str {
        const ORDER: [&str; 3] = ["admin", "member", "viewer"];
        let has = |role: &&&str| self.ways.iter().any(|way| way.role == **role);
        ORDER.iter().find(has).copied().unwrap_or_default()
    }
}

impl TenantEntry<'_> {
    fn end(&self) -> Option<Moment> {
        self.until.map(Moment)
    }
}
