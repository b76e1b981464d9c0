//! How keys are made, changed, rotated and revoked.

use super::tenant_limits::{self, Counted};
use super::{Apply, Connection, LockKey, Result, key_rows, naming, present, standing, tenants, users};
use crate::directory::actor::Actor;
use crate::directory::changes::{CreateKey, Done, KeyUpdate, RevokeKey, RotateKey, ShownKey, UpdateKey};
use crate::directory::error::DirectoryError;
use crate::directory::keys::{KeyHolder, KeyRecord};
use crate::directory::records::UserKey;
use gatepost_core::administration::{Granted, Version};
use gatepost_core::api_key::{ApiKey, KeyExpiry, KeyFault, KeyFaults, KeyId, rules};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{GroupId, GroupName, TenantId};
use serde_json::json;

impl Apply for CreateKey {
    type Locked = ();

    /// Two keys of one tenant that are made at once count each other. The row of an owner does the same for their keys.
    fn locks(&self) -> Vec<LockKey> {
        let lock = |tenant: &TenantId| LockKey::of(&["keys of tenant", tenant.as_str()]);
        self.holder.tenant.iter().map(lock).collect()
    }

    async fn lock(&self, connection: &mut Connection) -> Result<((), Option<Version>)> {
        if let Some(owner) = self.holder.owner {
            users::find_known(connection, &UserKey::Id(owner)).await?;
        }
        Ok(((), None))
    }

    async fn write(
        granted: Granted<&Self>,
        (): (),
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<ShownKey>> {
        let change = granted.change();
        if let Some(tenant) = &change.holder.tenant
            && granted.is_by_system()
        {
            tenants::demand(connection, tenant).await?;
        }
        let now = present(connection).await?;
        let (expires_at, fault) = rules::expiry(&change.expiry, now);
        let mut record = new_record(change, expires_at, now, actor);
        let mut all = change.faults.clone();
        all.extend(fault);
        all.extend(rules::unusable(&record.limits));
        if !granted.is_by_system() {
            all.extend(rules::reserved(&record.limits, !change.groups.is_empty()));
        }
        all.extend(faults_of_holder(connection, &change.holder).await?);
        KeyFaults::none(all)?;
        if let Some(tenant) = &change.holder.tenant {
            tenant_limits::demand_room(connection, tenant, Counted::Keys).await?;
        }
        let groups = find_groups(connection, &change.groups).await?;
        let secret = ApiKey::generate(change.holder.tenant.as_ref());
        record.hint = secret.hint().to_owned();
        key_rows::insert(connection, &change.name, &record, &secret).await?;
        key_rows::insert_groups(connection, record.id, &groups).await?;
        let record = key_rows::find_changed(connection, record.id).await?;
        let states = (None, Some(key_rows::said(&record)));
        key_rows::note(connection, actor, "key.create", &record, states).await?;
        Ok(Done::changed(Some(record.version), ShownKey { record, secret }))
    }
}

/// The row to be written, but for what the database says.
fn new_record(change: &CreateKey, expires_at: Option<Timestamp>, now: Timestamp, actor: &Actor) -> KeyRecord {
    let endless_reason = match &change.expiry {
        KeyExpiry::Never(reason) => Some(reason.trim().to_owned()),
        _ => None,
    };
    let mut limits = change.limits.clone();
    limits.expires_at = expires_at;
    KeyRecord {
        id: KeyId::generate(),
        hint: String::new(),
        name: change.name.as_str().to_owned(),
        machine_name: String::new(),
        tenant_id: change.holder.tenant.clone(),
        owner_id: change.holder.owner,
        is_stopped: false,
        owner_email: None,
        created_by: actor.who.to_string(),
        limits,
        groups: Vec::new(),
        endless_reason,
        previous_until: None,
        last_used_at: None,
        last_used_from: None,
        revoked_at: None,
        created_at: now,
        version: users::FIRST,
    }
}

/// Whether the owner may enter the tenant, and whether there is room for one more key.
async fn faults_of_holder(connection: &mut Connection, holder: &KeyHolder) -> Result<Vec<KeyFault>> {
    let mut faults = Vec::new();
    if let (Some(tenant), Some(owner)) = (&holder.tenant, holder.owner) {
        let standing = standing::find(connection, owner).await?;
        let is_open = standing.is_some_and(|standing| standing.access.role_in(tenant).is_some());
        faults.extend((!is_open).then(|| KeyFault::TenantClosed(tenant.clone())));
    }
    if let Some(owner) = holder.owner {
        faults.extend(key_rows::fault_of_person(connection, owner).await?);
    }
    if let Some(tenant) = &holder.tenant {
        faults.extend(key_rows::fault_of_tenant(connection, tenant).await?);
    }
    Ok(faults)
}

async fn find_groups(connection: &mut Connection, names: &[GroupName]) -> Result<Vec<GroupId>> {
    let mut groups = Vec::new();
    for name in names {
        let found = naming::find_group(connection, name).await?;
        let number = found.ok_or_else(|| DirectoryError::UnknownGroup(name.clone().into()))?;
        groups.push(GroupId::from_number(number));
    }
    Ok(groups)
}

impl Apply for UpdateKey {
    type Locked = KeyRecord;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        lock_held(connection, self.id, &self.holder).await
    }

