//! Proposals of tenants: what system administrators decide.

use super::{Context, SessionError};
use gatepost_core::access_request::Remark;
use gatepost_core::administration::Scope;
use gatepost_core::host::HostName;
use gatepost_core::ids::ProposalId;
use gatepost_core::tenant_proposal::ProposalState;
use gatepost_store::directory::changes::{ApproveProposal, RefuseProposal};
use gatepost_store::directory::{Actor, Conditions, DirectoryError, Done, TenantProposal};

impl Context {
    /// Creates the tenant that somebody proposed, with the person as its administrator. The outcome is the proposal as it
    /// was.
    ///
    /// # Errors
    /// `Overtaken`, and those of [`ApproveProposal`].
    pub async fn approve_proposal(
        &self,
        id: ProposalId,
        conditions: Conditions,
        actor: &Actor,
    ) -> Result<Done<TenantProposal>, SessionError> {
        let proposal = self.find_proposal(id, actor).await?;
        let Done { changed, version, .. } =
            self.carry_out(&ApproveProposal { id }, conditions, actor).await?;
        Ok(Done { changed, version, outcome: proposal })
    }

    /// Refuses a proposal. The outcome is the proposal as it was.
    ///
    /// # Errors
    /// `Overtaken`, and those of [`RefuseProposal`].
    pub async fn refuse_proposal(
        &self,
        id: ProposalId,
        answer: Option<Remark>,
        conditions: Conditions,
        actor: &Actor,
    ) -> Result<Done<TenantProposal>, SessionError> {
        let proposal = self.find_proposal(id, actor).await?;
        let change = RefuseProposal { id, answer };
        let Done { changed, version, .. } = self.carry_out(&change, conditions, actor).await?;
        Ok(Done { changed, version, outcome: proposal })
    }

    /// A proposal for whoever decides it, with the hosts whose routers require the proposed tenant already. One that is decided
    /// has none.
    pub async fn read_proposal(
        &self,
        scope: &Scope,
        id: ProposalId,
    ) -> Result<Option<(TenantProposal, Vec<HostName>)>, DirectoryError> {
        let Some(proposal) = self.stores.directory.find_proposal(scope, id).await? else {
            return Ok(None);
        };
        let required_at = match proposal.state {
            ProposalState::Open => self.list_hosts_requiring(scope, &proposal.tenant_id).await?,
            ProposalState::Approved | ProposalState::Refused => Vec::new(),
        };
        Ok(Some((proposal, required_at)))
    }

    /// The proposal, if the actor may decide it.
    ///
    /// # Errors
    /// `UnknownProposal`.
    pub async fn find_proposal(&self, id: ProposalId, actor: &Actor) -> Result<TenantProposal, SessionError> {
        let scope = self.scope_of(actor).await?;
        let found = self.stores.directory.find_proposal(&scope, id).await?;
        Ok(found.ok_or(DirectoryError::UnknownProposal(id))?)
    }
}
