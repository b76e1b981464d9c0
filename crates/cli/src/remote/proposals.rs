//! Proposals of tenants.

use super::api::Api;
use super::error::ApiError;
use gatepost_admin::views::{ProposalChange, TenantProposal};
use gatepost_core::ids::ProposalId;
use gatepost_store::directory::{Conditions, DirectoryError};
use reqwest::Method;
use serde_json::Value;

impl Api {
    /// Approves or refuses a proposal. Returns the proposal as it was, and the change.
    pub(crate) async fn decide_proposal(
        &self,
        id: ProposalId,
        (verb, body): (&str, Option<Value>),
        conditions: Conditions,
    ) -> Result<(TenantProposal, ProposalChange), ApiError> {
        let id_text = id.to_string();
        let found = self.find(&["proposals", &id_text]).await?;
        let proposal = found.ok_or(DirectoryError::UnknownProposal(id))?;
        let path = ["proposals", &id_text, verb];
        let answer = self.change(&Method::POST, &path, body.as_ref(), conditions).await?;
        Ok((proposal, self.read(answer.body)?))
    }
}
