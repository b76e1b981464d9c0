//! Proposals of tenants: whoever is signed in makes one and reads their own; administrators of the system approve and
//! refuse them. While `GATEPOST_TENANTS__SELF_SERVICE` is off none of these paths exists.

use super::caller::{Caller, Person};
use super::input::{Body, Post, PostEmpty};
use super::list::{Filter, Filtered, List, Page, PageParameters, Parameters};
use super::members::{Given, Members};
use super::personal::MOST_PROPOSALS;
use super::problems::{ReadProblems, WriteProblems};
use super::refused::Refused;
use super::reply::Reply;
use crate::extract::Path;
use actix_web::web::Data;
use gatepost_admin::Context;
use gatepost_admin::views::{OwnProposal, OwnProposals, ProposalChange, TenantProposal};
use gatepost_core::access_request::Remark;
use gatepost_core::ids::{ProposalId, TenantId, UserId};
use gatepost_core::tenant_proposal::{ProposalState, ProposedName};
use gatepost_store::directory::changes::{ApproveProposal, ProposeTenant, RefuseProposal};
use gatepost_store::directory::{Conditions, DirectoryError, Done, ProposalFilter};
use utoipa::{IntoParams, ToSchema};

/// Lists the caller's own proposals of the last 30 days, the newest first.
#[utoipa::path(get, path = "/api/v1/me/proposals", tag = "me",
    responses((status = 200, body = OwnProposals), ReadProblems))]
pub(super) async fn list_own(
    caller: Person,
    admin: Data<Context>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let own = admin.stores.directory.list_proposals_of(caller.id(), MOST_PROPOSALS).await?;
    Ok(Reply::ok(OwnProposals { items: own.iter().map(OwnProposal::from).collect() }))
}

/// One of the caller's own proposals.
#[utoipa::path(get, path = "/api/v1/me/proposals/{id}", tag = "me", params(("id" = String, Path)),
    responses((status = 200, body = OwnProposal), ReadProblems))]
pub(super) async fn show_own(
    caller: Person,
    admin: Data<Context>,
    Path(id): Path<ProposalId>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let own = admin.stores.directory.list_proposals_of(caller.id(), MOST_PROPOSALS).await?;
    let found = own.iter().find(|proposal| proposal.id == id);
    let proposal = found.ok_or(DirectoryError::UnknownProposal(id))?;
    Ok(Reply::ok(OwnProposal::from(proposal)).version(proposal.state.version()))
}

/// The tenant that somebody proposes.
#[derive(ToSchema)]
pub(super) struct ProposalPlan {
    /// The id that it is to have, which never changes.
    #[schema(value_type = String, example = "acme-corp", pattern = "^[A-Za-z0-9._-]{1,64}$")]
    id: TenantId,
    /// The name that people are to see.
    #[schema(value_type = String, min_length = 1, max_length = 256)]
    name: ProposedName,
    /// What it is for, in one line.
    #[schema(value_type = Option<String>, max_length = 280)]
    reason: Option<Remark>,
}

impl Body for ProposalPlan {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let (id, name) = (members.required("id"), members.required("name"));
        let reason = members.text("reason").map(Given::value);
        Some(Self { id: id?, name: name?, reason: reason? })
    }
}

/// Proposes a tenant of the tier `free`, of which the caller is to be an administrator. Only a person with a session may do so,
/// and each has one open proposal. A dry run does not say whether the id is available.
#[utoipa::path(post, path = "/api/v1/me/proposals", tag = "me", request_body = ProposalPlan,
    responses((status = 201, body = ProposalChange), (status = 200, body = ProposalChange, description = "A dry run."), WriteProblems))]
pub(super) async fn propose(
    caller: Person,
    admin: Data<Context>,
    Post(terms, ProposalPlan { id, name, reason }): Post<ProposalPlan>,
) -> Result<Reply, Refused> {
    let is_tried = terms.conditions.is_dry_run;
    let change = ProposeTenant { user: caller.id(), tenant: id, name, reason, is_tried };
    let answer = |done: &Done<ProposalId>, conditions: Conditions| {
        let body = ProposalChange {
            proposal: done.outcome.to_string(),
            user_id: change.user.to_string(),
            tenant: change.tenant.to_string(),
            state: ProposalState::Open.to_string(),
            answer: None,
            changed: done.changed,
        };
        Reply::changed(done, conditions, body, Some(format!("/me/proposals/{}", done.outcome)))
    };
    terms.carry_out((&admin, &caller.caller), &change, answer).await
}

