//! The names of providers' groups here. An unlinked group is called `provider:id`, which no
//! operator would call anything else; only a GUID, which nobody can choose, is used without the provider. A trusted
//! group has the provider's name for it and may join a local group of that name, but never another provider's group.
//!
//! Guarantee: a name that an operator writes never stands for a group that somebody created at a provider.

use super::{Connection, LockKey, Result, audit, ended, lock};
use crate::directory::actor::Actor;
use crate::directory::error::DirectoryError;
use crate::directory::records::{GroupLink, LinkSource};
use gatepost_config::GroupNames;
use gatepost_core::identity::{ExternalGroup, GroupKind, is_guid};
use gatepost_core::ids::GroupName;
use gatepost_core::secret::Hash;
use serde_json::json;

row! {
    /// A row of `provider_groups`.
    #[derive(Clone, Debug)]
    pub struct ProviderGroup {
        pub(super) id: i64,
        pub(super) group_id: i64,
        pub(super) group_name: GroupName,
        pub(super) external: ExternalGroup,
        pub(super) display_name: Option<String>,
        pub(super) source: LinkSource,
    }
}

/// The columns of a [`ProviderGroup`].
macro_rules! provider_group_columns {
    () => {
        "p.id, p.group_id, p.provider, p.kind, p.external_id, p.display_name, p.source, \
         (SELECT groups.name FROM groups WHERE groups.id = p.group_id) AS group_name"
    };
}
pub(super) use provider_group_columns;

impl ProviderGroup {
    /// The part of the row that callers of the directory get.
    pub(super) fn into_link(self) -> GroupLink {
        let Self { external, display_name, source, .. } = self;
        GroupLink { external, display_name, source }
    }

    /// A linked group is named by its link, an unlinked one by the provider's mode.
    pub(super) fn is_linked(&self) -> bool {
        matches!(self.source, LinkSource::Config | LinkSource::Manual)
    }

    /// Whether the group has a name of this mode. `false` also if a trusted group does not have the first of its names,
    /// which may be free by now.
    pub(super) fn is_well_named(&self, names: GroupNames) -> bool {
        if self.is_linked() {
            return true;
        }
        let candidates = candidates(&self.external, self.display_name.as_deref(), names);
        let allowed = if names == GroupNames::Trust { &candidates[..1] } else { &candidates[..] };
        self.source == unlinked(names) && allowed.contains(&self.group_name)
    }
}

/// The source of an unlinked group in this mode.
pub(super) const fn unlinked(names: GroupNames) -> LinkSource {
    match names {
        GroupNames::Link | GroupNames::LinkQualified => LinkSource::Auto,
        GroupNames::Trust => LinkSource::Trusted,
    }
}

/// Locks the assignment of names, so that two transactions do not assign the same one.
pub(super) async fn lock_names(connection: &mut Connection) -> Result<()> {
    Ok(lock(connection, LockKey::of(&["group names"])).await?)
}

/// The group for a provider's group that is not linked. It is created if it does not exist. Call under [`lock_names`].
pub(super) async fn own_group(
    connection: &mut Connection,
    external: &ExternalGroup,
    display_name: Option<&str>,
    names: GroupNames,
    row: Option<i64>,
) -> Result<(i64, GroupName)> {
    for name in candidates(external, display_name, names) {
        if let Some(id) = create_group_if_free(connection, &name).await? {
            return Ok((id, name));
        }
        if let Some(id) = find_group(connection, &name).await?
            && may_join(connection, external, names, &name).await?
            && !has_bearer(connection, id, row).await?
        {
            return Ok((id, name));
        }
    }
    Err(DirectoryError::Unavailable(sqlx::Error::Protocol(format!("every name for {external} is taken"))))
}

/// Whether the provider's group may join an existing group. A trusted one always may. An unlinked one may only if the
/// name begins with its provider, because such a name can mean nothing else. It never gets a name that makes admins.
async fn may_join(
    connection: &mut Connection,
    external: &ExternalGroup,
    names: GroupNames,
    name: &GroupName,
) -> Result<bool> {
    if names == GroupNames::Trust {
        return Ok(true);
    }
    let qualifier = format!("{}:", external.provider);
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM admin_groups WHERE name = $1)";
    Ok(name.as_str().starts_with(&qualifier)
        && sqlx::query_scalar(sql).bind(name.as_str()).fetch_one(connection).await?)
}

