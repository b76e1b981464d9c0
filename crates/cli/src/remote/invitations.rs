//! Invitations to tenants.

use super::api::Api;
use super::changes::{Remote, done};
use super::error::ApiError;
use gatepost_admin::views::{Invitation, InvitationChange, InvitationList, NewInvitation};
use gatepost_core::ids::TenantId;
use gatepost_store::directory::changes::{InviteMember, WithdrawInvitation};
use gatepost_store::directory::{Conditions, DirectoryError, Done, InvitationRecord};
use reqwest::Method;
use serde_json::json;

impl Remote for WithdrawInvitation {
    type Told = Invitation;

    fn told(outcome: InvitationRecord) -> Invitation {
        (&outcome).into()
    }

    async fn send(&self, api: &Api, conditions: Conditions) -> Result<Done<Invitation>, ApiError> {
        let id = self.id.to_string();
        let path = ["tenants", self.tenant.as_str(), "invitations", &id];
        let answer = api.remove(&path, &[], conditions).await?;
        let InvitationChange { invitation, .. } = api.read(answer.body.clone())?;
        Ok(done(&answer, invitation))
    }
}

impl Api {
    /// Invites somebody to a tenant. The answer has the link.
    pub(crate) async fn invite(
        &self,
        change: &InviteMember,
        conditions: Conditions,
    ) -> Result<NewInvitation, ApiError> {
        let path = ["tenants", change.tenant.as_str(), "invitations"];
        let body = json!({ "email": change.email.as_str(), "role": change.role.as_str() });
        let answer = self.change(&Method::POST, &path, Some(&body), conditions).await?;
        self.read(answer.body)
    }

    /// The invitations of a tenant that nobody has accepted yet.
    pub(crate) async fn list_invitations(&self, tenant: &TenantId) -> Result<Vec<Invitation>, ApiError> {
        let found: Option<InvitationList> = self.find(&["tenants", tenant.as_str(), "invitations"]).await?;
        found.map(|list| list.items).ok_or_else(|| DirectoryError::UnknownTenant(tenant.clone()).into())
    }
}
