//! A person proposes a tenant. While
//! `GATEPOST_TENANTS__SELF_SERVICE` is off none of this exists.

use super::account::back_to_account;
use super::answer::{PageAnswer, RedirectOrPage};
use super::callers::Person;
use super::extract::{Fields, Form};
use super::fault::Fault;
use super::own_proposals::is_confined;
use actix_web::{Either, web};
use gatepost_admin::Context as Admin;
use gatepost_core::access_request::{Remark, RemarkError};
use gatepost_core::administration::Scope;
use gatepost_core::error_chain::sentence;
use gatepost_core::ids::TenantId;
use gatepost_core::tenant_proposal::ProposedName;
use gatepost_pages::Frame;
use gatepost_pages::admin::{EnteredText, ProposalFault, ProposalForm};
use gatepost_sign_in::Context;
use gatepost_store::directory::changes::ProposeTenant;
use gatepost_store::directory::{Conditions, DirectoryError, Who};
use serde::Deserialize;
use std::fmt::Display;

/// The fields of the form.
#[derive(Default, Deserialize)]
pub(super) struct Proposed {
    id: Option<String>,
    name: Option<String>,
    reason: Option<String>,
}

impl Fields for Proposed {
    // A name and a reason of the longest characters, each percent-encoded.
    const LIMIT: usize = 8 * 1024;
}

/// Shows the form.
///
/// # Errors
/// [`Fault::NotFound`]: the person may not propose a tenant.
pub(super) async fn show(person: Person) -> Result<PageAnswer, Fault> {
    demand_unconfined(&person)?;
    Ok(form(&person, &Proposed::default(), &Wrong::default(), None))
}

/// Proposes a tenant.
///
/// # Errors
/// [`Fault`]: the directory does not answer, or as for [`show`].
pub(super) async fn propose(
    person: Person,
    context: web::Data<Context>,
    admin: web::Data<Admin>,
    Form(proposed): Form<Proposed>,
) -> Result<RedirectOrPage, Fault> {
    demand_unconfined(&person)?;
    let again = |wrong: &Wrong, fault| Ok(Either::Right(form(&person, &proposed, wrong, fault)));
    let user = person.principal.standing.person.id;
    let change = match proposed.read() {
        Ok((tenant, name, reason)) => ProposeTenant { user, tenant, name, reason, is_tried: false },
        Err(wrong) => return again(&wrong, None),
    };
    let fault = |fault| again(&Wrong::default(), Some(fault));
    match admin.carry_out(&change, Conditions::default(), &person.browser.actor(Who::Person(user))).await {
        Ok(_) => Ok(Either::Left(back_to_account(&context, "proposed"))),
        Err(DirectoryError::ProposalOpen) => fault(ProposalFault::Open),
        Err(DirectoryError::TooManyProposals(_)) => fault(ProposalFault::TooMany),
        Err(DirectoryError::TenantIdTaken(_)) => fault(ProposalFault::Taken),
        // They were disabled, or a tenant's provider took them over, a moment ago.
        Err(DirectoryError::Denied(_) | DirectoryError::ProposerConfined) => Err(Fault::NotFound),
        Err(error) => Err(error.into()),
    }
}

/// Whether a provider of the platform identifies the person: what a tenant's own provider says opens that tenant alone.
fn demand_unconfined(person: &Person) -> Result<(), Fault> {
    if is_confined(&person.principal.standing) { Err(Fault::NotFound) } else { Ok(()) }
}

/// What is wrong with each field, as sentences.
#[derive(Default)]
struct Wrong {
    id: Option<String>,
    name: Option<String>,
    reason: Option<String>,
}

impl Proposed {
    fn read(&self) -> Result<(TenantId, ProposedName, Option<Remark>), Wrong> {
        let id = text(self.id.as_ref()).trim().parse::<TenantId>();
        let name = text(self.name.as_ref()).parse::<ProposedName>();
        let reason = Remark::optional(text(self.reason.as_ref()));
        match (id, name, reason) {
            (Ok(id), Ok(name), Ok(reason)) => Ok((id, name, reason)),
            (id, name, reason) => {
                let reason: Option<RemarkError> = reason.err();
                let reason = reason.map(|_| format!("Shorten it to {} characters.", Remark::MAX));
                Err(Wrong { id: id.err().map(said), name: name.err().map(said), reason })
            }
        }
    }
}

fn said(error: impl Display) -> String {
    sentence(&error.to_string())
}

fn text(field: Option<&String>) -> &str {
    field.map(String::as_str).unwrap_or_default()
}

fn form(person: &Person, proposed: &Proposed, wrong: &Wrong, fault: Option<ProposalFault>) -> PageAnswer {
    let standing = &person.principal.standing;
    let (scope, own) = (Scope::of(standing), &standing.person);
    let reader = own.email.as_ref().map_or_else(|| own.id.to_string(), ToString::to_string);
    let page = ProposalForm {
        frame: Frame { reader: &reader, scope: &scope, notice: None, request_id: person.browser.request_id },
        id: EnteredText { value: text(proposed.id.as_ref()), error: wrong.id.as_deref() },
        name: EnteredText { value: text(proposed.name.as_ref()), error: wrong.name.as_deref() },
        reason: EnteredText { value: text(proposed.reason.as_ref()), error: wrong.reason.as_deref() },
        fault,
    };
    PageAnswer(page.page())
}
