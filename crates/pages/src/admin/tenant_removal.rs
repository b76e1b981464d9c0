//! The page before a tenant is deleted: what that does, in numbers.

use super::forms::{EnteredText, Removal};
use super::group_removal::View;
use super::parts::ApiCall;
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::words;
use gatepost_core::administration::Version;
use gatepost_core::ids::TenantId;

/// Before a tenant is deleted. 200, or 422 if another id was typed.
#[derive(Clone, Copy, Debug)]
pub struct TenantDeletion<'a> {
    pub frame: Frame<'a>,
    pub id: &'a TenantId,
    pub name: Option<&'a str>,
    pub version: Version,
    /// How many people may enter it.
    pub count: &'a str,
    /// How many groups open it.
    pub groups: usize,
    /// The id, as it was typed.
    pub typed: EnteredText<'a>,
}

impl TenantDeletion<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let tenant = paths::admin_tenant(self.id);
        let name = self.name.unwrap_or(self.id.as_str());
        let groups = match self.groups {
            0 => "No group opens it.".to_owned(),
            1 => "1 group opens it no more.".to_owned(),
            number => format!("{number} groups open it no more."),
        };
        let view = View {
            chrome: Chrome::portal(
                &format!("Delete {name}?"),
                &self.frame,
                Section::Tenants,
                Some(&[(name, tenant.clone())]),
            ),
            removal: Removal {
                action: format!("{tenant}/delete"),
                effects: vec![
                    format!("It has {}, who may enter it no more.", words::people(self.count)),
                    groups,
                    "Routers that ask for it refuse everybody, and its keys are dead.".to_owned(),
                    "Everything of it is erased in 30 days. Until then an administrator of the system can restore it."
                        .to_owned(),
                ],
                stays: vec!["The people, the groups, and the audit of what was done.".to_owned()],
                keeps: vec![("version", self.version.to_string())],
                typed: Some(self.typed.field(("typed", "id"), "Id of the tenant", "")),
                name: self.id.as_str(),
                is_for_good: false,
                first: None,
                button: "Delete the tenant",
                back: tenant,
            },
            api: vec![ApiCall::of("DELETE", &format!("/tenants/{}", self.id)).if_match(self.version)],
        };
        Page::public(if self.typed.error.is_some() { 422 } else { 200 }, render(&view), &[])
    }
}
