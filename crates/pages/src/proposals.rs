//! What the account page shows of proposals of tenants.

use super::paths;
use super::words::Moment;
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::TenantId;
use gatepost_core::tenant_proposal::ProposalState;

/// The proposals of a person on their account page.
#[derive(Clone, Copy, Debug)]
pub struct OwnProposals<'a> {
    /// The newest first.
    pub entries: &'a [ProposalEntry<'a>],
    /// Whether the page leads to the form.
    pub may_propose: bool,
}

/// A person's own proposal.
#[derive(Clone, Copy, Debug)]
pub struct ProposalEntry<'a> {
    pub tenant: &'a TenantId,
    pub name: &'a str,
    pub state: ProposalState,
    pub created_at: Timestamp,
    /// What the administrator wrote who refused it.
    pub answer: Option<&'a str>,
}

impl ProposalEntry<'_> {
    pub(super) const fn word(&self) -> &'static str {
        match self.state {
            ProposalState::Open => "waiting",
            state => state.as_str(),
        }
    }

    pub(super) const fn is_open(&self) -> bool {
        matches!(self.state, ProposalState::Open)
    }

    pub(super) fn created_at(&self) -> Moment {
        Moment(self.created_at)
    }

    /// The page of the tenant, of which the person is an administrator.
    pub(super) fn link(&self) -> Option<String> {
        matches!(self.state, ProposalState::Approved).then(|| paths::admin_tenant(self.tenant))
    }
}
