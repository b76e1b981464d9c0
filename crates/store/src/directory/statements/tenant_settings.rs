//! What the platform says about a tenant, written in one piece.

use super::tenant_changes::note;
use super::{Apply, Connection, Result, invitations, lists, tenant_hosts, tenant_limits, tenants, tiers};
use crate::directory::actor::Actor;
use crate::directory::changes::{
    Done, ObjectEdit, TenantEdit, TenantHostName, WriteMode, WriteTenant, WrittenTenant,
};
use crate::directory::error::DirectoryError;
use crate::directory::records::TenantRecord;
use gatepost_core::administration::{Granted, Version};
use gatepost_core::clock::Timestamp;
use gatepost_core::ids::{ServiceName, TenantId, TierId};
use gatepost_core::tier::{Allowances, JsonObject};
use serde_json::{Value, json};

/// The part of a tenant that one row holds and the platform says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Said {
    name: Option<String>,
    tier: Option<TierId>,
    own: Allowances,
    settings: JsonObject,
    service: Option<ServiceName>,
}

impl Said {
    fn of(tenant: &TenantRecord) -> Self {
        Self {
            name: tenant.name.clone(),
            tier: tenant.tier.clone(),
            own: tenant.own.clone(),
            settings: tenant.settings.clone(),
            service: tenant.service.clone(),
        }
    }

    fn edited(&self, edit: &TenantEdit) -> Self {
        let object = |edit: &Option<ObjectEdit>, before: &JsonObject| {
            edit.as_ref().map_or_else(|| before.clone(), |edit| edit.of(before))
        };
        Self {
            name: edit.name.clone().unwrap_or_else(|| self.name.clone()),
            tier: edit.tier.clone().unwrap_or_else(|| self.tier.clone()),
            own: Allowances {
                features: object(&edit.features, &self.own.features),
                limits: object(&edit.limits, &self.own.limits),
            },
            settings: object(&edit.settings, &self.settings),
            service: edit.service.clone().unwrap_or_else(|| self.service.clone()),
        }
    }

    /// For the audit. Settings are other programs', and may be long: that they changed is all that is said.
    fn to_json(&self) -> Value {
        let mut said = json!({ "name": self.name });
        if let Some(tier) = &self.tier {
            said["tier"] = json!(tier);
        }
        for (name, object) in [("features", &self.own.features), ("limits", &self.own.limits)] {
            if !object.is_empty() {
                said[name] = json!(object);
            }
        }
        if let Some(service) = &self.service {
            said["service"] = json!(service);
        }
        if !self.settings.is_empty() {
            said["settings"] = json!("...");
        }
        said
    }
}

impl Apply for WriteTenant {
    type Locked = Option<TenantRecord>;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        super::tenant_changes::find_for_update(connection, &self.id).await?;
        let found = lists::read_tenant(connection, &self.id).await?;
        let version = found.as_ref().map(|found| found.version);
        Ok((found, version))
    }

    async fn write(
        granted: Granted<&Self>,
        before: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<WrittenTenant>> {
        let Self { id, mode, edit } = granted.change();
        match (&before, mode) {
            (Some(found), _) => tenants::demand_kept(id, found.state)?,
            (None, WriteMode::Patch) => return Err(DirectoryError::UnknownTenant(id.clone())),
            (None, _) => {}
        }
        if before.is_some() && *mode == WriteMode::Create {
            return Err(DirectoryError::TenantExists(id.clone()));
        }
        let was = before.as_ref().map(Said::of);
        let kept = was.clone().filter(|_| *mode == WriteMode::Patch).unwrap_or_default();
        let said = kept.edited(edit);
        if let Some(tier) = &said.tier {
            tiers::find(connection, tier).await?;
        }
        let mut changed = was.as_ref() != Some(&said);
        if changed {
            put(connection, actor, id, (was.as_ref(), &said)).await?;
        }
        if let Some(hosts) = &edit.hosts {
            let there = before.as_ref().map(|before| before.hosts.as_slice()).unwrap_or_default();
            for host in there.iter().filter(|own| !hosts.iter().any(|host| host.host == own.host)) {
                tenant_hosts::remove(connection, actor, host).await?;
                changed = true;
            }
            changed |= add_hosts(connection, actor, id, hosts).await?;
        }
        let invitation = match &edit.admin {
            Some(admin) => invitations::invite_admin(connection, actor, id, admin).await?,
            None => None,
        };
        changed |= invitation.is_some();
        let tenant = lists::read_tenant(connection, id).await?;
        let tenant = tenant.ok_or_else(|| DirectoryError::UnknownTenant(id.clone()))?;
        let excess = tenant_limits::excess(connection, id, &tenant.allowances).await?;
        let version = Some(tenant.version);
        let written = WrittenTenant { tenant, excess, invitation };
        Ok(if changed { Done::changed(version, written) } else { Done::unchanged(version, written) })
    }
}

async fn put(
    connection: &mut Connection,
    actor: &Actor,
    id: &TenantId,
    (was, said): (Option<&Said>, &Said),
) -> Result<()> {
    let sql = if was.is_some() {
        "UPDATE tenants SET name = $2, tier = $3, features = $4, limits = $5, settings = $6, updated_at = $7, service = $8, \
         managed_by = NULL WHERE id = $1"
    } else {
        "INSERT INTO tenants (id, name, tier, features, limits, settings, created_at, service) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    };
    sqlx::query(sql)
        .bind(id.as_str())
        .bind(&said.name)
        .bind(said.tier.as_ref().map(TierId::as_str))
        .bind(said.own.features.to_string())
        .bind(said.own.limits.to_string())
        .bind(said.settings.to_string())
        .bind(Timestamp::now().unix())
        .bind(said.service.as_ref().map(ServiceName::as_str))
        .execute(&mut *connection)
        .await?;
    let action = if was.is_some() { "tenant.update" } else { "tenant.create" };
    note(connection, actor, action, id, (was.map(Said::to_json), Some(said.to_json()))).await
}

/// Returns whether there is one more.
async fn add_hosts(
    connection: &mut Connection,
    actor: &Actor,
    id: &TenantId,
    hosts: &[TenantHostName],
) -> Result<bool> {
    let mut changed = false;
    for host in hosts {
        changed |= tenant_hosts::propose(&mut *connection, actor, id, host).await?.changed;
    }
    Ok(changed)
}
