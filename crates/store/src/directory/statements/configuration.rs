//! Writes the groups and admins of the configuration into the database at start, in one transaction. Writing the same
//! configuration again changes nothing. Replicas that start together wait for each other.

use super::naming::{self, ProviderGroup, provider_group_columns};
use super::{Connection, Result, Store, audit, json_texts, links};
use crate::directory::actor::{Actor, Who};
use crate::directory::records::LinkSource;
use gatepost_config::{Config, GroupNames};
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::GroupName;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

impl Store {
    pub(in crate::directory) async fn sync_configuration(&self, config: &Config) -> Result<()> {
        let actor = Actor::internal(Who::Configuration);
        transaction!(self, |connection| {
            naming::lock_names(connection).await?;
            sync_admin_groups(connection, &config.admin_groups, &actor).await?;
            sync_admin_roles(connection, &config.admin_roles, &actor).await?;
            sync_links(connection, config, &actor).await
        })?;
        // Unlinked groups leave their names first, because a trusted group may need one of them.
        for is_trusted in [false, true] {
            let mut after = Some(0);
            while let Some(row) = after {
                after = self.sync_names(config, is_trusted, row, &actor).await?;
            }
        }
        Ok(())
    }

    /// Renames unlinked groups whose names another mode or an older Gatepost chose, instead of waiting for the next
    /// sign-in. Each transaction renames a limited number; returns the row after which to continue.
    async fn sync_names(
        &self,
        config: &Config,
        is_trusted: bool,
        after: i64,
        actor: &Actor,
    ) -> Result<Option<i64>> {
        transaction!(self, |connection| {
            naming::lock_names(connection).await?;
            let mut last = None;
            for row in list_misnamed(connection, config, is_trusted, after).await? {
                naming::bear_own_name(connection, &row, names_of(config, &row), actor).await?;
                last = Some(row.id);
            }
            Ok(last)
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
    // Reserve the name, so that no group that somebody creates at a provider gets it.
    for name in groups {
        let group = naming::find_or_create_group(connection, name).await?;
        links::evict_untrusted(connection, group, actor).await?;
    }
    note(connection, "configuration.admin_groups", &stored, &wanted, actor).await
}

async fn sync_admin_roles(connection: &mut Connection, roles: &[ExternalGroup], actor: &Actor) -> Result<()> {
    let wanted: BTreeSet<String> =
        roles.iter().map(|role| format!("{}:{}", role.provider, role.external_id)).collect();
    let sql = "SELECT provider || ':' || role FROM admin_roles";
    let stored: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut *connection).await?;
    let stored = BTreeSet::from_iter(stored);
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

/// Removes links first, so that a name that moved from one group to another is free.
async fn sync_links(connection: &mut Connection, config: &Config, actor: &Actor) -> Result<()> {
    let wanted: BTreeMap<&ExternalGroup, &GroupName> =
        config.group_links.iter().map(|(name, external)| (external, name)).collect();
    for row in list(connection, &[LinkSource::Config], 0).await? {
        if !wanted.contains_key(&row.external) {
            links::unlink(connection, &row, names_of(config, &row), actor).await?;
        }
    }
    for (external, name) in wanted {
        links::link(connection, name, external, LinkSource::Config, actor).await?;
    }
    Ok(())
}

/// How many groups one transaction renames.
const BATCH: usize = 100;

fn names_of(config: &Config, row: &ProviderGroup) -> GroupNames {
    config.group_names_of(&row.external.provider)
}

async fn list_misnamed(
    connection: &mut Connection,
    config: &Config,
    is_trusted: bool,
    after: i64,
) -> Result<Vec<ProviderGroup>> {
    let rows = list(connection, &[LinkSource::Auto, LinkSource::Trusted], after).await?;
    let is_misnamed = |row: &ProviderGroup| {
        let names = names_of(config, row);
        // A provider that is not configured now may come back. Its trusted groups keep their names.
        if row.source == LinkSource::Trusted
            && !config.providers.iter().any(|one| one.id == row.external.provider)
        {
            return false;
        }
        (names == GroupNames::Trust) == is_trusted && !row.is_well_named(names)
    };
    Ok(rows.into_iter().filter(is_misnamed).take(BATCH).collect())
}

async fn list(connection: &mut Connection, sources: &[LinkSource], after: i64) -> Result<Vec<ProviderGroup>> {
    Ok(sqlx::query_as(concat!(
        "SELECT ",
        provider_group_columns!(),
        " FROM provider_groups p WHERE p.id > $1 AND p.source IN (SELECT value FROM ",
        each!("$2"),
        ") ORDER BY p.id"
    ))
    .bind(after)
    .bind(json_texts(sources.iter().map(|source| source.as_str())))
    .fetch_all(connection)
    .await?)
}
