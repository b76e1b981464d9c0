//! Proposals of tenants, for administrators of the system: the list, one proposal, and the forms that decide it.

use super::change::{FormAnswer, Impossible, Refused, conditions, done, refused};
use super::page;
use super::waiting::{Answering, Listed, Shown, decider};
use crate::RequestOrigin::{Anywhere, OwnPages};
use crate::answer::PageAnswer;
use crate::callers::{Administrator, SystemAdministrators};
use crate::extract::{Fields, Form, Path, Query};
use crate::fault::Fault;
use crate::routing::{GET, POST, Routes, is_self_service};
use actix_web::{Either, web};
use gatepost_admin::SessionError;
use gatepost_core::access_request::Remark;
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::sentence;
use gatepost_core::ids::ProposalId;
use gatepost_core::tenant_proposal::ProposalState;
use gatepost_pages::admin::{ProposalNotice, TenantProposalDetails, TenantProposalEntry, TenantProposals};
use gatepost_pages::{Section, paths};
use gatepost_sign_in::Context;
use gatepost_store::directory::{DirectoryError, ProposalFilter, TenantProposal, Who};
use serde::Deserialize;

/// Proposals on a page.
const PAGE: u32 = 50;

/// Adds the pages.
pub(super) fn register(routes: &mut Routes<'_>) {
    routes.scope(paths::ADMIN_PROPOSALS, |proposals| {
        let page = |path| page(path).only_if(is_self_service);
        proposals.add(page("").on(GET, SystemAdministrators, Anywhere, list));
        proposals.add(page("/{id}").on(GET, SystemAdministrators, Anywhere, show));
        proposals.add(page("/{id}/approve").on(POST, SystemAdministrators, OwnPages, approve));
        proposals.add(page("/{id}/refuse").on(POST, SystemAdministrators, OwnPages, refuse));
    });
}

async fn list(
    administrator: Administrator,
    context: web::Data<Context>,
    Query(Listed { state, after }): Query<Listed>,
) -> Result<PageAnswer, Fault> {
    let state = state.map_or(Ok(ProposalState::Open), |state| state.parse()).map_err(|_| Fault::NotFound)?;
    let after = after.map(|after| after.parse()).transpose().map_err(|_| Fault::NotFound)?;
    let is_newest_first = state != ProposalState::Open;
    let filter = ProposalFilter { state: Some(state), is_newest_first, ..ProposalFilter::default() };
    let directory = &context.stores.directory;
    let found = directory.search_proposals(&administrator.scope, &filter, after.as_ref(), PAGE).await?;
    let deciders: Vec<Option<String>> = found.items.iter().map(decided_by).collect();
    let entries = found.items.iter().zip(&deciders).map(|(proposal, by)| entry(proposal, by.as_deref()));
    let next = found.next.map(|next| next.to_string());
    let page = TenantProposals {
        frame: administrator.frame(None),
        state,
        proposals: &entries.collect::<Vec<_>>(),
        next: next.as_deref(),
        now: Timestamp::now(),
    };
    Ok(PageAnswer(page.page()))
}

async fn show(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    Path(id): Path<ProposalId>,
    Query(Shown { done }): Query<Shown>,
) -> Result<PageAnswer, Fault> {
    let notice = ProposalNotice::find(done.as_deref()).map(ProposalNotice::text);
    details(&admin, &administrator, id, Outcome::Shown(notice)).await
}

/// The version that the form showed.
#[derive(Deserialize)]
pub(crate) struct Approving {
    version: Option<String>,
}

impl Fields for Approving {}

async fn approve(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    Path(id): Path<ProposalId>,
    Form(form): Form<Approving>,
) -> FormAnswer {
    let made = async {
        let conditions = conditions(form.version.as_deref())?;
        match admin.approve_proposal(id, conditions, &administrator.actor()).await {
            Err(SessionError::Directory(
                taken @ (DirectoryError::TenantExists(_) | DirectoryError::TenantDeleted(_)),
            )) => Err(Refused::Impossible(Impossible {
                status: 409,
                text: sentence(&taken.to_string()),
                remedy: "Refuse the proposal: then the person can propose another id.",
            })),
            made => Ok(made.map(|_| ProposalNotice::Approved)?),
        }
    };
    let made = made.await;
    answer(&admin, &administrator, id, made).await
}

