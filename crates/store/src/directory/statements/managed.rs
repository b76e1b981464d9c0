//! Who manages a row: `gatepost apply`, or nobody in particular.

use super::members::MANUAL;
use super::{Connection, Result, audit, tool_servers, users};
use crate::directory::actor::Actor;
use crate::directory::files::{DeclaredRule, KeyPlace, Thing};
use crate::directory::tool_servers::GROUP;
use gatepost_core::ids::{GroupName, TenantId};
use gatepost_core::mcp::rules::Holder;
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
        Thing::Tier { id, .. } => {
            sqlx::query("UPDATE tiers SET managed_by = $1 WHERE id = $2").bind(manager).bind(id.to_string())
        }
        Thing::Rule { rule: DeclaredRule { server, kind, holder, pattern }, .. } => {
            let (subject, group) = columns(holder);
            sqlx::query(
                "UPDATE tool_rules SET managed_by = $1 WHERE tool_server_id = $2 AND kind = $3 AND pattern = $4 \
                 AND subject = $5 AND coalesce(group_id, 0) = coalesce((SELECT id FROM groups WHERE name = $6), 0)",
            )
            .bind(manager)
            .bind(server.to_string())
            .bind(kind.as_str())
            .bind(pattern.to_string())
            .bind(subject)
            .bind(group.map(ToString::to_string))
        }
        Thing::Key { place: KeyPlace { tenant, name }, id, .. } => sqlx::query(concat!(
            "UPDATE keys SET managed_by = $1 WHERE name = $2 AND coalesce(tenant_id, '') = coalesce($3, '') \
             AND owner_id IS NULL AND revoked_at IS NULL AND id = coalesce($4, id) AND coalesce(expires_at > ",
            present!(),
            ", true)"
        ))
        .bind(manager)
        .bind(name.clone())
        .bind(tenant.as_ref().map(TenantId::to_string))
        .bind(id.map(|id| id.to_string())),
    };
    Ok(query.execute(connection).await?.rows_affected() > 0)
}

/// What `subject` holds for somebody, and the name of the group.
fn columns(holder: &Holder) -> (String, Option<&GroupName>) {
    match holder {
        Holder::Everyone => ("everyone".to_owned(), None),
        Holder::Role(role) => (format!("role:{role}"), None),
        Holder::Key(id) => (format!("key:{id}"), None),
        Holder::Group(name) => (GROUP.to_owned(), Some(name)),
        Holder::Nobody => (GROUP.to_owned(), None),
    }
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
        Thing::Tier { id, .. } => format!("tier:{id}"),
        Thing::Rule { rule, .. } => format!("tool_server:{}", rule.server),
        Thing::Key { id, .. } => format!("key:{}", id.map(|id| id.to_string()).unwrap_or_default()),
    };
    let was = if manager.is_some() { None } else { Some(APPLY) };
    let said = |manager: Option<&str>| Some(json!({ "thing": thing.kind(), "managed_by": manager }));
    let entry = audit::Entry { action: "managed_by.update", target, before: said(was), after: said(manager) };
    match thing {
        Thing::Tenant { id: tenant, .. }
        | Thing::Mapping { tenant, .. }
        | Thing::Key { place: KeyPlace { tenant: Some(tenant), .. }, .. } => {
            audit::write_for_tenant(connection, actor, tenant, entry).await
        }
        Thing::Rule { rule, .. } => {
            let tenant = tool_servers::tenant_of(connection, &rule.server).await?;
            audit::write_for_tenant(connection, actor, &tenant, entry).await
        }
        _ => audit::write(connection, actor, entry).await,
    }
}
