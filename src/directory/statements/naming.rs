//! What a provider's group is called here. Unlinked it bears its id and joins nothing; trusted it bears the
//! provider's name and may join a local group of that name, but never another provider's group (DESIGN.md section 7).

use super::{Connection, LockKey, Result, lock};
use crate::config::GroupNames;
use crate::directory::error::DirectoryError;
use crate::directory::records::{GroupLink, LinkSource};
use crate::domain::identity::{ExternalGroup, GroupKind};
use crate::domain::ids::GroupName;
use crate::domain::secret::Hash;

/// A row of `provider_groups`.
#[derive(Clone, Debug)]
pub(super) struct ProviderGroup {
    pub(super) id: i64,
    pub(super) group_id: i64,
    pub(super) external: ExternalGroup,
    pub(super) display_name: Option<String>,
    pub(super) source: LinkSource,
}

pub(super) type Row = (i64, i64, String, String, String, Option<String>, String);

/// Columns of a [`Row`].
macro_rules! provider_group_columns {
    () => {
        "p.id, p.group_id, p.provider, p.kind, p.external_id, p.display_name, p.source"
    };
}
pub(super) use provider_group_columns;

impl ProviderGroup {
    pub(super) fn from_row(
        (id, group_id, provider, kind, external_id, display_name, source): Row,
    ) -> Result<Self> {
        let provider = provider.parse().map_err(DirectoryError::unreadable)?;
        let kind = if kind == GroupKind::Role.as_str() { GroupKind::Role } else { GroupKind::Group };
        let external = ExternalGroup { provider, kind, external_id };
        Ok(Self { id, group_id, external, display_name, source: LinkSource::from_column(&source) })
    }

    /// What is told of it outside.
    pub(super) fn into_link(self) -> GroupLink {
        let Self { external, display_name, source, .. } = self;
        GroupLink { external, display_name, source }
    }

    /// Unlinked groups are named by the provider's mode, linked ones by the link.
    pub(super) fn is_linked(&self) -> bool {
        matches!(self.source, LinkSource::Config | LinkSource::Manual)
    }
}

/// The source of an unlinked group in this mode.
pub(super) const fn unlinked(names: GroupNames) -> LinkSource {
    match names {
        GroupNames::Link => LinkSource::Auto,
        GroupNames::Trust => LinkSource::Trusted,
    }
}

/// Names are given out one transaction at a time, or two would take the same one for theirs.
pub(super) async fn lock_names(connection: &mut Connection) -> Result<()> {
    Ok(lock(connection, LockKey::of(&["group names"])).await?)
}

/// The group that an unlinked provider's group stands for; created if need be. Call under [`lock_names`].
pub(super) async fn own_group(
    connection: &mut Connection,
    external: &ExternalGroup,
    display_name: Option<&str>,
    names: GroupNames,
    row: Option<i64>,
) -> Result<i64> {
    for name in candidates(external, display_name, names) {
        if let Some(id) = create_group_if_free(connection, &name).await? {
            return Ok(id);
        }
        if names == GroupNames::Trust
            && let Some(id) = find_group(connection, &name).await?
            && !has_bearer(connection, id, row).await?
        {
            return Ok(id);
        }
    }
    Err(DirectoryError::Unavailable(sqlx::Error::Protocol(format!("no name is free for {external}"))))
}

/// Names to try, best first; the last one is nobody else's.
fn candidates(external: &ExternalGroup, display_name: Option<&str>, names: GroupNames) -> Vec<GroupName> {
    let ExternalGroup { provider, kind, external_id } = external;
    let role = if *kind == GroupKind::Role { "role:" } else { "" };
    let by_id = format!("{role}{external_id}");
    let digest = Hash::of(&[kind.as_str().as_bytes(), external_id.as_bytes()]);
    let mut texts = Vec::new();
    if names == GroupNames::Trust {
        let base = format!("{role}{}", display_name.unwrap_or(external_id));
        texts.extend([base.clone(), format!("{provider}:{base}")]);
    } else {
        texts.push(by_id.clone());
    }
    // A group that is called like a role must not stand for the role.
    texts.retain(|text| *kind == GroupKind::Role || !text.starts_with("role:"));
    texts.extend([format!("{provider}:{by_id}"), format!("{provider}:{role}sha256-{digest}")]);
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
        None => find_group(connection, name).await?.ok_or_else(|| DirectoryError::UnknownGroup(name.clone())),
    }
}

/// Does a provider's group other than `except` stand for this group?
pub(super) async fn has_bearer(connection: &mut Connection, group: i64, except: Option<i64>) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM provider_groups WHERE group_id = $1 AND id <> $2)";
    Ok(sqlx::query_scalar(sql).bind(group).bind(except.unwrap_or(-1)).fetch_one(connection).await?)
}

/// Gives an unlinked provider's group the name of its mode, and forgets a name that nothing uses any more.
pub(super) async fn bear_own_name(
    connection: &mut Connection,
    bearer: &ProviderGroup,
    names: GroupNames,
) -> Result<()> {
    let group =
        own_group(connection, &bearer.external, bearer.display_name.as_deref(), names, Some(bearer.id))
            .await?;
    stand_for(connection, bearer, group, unlinked(names)).await?;
    if group != bearer.group_id {
        delete_if_unused(connection, bearer.group_id).await?;
    }
    Ok(())
}

pub(super) async fn stand_for(
    connection: &mut Connection,
    bearer: &ProviderGroup,
    group: i64,
    source: LinkSource,
) -> Result<()> {
    sqlx::query("UPDATE provider_groups SET group_id = $2, source = $3 WHERE id = $1")
        .bind(bearer.id)
        .bind(group)
        .bind(source.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn delete_if_unused(connection: &mut Connection, group: i64) -> Result<()> {
    sqlx::query(
        "DELETE FROM groups WHERE id = $1 \
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

pub(super) async fn create_provider_group(
    connection: &mut Connection,
    external: &ExternalGroup,
    display_name: Option<&str>,
    group: i64,
    source: LinkSource,
) -> Result<ProviderGroup> {
    let id = sqlx::query_scalar(
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
    .await?;
    let display_name = display_name.map(str::to_owned);
    Ok(ProviderGroup { id, group_id: group, external: external.clone(), display_name, source })
}
