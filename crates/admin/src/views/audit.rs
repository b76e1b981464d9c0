//! The audit: what was done, and the heads of the hours.

use gatepost_core::calendar::rfc3339;
use gatepost_store::directory::{self, AuditCursor, AuditRecord};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A row of the audit.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    pub id: i64,
    #[schema(format = DateTime)]
    pub at: String,
    /// A person's id, `key:ID` (a key without an owner), `cli:NAME`, `db:ROLE`, `sign-in`, `refresh`, `provider`, `configuration`.
    pub actor: String,
    pub actor_email: Option<String>,
    pub action: String,
    /// What was changed: `user:ID`, `group:NAME`, `tenant:ID`, ...
    pub target: String,
    pub target_email: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub before: Option<Map<String, Value>>,
    #[schema(value_type = Option<Object>)]
    pub after: Option<Map<String, Value>>,
    /// The client's address.
    pub address: Option<String>,
    pub request_id: Option<String>,
    /// The way of the change: `cli`, `api`, `portal`, `view`, `scim`, `sync`, `gate`.
    pub via: String,
    /// The tenant whose administrators may read this.
    pub tenant_id: Option<String>,
    /// The key by which the actor came.
    pub key_id: Option<String>,
}

impl From<&AuditRecord> for AuditEntry {
    fn from(entry: &AuditRecord) -> Self {
        Self {
            id: entry.id,
            at: rfc3339(entry.at),
            actor: entry.actor.to_string(),
            actor_email: entry.actor_email.clone(),
            action: entry.action.clone(),
            target: entry.target.clone(),
            target_email: entry.target_email.clone(),
            before: entry.before.as_deref().map(object),
            after: entry.after.as_deref().map(object),
            address: entry.address.clone(),
            request_id: entry.request_id.clone(),
            via: entry.via.clone(),
            tenant_id: entry.tenant_id.clone(),
            key_id: entry.key_id.clone(),
        }
    }
}

impl AuditEntry {
    /// The position of this row. `None`: its time is none.
    pub fn cursor(&self) -> Option<AuditCursor> {
        Some(AuditCursor::new(self.at.parse().ok()?, self.id))
    }
}

/// Stored values are JSON objects.
fn object(written: &str) -> Map<String, Value> {
    serde_json::from_str(written).unwrap_or_default()
}

/// The head of an hour: a hash over its entries, which shows whether they were changed (docs/audit.md).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditHead {
    /// The beginning of the hour.
    #[schema(format = DateTime)]
    pub hour: String,
    /// The canonical form of what is hashed.
    pub form: i64,
    pub first_id: i64,
    pub last_id: i64,
    /// The number of entries.
    pub count: i64,
    /// The hash over the entries, in hexadecimal digits.
    pub sha256: String,
    /// The digest of the head before this one; 64 zeros: this is the first.
    pub previous: String,
}

impl From<&directory::AuditHead> for AuditHead {
    fn from(head: &directory::AuditHead) -> Self {
        Self {
            hour: rfc3339(head.begins_at()),
            form: head.form,
            first_id: head.first_id,
            last_id: head.last_id,
            count: head.count,
            sha256: head.sha256.to_string(),
            previous: head.previous.to_string(),
        }
    }
}
