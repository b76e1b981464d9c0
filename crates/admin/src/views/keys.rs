//! API keys.

use super::{text, time};
use gatepost_core::api_key::ApiKey;
use gatepost_core::calendar::rfc3339;
use gatepost_store::directory::KeyRecord;
use gatepost_store::directory::changes::ShownKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An API key, without its secret.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Key {
    #[schema(format = "uuid")]
    pub id: String,
    pub name: String,
    /// The first characters of the secret's random part.
    #[schema(example = "x7Kd")]
    pub hint: String,
    /// The local part of the address that applications get. No other key has it.
    #[schema(example = "ci")]
    pub machine_name: String,
    pub tenant: Option<String>,
    /// The person with whom the key ends.
    #[schema(format = "uuid")]
    pub owner_id: Option<String>,
    pub owner_email: Option<String>,
    /// Who made it: a person's id, or `cli:NAME`.
    pub created_by: String,
    /// `gate`, `api.read`, `api.write`, `usage.write`, `scim`, `act-as` or `act-as:SPEAKER`.
    pub scopes: Vec<String>,
    /// The protected hosts at which it counts.
    pub hosts: Vec<String>,
    /// The networks from which it counts. Empty: from everywhere.
    pub networks: Vec<String>,
    /// The tools that it may call. Empty: all.
    pub tools: Vec<String>,
    /// Only shown to system administrators and to the owner.
    pub groups: Vec<String>,
    pub requests_per_minute: Option<u32>,
    /// `null`: never.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
    /// Why it never expires.
    pub endless_reason: Option<String>,
    /// Until then the secret from before the last rotation counts too.
    #[schema(format = DateTime)]
    pub old_secret_until: Option<String>,
    /// To the minute, some seconds later. Requests that were refused do not count.
    #[schema(format = DateTime)]
    pub last_used_at: Option<String>,
    /// The client's address.
    pub last_used_from: Option<String>,
    #[schema(format = DateTime)]
    pub revoked_at: Option<String>,
    /// It counts no more, because its owner is disabled.
    #[serde(default)]
    pub stopped: bool,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(example = "v1")]
    pub version: String,
}

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

impl From<&KeyRecord> for Key {
    fn from(key: &KeyRecord) -> Self {
        let limits = &key.limits;
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            hint: key.hint.clone(),
            machine_name: key.machine_name.clone(),
            tenant: text(key.tenant_id.as_ref()),
            owner_id: text(key.owner_id.as_ref()),
            owner_email: text(key.owner_email.as_ref()),
            created_by: key.created_by.clone(),
            scopes: texts(&limits.scopes),
            hosts: texts(&limits.hosts),
            networks: texts(&limits.networks),
            tools: texts(&limits.tools),
            groups: texts(&key.groups),
            requests_per_minute: limits.requests_per_minute,
            expires_at: time(limits.expires_at),
            endless_reason: key.endless_reason.clone(),
            old_secret_until: time(key.previous_until.filter(|_| key.revoked_at.is_none())),
            last_used_at: time(key.last_used_at),
            last_used_from: key.last_used_from.clone(),
            revoked_at: time(key.revoked_at),
            stopped: key.is_stopped,
            created_at: rfc3339(key.created_at),
            version: key.version.to_string(),
        }
    }
}

/// Whose a secret is that was found somewhere.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LookedUpKey {
    #[serde(flatten)]
    pub record: Key,
    /// The key was rotated since: this secret counts until `old_secret_until`, if at all.
    pub replaced: bool,
}

impl LookedUpKey {
    pub fn new(key: &KeyRecord, secret: &ApiKey<'_>) -> Self {
        Self { record: key.into(), replaced: !key.is_present_secret(secret) }
    }
}

/// A key was changed or revoked.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct KeyChange {
    #[serde(flatten)]
    pub record: Key,
    pub changed: bool,
}

/// A key with a new secret, which is shown this once.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NewKey {
    /// The secret. `null`: a dry run, or the answer to a request that came before.
    #[schema(example = "gp_github_...")]
    pub key: Option<String>,
    /// Why there is no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(flatten)]
    pub record: Key,
    pub changed: bool,
}

impl NewKey {
    /// With the secret.
    pub fn shown(new: &ShownKey) -> Self {
        let key = Some(new.secret.expose().to_owned());
        Self { key, note: None, record: (&new.record).into(), changed: true }
    }

    /// Without the secret, and why.
    pub fn hidden(new: &ShownKey, note: &str) -> Self {
        Self { key: None, note: Some(note.to_owned()), record: (&new.record).into(), changed: true }
    }
}