/// The names to try, best first. The last one is unique to the group. Never empty.
fn candidates(external: &ExternalGroup, display_name: Option<&str>, names: GroupNames) -> Vec<GroupName> {
    let ExternalGroup { provider, kind, external_id } = external;
    let role = if *kind == GroupKind::Role { "role:" } else { "" };
    let digest = Hash::of(&[kind.as_str().as_bytes(), external_id.as_bytes()]);
    let mut texts = Vec::new();
    // A group must not take the name of a role, or a name made from the digest of another group's id.
    let mut push = |qualifier: &str, label: &str| {
        if !label.starts_with("sha256-") && (*kind == GroupKind::Role || !label.starts_with("role:")) {
            texts.push(format!("{qualifier}{role}{label}"));
        }
    };
    let qualifier = format!("{provider}:");
    match names {
        GroupNames::Trust => {
            let label = display_name.unwrap_or(external_id);
            push("", label);
            push(&qualifier, label);
        }
        GroupNames::Link if *kind == GroupKind::Group && is_guid(external_id) => push("", external_id),
        GroupNames::Link | GroupNames::LinkQualified => {}
    }
    push(&qualifier, external_id);
    texts.push(format!("{qualifier}{role}sha256-{digest}"));
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// `None` if there is a group of that name.
pub(super) async fn create_group_if_free(
    connection: &mut Connection,
    name: &GroupName,
) -> Result<Option<i64>> {
    let sql = "INSERT INTO groups (name) VALUES ($1) ON CONFLICT (name) DO NOTHING RETURNING id";
    Ok(sqlx::query_scalar(sql).bind(name.as_str()).fetch_optional(connection).await?)
}

pub(super) async fn find_group(connection: &mut Connection, name: &GroupName) -> Result<Option<i64>> {
    let sql = "SELECT id FROM groups WHERE name = $1";
    Ok(sqlx::query_scalar(sql).bind(name.as_str()).fetch_optional(connection).await?)
}

pub(super) async fn find_or_create_group(connection: &mut Connection, name: &GroupName) -> Result<i64> {
    match create_group_if_free(connection, name).await? {
        Some(id) => Ok(id),
        None => find_group(connection, name)
            .await?
            .ok_or_else(|| DirectoryError::UnknownGroup(name.clone().into())),
    }
}

/// Whether a provider's group other than `except` belongs to this group.
pub(super) async fn has_bearer(connection: &mut Connection, group: i64, except: Option<i64>) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM provider_groups WHERE group_id = $1 AND id <> $2)";
    Ok(sqlx::query_scalar(sql).bind(group).bind(except.unwrap_or(-1)).fetch_one(connection).await?)
}

/// Gives an unlinked provider's group a name of its mode, and deletes the former group if nothing uses it. Manual
/// memberships and tenants stay with the former name.
pub(super) async fn bear_own_name(
    connection: &mut Connection,
    bearer: &ProviderGroup,
    names: GroupNames,
    actor: &Actor,
) -> Result<()> {
    let (group, name) =
        own_group(connection, &bearer.external, bearer.display_name.as_deref(), names, Some(bearer.id))
            .await?;
    let source = unlinked(names);
    if group == bearer.group_id && source == bearer.source {
        return Ok(());
    }
    stand_for(connection, bearer, group, source).await?;
    if group == bearer.group_id {
        return Ok(());
    }
    delete_if_unused(connection, bearer.group_id).await?;
    note_new_name(connection, &bearer.external, &bearer.group_name, &name, actor).await
}

row! {
    /// A row of the view `automatic_names`.
    struct AutomaticNameRow {
        group_id: i64,
        external: ExternalGroup,
        other_name: GroupName,
    }
}

/// Frees a name that an operator uses for a group of their own: an unlinked provider's group with this name gets
/// another one and keeps its members. The views do the same (`group_with_name`, `create_group`).
pub(super) async fn take_name(connection: &mut Connection, name: &GroupName, actor: &Actor) -> Result<()> {
    let sql = "SELECT a.group_id, a.provider, a.kind, a.external_id, a.other_name FROM automatic_names a WHERE a.name = $1";
    let row: Option<AutomaticNameRow> =
        sqlx::query_as(sql).bind(name.as_str()).fetch_optional(&mut *connection).await?;
    let Some(AutomaticNameRow { group_id, external, other_name }) = row else { return Ok(()) };
    sqlx::query("UPDATE groups SET name = $2 WHERE id = $1")
        .bind(group_id)
        .bind(other_name.as_str())
        .execute(&mut *connection)
        .await?;
    note_new_name(connection, &external, name, &other_name, actor).await
}

async fn note_new_name(
    connection: &mut Connection,
    external: &ExternalGroup,
    from: &GroupName,
    to: &GroupName,
    actor: &Actor,
) -> Result<()> {
    tracing::info!(%external, %from, %to, "renamed a provider's group that is not linked");
    let entry = audit::Entry {
        action: "group.rename",
        target: format!("provider_group:{external}"),
        before: Some(json!({ "group": from })),
        after: Some(json!({ "group": to })),
    };
    audit::write(connection, actor, entry).await
}

pub(super) async fn stand_for(
    connection: &mut Connection,
    bearer: &ProviderGroup,
    group: i64,
    source: LinkSource,
) -> Result<()> {
    sqlx::query("UPDATE provider_groups SET group_id = $2, source = $3, managed_by = NULL WHERE id = $1")
        .bind(bearer.id)
        .bind(group)
        .bind(source.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// What `gatepost apply` manages is in its files, and only they say when it is deleted.
pub(super) async fn delete_if_unused(connection: &mut Connection, group: i64) -> Result<()> {
    ended::delete_of_group(connection, group).await?;
    sqlx::query(
        "DELETE FROM groups WHERE id = $1 AND managed_by IS NULL \
         AND NOT EXISTS (SELECT 1 FROM provider_groups WHERE group_id = $1) \
         AND NOT EXISTS (SELECT 1 FROM manual_memberships WHERE group_id = $1) \
         AND NOT EXISTS (SELECT 1 FROM group_tenants WHERE group_id = $1) \
         AND NOT EXISTS (SELECT 1 FROM admin_groups WHERE admin_groups.name = groups.name)",
    )
    .bind(group)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the id of the new row.
pub(super) async fn create_provider_group(
    connection: &mut Connection,
    external: &ExternalGroup,
    display_name: Option<&str>,
    group: i64,
    source: LinkSource,
) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "INSERT INTO provider_groups (provider, kind, external_id, display_name, group_id, source) \
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
    )
    .bind(external.provider.as_str())
    .bind(external.kind.as_str())
    .bind(&external.external_id)
    .bind(display_name)
    .bind(group)
    .bind(source.as_str())
    .fetch_one(connection)
    .await?)
}
