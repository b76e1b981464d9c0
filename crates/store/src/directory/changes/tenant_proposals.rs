//! Proposals of tenants: a person makes one, and system administrators decide it.

use super::{Change, platform_change};
use gatepost_core::access_request::Remark;
use gatepost_core::administration::Matter;
use gatepost_core::ids::{ProposalId, TenantId, UserId};
use gatepost_core::tenant_proposal::ProposedName;

/// Proposes a tenant of the tier [`PROPOSED_TIER`]. The outcome is the proposal's id.
///
/// Errors: `ProposerConfined`, `ProposalOpen`, `TooManyProposals`, `TenantIdTaken`.
///
/// [`PROPOSED_TIER`]: gatepost_core::tenant_proposal::PROPOSED_TIER
#[derive(Clone, Debug)]
pub struct ProposeTenant {
    pub user: UserId,
    pub tenant: TenantId,
    pub name: ProposedName,
    /// What the person writes to the administrators.
    pub reason: Option<Remark>,
    /// It is only tried. Then it says nothing of the id: else somebody could learn of any number of ids whether they are
    /// there, and leave no proposal.
    pub is_tried: bool,
}

impl Change for ProposeTenant {
    type Outcome = ProposalId;
    const NAME: &'static str = "ProposeTenant";

    fn matter(&self) -> Matter {
        Matter::Person(self.user)
    }

    fn may_be_made_by_key(&self) -> bool {
        false
    }
}

/// Creates the tenant that somebody proposed, and makes the person an administrator of it. The outcome is the person.
///
/// Errors: `UnknownProposal` (also if the person was erased), `ProposalDecided`, `ProposerDisabled`, `ProposerConfined`, and those of
/// [`WriteTenant`].
///
/// [`WriteTenant`]: super::WriteTenant
#[derive(Clone, Debug)]
pub struct ApproveProposal {
    pub id: ProposalId,
}
platform_change!(ApproveProposal => UserId);

/// Refuses a proposal, with a word to the person if there is one. The outcome is the person.
///
/// Errors: `UnknownProposal`, `ProposalDecided`.
#[derive(Clone, Debug)]
pub struct RefuseProposal {
    pub id: ProposalId,
    pub answer: Option<Remark>,
}
platform_change!(RefuseProposal => UserId);
