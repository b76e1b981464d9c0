//! Invitations to tenants.

use gatepost_core::calendar::rfc3339;
use gatepost_store::directory::InvitationRecord;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An invitation that nobody has accepted yet, without the secret of its link.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    #[schema(format = "uuid")]
    pub id: String,
    /// Whoever signs in with it may accept.
    pub email: String,
    /// `admin`, `member` or `viewer`.
    pub role: String,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub expires_at: String,
}

impl From<&InvitationRecord> for Invitation {
    fn from(invitation: &InvitationRecord) -> Self {
        Self {
            id: invitation.id.to_string(),
            email: invitation.email.to_string(),
            role: invitation.role.to_string(),
            created_at: rfc3339(invitation.created_at),
            expires_at: rfc3339(invitation.expires_at),
        }
    }
}

/// The invitations of a tenant.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct InvitationList {
    pub items: Vec<Invitation>,
}

/// A new invitation with its link, which is shown this once.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NewInvitation {
    /// For whoever was invited. `null`: a dry run, or the answer to a request that came before.
    #[schema(example = "https://auth.example.com/invitations/...")]
    pub link: Option<String>,
    /// Why there is no link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(flatten)]
    pub invitation: Invitation,
    pub changed: bool,
}

impl NewInvitation {
    pub fn shown(record: &InvitationRecord, link: String) -> Self {
        Self { link: Some(link), note: None, invitation: record.into(), changed: true }
    }

    pub fn hidden(record: &InvitationRecord, why: &str) -> Self {
        Self { link: None, note: Some(why.to_owned()), invitation: record.into(), changed: true }
    }
}

/// An invitation was withdrawn.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct InvitationChange {
    #[serde(flatten)]
    pub invitation: Invitation,
    pub changed: bool,
}