    async fn write(
        granted: Granted<&Self>,
        before: KeyRecord,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<KeyRecord>> {
        let new = &granted.change().new;
        demand_live(&before)?;
        let now = present(connection).await?;
        let (after, mut faults) = updated(&before, new, now);
        faults.extend(rules::unusable(&after.limits));
        faults.extend(of_trial(&before));
        if !granted.is_by_system() {
            faults.extend(reserved(&before));
            let is_new_endless = after.limits.expires_at.is_none() && before.limits.expires_at.is_some();
            faults.extend(is_new_endless.then_some(KeyFault::Endless));
        }
        KeyFaults::none(faults)?;
        if after == before {
            return Ok(Done::unchanged(Some(before.version), before));
        }
        key_rows::update(connection, &after).await?;
        let after = key_rows::find_changed(connection, before.id).await?;
        let states = (Some(key_rows::said(&before)), Some(key_rows::said(&after)));
        key_rows::note(connection, actor, "key.update", &after, states).await?;
        Ok(Done::changed(Some(after.version), after))
    }
}

/// The key as it is to be, and what is wrong with what is said about it.
fn updated(before: &KeyRecord, new: &KeyUpdate, now: Timestamp) -> (KeyRecord, Vec<KeyFault>) {
    let KeyUpdate { name, hosts, networks, tools, requests_per_minute, expiry, faults } = new.clone();
    let (mut after, mut faults) = (before.clone(), faults);
    if let Some(name) = name {
        name.as_str().clone_into(&mut after.name);
    }
    let limits = &mut after.limits;
    limits.hosts = hosts.unwrap_or_else(|| limits.hosts.clone());
    limits.networks = networks.unwrap_or_else(|| limits.networks.clone());
    limits.tools = tools.unwrap_or_else(|| limits.tools.clone());
    limits.requests_per_minute = requests_per_minute.unwrap_or(limits.requests_per_minute);
    if let Some(expiry) = expiry {
        let (expires_at, fault) = rules::expiry(&expiry, now);
        limits.expires_at = expires_at;
        faults.extend(fault);
        after.endless_reason = match expiry {
            KeyExpiry::Never(reason) => Some(reason.trim().to_owned()),
            _ => None,
        };
    }
    (after, faults)
}

impl Apply for RotateKey {
    type Locked = KeyRecord;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        lock_held(connection, self.id, &self.holder).await
    }

