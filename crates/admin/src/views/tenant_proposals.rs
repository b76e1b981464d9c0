//! Proposals of tenants.

use super::{text, time};
use gatepost_core::calendar::rfc3339;
use gatepost_core::tenant_proposal::ProposalState;
use gatepost_store::directory::TenantProposal as Record;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A proposal of a tenant, for administrators of the system.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TenantProposal {
    #[schema(format = "uuid")]
    pub id: String,
    /// Who proposes it, and is to administer it.
    #[schema(format = "uuid")]
    pub user_id: String,
    pub email: Option<String>,
    pub user_name: Option<String>,
    /// The id that the tenant is to have.
    #[schema(example = "acme-corp")]
    pub tenant: String,
    /// The name that people are to see.
    pub name: String,
    /// What the person wrote.
    pub reason: Option<String>,
    /// `open`, `approved` or `refused`.
    #[schema(example = "open")]
    pub state: String,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it is deleted, whatever its state.
    #[schema(format = DateTime)]
    pub expires_at: String,
    #[schema(format = DateTime)]
    pub decided_at: Option<String>,
    /// Who decided: a person's id, or `cli:NAME`.
    pub decided_by: Option<String>,
    pub decided_by_email: Option<String>,
    /// What the person reads who was refused.
    pub answer: Option<String>,
    /// Hosts whose routers require the tenant already, as requests showed it in the last 30 days: who administers it passes
    /// there. Absent in a list, and once it is decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_at: Option<Vec<String>>,
    /// A proposal changes once.
    #[schema(example = "v1")]
    pub version: String,
}

impl From<&Record> for TenantProposal {
    fn from(proposal: &Record) -> Self {
        Self {
            id: proposal.id.to_string(),
            user_id: proposal.user_id.to_string(),
            email: text(proposal.email.as_ref()),
            user_name: proposal.user_name.clone(),
            tenant: proposal.tenant_id.to_string(),
            name: proposal.name.clone(),
            reason: proposal.reason.clone(),
            state: proposal.state.to_string(),
            created_at: rfc3339(proposal.created_at),
            expires_at: rfc3339(proposal.expires_at),
            decided_at: time(proposal.decided_at),
            decided_by: text(proposal.decided_by.as_ref()),
            decided_by_email: text(proposal.decided_by_email.as_ref()),
            answer: proposal.answer.clone(),
            required_at: None,
            version: proposal.state.version().to_string(),
        }
    }
}

/// A proposal of a tenant, for the person who made it. Who decided is not told.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OwnProposal {
    #[schema(format = "uuid")]
    pub id: String,
    /// The id that the tenant is to have.
    #[schema(example = "acme-corp")]
    pub tenant: String,
    /// The name that people are to see.
    pub name: String,
    /// What the person wrote.
    pub reason: Option<String>,
    /// `open`, `approved` or `refused`.
    #[schema(example = "open")]
    pub state: String,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it is deleted, whatever its state.
    #[schema(format = DateTime)]
    pub expires_at: String,
    #[schema(format = DateTime)]
    pub decided_at: Option<String>,
    /// What was answered.
    pub answer: Option<String>,
}

impl From<&Record> for OwnProposal {
    fn from(proposal: &Record) -> Self {
        let TenantProposal {
            id,
            tenant,
            name,
            reason,
            state,
            created_at,
            expires_at,
            decided_at,
            answer,
            ..
        } = proposal.into();
        Self { id, tenant, name, reason, state, created_at, expires_at, decided_at, answer }
    }
}

/// The proposals of one person, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OwnProposals {
    pub items: Vec<OwnProposal>,
}

/// A proposal was made, approved or refused.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProposalChange {
    #[schema(format = "uuid")]
    pub proposal: String,
    /// Who made it.
    #[schema(format = "uuid")]
    pub user_id: String,
    /// The id of the tenant.
    #[schema(example = "acme-corp")]
    pub tenant: String,
    /// `open`, `approved` or `refused`.
    #[schema(example = "approved")]
    pub state: String,
    /// What the person reads who was refused.
    pub answer: Option<String>,
    pub changed: bool,
}

impl ProposalChange {
    /// A proposal was decided.
    pub fn decided(proposal: &Record, state: ProposalState, answer: Option<&str>, changed: bool) -> Self {
        Self {
            proposal: proposal.id.to_string(),
            user_id: proposal.user_id.to_string(),
            tenant: proposal.tenant_id.to_string(),
            state: state.to_string(),
            answer: answer.map(str::to_owned),
            changed,
        }
    }
}
