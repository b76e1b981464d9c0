//! Requests for access.

use super::{text, time};
use gatepost_core::access_request::{RequestState, Wanted};
use gatepost_core::calendar::rfc3339;
use gatepost_core::clock::Timestamp;
use gatepost_store::directory::AccessRequest as Record;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// A request for access.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AccessRequest {
    #[schema(format = "uuid")]
    pub id: String,
    /// Who asks.
    #[schema(format = "uuid")]
    pub user_id: String,
    pub email: Option<String>,
    pub name: Option<String>,
    #[serde(flatten)]
    pub wanted: WantedThing,
    /// What the person wrote.
    pub note: Option<String>,
    /// `open`, `granted`, `declined` or `withdrawn`.
    #[schema(example = "open")]
    pub state: String,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it was decided or withdrawn.
    #[schema(format = DateTime)]
    pub decided_at: Option<String>,
    /// Who did: a person's id, or `cli:NAME`.
    pub decided_by: Option<String>,
    pub decided_by_email: Option<String>,
    /// What the person reads who was declined.
    pub answer: Option<String>,
    /// When the access ends that was granted.
    #[schema(format = DateTime)]
    pub until: Option<String>,
    /// A request changes once.
    #[schema(example = "v1")]
    pub version: String,
}

/// What somebody asks for: a group or a tenant.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WantedThing {
    /// The group's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The group's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "42")]
    pub group_id: Option<String>,
    /// The tenant's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

/// What people call it.
impl fmt::Display for WantedThing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.group, &self.tenant) {
            (Some(group), _) => write!(f, "group {group}"),
            (None, tenant) => write!(f, "tenant {}", tenant.as_deref().unwrap_or("-")),
        }
    }
}

impl From<&Record> for WantedThing {
    fn from(request: &Record) -> Self {
        let (group, tenant) = match &request.wanted {
            Wanted::Group(name) => (Some(name.to_string()), None),
            Wanted::Tenant(id) => (None, Some(id.to_string())),
        };
        Self { group, group_id: text(request.group_id.as_ref()), tenant }
    }
}

impl From<&Record> for AccessRequest {
    fn from(request: &Record) -> Self {
        Self {
            id: request.id.to_string(),
            user_id: request.user_id.to_string(),
            email: text(request.email.as_ref()),
            name: request.name.clone(),
            wanted: request.into(),
            note: request.note.clone(),
            state: request.state.to_string(),
            created_at: rfc3339(request.created_at),
            decided_at: time(request.decided_at),
            decided_by: text(request.decided_by.as_ref()),
            decided_by_email: text(request.decided_by_email.as_ref()),
            answer: request.answer.clone(),
            until: time(request.until),
            version: request.state.version().to_string(),
        }
    }
}

/// A request was granted or declined.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RequestChange {
    #[schema(format = "uuid")]
    pub request: String,
    /// Who asked.
    #[schema(format = "uuid")]
    pub user_id: String,
    #[serde(flatten)]
    pub wanted: WantedThing,
    /// `granted` or `declined`.
    #[schema(example = "granted")]
    pub state: String,
    /// When the access ends. `null`: there is none.
    #[schema(format = DateTime)]
    pub until: Option<String>,
    /// What the person reads.
    pub answer: Option<String>,
    pub changed: bool,
}

impl RequestChange {
    /// Access was granted, until a time.
    pub fn granted(request: &Record, until: Timestamp, changed: bool) -> Self {
        Self::new(request, RequestState::Granted, (Some(rfc3339(until)), None), changed)
    }

    /// The request was declined, with a word.
    pub fn declined(request: &Record, answer: &str, changed: bool) -> Self {
        Self::new(request, RequestState::Declined, (None, Some(answer.to_owned())), changed)
    }

    fn new(
        request: &Record,
        state: RequestState,
        (until, answer): (Option<String>, Option<String>),
        changed: bool,
    ) -> Self {
        Self {
            request: request.id.to_string(),
            user_id: request.user_id.to_string(),
            wanted: request.into(),
            state: state.to_string(),
            until,
            answer,
            changed,
        }
    }
}
