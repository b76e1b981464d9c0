//! A person proposes a tenant, and their account page shows what became of it. While
//! `GATEPOST_TENANTS__SELF_SERVICE` is off none of this exists.

use super::account::back_to_account;
use super::answer::{PageAnswer, RedirectOrPage};
use super::callers::Person;
use super::extract::{Fields, Form};
use super::fault::Fault;
use actix_web::{Either, web};
use gatepost_admin::Context as Admin;
use gatepost_core::access::Standing;
use gatepost_core::access_request::{Remark, RemarkError};
use gatepost_core::administration::Scope;
use gatepost_core::error_chain::sentence;
use gatepost_core::ids::TenantId;
use gatepost_core::tenant_proposal::{ProposalState, ProposedName};
use gatepost_pages::admin::{EnteredText, ProposalFault, ProposalForm};
use gatepost_pages::{Frame, ProposalEntry};
use gatepost_sign_in::Context;
use gatepost_store::directory::changes::ProposeTenant;
use gatepost_store::directory::{Conditions, DirectoryError, TenantProposal, Who};
use serde::Deserialize;
use std::fmt::Display;

/// How many proposals the account page shows.
const SHOWN: u32 = 20;

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

fn is_confined(standing: &Standing) -> bool {
    standing.access.confined_to.is_some()
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

/// The person's own proposals, the newest first. `None`: nobody proposes tenants here.
pub(super) async fn list_own(
    context: &Context,
    standing: &Standing,
) -> Result<Option<Vec<TenantProposal>>, Fault> {
    if !context.site.config.tenants.self_service {
        return Ok(None);
    }
    Ok(Some(context.stores.directory.list_proposals_of(standing.person.id, SHOWN).await?))
}

/// Whether the account page leads to the form.
pub(super) fn may_propose(own: &[TenantProposal], standing: &Standing) -> bool {
    !is_confined(standing) && own.iter().all(|proposal| proposal.state != ProposalState::Open)
}

pub(super) fn entries(own: &[TenantProposal]) -> Vec<ProposalEntry<'_>> {
    own.iter().map(entry).collect()
}

fn entry(proposal: &TenantProposal) -> ProposalEntry<'_> {
    ProposalEntry {
        tenant: &proposal.tenant_id,
        name: &proposal.name,
        state: proposal.state,
        created_at: proposal.created_at,
        answer: proposal.answer.as_deref(),
    }
}
