//! Everything that is held about one person, for that person.

use super::{AuditEntry, Key, OwnProposal, Session, UserDetails, text, time};
use gatepost_core::calendar::rfc3339;
use gatepost_core::ids::UserId;
use gatepost_core::refusal::Refusal;
use gatepost_store::directory::{
    AccessRequest, ActivePerson, AuditRecord, FormerAddress as FormerAddressRecord, InvitationRecord,
};
use serde::Serialize;
use utoipa::ToSchema;

/// Everything that Gatepost holds about a person. Other people appear with their ids alone, and secrets not at all.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonalData<M: ToSchema> {
    /// When this was written.
    #[schema(format = DateTime)]
    pub exported_at: String,
    /// The person, with identities, groups, tenants and what makes them an administrator.
    pub user: UserDetails,
    /// Addresses that the person had before, so that the next holder does not get what belongs to this person.
    pub former_addresses: Vec<FormerAddress>,
    /// What the person is a member of, and who says so.
    pub memberships: Vec<M>,
    /// What the person asked for in the last 90 days.
    pub requests: Vec<PersonalRequest>,
    /// Tenants that the person proposed in the last 30 days.
    pub proposals: Vec<OwnProposal>,
    /// Invitations to tenants that the person has not accepted yet.
    pub invitations: Vec<PersonalInvitation>,
    /// Signed-in browsers, until the session ends or expires.
    pub sessions: Vec<Session>,
    /// The person's API keys, without their secrets. Revoked ones are among them as long as their records stay.
    pub keys: Vec<Key>,
    /// Requests to applications that were refused in the last 7 days.
    pub refusals: Vec<PersonalRefusal>,
    /// On which days tenants let the person in, for about two months.
    pub active_days: Vec<PersonalActivity>,
    /// What the person did, and what was done about them, newest first. It is the last member: it may be long.
    pub audit: Vec<AuditEntry>,
}

/// A day on which a tenant let a person in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonalActivity {
    pub tenant: String,
    #[schema(format = Date)]
    pub day: String,
}

impl From<&ActivePerson> for PersonalActivity {
    fn from(active: &ActivePerson) -> Self {
        Self { tenant: active.tenant.to_string(), day: active.day.iso() }
    }
}

/// An address that a person had before.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FormerAddress {
    pub email: String,
    /// When the person gave it up.
    #[schema(format = DateTime)]
    pub until: String,
}

impl From<&FormerAddressRecord> for FormerAddress {
    fn from(former: &FormerAddressRecord) -> Self {
        Self { email: former.email.clone(), until: rfc3339(former.until) }
    }
}

/// An invitation to a tenant.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonalInvitation {
    pub tenant: String,
    /// The address that was invited.
    pub email: String,
    pub role: String,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub expires_at: String,
}

impl From<&InvitationRecord> for PersonalInvitation {
    fn from(invitation: &InvitationRecord) -> Self {
        Self {
            tenant: invitation.tenant_id.to_string(),
            email: invitation.email.to_string(),
            role: invitation.role.to_string(),
            created_at: rfc3339(invitation.created_at),
            expires_at: rfc3339(invitation.expires_at),
        }
    }
}

/// A request for access.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonalRequest {
    #[schema(format = "uuid")]
    pub id: String,
    /// `group` or `tenant`.
    pub kind: String,
    /// The group or the tenant, by its present name.
    pub wanted: String,
    /// What the person wrote.
    pub note: Option<String>,
    /// `open`, `granted`, `declined` or `withdrawn`.
    pub state: String,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub decided_at: Option<String>,
    /// What was answered.
    pub answer: Option<String>,
    /// The end of what was granted.
    #[schema(format = DateTime)]
    pub until: Option<String>,
}

impl From<&AccessRequest> for PersonalRequest {
    fn from(request: &AccessRequest) -> Self {
        Self {
            id: request.id.to_string(),
            kind: request.wanted.kind().to_owned(),
            wanted: request.wanted.name().to_owned(),
            note: request.note.clone(),
            state: request.state.as_str().to_owned(),
            created_at: rfc3339(request.created_at),
            decided_at: time(request.decided_at),
            answer: request.answer.clone(),
            until: time(request.until),
        }
    }
}

/// A request to an application that was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonalRefusal {
    /// The number that the page showed.
    pub request_id: String,
    #[schema(format = DateTime)]
    pub at: String,
    /// The person's address at that time.
    pub email: Option<String>,
    pub host: String,
    pub method: String,
    pub path: String,
    /// What the router demanded.
    pub requirement: String,
    pub status: u16,
    pub reason: String,
    /// The client's address.
    pub address: Option<String>,
    /// The name of the API key by which a program sent the request for the person.
    pub via: Option<String>,
    /// What the request asked a tool server for, by its name.
    pub tool: Option<String>,
}

impl From<&Refusal> for PersonalRefusal {
    fn from(refusal: &Refusal) -> Self {
        Self {
            request_id: refusal.request_id.to_string(),
            at: rfc3339(refusal.at),
            email: text(refusal.email.as_ref()),
            host: refusal.host.clone(),
            method: refusal.method.clone(),
            path: refusal.path.clone(),
            requirement: refusal.requirement.clone(),
            status: refusal.status,
            reason: refusal.reason.clone(),
            address: text(refusal.address.as_ref()),
            via: refusal.via.clone(),
            tool: refusal.missing.as_ref().and_then(|missing| missing.tool.clone()),
        }
    }
}

impl AuditEntry {
    /// The entry as one person may read it who did this, or about whom it was done: of others their ids alone.
    pub fn for_person(entry: &AuditRecord, person: UserId) -> Self {
        let is_actor = entry.actor.to_string() == person.to_string();
        let is_target = entry.target == format!("user:{person}");
        let is_of_nobody = !entry.target.starts_with("user:");
        let all = Self::from(entry);
        Self {
            actor_email: all.actor_email.filter(|_| is_actor),
            address: all.address.filter(|_| is_actor),
            target_email: all.target_email.filter(|_| is_target),
            before: all.before.filter(|_| is_target || is_of_nobody),
            after: all.after.filter(|_| is_target || is_of_nobody),
            ..all
        }
    }
}
