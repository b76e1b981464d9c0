//! The form with which a person proposes a tenant. It has the frame of the person's own pages.

use super::forms::EnteredText;
use super::parts::{ApiCall, Area, Field};
use crate::frame::{Frame, Section};
use crate::message::{Chrome, render};
use crate::page::Page;
use crate::paths;
use crate::style::Sheet;
use askama::Template;
use gatepost_core::access_request::Remark;
use gatepost_core::tenant_proposal::PROPOSED_TIER;

/// The form: 200, 422 if something that was entered is wrong, or 409 if it cannot be proposed now.
#[derive(Clone, Copy, Debug)]
pub struct ProposalForm<'a> {
    pub frame: Frame<'a>,
    pub id: EnteredText<'a>,
    pub name: EnteredText<'a>,
    pub reason: EnteredText<'a>,
    /// Why what was entered rightly cannot be proposed.
    pub fault: Option<ProposalFault>,
}

/// Why a tenant was not proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposalFault {
    /// The person has an open proposal.
    Open,
    /// Too many wait for an answer.
    TooMany,
    /// There is or was a tenant of this id, or somebody else proposes it.
    Taken,
}

impl ProposalFault {
    const fn words(self) -> &'static str {
        match self {
            Self::Open => {
                "You have proposed a tenant already. Your account page shows what is decided; then you can propose another one."
            }
            Self::TooMany => {
                "Too many proposals wait for an answer. Try it again in some days, or ask an administrator of this site."
            }
            Self::Taken => "This id is not available. Choose another one.",
        }
    }
}

#[derive(Template)]
#[template(path = "admin/proposal_form.html")]
struct View<'a> {
    chrome: Chrome,
    fault: Option<&'static str>,
    id: Field<'a>,
    name: Field<'a>,
    reason: Area<'a>,
    api: Vec<ApiCall>,
}

impl ProposalForm<'_> {
    /// Renders the form.
    pub fn page(&self) -> Page {
        let body = serde_json::json!({ "id": "acme-corp", "name": "ACME Corporation", "reason": "our team" });
        let view = View {
            chrome: Chrome::portal("Propose a tenant", &self.frame, Section::Account, Some(&[])),
            fault: self.fault.map(ProposalFault::words),
            id: self.id.field(
                ("id", "id"),
                "Id",
                "1 to 64 of letters, digits, full stop, - and _, as in acme-corp. It never changes.",
            ),
            name: self.name.field(("name", "name"), "Name", "What people see. At most 256 characters."),
            reason: Area {
                id: "reason",
                name: "reason",
                label: "What it is for",
                hint: format!("At most {} characters. You may leave it empty.", Remark::MAX),
                value: self.reason.value,
                error: self.reason.error,
            },
            api: vec![ApiCall::of("POST", "/me/proposals").with_body(&body)],
        };
        let is_wrong = [self.id, self.name, self.reason].iter().any(|entered| entered.error.is_some());
        let status = match (is_wrong, self.fault) {
            (true, _) => 422,
            (false, Some(_)) => 409,
            (false, None) => 200,
        };
        Page::public(status, render(&view), &[])
    }
}
