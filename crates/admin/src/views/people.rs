//! People, what makes them administrators, their sessions, and what was done.

use super::{roles, text, time};
use gatepost_core::calendar::rfc3339;
use gatepost_core::secret::Hash;
use gatepost_store::directory::{AdminRecord, AdminStanding, UserRecord, UserSummary};
use gatepost_store::session::record::SessionRecord;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A person in a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct User {
    #[schema(format = "uuid")]
    pub id: String,
    /// The address that applications get.
    pub email: Option<String>,
    pub name: Option<String>,
    /// Since when the person may not sign in.
    #[schema(format = DateTime)]
    pub disabled_at: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub last_sign_in_at: Option<String>,
    /// Counts the changes of this person's own data; a sign-in alone is none.
    #[schema(example = "v7")]
    pub version: String,
}

impl From<&UserSummary> for User {
    fn from(user: &UserSummary) -> Self {
        Self {
            id: user.id.to_string(),
            email: text(user.email.as_ref()),
            name: user.name.clone(),
            disabled_at: time(user.disabled_at),
            created_at: rfc3339(user.created_at),
            last_sign_in_at: time(user.last_sign_in_at),
            version: user.version.to_string(),
        }
    }
}

/// A person.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UserDetails {
    #[serde(flatten)]
    pub user: User,
    /// Sessions that started before this second are over.
    #[schema(format = DateTime)]
    pub sessions_not_before: Option<String>,
    /// Empty: nobody has signed in with this address yet.
    pub identities: Vec<Identity>,
    /// Groups, each with its sources: `manual`, `scim`, or the id of a provider.
    pub groups: BTreeMap<String, Vec<String>>,
    /// Tenants, each with the highest role.
    pub tenants: BTreeMap<String, String>,
    /// Groups in which the person is until then, with all sources. The API has the ends in a list of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_ends: Option<BTreeMap<String, String>>,
    /// Tenants in which the person is until then, beside groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_ends: Option<BTreeMap<String, String>>,
    /// `null` for readers who may not know of it.
    pub admin: Option<Admin>,
}

impl From<&UserRecord> for UserDetails {
    fn from(user: &UserRecord) -> Self {
        let identity = |identity: &gatepost_store::directory::IdentityRecord| Identity {
            provider: identity.provider.to_string(),
            issuer: identity.key.issuer.clone(),
            subject: identity.key.subject.clone(),
            email: text(identity.email.as_ref()),
        };
        Self {
            user: (&user.summary).into(),
            sessions_not_before: time(user.sessions_not_before),
            identities: user.identities.iter().map(identity).collect(),
            groups: user.groups.iter().map(|(name, sources)| (name.to_string(), sources.clone())).collect(),
            tenants: roles(&user.tenants),
            group_ends: None,
            tenant_ends: None,
            admin: user.admin.as_ref().map(Admin::from),
        }
    }
}

/// A person's identity at a provider.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Identity {
    pub provider: String,
    pub issuer: String,
    pub subject: String,
    /// The address that the provider asserted last.
    pub email: Option<String>,
}

/// Whether a person is a system administrator, and why.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Admin {
    pub is_admin: bool,
    /// What an administrator decided; `false` overrides groups and roles.
    pub explicit: Option<bool>,
    /// When that decision ends.
    #[schema(format = DateTime)]
    pub until: Option<String>,
    /// What makes the person an administrator: `group NAME`, `role PROVIDER:ROLE`.
    pub reasons: Vec<String>,
}

impl From<&AdminStanding> for Admin {
    fn from(admin: &AdminStanding) -> Self {
        Self {
            is_admin: admin.is_admin,
            explicit: admin.explicit,
            until: time(admin.until),
            reasons: admin.reasons.clone(),
        }
    }
}

/// Somebody who is a system administrator, or to whom that was denied.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AdminEntry {
    /// The address, or the id of a person without one.
    pub user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub user_id: Option<String>,
    #[serde(flatten)]
    pub admin: Admin,
}

impl From<&AdminRecord> for AdminEntry {
    fn from(record: &AdminRecord) -> Self {
        let user_id = record.id.to_string();
        let user = text(record.email.as_ref()).unwrap_or_else(|| user_id.clone());
        Self { user, user_id: Some(user_id), admin: (&record.standing).into() }
    }
}

/// A valid session.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Names the session. It is no secret: nobody gets in with it.
    pub hash: String,
    #[schema(format = "uuid")]
    pub user_id: String,
    pub provider: String,
    pub user_agent: Option<String>,
    pub address: Option<String>,
    #[schema(format = DateTime)]
    pub begun_at: String,
    /// When the person last proved at the provider who they are.
    #[schema(format = DateTime)]
    pub auth_time: Option<String>,
    #[schema(format = DateTime)]
    pub last_seen_at: String,
}

impl Session {
    pub fn new(hash: &Hash, record: &SessionRecord) -> Self {
        Self {
            hash: hash.to_string(),
            user_id: record.user.to_string(),
            provider: record.provider.to_string(),
            user_agent: record.user_agent.clone(),
            address: record.address.map(|address| address.to_string()),
            begun_at: rfc3339(record.started_at),
            auth_time: time(record.auth_time.known()),
            last_seen_at: rfc3339(record.last_seen_at),
        }
    }
}
