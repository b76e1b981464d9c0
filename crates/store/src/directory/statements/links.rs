//! Links: an administrator or the configuration decides which provider's group a name here stands for.

use super::naming::{
    self, ProviderGroup, bear_own_name, delete_if_unused, find_or_create_group, has_bearer, lock_names,
    provider_group_columns, stand_for,
};
use super::{Connection, Result, Store, audit};
use crate::directory::actor::Actor;
use crate::directory::error::DirectoryError;
use crate::directory::records::LinkSource;
use gatepost_config::GroupNames;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::GroupName;
use serde_json::json;

impl Store {
    /// `false`: it was already linked.
    pub(in crate::directory) async fn link_group(
        &self,
        name: &GroupName,
        external: &ExternalGroup,
        actor: &Actor,
    ) -> Result<bool> {
        transaction!(self, |connection| {
            lock_names(connection).await?;
            link(connection, name, external, LinkSource::Manual, actor).await
        })
    }

    pub(in crate::directory) async fn unlink_group(
        &self,
        external: &ExternalGroup,
        names: GroupNames,
        actor: &Actor,
    ) -> Result<()> {
        transaction!(self, |connection| {
            lock_names(connection).await?;
            match find(connection, external).await? {
                Some(row) if row.source == LinkSource::Config => {
                    Err(DirectoryError::LinkedByConfiguration(external.clone()))
                }
                Some(row) if row.source == LinkSource::Manual => unlink(connection, &row, names, actor).await,
                _ => Err(DirectoryError::NotLinked(external.clone())),
            }
        })
    }
}

pub(super) async fn find(
    connection: &mut Connection,
    external: &ExternalGroup,
) -> Result<Option<ProviderGroup>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        provider_group_columns!(),
        " FROM provider_groups p WHERE p.provider = $1 AND p.kind = $2 AND p.external_id = $3"
    ))
    .bind(external.provider.as_str())
    .bind(external.kind.as_str())
    .bind(&external.external_id)
    .fetch_optional(connection)
    .await?)
}

/// Call under [`lock_names`]. Manual memberships and tenants of the unlinked group move to the name. Unlinked groups
/// that happened to have that name get another one.
pub(super) async fn link(
    connection: &mut Connection,
    name: &GroupName,
    external: &ExternalGroup,
    source: LinkSource,
    actor: &Actor,
) -> Result<bool> {
    let old = find(connection, external).await?;
    if old.as_ref().is_some_and(|old| old.source == LinkSource::Config) && source == LinkSource::Manual {
        return Err(DirectoryError::LinkedByConfiguration(external.clone()));
    }
    let target = find_or_create_group(connection, name).await?;
    if old.as_ref().is_some_and(|old| old.group_id == target && old.source == source) {
        return Ok(false);
    }
    let before = old.as_ref().map(said);
    let row = match old {
        Some(old) => {
            stand_for(connection, &old, target, source).await?;
            leave(connection, &old, target).await?;
            old.id
        }
        None => naming::create_provider_group(connection, external, None, target, source).await?,
    };
    evict_unlinked(connection, target, row, actor).await?;
    let entry = audit::Entry {
        action: "group.link",
        target: format!("provider_group:{external}"),
        before,
        after: Some(json!({ "group": name, "source": source.as_str() })),
    };
    audit::write(connection, actor, entry).await?;
    Ok(true)
}

/// Call under [`lock_names`].
pub(super) async fn unlink(
    connection: &mut Connection,
    row: &ProviderGroup,
    names: GroupNames,
    actor: &Actor,
) -> Result<()> {
    bear_own_name(connection, row, names, actor).await?;
    let target = format!("provider_group:{}", row.external);
    let entry = audit::Entry { action: "group.unlink", target, before: Some(said(row)), after: None };
    audit::write(connection, actor, entry).await
}

/// The state of a row for the audit.
fn said(row: &ProviderGroup) -> serde_json::Value {
    json!({ "group": row.group_name, "source": row.source.as_str() })
}

/// Cleans up the group that `old` stood for until now.
async fn leave(connection: &mut Connection, old: &ProviderGroup, target: i64) -> Result<()> {
    if old.group_id == target {
        return Ok(());
    }
    // Memberships under a name that the group should not have had were meant for something else.
    let is_its_own = old.source == LinkSource::Auto && old.is_well_named(GroupNames::Link);
    if !is_its_own || has_bearer(connection, old.group_id, Some(old.id)).await? {
        return delete_if_unused(connection, old.group_id).await;
    }
    sqlx::query(
        "INSERT INTO manual_memberships (user_id, group_id, source) \
         SELECT user_id, $2, source FROM manual_memberships WHERE group_id = $1 ON CONFLICT DO NOTHING",
    )
    .bind(old.group_id)
    .bind(target)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO group_tenants (group_id, tenant_id, role) \
         SELECT $2, tenant_id, role FROM group_tenants WHERE group_id = $1 \
         ON CONFLICT (group_id, tenant_id) DO UPDATE SET role = CASE \
         WHEN excluded.role = 'admin' OR group_tenants.role = 'admin' THEN 'admin' \
         WHEN excluded.role = 'member' OR group_tenants.role = 'member' THEN 'member' ELSE 'viewer' END",
    )
    .bind(old.group_id)
    .bind(target)
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM groups WHERE id = $1").bind(old.group_id).execute(connection).await?;
    Ok(())
}

/// Gives unlinked groups of this name another one, because a name alone must not add anybody to a linked group.
async fn evict_unlinked(connection: &mut Connection, group: i64, except: i64, actor: &Actor) -> Result<()> {
    let rows: Vec<ProviderGroup> = sqlx::query_as(concat!(
        "SELECT ",
        provider_group_columns!(),
        " FROM provider_groups p WHERE p.group_id = $1 AND p.id <> $2 AND p.source IN ('auto', 'trusted') ORDER BY p.id"
    ))
    .bind(group)
    .bind(except)
    .fetch_all(&mut *connection)
    .await?;
    for row in rows {
        let is_trusted = row.source == LinkSource::Trusted;
        let names = if is_trusted { GroupNames::Trust } else { GroupNames::LinkQualified };
        bear_own_name(connection, &row, names, actor).await?;
    }
    Ok(())
}

/// Gives an unlinked group with a reserved name another one.
pub(super) async fn evict_untrusted(connection: &mut Connection, group: i64, actor: &Actor) -> Result<()> {
    let row: Option<ProviderGroup> = sqlx::query_as(concat!(
        "SELECT ",
        provider_group_columns!(),
        " FROM provider_groups p WHERE p.group_id = $1 AND p.source = 'auto'"
    ))
    .bind(group)
    .fetch_optional(&mut *connection)
    .await?;
    match row {
        Some(row) => bear_own_name(connection, &row, GroupNames::LinkQualified, actor).await,
        None => Ok(()),
    }
}