    async fn write(
        granted: Granted<&Self>,
        before: KeyRecord,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<ShownKey>> {
        let change = granted.change();
        demand_live(&before)?;
        let now = present(connection).await?;
        if before.limits.expires_at.is_some_and(|end| end <= now) {
            return Err(DirectoryError::EndsInThePast);
        }
        let mut faults: Vec<KeyFault> = rules::overlap(change.overlap).into_iter().collect();
        faults.extend(of_trial(&before));
        if !granted.is_by_system() {
            faults.extend(reserved(&before));
        }
        KeyFaults::none(faults)?;
        // The old secret stays known, also when it counts no more: whoever finds it somewhere learns whose it was.
        let previous_until = now.plus(change.overlap);
        let secret = another_secret(&before);
        sqlx::query(
            "UPDATE keys SET previous_hash = hash, previous_until = $4, hash = $2, hint = $3 WHERE id = $1",
        )
        .bind(before.id.to_string())
        .bind(&secret.digest().as_bytes()[..])
        .bind(secret.hint())
        .bind(previous_until.unix())
        .execute(&mut *connection)
        .await?;
        let record = key_rows::find_changed(connection, before.id).await?;
        let states = (
            Some(json!({ "hint": before.hint })),
            Some(json!({ "hint": record.hint, "old_until": previous_until })),
        );
        key_rows::note(connection, actor, "key.rotate", &record, states).await?;
        Ok(Done::changed(Some(record.version), ShownKey { record, secret }))
    }
}

impl Apply for RevokeKey {
    type Locked = KeyRecord;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        let is_meant = |record: &KeyRecord| {
            let of_tenant = KeyHolder { tenant: record.tenant_id.clone(), owner: None };
            self.holder == record.holder() || (self.holder.tenant.is_some() && self.holder == of_tenant)
        };
        let record = key_rows::lock(connection, self.id, is_meant).await?;
        let version = record.version;
        Ok((record, Some(version)))
    }

    async fn write(
        granted: Granted<&Self>,
        before: KeyRecord,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<KeyRecord>> {
        // The answer to a dry run has the key.
        let shown = |key| key_rows::shown(key, granted.is_by_system());
        if before.revoked_at.is_some() {
            return Ok(Done::unchanged(Some(before.version), shown(before)));
        }
        let now = present(connection).await?;
        // The secret from before a rotation ends too, and both stay known.
        let sql = "UPDATE keys SET revoked_at = $2 WHERE id = $1";
        let query = sqlx::query(sql).bind(before.id.to_string()).bind(now.unix());
        query.execute(&mut *connection).await?;
        let after = key_rows::find_changed(connection, before.id).await?;
        key_rows::note(connection, actor, "key.revoke", &after, (Some(key_rows::said(&before)), None))
            .await?;
        Ok(Done::changed(Some(after.version), shown(after)))
    }
}

/// A new secret, which people can tell from the present one.
fn another_secret(before: &KeyRecord) -> ApiKey<'static> {
    loop {
        let secret = ApiKey::generate(before.tenant_id.as_ref());
        if before.is_present_secret(&secret) {
            continue;
        }
        return secret;
    }
}

/// Locks a key of this holder.
async fn lock_held(
    connection: &mut Connection,
    id: KeyId,
    holder: &KeyHolder,
) -> Result<(KeyRecord, Option<Version>)> {
    let record = key_rows::lock(connection, id, |record| record.holder() == *holder).await?;
    let version = record.version;
    Ok((record, Some(version)))
}

fn demand_live(record: &KeyRecord) -> Result<()> {
    if record.revoked_at.is_some() { Err(DirectoryError::KeyRevoked(record.id)) } else { Ok(()) }
}

/// Whether the key tries a tool server.
fn of_trial(record: &KeyRecord) -> Option<KeyFault> {
    record.limits.trial.is_some().then_some(KeyFault::OfTrial)
}

/// What only system administrators gave the key, so that only they handle it.
fn reserved(record: &KeyRecord) -> Vec<KeyFault> {
    rules::reserved(&record.limits, !record.groups.is_empty())
}
