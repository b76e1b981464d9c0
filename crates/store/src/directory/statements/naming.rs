//! What a provider's group is called here (DESIGN.md section 7). An unlinked group bears `provider:id`, a name that no
//! operator would give to something else; only an id that its author did not choose stands alone. A trusted group bears the
//! provider's name and may join a local group of that name, but never another provider's group.
//!
//! Guarantee: a name that an operator writes never stands for a group that somebody made at a provider.

use super::{Connection, LockKey, Result, audit, lock};
use crate::directory::error::DirectoryError;
use crate::directory::records::{Actor, GroupLink, LinkSource};
use gatepost_config::GroupNames;
use gatepost_core::identity::{ExternalGroup, GroupKind, is_guid};
use gatepost_core::ids::GroupName;
use gatepost_core::secret::Hash;
use serde_json::json;

/// A row of `provider_groups`.
#[derive(Clone, Debug)]
pub(super) struct ProviderGroup {
    pub(super) id: i64,
    pub(super) group_id: i64,
    pub(super) group_name: String,
    pub(super) external: ExternalGroup,
    pub(super) display_name: Option<String>,
    pub(super) source: LinkSource,
}

pub(super) type Row = (i64, i64, String, String, String, Option<String>, String, String);

/// Columns of a [`Row`].
macro_rules! provider_group_columns {
    () => {
        "p.id, p.group_id, p.provider, p.kind, p.external_id, p.display_name, p.source, \
         (SELECT groups.name FROM groups WHERE groups.id = p.group_id)"
    };
}
pub(super) use provider_group_columns;

impl ProviderGroup {
    pub(super) fn from_row(
        (id, group_id, provider, kind, external_id, display_name, source, group_name): Row,
    ) -> Result<Self> {
        let external = external_group(&provider, &kind, external_id)?;
        let source = LinkSource::from_column(&source);
        Ok(Self { id, group_id, group_name, external, display_name, source })
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

    /// Whether it is called as this mode demands. `false` also where a trusted group does not have the first of its names,
    /// which may be free by now.
    pub(super) fn is_well_named(&self, names: GroupNames) -> bool {
        if self.is_linked() {
            return true;
        }
        let candidates = candidates(&self.external, self.display_name.as_deref(), names);
        let allowed = if names == GroupNames::Trust { &candidates[..1] } else { &candidates[..] };
        self.source == unlinked(names) && allowed.iter().any(|name| name.as_str() == self.group_name)
    }
}

/// The source of an unlinked group in this mode.
pub(super) const fn unlinked(names: GroupNames) -> LinkSource {
    match names {
        GroupNames::Link | GroupNames::LinkQualified => LinkSource::Auto,
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
    Err(DirectoryError::Unavailable(sqlx::Error::Protocol(format!("no name is free for {external}"))))
}

/// May this group stand behind a name that is there already? A trusted one always. An unlinked one only behind a name that
/// says whose it is: whoever wrote that can have meant nothing else. It never gets a name that makes admins.
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

/// Names to try, best first; the last one is nobody else's. Never empty.
fn candidates(external: &ExternalGroup, display_name: Option<&str>, names: GroupNames) -> Vec<GroupName> {
    let ExternalGroup { provider, kind, external_id } = external;
    let role = if *kind == GroupKind::Role { "role:" } else { "" };
    let digest = Hash::of(&[kind.as_str().as_bytes(), external_id.as_bytes()]);
    let mut texts = Vec::new();
    // A group that is called like a role, or like the digest of another one's id, must not stand for that.
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
        None => find_group(connection, name).await?.ok_or_else(|| DirectoryError::UnknownGroup(name.clone())),
    }
}

/// Does a provider's group other than `except` stand for this group?
pub(super) async fn has_bearer(connection: &mut Connection, group: i64, except: Option<i64>) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM provider_groups WHERE group_id = $1 AND id <> $2)";
    Ok(sqlx::query_scalar(sql).bind(group).bind(except.unwrap_or(-1)).fetch_one(connection).await?)
}

/// Gives an unlinked provider's group a name of its mode, and forgets a name that nothing uses any more. What was said about
/// the former name stays with that name.
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
    note_new_name(connection, &bearer.external, &bearer.group_name, name.as_str(), actor).await
}

/// An operator gives this name to something of their own: a provider's group that nobody linked leaves it, with everybody
/// whom the provider says to be in it. As the views do (`group_with_name`, `create_group`).
pub(super) async fn take_name(connection: &mut Connection, name: &GroupName, actor: &Actor) -> Result<()> {
    let sql = "SELECT a.group_id, a.provider, a.kind, a.external_id, a.other_name FROM automatic_names a WHERE a.name = $1";
    let row: Option<(i64, String, String, String, String)> =
        sqlx::query_as(sql).bind(name.as_str()).fetch_optional(&mut *connection).await?;
    let Some((group, provider, kind, external_id, other_name)) = row else { return Ok(()) };
    sqlx::query("UPDATE groups SET name = $2 WHERE id = $1")
        .bind(group)
        .bind(&other_name)
        .execute(&mut *connection)
        .await?;
    let external = external_group(&provider, &kind, external_id)?;
    note_new_name(connection, &external, name.as_str(), &other_name, actor).await
}

async fn note_new_name(
    connection: &mut Connection,
    external: &ExternalGroup,
    from: &str,
    to: &str,
    actor: &Actor,
) -> Result<()> {
    tracing::info!(%external, from, to, "a provider's group that is not linked has another name now");
    let entry = audit::Entry {
        action: "group.rename",
        target: format!("provider_group:{external}"),
        before: Some(json!({ "group": from })),
        after: Some(json!({ "group": to })),
    };
    audit::write(connection, actor, entry).await
}

fn external_group(provider: &str, kind: &str, external_id: String) -> Result<ExternalGroup> {
    let provider = provider.parse().map_err(DirectoryError::unreadable)?;
    let kind = if kind == GroupKind::Role.as_str() { GroupKind::Role } else { GroupKind::Group };
    Ok(ExternalGroup { provider, kind, external_id })
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

/// Returns its row's id.
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
