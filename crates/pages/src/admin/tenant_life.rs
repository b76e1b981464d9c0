//! The life of a tenant: the page before it is suspended, and the page of one that is deleted.

use super::forms::EnteredText;
use super::parts::{ApiCall, Button, Field};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::{Moment, people};
use askama::Template;
use gatepost_core::administration::Version;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::TenantId;

/// That a tenant is suspended.
#[derive(Clone, Copy, Debug)]
pub struct Suspended<'a> {
    pub at: Timestamp,
    /// Why, for administrators.
    pub reason: &'a str,
}

/// Before a tenant is suspended. 200, or 422 if the reason is wrong.
#[derive(Clone, Copy, Debug)]
pub struct TenantSuspension<'a> {
    pub frame: Frame<'a>,
    pub id: &'a TenantId,
    pub name: Option<&'a str>,
    pub version: Version,
    /// How many people may enter it.
    pub count: &'a str,
    /// How many of its keys count, as a text.
    pub keys: &'a str,
    /// The reason, as it was entered.
    pub reason: EnteredText<'a>,
}

/// A tenant that is deleted. 200.
#[derive(Clone, Copy, Debug)]
pub struct DeletedTenant<'a> {
    pub frame: Frame<'a>,
    pub id: &'a TenantId,
    pub name: Option<&'a str>,
    pub version: Version,
    /// How many people might enter it again.
    pub count: &'a str,
    /// It is suspended as well, and will be after it is restored.
    pub is_suspended: bool,
    pub deleted_at: Timestamp,
    /// When it is erased.
    pub erased_at: Timestamp,
}

#[derive(Template)]
#[template(path = "admin/suspension.html")]
struct SuspensionView<'a> {
    chrome: Chrome,
    action: String,
    back: String,
    version: Version,
    effects: [String; 4],
    reason: Field<'a>,
    api: Vec<ApiCall>,
}

#[derive(Template)]
#[template(path = "admin/deleted_tenant.html")]
struct DeletedView<'a> {
    chrome: Chrome,
    id: &'a TenantId,
    here: String,
    people: String,
    is_suspended: bool,
    deleted_at: Moment,
    erased_at: Moment,
    restore: Button,
    api: Vec<ApiCall>,
}

impl TenantSuspension<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let back = paths::admin_tenant(self.id);
        let name = self.name.unwrap_or(self.id.as_str());
        let keys = if self.keys == "1" { "1 key is".to_owned() } else { format!("{} keys are", self.keys) };
        let call = ApiCall::of("POST", &format!("/tenants/{}/suspend", self.id)).if_match(self.version);
        let view = SuspensionView {
            chrome: Chrome::portal(
                &format!("Suspend {name}?"),
                &self.frame,
                Section::Tenants,
                Some(&[(name, back.clone())]),
            ),
            action: format!("{back}/suspend"),
            version: self.version,
            effects: [
                format!("It has {}, who may not enter it until it is resumed.", people(self.count)),
                format!("Its {keys} refused until then."),
                "Its hosts answer that it is suspended. Members are not told why.".to_owned(),
                "Everything of it stays, and its administrators may read it.".to_owned(),
            ],
            reason: self.reason.field(("reason", "reason"), "Reason", "One line, for administrators alone."),
            api: vec![call.with_body(&serde_json::json!({ "reason": "unpaid since October" }))],
            back,
        };
        Page::public(if self.reason.error.is_some() { 422 } else { 200 }, render(&view), &[])
    }
}

impl DeletedTenant<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let here = paths::admin_tenant(self.id);
        let name = self.name.unwrap_or(self.id.as_str());
        let view = DeletedView {
            chrome: Chrome::portal(name, &self.frame, Section::Tenants, Some(&[])),
            id: self.id,
            people: people(self.count),
            is_suspended: self.is_suspended,
            deleted_at: Moment(self.deleted_at),
            erased_at: Moment(self.erased_at),
            restore: Button {
                action: format!("{here}/restore"),
                fields: vec![("version", self.version.to_string())],
                text: "Restore the tenant",
                label: String::new(),
            },
            here,
            api: vec![ApiCall::of("POST", &format!("/tenants/{}/restore", self.id)).if_match(self.version)],
        };
        Page::public(200, render(&view), &[])
    }
}
