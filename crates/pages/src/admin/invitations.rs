//! Invitations to a tenant, for its administrators: who is invited, and the link of a new one, once.

use super::forms::{EnteredText, Select};
use super::parts::{ApiCall, Field};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use crate::words::Moment;
use askama::Template;
use gatepost_core::access::Role;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{InvitationId, TenantId};

/// The invitations to a tenant. 200, or 422 if what was entered is wrong.
#[derive(Clone, Copy)]
pub struct TenantInvitations<'a> {
    pub frame: Frame<'a>,
    pub id: &'a TenantId,
    pub name: Option<&'a str>,
    pub invitations: &'a [InvitationEntry<'a>],
    /// Who is to be invited, as it was entered.
    pub email: EnteredText<'a>,
    pub role: Role,
    /// The tenant was created just now: its page follows, which says what comes next.
    pub is_new: bool,
    /// The address that was invited just now, and its link. No address leads to a page with it.
    pub made: Option<(&'a EmailAddress, &'a str)>,
}

/// An invitation that nobody has accepted yet.
#[derive(Clone, Copy, Debug)]
pub struct InvitationEntry<'a> {
    pub id: InvitationId,
    pub email: &'a EmailAddress,
    pub role: Role,
    pub expires_at: Timestamp,
}

#[derive(Template)]
#[template(path = "admin/invitations.html")]
struct View<'a> {
    chrome: Chrome,
    page: &'a TenantInvitations<'a>,
    action: String,
    back: String,
    email: Field<'a>,
    role: Select,
    api: Vec<ApiCall>,
}

impl std::fmt::Debug for TenantInvitations<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TenantInvitations").field("id", &self.id).finish_non_exhaustive()
    }
}

impl TenantInvitations<'_> {
    /// Renders the page.
    pub fn page(&self) -> Page {
        let (back, action) = (paths::admin_tenant(self.id), paths::admin_tenant_invitations(self.id));
        let name = self.name.unwrap_or(self.id.as_str());
        let path = format!("/tenants/{}/invitations", self.id);
        let body = serde_json::json!({ "email": "alice@example.com", "role": "member" });
        let hint = "Who signs in with it may accept, for seven days.";
        let above = [(name, back.clone())];
        let view = View {
            chrome: Chrome::portal("Invitations", &self.frame, Section::Tenants, Some(&above)),
            page: self,
            email: self.email.field(("email", "email"), "E-mail address", hint),
            role: Select::of_roles("role", self.role),
            api: vec![ApiCall::get(&path, &[]), ApiCall::of("POST", &path).with_body(&body)],
            action,
            back,
        };
        Page::public(if self.email.error.is_some() { 422 } else { 200 }, render(&view), &[])
    }
}

impl InvitationEntry<'_> {
    fn until(&self) -> Moment {
        Moment(self.expires_at)
    }
}
