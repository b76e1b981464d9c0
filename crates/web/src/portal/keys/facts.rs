//! A key as pages show it.

use gatepost_pages::admin::KeyFacts;
use gatepost_store::directory::KeyRecord;

/// A key as pages show it.
pub(in super::super) fn facts(key: &KeyRecord) -> KeyFacts<'_> {
    KeyFacts {
        id: key.id,
        name: &key.name,
        hint: &key.hint,
        machine_name: &key.machine_name,
        tenant: key.tenant_id.as_ref(),
        owner: key.owner_id.map(|id| (id, key.owner_email.as_ref())),
        is_stopped: key.is_stopped,
        created_by: &key.created_by,
        created_at: key.created_at,
        limits: &key.limits,
        groups: &key.groups,
        endless_reason: key.endless_reason.as_deref(),
        previous_until: key.previous_until,
        last_used_at: key.last_used_at,
        last_used_from: key.last_used_from.as_deref(),
        revoked_at: key.revoked_at,
        version: key.version,
    }
}
