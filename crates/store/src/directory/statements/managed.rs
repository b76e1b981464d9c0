//! Who manages a row: `gatepost apply`, or nobody in particular.

use super::members::MANUAL;
use super::{Connection, Result, audit, users};
use crate::directory::actor::Actor;
use crate::directory::files::Thing;
use serde_json::json;

/// What `managed_by` says of a row that `gatepost apply` set last.
pub(super) const APPLY: &str = "apply";

/// Sets who manages a thing. `false`: it is gone.
pub(super) async fn set(connection: &mut Connection, thing: &Thing, manager: Option<&str>) -> Result<bool> {
    let query = match thing {
        Thing::Group(name) => {
            sqlx::query("UPDATE groups SET managed_by = $1 WHERE name = $2").bind(manager).bind(name.to_string())
        }
        Thing::Link { external, .. } => sqlx::query(
            "UPDATE provider_groups SET managed_by = $1 WHERE provider = $2 AND kind = $3 AND external_id = $4",
        )
        .bind(manager)
        .bind(external.provider.to_string())
        .bind(external.kind.as_str())
        .bind(external.external_id.clone()),
        Thing::Tenant { id, .. } => {
            sqlx::query("UPDATE tenants SET managed_by = $1 WHERE id = $2").bind(manager).bind(id.to_string())
        }
        Thing::Mapping { tenant, group, .. } => sqlx::query(
            "UPDATE group_tenants SET managed_by = $1 WHERE tenant_id = $2 \
             AND group_id = (SELECT id FROM groups WHERE name = $3)",
        )
        .bind(manager)
        .bind(tenant.to_string())
        .bind(group.to_string()),
        Thing::Member { group, user, .. } => {
            let user = users::find_known(&mut *connection, user).await?;
            sqlx::query(
                "UPDATE manual_memberships SET managed_by = $1 WHERE user_id = $2 AND source = $3 \
                 AND group_id = (SELECT id FROM groups WHERE name = $4)",
            )
            .bind(manager)
            .bind(user.id.to_string())
            .bind(MANUAL)
            .bind(group.to_string())
        }
        Thing::Admin { user, .. } => {
            let user = users::find_known(&mut *connection, user).await?;
            sqlx::query("UPDATE admin_overrides SET managed_by = $1 WHERE user_id = $2")
                .bind(manager)
                .bind(user.id.to_string())
        }
    };
    Ok(query.execute(connection).await?.rows_affected() > 0)
}

/// The audit row where nothing but the manager changes.
pub(super) async fn note(
    connection: &mut Connection,
    actor: &Actor,
    thing: &Thing,
    manager: Option<&str>,
) -> Result<()> {
    let target = match thing {
        Thing::Group(name) => format!("group:{name}"),
        Thing::Link { external, .. } => format!("provider_group:{external}"),
        Thing::Mapping { group, .. } => format!("group:{group}"),
        Thing::Tenant { id, .. } => format!("tenant:{id}"),
        Thing::Member { user, .. } | Thing::Admin { user, .. } => {
            format!("user:{}", users::find_known(&mut *connection, user).await?.id)
        }
    };
    let was = if manager.is_some() { None } else { Some(APPLY) };
    let said = |manager: Option<&str>| Some(json!({ "thing": thing.kind(), "managed_by": manager }));
    let entry = audit::Entry { action: "managed_by.update", target, before: said(was), after: said(manager) };
    match thing {
        Thing::Tenant { id: tenant, .. } | Thing::Mapping { tenant, .. } => {
            audit::write_for_tenant(connection, actor, tenant, entry).await
        }
        _ => audit::write(connection, actor, entry).await,
    }
}
