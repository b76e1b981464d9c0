//! What the account page shows of the tenants that a person proposed.

use super::fault::Fault;
use super::routing::is_self_service;
use gatepost_core::access::Standing;
use gatepost_core::tenant_proposal::ProposalState;
use gatepost_pages::ProposalEntry;
use gatepost_sign_in::Context;
use gatepost_store::directory::TenantProposal;

/// How many proposals the account page shows.
const SHOWN: u32 = 20;

/// Whether a tenant's own provider identifies the person: what it says opens that tenant alone.
pub(super) fn is_confined(standing: &Standing) -> bool {
    standing.access.confined_to.is_some()
}

/// The person's own proposals, the newest first. `None`: nobody proposes tenants here.
pub(super) async fn list_own(
    context: &Context,
    standing: &Standing,
) -> Result<Option<Vec<TenantProposal>>, Fault> {
    if !is_self_service(&context.site.config) {
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