/// Lists the proposals of the last 30 days, oldest first.
#[utoipa::path(get, path = "/api/v1/proposals", tag = "proposals", params(ProposalParameters, PageParameters),
    responses((status = 200, body = List<TenantProposal>), ReadProblems))]
pub(super) async fn list(
    caller: Caller,
    admin: Data<Context>,
    page: Page<ProposalFilter>,
) -> Result<Reply, Refused> {
    let (after, directory) = (page.place(), &admin.stores.directory);
    let found = directory.search_proposals(&caller.scope, &page.filter, after.as_ref(), page.limit).await?;
    Ok(page.found::<_, TenantProposal>(&found))
}

/// Which proposals.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document is made of it; the filter reads them")]
pub(super) struct ProposalParameters {
    /// `open`, `approved` or `refused`.
    state: Option<String>,
    /// The id of the person who made it.
    user: Option<String>,
}

impl Filter for ProposalFilter {
    fn read(parameters: &mut Parameters<'_>) -> Self {
        Self {
            state: parameters.one::<ProposalState>("state"),
            user: parameters.one::<UserId>("user"),
            is_newest_first: false,
        }
    }
}

/// A proposal of a tenant.
#[utoipa::path(get, path = "/api/v1/proposals/{id}", tag = "proposals", params(("id" = String, Path)),
    responses((status = 200, body = TenantProposal), ReadProblems))]
pub(super) async fn show(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<ProposalId>,
    _: Filtered<()>,
) -> Result<Reply, Refused> {
    let found = admin.read_proposal(&caller.scope, id).await?;
    let (proposal, hosts) = found.ok_or(DirectoryError::UnknownProposal(id))?;
    let mut shown = TenantProposal::from(&proposal);
    if proposal.state == ProposalState::Open {
        shown.required_at = Some(hosts.iter().map(ToString::to_string).collect());
    }
    Ok(Reply::ok(shown).version(proposal.state.version()))
}

/// Creates the proposed tenant of the tier `free`, and makes the person who proposed it an administrator of it.
#[utoipa::path(post, path = "/api/v1/proposals/{id}/approve", tag = "proposals", params(("id" = String, Path)),
    responses((status = 200, body = ProposalChange), WriteProblems))]
pub(super) async fn approve(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<ProposalId>,
    PostEmpty(terms): PostEmpty,
) -> Result<Reply, Refused> {
    let proposal = admin.find_proposal(id, &caller.actor()).await?;
    let answer = |done: &Done<UserId>, conditions: Conditions| {
        let body = ProposalChange::decided(&proposal, ProposalState::Approved, None, done.changed);
        Reply::changed(done, conditions, body, None)
    };
    terms.carry_out((&admin, &caller), &ApproveProposal { id }, answer).await
}

/// Why a proposal is refused.
#[derive(ToSchema)]
pub(super) struct ProposalRefusal {
    /// What the person reads on their account page, in one line. `null` or absent: nothing.
    #[schema(value_type = Option<String>, max_length = 280)]
    answer: Option<Remark>,
}

impl Body for ProposalRefusal {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        Some(Self { answer: members.text("answer")?.value() })
    }
}

/// Refuses a proposal.
#[utoipa::path(post, path = "/api/v1/proposals/{id}/refuse", tag = "proposals", params(("id" = String, Path)), request_body = ProposalRefusal,
    responses((status = 200, body = ProposalChange), WriteProblems))]
pub(super) async fn refuse(
    caller: Caller,
    admin: Data<Context>,
    Path(id): Path<ProposalId>,
    Post(terms, ProposalRefusal { answer: word }): Post<ProposalRefusal>,
) -> Result<Reply, Refused> {
    let proposal = admin.find_proposal(id, &caller.actor()).await?;
    let change = RefuseProposal { id, answer: word.clone() };
    let answer = |done: &Done<UserId>, conditions: Conditions| {
        let word = word.as_ref().map(Remark::as_str);
        let body = ProposalChange::decided(&proposal, ProposalState::Refused, word, done.changed);
        Reply::changed(done, conditions, body, None)
    };
    terms.carry_out((&admin, &caller), &change, answer).await
}