async fn refuse(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    Path(id): Path<ProposalId>,
    Form(form): Form<Answering>,
) -> FormAnswer {
    let text = form.answer.as_deref().unwrap_or_default();
    let Ok(remark) = Remark::optional(text) else {
        return details(&admin, &administrator, id, Outcome::TooLong(text)).await.map(Either::Right);
    };
    let made = async {
        let conditions = conditions(form.version.as_deref())?;
        Ok(admin.refuse_proposal(id, remark, conditions, &administrator.actor()).await?)
    };
    let made = made.await.map(|_| ProposalNotice::Refused);
    answer(&admin, &administrator, id, made).await
}

/// The answer to a form whose fields are right.
async fn answer(
    admin: &gatepost_admin::Context,
    administrator: &Administrator,
    id: ProposalId,
    made: Result<ProposalNotice, Refused>,
) -> FormAnswer {
    let path = paths::admin_proposal(id);
    match made {
        Ok(notice) => done(admin, &path, notice.as_str()),
        Err(Refused::Overtaken(_)) => {
            details(admin, administrator, id, Outcome::Overtaken).await.map(Either::Right)
        }
        Err(Refused::Impossible(why)) => refused(administrator, Section::Requests, &path, &why),
        Err(Refused::Fault(fault)) => Err(fault),
    }
}

/// What the page of a proposal says about the last form.
enum Outcome<'a> {
    Shown(Option<&'static str>),
    /// The proposal was decided before.
    Overtaken,
    /// The answer that was entered is too long.
    TooLong(&'a str),
}

async fn details(
    admin: &gatepost_admin::Context,
    administrator: &Administrator,
    id: ProposalId,
    outcome: Outcome<'_>,
) -> Result<PageAnswer, Fault> {
    let scope = &administrator.scope;
    let (proposal, required_at) = admin.read_proposal(scope, id).await?.ok_or(Fault::NotFound)?;
    let (notice, answer) = match outcome {
        Outcome::Shown(notice) => (notice, ("", None)),
        Outcome::Overtaken => (Some(overtaken(administrator, &proposal)), ("", None)),
        Outcome::TooLong(text) => {
            (None, (text, Some("The answer is too long. Shorten it to 280 characters.")))
        }
    };
    let by = decided_by(&proposal);
    let page = TenantProposalDetails {
        frame: administrator.frame(notice),
        proposal: entry(&proposal, by.as_deref()),
        required_at: &required_at,
        answer,
        is_overtaken: matches!(outcome, Outcome::Overtaken),
    };
    Ok(PageAnswer(page.page()))
}

/// Why the form did nothing.
fn overtaken(administrator: &Administrator, proposal: &TenantProposal) -> &'static str {
    let reader = Who::Person(administrator.person.principal.standing.person.id);
    match proposal.state {
        ProposalState::Open => "The form was for another version of this proposal. Nothing was done.",
        _ if proposal.decided_by == Some(reader) => {
            "You have decided this proposal already. Nothing more was done."
        }
        _ => "Somebody else decided this proposal first. Nothing of yours was done.",
    }
}

fn decided_by(proposal: &TenantProposal) -> Option<String> {
    decider(proposal.decided_by_email.as_ref(), proposal.decided_by.as_ref())
}

fn entry<'a>(proposal: &'a TenantProposal, by: Option<&'a str>) -> TenantProposalEntry<'a> {
    TenantProposalEntry {
        id: proposal.id,
        user_id: proposal.user_id,
        email: proposal.email.as_ref(),
        user_name: proposal.user_name.as_deref(),
        tenant: &proposal.tenant_id,
        name: &proposal.name,
        reason: proposal.reason.as_deref(),
        state: proposal.state,
        created_at: proposal.created_at,
        expires_at: proposal.expires_at,
        decided_at: proposal.decided_at,
        decided_by: by,
        answer: proposal.answer.as_deref(),
    }
}
