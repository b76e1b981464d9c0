//! What changes did. Each says in `changed` whether anything is different now, or would be.

use super::{Admin, text, time};
use gatepost_store::directory::UserSummary;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A person was created, disabled or enabled.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UserChange {
    /// `null`: a dry run would create the person.
    #[schema(format = "uuid")]
    pub user_id: Option<String>,
    pub email: Option<String>,
    #[schema(format = DateTime)]
    pub disabled_at: Option<String>,
    pub changed: bool,
}

impl UserChange {
    pub fn new(user: &UserSummary, changed: bool) -> Self {
        Self {
            user_id: Some(user.id.to_string()),
            email: text(user.email.as_ref()),
            disabled_at: time(user.disabled_at),
            changed,
        }
    }
}

/// A person was erased.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UserErasure {
    /// The id that was theirs. It is nobody's any more.
    #[schema(format = "uuid")]
    pub user_id: String,
    pub changed: bool,
}

/// All sessions of a person were ended.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SessionsEnd {
    #[schema(format = "uuid")]
    pub user_id: String,
    /// How many there were. `null`: the session store does not answer; they have ended all the same.
    pub sessions: Option<usize>,
    pub changed: bool,
}

/// One session was ended.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SessionEnd {
    pub hash: String,
    #[schema(format = "uuid")]
    pub user_id: String,
    pub changed: bool,
}

/// A person's address was released.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AddressRelease {
    #[schema(format = "uuid")]
    pub user_id: String,
    pub released: Option<String>,
    pub changed: bool,
}

/// A group was created, renamed or deleted.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct GroupChange {
    #[schema(example = "42")]
    pub group_id: String,
    pub name: String,
    pub changed: bool,
}

/// A link was made or removed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LinkChange {
    /// The group's name here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `PROVIDER:ID`, for a role `PROVIDER:role:NAME`.
    pub link: String,
    pub changed: bool,
}

/// A person was added to a group or removed from it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MemberChange {
    /// The group's name.
    pub group: String,
    /// `null`: a dry run would create the person.
    #[schema(format = "uuid")]
    pub user_id: Option<String>,
    /// When the membership ends. `null`: never.
    #[schema(format = DateTime)]
    pub until: Option<String>,
    /// Who said that the person was in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<String>>,
    pub changed: bool,
}

/// A tenant was created, renamed or deleted.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TenantChange {
    pub id: String,
    pub changed: bool,
}

/// A group got or lost a role in a tenant.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MappingChange {
    /// The group's name.
    pub group: String,
    pub tenant: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    pub changed: bool,
}

/// A person got or lost a role in a tenant.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TenantMemberChange {
    pub tenant: String,
    /// The address or the id, as it was given.
    pub user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    pub changed: bool,
}

/// It was decided whether a person is a system administrator.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AdminChange {
    /// `null`: a dry run would create the person.
    #[schema(format = "uuid")]
    pub user_id: Option<String>,
    pub email: Option<String>,
    #[serde(flatten)]
    pub admin: Admin,
    pub changed: bool,
}

/// People were added to a group and removed from it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MembersChange {
    /// The group's name.
    pub group: String,
    /// How many memberships are new or end at another time.
    pub added: usize,
    /// How many people are in it no more.
    pub removed: usize,
    pub changed: bool,
}
