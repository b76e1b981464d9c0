//! Links: an administrator or the configuration decides which provider's group a name here stands for.

use super::group_changes::{self, GroupRow};
use super::naming::{
    self, ProviderGroup, bear_own_name, delete_if_unused, find_or_create_group, has_bearer, lock_names,
    provider_group_columns, stand_for,
};
use super::{Apply, Connection, Result, audit};
use crate::directory::actor::Actor;
use crate::directory::changes::{Done, LinkGroup, UnlinkGroup};
use crate::directory::error::DirectoryError;
use crate::directory::records::{GroupKey, LinkSource};
use gatepost_config::GroupNames;
use gatepost_core::administration::{Granted, Version};
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{GroupId, GroupName};
use serde_json::json;

impl Apply for LinkGroup {
    type Locked = Option<GroupRow>;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        lock_names(connection).await?;
        let group = match &self.group {
            GroupKey::Id(_) => Some(group_changes::find_known(connection, &self.group).await?),
            GroupKey::Name(_) => group_changes::find(connection, &self.group).await?,
        };
        let version = match self.from {
            Some(from) => Some(version_of(connection, &self.external, from).await?),
            None => group.as_ref().map(|group| group.version),
        };
        Ok((group, version))
    }

    async fn write(
        granted: Granted<&Self>,
        group: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<GroupName>> {
        let Self { group: key, external, .. } = granted.change();
        let name = match (group, key) {
            (Some(group), _) => group.name,
            (None, GroupKey::Name(name)) => name.clone(),
            (None, GroupKey::Id(_)) => return Err(DirectoryError::UnknownGroup(key.clone())),
        };
        let changed = link(connection, &name, external, LinkSource::Manual, actor).await?;
        let found = group_changes::find(connection, &name.clone().into()).await?;
        Ok(Done { changed, version: found.map(|found| found.version), outcome: name })
    }
}

impl Apply for UnlinkGroup {
    type Locked = ProviderGroup;

    async fn lock(&self, connection: &mut Connection) -> Result<(Self::Locked, Option<Version>)> {
        lock_names(connection).await?;
        let row = find(connection, &self.external).await?.filter(ProviderGroup::is_linked);
        let is_asked_for =
            |row: &ProviderGroup| self.group.is_none_or(|group| group.number() == row.group_id);
        let row = row.filter(is_asked_for).ok_or_else(|| DirectoryError::NotLinked(self.external.clone()))?;
        let group = group_changes::find(connection, &row.group_name.clone().into()).await?;
        Ok((row, group.map(|group| group.version)))
    }

    async fn write(
        granted: Granted<&Self>,
        row: Self::Locked,
        connection: &mut Connection,
        actor: &Actor,
    ) -> Result<Done<()>> {
        if row.source == LinkSource::Config {
            return Err(DirectoryError::LinkedByConfiguration(row.external));
        }
        unlink(connection, &row, granted.change().names, actor).await?;
        Ok(Done::changed(None, ()))
    }
}

/// The version of this group, for which the provider's group stands now.
async fn version_of(
    connection: &mut Connection,
    external: &ExternalGroup,
    group: GroupId,
) -> Result<Version> {
    let row = find(connection, external).await?.filter(|row| row.group_id == group.number());
    row.ok_or_else(|| DirectoryError::NotLinked(external.clone()))?;
    Ok(group_changes::find_known(connection, &group.into()).await?.version)
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
    sqlx::query(concat!(
        "INSERT INTO manual_memberships (user_id, group_id, source, until) \
         SELECT user_id, $2, source, until FROM manual_memberships WHERE group_id = $1 \
         ON CONFLICT (user_id, group_id, source) DO UPDATE SET until = ",
        later_end!("manual_memberships")
    ))
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
