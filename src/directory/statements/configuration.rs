//! What the configuration says about groups and admins, brought into the database at start, in one transaction:
//! the same again changes nothing, and replicas that start together wait for each other.

use super::naming::{self, ProviderGroup, Row, provider_group_columns};
use super::{Connection, Result, Store, audit, links};
use crate::config::{Config, ProviderConfig};
use crate::directory::error::DirectoryError;
use crate::directory::records::{Actor, LinkSource};
use crate::domain::identity::ExternalGroup;
use crate::domain::ids::GroupName;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

impl Store {
    pub(in crate::directory) async fn sync_configuration(&self, config: &Config) -> Result<()> {
        let actor = Actor { who: "configuration".to_owned(), address: None, request_id: None };
        transaction!(self, |connection| {
            naming::lock_names(connection).await?;
            sync_admin_groups(connection, &config.admin_groups, &actor).await?;
            sync_admin_roles(connection, &config.admin_roles, &actor).await?;
            sync_links(connection, &config.group_links, &actor).await?;
            for provider in &config.providers {
                sync_names(connection, provider).await?;
            }
            Ok(())
        })
    }
}

async fn sync_admin_groups(connection: &mut Connection, groups: &[GroupName], actor: &Actor) -> Result<()> {
    let wanted: BTreeSet<String> = groups.iter().map(ToString::to_string).collect();
    let stored: Vec<String> =
        sqlx::query_scalar("SELECT name FROM admin_groups").fetch_all(&mut *connection).await?;
    let stored = BTreeSet::from_iter(stored);
    for name in stored.difference(&wanted) {
        sqlx::query("DELETE FROM admin_groups WHERE name = $1").bind(name).execute(&mut *connection).await?;
    }
    for name in wanted.difference(&stored) {
        sqlx::query("INSERT INTO admin_groups (name) VALUES ($1)")
            .bind(name)
            .execute(&mut *connection)
            .await?;
    }
    // The name is taken from now on: nobody's self-made group gets it.
    for name in groups {
        let group = naming::find_or_create_group(connection, name).await?;
        links::evict_untrusted(connection, group).await?;
    }
    note(connection, "configuration.admin_groups", &stored, &wanted, actor).await
}

async fn sync_admin_roles(connection: &mut Connection, roles: &[ExternalGroup], actor: &Actor) -> Result<()> {
    let wanted: BTreeSet<String> =
        roles.iter().map(|role| format!("{}:{}", role.provider, role.external_id)).collect();
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT provider, role FROM admin_roles").fetch_all(&mut *connection).await?;
    let stored: BTreeSet<String> = rows.iter().map(|(provider, role)| format!("{provider}:{role}")).collect();
    if stored == wanted {
        return Ok(());
    }
    sqlx::query("DELETE FROM admin_roles").execute(&mut *connection).await?;
    for role in roles {
        sqlx::query("INSERT INTO admin_roles (provider, role) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(role.provider.as_str())
            .bind(&role.external_id)
            .execute(&mut *connection)
            .await?;
    }
    note(connection, "configuration.admin_roles", &stored, &wanted, actor).await
}

async fn note(
    connection: &mut Connection,
    action: &str,
    stored: &BTreeSet<String>,
    wanted: &BTreeSet<String>,
    actor: &Actor,
) -> Result<()> {
    if stored == wanted {
        return Ok(());
    }
    let (before, after) = (Some(json!({ "names": stored })), Some(json!({ "names": wanted })));
    let target = "configuration".to_owned();
    audit::write(connection, actor, audit::Entry { action, target, before, after }).await
}

/// First away with what is gone, so that a name that moved from one group to another is free.
async fn sync_links(
    connection: &mut Connection,
    wanted: &[(GroupName, ExternalGroup)],
    actor: &Actor,
) -> Result<()> {
    let wanted: BTreeMap<&ExternalGroup, &GroupName> =
        wanted.iter().map(|(name, external)| (external, name)).collect();
    for row in list_by_source(connection, None, LinkSource::Config).await? {
        if !wanted.contains_key(&row.external) {
            links::unlink(connection, &row, actor).await?;
        }
    }
    for (external, name) in wanted {
        links::link(connection, name, external, LinkSource::Config, actor).await?;
    }
    Ok(())
}

/// `GROUP_NAMES` of a provider changed: its unlinked groups are renamed now, not at somebody's next sign-in.
async fn sync_names(connection: &mut Connection, provider: &ProviderConfig) -> Result<()> {
    let wrong = match naming::unlinked(provider.group_names) {
        LinkSource::Auto => LinkSource::Trusted,
        _ => LinkSource::Auto,
    };
    for row in list_by_source(connection, Some(provider.id.as_str()), wrong).await? {
        naming::bear_own_name(connection, &row, provider.group_names).await?;
    }
    Ok(())
}

async fn list_by_source(
    connection: &mut Connection,
    provider: Option<&str>,
    source: LinkSource,
) -> Result<Vec<ProviderGroup>> {
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT ",
        provider_group_columns!(),
        " FROM provider_groups p WHERE p.source = $1 AND ($2 IS NULL OR p.provider = $2) ORDER BY p.id"
    ))
    .bind(source.as_str())
    .bind(provider)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(ProviderGroup::from_row).collect::<std::result::Result<_, DirectoryError>>()
}
