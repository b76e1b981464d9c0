//! Proposals of tenants, as they are listed.

use super::actor::Who;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::ids::{ProposalId, TenantId, UserId};
use gatepost_core::tenant_proposal::ProposalState;

row! {
    /// A proposal of a tenant.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct TenantProposal {
        pub id: ProposalId,
        /// Who proposes it, and is to administer it.
        pub user_id: UserId,
        /// Their address, if they have one.
        pub email: Option<EmailAddress>,
        /// Their display name.
        pub user_name: Option<String>,
        /// The id that the tenant is to have.
        pub tenant_id: TenantId,
        /// The name that people are to see.
        pub name: String,
        /// What they wrote.
        pub reason: Option<String>,
        pub state: ProposalState,
        pub created_at: Timestamp,
        /// When it is deleted, whatever its state.
        pub expires_at: Timestamp,
        pub decided_at: Option<Timestamp>,
        /// Who decided it.
        pub decided_by: Option<Who>,
        /// The address of that person, if they have one.
        pub decided_by_email: Option<EmailAddress>,
        /// What the administrator wrote who refused it.
        pub answer: Option<String>,
    }
}

/// Which proposals to list; all by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProposalFilter {
    pub state: Option<ProposalState>,
    /// Of this person.
    pub user: Option<UserId>,
    /// Else the oldest comes first.
    pub is_newest_first: bool,
}
